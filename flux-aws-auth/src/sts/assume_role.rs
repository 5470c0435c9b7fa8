//! The exchange of credentials for a further role's.

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::types::Tag;

use super::Sts;
use super::recorder::Recorder;
use super::refusal::Failure;
use super::refusal::Proof;
use crate::chain::Resolved;
use crate::error::Error;
use crate::principal::Principal;
use crate::reason::Reason;
use crate::role_hop::RoleHop;
use crate::source::{Notes, Provided, SourceKind};

impl Sts<'_> {
    /// Assumes the hop's role with the credentials of `base`.
    pub(crate) async fn assume_role(
        &self,
        notes: &mut Notes,
        hop: &RoleHop,
        base: &Resolved,
    ) -> Result<Provided, Error> {
        let role = hop.role();
        let session_name = hop.session_name_in(self.region());
        let recorder = Recorder::default();
        let caller = SharedCredentialsProvider::new(base.credentials().clone());
        let mut request = self
            .client(Some(caller))
            .assume_role()
            .role_arn(role.as_str())
            .role_session_name(session_name.as_str())
            .set_external_id(hop.given_external_id().map(str::to_owned))
            .set_policy(hop.session_policy().map(str::to_owned))
            .set_duration_seconds(
                hop.asked_duration().and_then(|duration| duration.as_secs().try_into().ok()),
            );
        for (key, value, transitive) in hop.tags() {
            let tag = Tag::builder().key(key).value(value).build().map_err(|_| {
                Error::because(Reason::InvalidConfiguration, "a session tag has no key or no value")
                    .with_hint("Give each session tag both.")
            })?;
            request = request.tags(tag);
            if transitive {
                request = request.transitive_tag_keys(key);
            }
        }
        notes.asks(&self.address());
        let result = request.customize().interceptor(recorder.clone()).send().await;
        let seen = recorder.recorded();
        let output = result.map_err(|error| {
            let failure = Failure::of(error, &seen, Proof::Credentials(base.credentials()));
            self.note(notes, &seen, Some(&failure), failure.brief());
            let explanation = self.explain_assume_role(&failure, hop, base);
            self.error(failure, &format!("AssumeRole for {role}"), explanation)
        })?;
        let credentials = self.session(notes, &seen, output.credentials, role, "AssumeRole")?;
        Ok(Provided::new(credentials, Principal::assumed_role(role.clone(), session_name.as_str())))
    }

    /// What a refused hop means and what to do. AWS does not say which of two policies refuses, so all are named.
    fn explain_assume_role(&self, failure: &Failure, hop: &RoleHop, base: &Resolved) -> (Reason, String) {
        let (role, caller) = (hop.role(), failure.caller().unwrap_or_else(|| base.principal().to_string()));
        let of_pod_identity = base.report().origin() == Some(SourceKind::PodIdentity);
        match failure.code() {
            Some("AccessDenied") if failure.says("sts:TagSession") => {
                let why = if of_pod_identity {
                    "EKS Pod Identity gives its sessions transitive tags, which come along"
                } else {
                    "the session has tags"
                };
                (
                    Reason::TagSessionDenied,
                    format!("Allow sts:TagSession beside sts:AssumeRole in the trust policy of {role}, and in the policies of \
                             {caller}: {why}."),
                )
            }
            Some("AccessDenied") => {
                let external_id = if hop.given_external_id().is_some() {
                    "with the external id that is given here, if it has a condition on sts:ExternalId"
                } else {
                    "without a condition on sts:ExternalId, since no external id is given here"
                };
                let tags = if of_pod_identity || hop.tags().next().is_some() {
                    "; since the session has tags, both must allow sts:TagSession too"
                } else {
                    ""
                };
                (
                    Reason::HopNotTrusted,
                    format!(
                        "Check that the role exists, that the policies of {caller} allow sts:AssumeRole on it, and that its trust \
                         policy allows it to {caller}, {external_id}{tags}."
                    ),
                )
            }
            Some("PackedPolicyTooLarge") => (
                Reason::SessionTooLarge,
                "Session policy and tags, packed by AWS, are beyond its limit: make the policy shorter, or set fewer tags. Those \
                 that are inherited from earlier sessions count too."
                    .to_owned(),
            ),
            Some("MalformedPolicyDocument") => {
                (Reason::InvalidConfiguration, "Correct the session policy: AWS's message has the flaw.".to_owned())
            }
            Some("ValidationError") => (
                Reason::InvalidConfiguration,
                "Correct what AWS's message names. A session's duration must be within the role's own maximum, and within an hour \
                 where a role assumes the role."
                    .to_owned(),
            ),
            Some("RegionDisabledException") => (
                Reason::RegionDisabled,
                format!("Activate STS in {} for account {}, or use another region.", self.region(), role.account_id()),
            ),
            _ => self.explain(failure),
        }
    }
}
