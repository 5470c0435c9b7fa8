//! What is looked at.

use std::time::SystemTime;

use crate::chain::Chain;
use crate::environment::Environment;
use crate::service_account::{ServiceAccount, ServiceAccountRef};
use crate::source::{Notes, SourceContext, SourceKind};
use crate::token::{self, Claims};

/// Where Kubernetes mounts a pod's own token, unless it is told not to ([service account admission]).
///
/// [service account admission]: https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#serviceaccount-admission-controller
pub(super) const OWN_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// A chain, and what is known of the pod around it.
pub(super) struct Patient<'a> {
    pub(super) chain: &'a Chain,
    pub(super) environment: &'a Environment,
    pub(super) now: SystemTime,
    /// The ServiceAccount as Kubernetes has it, where somebody asked.
    pub(super) known: Option<&'a (ServiceAccountRef, ServiceAccount)>,
    own_claims: Claims,
    own: Option<ServiceAccountRef>,
}

impl<'a> Patient<'a> {
    pub(super) fn new(chain: &'a Chain, known: Option<&'a (ServiceAccountRef, ServiceAccount)>) -> Self {
        let context = chain.context();
        let environment = context.environment();
        let token =
            token::read_file(environment, &mut Notes::default(), "the pod", OWN_TOKEN, token::Form::Token);
        let own_claims = token.map_or_else(|_| Claims::default(), |token| Claims::of(&token));
        let own =
            own_claims.service_account().map(|(namespace, name)| ServiceAccountRef::new(namespace, name));
        Self { chain, environment, now: context.now(), known, own_claims, own }
    }

    pub(super) fn context(&self) -> &'a SourceContext {
        self.chain.context()
    }

    /// Whether a source of this kind is asked at all.
    pub(super) fn has(&self, kind: SourceKind) -> bool {
        self.chain.sources().any(|source| source.kind() == kind)
    }

    pub(super) fn is_set_up(&self, kind: SourceKind) -> bool {
        let mut of_kind = self.chain.sources().filter(|source| source.kind() == kind);
        of_kind.any(|source| source.is_configured(self.environment))
    }

    /// The claims of the pod's own token, which is for Kubernetes itself.
    pub(super) fn own_claims(&self) -> &Claims {
        &self.own_claims
    }

    /// The pod's ServiceAccount, as far as anything says.
    pub(super) fn service_account(&self) -> Option<&ServiceAccountRef> {
        self.known.map(|(reference, _)| reference).or(self.own.as_ref())
    }

    /// Which is to be annotated or associated, as a part of a command.
    pub(super) fn name_for_commands(&self) -> String {
        match self.service_account() {
            Some(account) => format!("-n {} {}", account.namespace(), account.name()),
            None => "-n NAMESPACE SERVICE_ACCOUNT".to_owned(),
        }
    }
}
