//! How an authenticator is made, and which settings contradict each other.

use std::sync::Arc;

use super::controller::Controller;
use super::policy::Policy;
use super::{Authenticator, Tenancy};
use crate::chain::{Chain, ChainBuilder};
use crate::error::Error;
use crate::integration::{Integration, Level};
use crate::reason::Reason;
use crate::service_account::ServiceAccountTokens;
use crate::source::SourceKind;

/// Makes an [`Authenticator`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until built"]
pub struct AuthenticatorBuilder {
    chain: ChainBuilder,
    tokens: Option<Arc<dyn ServiceAccountTokens>>,
    object_level: bool,
    default_service_account: Option<String>,
    allowed: Vec<(Integration, Level, SourceKind)>,
    capacity: usize,
    #[cfg(feature = "assume-role-annotation")]
    reads_annotation: bool,
}

impl AuthenticatorBuilder {
    pub(super) fn new() -> Self {
        Self {
            chain: Chain::builder(),
            tokens: None,
            object_level: false,
            default_service_account: None,
            allowed: Vec::new(),
            capacity: 1000,
            #[cfg(feature = "assume-role-annotation")]
            reads_annotation: false,
        }
    }

    /// How the controller's own identity is found, and what everybody's requests go with: environment, HTTP clients, clock,
    /// waiting, deadline. By default [`Chain::builder`].
    ///
    /// Its region and what it [expects](ChainBuilder::expect_account) are the controller's alone.
    pub fn chain(mut self, chain: ChainBuilder) -> Self {
        self.chain = chain;
        self
    }

    /// Where ServiceAccounts are read, and tokens of them made. Needed for
    /// [object level workload identity](Self::object_level_workload_identity).
    ///
    /// A ServiceAccount must come with its [uid](crate::ServiceAccount::with_uid), or one that was deleted and made again
    /// would not be told from the first.
    pub fn service_account_tokens(mut self, tokens: impl ServiceAccountTokens + 'static) -> Self {
        self.tokens = Some(Arc::new(tokens));
        self
    }

    /// Whether objects may bring the identity of a ServiceAccount: Flux's feature gate `ObjectLevelWorkloadIdentity`. As in
    /// Flux, they may not, unless this says so ([feature gate]).
    ///
    /// [feature gate]: https://fluxcd.io/flux/installation/configuration/workload-identity/
    pub fn object_level_workload_identity(mut self, enabled: bool) -> Self {
        self.object_level = enabled;
        self
    }

    /// The ServiceAccount of every object that names none, in the object's own namespace: Flux's `--default-service-account`,
    /// which locks tenants out of the controller's identity ([multi-tenancy]). Blank is as good as none.
    ///
    /// [multi-tenancy]: https://fluxcd.io/flux/installation/configuration/multitenancy/
    pub fn default_service_account(mut self, name: impl Into<String>) -> Self {
        self.default_service_account = Some(name.into()).filter(|name| !name.is_empty());
        self
    }

    /// Allows an identity for an integration where Flux [does not support](crate::Support::OptIn) it though it works, such as
    /// the node's for S3.
    ///
    /// A source that the program itself [added](ChainBuilder::source) to the controller's chain needs no leave.
    pub fn allow(mut self, integration: Integration, level: Level, source: SourceKind) -> Self {
        self.allowed.push((integration, level, source));
        self
    }

    /// For how many ServiceAccounts, roles and regions sessions are kept that nobody has in hand; a thousand unless set. As many
    /// regions are counted by themselves for the controller's, where it takes the resources'.
    pub fn capacity(mut self, capacity: usize) -> Self {
        self.capacity = capacity;
        self
    }

    /// Whether the annotation `aws.auth.fluxcd.io/assume-role` of a ServiceAccount is read, by which it asks for a further role.
    /// It is not, unless this says so: a proposal to Flux defines it ([fluxcd/pkg#1088]), and no release of Flux reads it.
    ///
    /// Its value is YAML with `roleARN` and, optionally, `useServiceAccount`. If that is true, the ServiceAccount's own role
    /// assumes the other; so it is by default where there is a
    /// [default ServiceAccount](Self::default_service_account). Else **the controller's own identity assumes it**, by which EKS
    /// Pod Identity can serve objects with roles of their own: then whoever may annotate a ServiceAccount can have every role
    /// that trusts the controller. With a default ServiceAccount, which locks tenants out of the controller's identity, that is
    /// refused.
    ///
    /// [fluxcd/pkg#1088]: https://github.com/fluxcd/pkg/pull/1088
    #[cfg(feature = "assume-role-annotation")]
    #[cfg_attr(docsrs, doc(cfg(feature = "assume-role-annotation")))]
    pub fn assume_role_annotation(mut self, is_read: bool) -> Self {
        self.reads_annotation = is_read;
        self
    }

    /// The authenticator. Nothing is asked yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for settings that contradict each other: a default
    /// ServiceAccount without object level workload identity, or that without anything to read ServiceAccounts with; leave
    /// for what is [impossible](crate::Support::Impossible); a chain of an object in the controller's place.
    pub fn build(self) -> Result<Authenticator, Error> {
        let policy = Policy::new(self.allowed)?;
        if self.chain.is_of_an_object() {
            return Err(contradiction(
                "the controller's own chain has the identity of an object",
                "Give AuthenticatorBuilder::chain a builder without service_account and access_key_secret.",
            ));
        }
        if self.default_service_account.is_some() && !self.object_level {
            return Err(contradiction(
                "cannot set default service accounts when the feature gate ObjectLevelWorkloadIdentity is not enabled",
                "Set AuthenticatorBuilder::object_level_workload_identity(true), or no default ServiceAccount.",
            ));
        }
        let chain = self.chain.with_shared_clients();
        let controller = Controller::new(chain.clone().build(), self.capacity);
        let tenancy = match (self.object_level, self.tokens) {
            (false, _) => None,
            (true, None) => {
                return Err(contradiction(
                    "the feature gate ObjectLevelWorkloadIdentity is enabled, but there is nothing to read ServiceAccounts with",
                    "Give AuthenticatorBuilder::service_account_tokens an implementation.",
                ));
            }
            (true, Some(tokens)) => {
                let sessions = controller.chain().cache(self.capacity);
                let default_service_account = self.default_service_account;
                Some(Arc::new(Tenancy {
                    template: chain.clone(),
                    tokens,
                    sessions,
                    default_service_account,
                    #[cfg(feature = "assume-role-annotation")]
                    controller_of_hops: self.reads_annotation.then(|| controller.clone()),
                }))
            }
        };
        Ok(Authenticator { template: chain, controller, policy: Arc::new(policy), tenancy })
    }
}

fn contradiction(message: &str, hint: &str) -> Error {
    Error::because(Reason::InvalidConfiguration, message).with_hint(hint)
}
