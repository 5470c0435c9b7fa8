//! `AssumeRole`: from one identity to a role's session, within an account or across.
//!
//! What is modelled of the decision: the role's trust policy must let the caller perform the action. Where it names the
//! caller's account, or the caller is of another account, the caller's own policies must too. `sts:TagSession` is asked
//! for when the request has tags or the calling session hands some on, `sts:SetSourceIdentity` likewise. Inherited tags
//! are the caller's (`aws:PrincipalTag`), those of the request are the request's (`aws:RequestTag`).
//!
//! Source: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Serialize;

use super::parameters::{Constraints, Parameters};
use super::role_session::{
    AssumedRoleUser, NAME_PATTERN, SessionRequest, WireCredentials, is_of_name, is_printable, only_known,
};
use super::session_tags::{TagRequest, inherited};
use crate::cloud::Cloud;
use crate::iam::{
    Access, Attached, Caller, CompiledRole, Document, Kind, Refusal, RequestContext, SessionAttributes,
    SessionTag, authorize,
};
use crate::sigv4::{self, AuthFault};
use crate::wire::{Rejection, action_response};

const KNOWN: [&str; 10] = [
    "Action",
    "Version",
    "RoleArn",
    "RoleSessionName",
    "DurationSeconds",
    "ExternalId",
    "Policy",
    "SourceIdentity",
    "Tags",
    "TransitiveTagKeys",
];
/// What the session of one role can have of another role at most.
const CHAINED_SECONDS: u64 = 3600;

pub(super) fn assume_role(
    cloud: &Cloud,
    request: &Parts,
    body: &Bytes,
    parameters: &Parameters,
) -> Result<Response, Rejection> {
    let caller = sigv4::verify(cloud, &cloud.region, "sts", request, body).map_err(AuthFault::for_query)?;
    only_known(parameters, &KNOWN)?;
    let input = Input::read(parameters)?;
    let tags = input.tags.requested(&caller)?;
    let policy = input.policy.map(session_policy).transpose()?;

    let role = assumable_role(cloud, &caller, &input, &tags)?;
    input.session.fits(role)?;
    if caller.is_role_session() && input.session.seconds > CHAINED_SECONDS {
        let message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
        return Err(Rejection::bad_request("ValidationError", message));
    }

    let session = SessionAttributes {
        tags: inherited(&caller).cloned().chain(tags).collect(),
        source_identity: input.source_identity.map(str::to_owned).or(caller.session.source_identity),
        policy: policy.map(Arc::new),
        service_account_uid: None,
    };
    let credentials =
        input.session.begin(cloud, Cloud::role_session(role, input.session.session_name, session));
    Ok(action_response(
        "AssumeRole",
        &Answer {
            assumed_role_user: AssumedRoleUser::of(&credentials),
            credentials: WireCredentials::of(&credentials),
            source_identity: credentials.caller.session.source_identity.as_deref(),
        },
    ))
}

/// The parameters, each within the bounds of the model.
struct Input<'a> {
    session: SessionRequest<'a>,
    tags: TagRequest<'a>,
    external_id: Option<&'a str>,
    source_identity: Option<&'a str>,
    policy: Option<&'a str>,
}

impl<'a> Input<'a> {
    fn read(parameters: &'a Parameters) -> Result<Self, Rejection> {
        let mut constraints = Constraints::default();
        let session = SessionRequest::read(parameters, &mut constraints);
        let tags = TagRequest::read(parameters, &mut constraints);
        let external_id = parameters.get("ExternalId").map(|id| {
            let allowed = |c| is_of_name(c) || ":/".contains(c);
            constraints.text("externalId", Some(id), (2, 1224), "[\\w+=,.@:\\/-]*", allowed)
        });
        let source_identity = parameters
            .get("SourceIdentity")
            .map(|id| constraints.text("sourceIdentity", Some(id), (2, 64), NAME_PATTERN, is_of_name));
        let policy = parameters.get("Policy").map(|policy| {
            constraints.text(
                "policy",
                Some(policy),
                (1, 2048),
                "[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+",
                is_printable,
            )
        });
        constraints.check()?;
        session.check()?;
        Ok(Self { session, tags, external_id, source_identity, policy })
    }
}

fn session_policy(json: &str) -> Result<Document, Rejection> {
    let malformed = |message: String| Rejection::bad_request("MalformedPolicyDocument", message);
    if serde_json::from_str::<serde::de::IgnoredAny>(json).is_err() {
        return Err(malformed("Syntax errors in policy.".to_owned()));
    }
    Document::parse(json, Kind::Permission).map_err(malformed)
}

/// The role, if there is one and `caller` may do with it all that the request comes to. Whether the role is missing or a
/// policy lacks an allow is not told.
fn assumable_role<'a>(
    cloud: &'a Cloud,
    caller: &Caller,
    input: &Input<'_>,
    tags: &[SessionTag],
) -> Result<&'a CompiledRole, Rejection> {
    let arn = input.session.role_arn;
    let denied = |refusal: Refusal| Rejection::forbidden("AccessDenied", refusal.to_string());
    let role =
        cloud.roles.get(arn).ok_or_else(|| denied(Refusal::of_assumption(caller, "sts:AssumeRole", arn)))?;
    let context = context(cloud, caller, input, tags);
    let may = |action: &str| {
        let attached = Attached::Trust(role.trust.as_ref());
        let access = Access { action, resource: arn, account: &role.account, attached };
        authorize(caller, &access, &context).map_err(denied)
    };
    may("sts:AssumeRole")?;
    if !tags.is_empty() || inherited(caller).next().is_some() {
        may("sts:TagSession")?;
    }
    let (kept, wanted) = (caller.session.source_identity.as_deref(), input.source_identity);
    if kept.is_some() && wanted.is_some() && kept != wanted {
        return Err(denied(Refusal::of_assumption(caller, "sts:SetSourceIdentity", arn)));
    }
    if kept.or(wanted).is_some() {
        may("sts:SetSourceIdentity")?;
    }
    Ok(role)
}

fn context(cloud: &Cloud, caller: &Caller, input: &Input<'_>, tags: &[SessionTag]) -> RequestContext {
    let source_identity = input.source_identity.or(caller.session.source_identity.as_deref());
    let transitive = tags.iter().filter(|tag| tag.transitive).chain(inherited(caller));
    cloud
        .context(caller)
        .with("sts:RoleSessionName", input.session.session_name)
        .with_some("sts:ExternalId", input.external_id)
        .with_some("sts:SourceIdentity", source_identity)
        .with_tags("aws:RequestTag", tags)
        .with_all("aws:TagKeys", tags.iter().map(|tag| tag.key.as_str()))
        .with_all("sts:TransitiveTagKeys", transitive.map(|tag| tag.key.as_str()))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    assumed_role_user: AssumedRoleUser<'a>,
    credentials: WireCredentials<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_identity: Option<&'a str>,
}
