//! A role hop as a source: the credentials of another chain, and a role assumed with them.

use async_trait::async_trait;

use super::{CredentialSource, Notes, Outcome, Provided, SourceContext, SourceKind};
use crate::chain::Chain;
use crate::endpoint::Endpoint;
use crate::environment::Environment;
use crate::error::Error;
use crate::principal::Principal;
use crate::reason::Reason;
use crate::role_hop::RoleHop;
use crate::sts::Sts;

/// The only source of the chain that [`Chain::assume_role`] makes. It asks the base chain each time, and never uses what it
/// gave before.
#[derive(Debug)]
pub(crate) struct RoleHopSource {
    pub(crate) base: Chain,
    pub(crate) hop: RoleHop,
    /// A tenant's, which then all of the identity's requests go to.
    pub(crate) sts_endpoint: Option<Endpoint>,
}

impl RoleHopSource {
    async fn assume(&self, context: &SourceContext, notes: &mut Notes) -> Result<Provided, Error> {
        let base = self.base.resolve().await.map_err(|error| {
            notes.set_base(error.report().cloned());
            error.wrapped(format!("no credentials to assume {} with", self.hop.role()))
        })?;
        notes.set_base(Some(base.report().clone()));
        let sts = match (&self.sts_endpoint, context.given_region()) {
            (Some(endpoint), Some(region)) => Sts::in_region(context, region, Some(endpoint.clone()))?,
            _ => Sts::new(context)?,
        };
        if is_a_role(base.principal())
            && self.hop.asked_duration().is_some_and(|duration| duration > RoleHop::MAX_CHAINED_DURATION)
        {
            return Err(Error::because(
                Reason::InvalidConfiguration,
                format!("{} is assumed by a role, and for that AWS gives an hour at most", self.hop.role()),
            )
            .with_hint("Ask for 3600 seconds or less: the session is renewed in time anyway."));
        }
        let result = sts.assume_role(notes, &self.hop, &base).await;
        if let Err(error) = &result
            && error.reason() == Reason::AccessKeyRejected
        {
            // The next try starts from new ones.
            self.base.forget_credentials(base.credentials());
        }
        result
    }
}

/// Whether AWS counts it as a role that assumes a role. Of an access key nobody knows it without asking.
fn is_a_role(principal: &Principal) -> bool {
    !matches!(principal, Principal::AccessKey { .. } | Principal::Unknown)
}

#[async_trait]
impl CredentialSource for RoleHopSource {
    fn kind(&self) -> SourceKind {
        SourceKind::RoleHop
    }

    /// Always: the program asked for it.
    fn is_configured(&self, _environment: &Environment) -> bool {
        true
    }

    fn principal_in(&self, _environment: &Environment) -> Option<Principal> {
        Some(Principal::role(self.hop.role().clone()))
    }

    async fn load(&self, context: &SourceContext, notes: &mut Notes) -> Outcome {
        self.assume(context, notes).await.into()
    }
}
