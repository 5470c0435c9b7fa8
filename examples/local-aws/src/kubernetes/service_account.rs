//! ServiceAccounts: whose role they name, and what they may do in the cluster.

use std::collections::BTreeMap;

use crate::error::Error;

const ROLE_ANNOTATION: &str = "eks.amazonaws.com/role-arn";

/// A ServiceAccount of the cluster.
///
/// It may do nothing there unless it is [granted](Self::granted_in) something.
///
/// ```
/// use local_aws::{Rbac, ServiceAccount};
///
/// // May read every ServiceAccount, and have tokens for those of one tenant.
/// let controller = ServiceAccount::new("flux-system", "image-reflector-controller")
///     .granted_everywhere([Rbac::GetServiceAccounts])
///     .granted_in("team-a", [Rbac::CreateServiceAccountTokens]);
/// let tenant = ServiceAccount::new("team-a", "image-reader").role("team-a-images");
/// ```
///
/// Source: <https://kubernetes.io/docs/concepts/security/service-accounts/>.
#[derive(Clone, Debug)]
pub struct ServiceAccount {
    pub(super) namespace: String,
    pub(super) name: String,
    role: Option<String>,
    annotations: BTreeMap<String, String>,
    grants: Vec<Grant>,
}

/// What role-based access control can let a ServiceAccount do here.
///
/// Source: <https://kubernetes.io/docs/reference/access-authn-authz/rbac/>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rbac {
    /// `get` on `serviceaccounts`.
    GetServiceAccounts,
    /// `create` on `serviceaccounts/token`.
    CreateServiceAccountTokens,
}

/// A rule and where it holds: in one namespace, or in all.
#[derive(Clone, Debug)]
struct Grant {
    namespace: Option<String>,
    rule: Rbac,
}

impl ServiceAccount {
    /// A ServiceAccount without annotations that may do nothing.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
            role: None,
            annotations: BTreeMap::new(),
            grants: Vec::new(),
        }
    }

    /// Annotated with `eks.amazonaws.com/role-arn`: the role of this name in the cluster's account, whether or not there is
    /// one.
    #[must_use]
    pub fn role(mut self, name: impl Into<String>) -> Self {
        self.role = Some(name.into());
        self
    }

    /// With an annotation; `eks.amazonaws.com/role-arn`, say, for a role of another account, or with a value that is none.
    #[must_use]
    pub fn annotation(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.annotations.insert(key.into(), value.into());
        self
    }

    /// May do this in one namespace: a RoleBinding.
    #[must_use]
    pub fn granted_in(mut self, namespace: impl Into<String>, rules: impl IntoIterator<Item = Rbac>) -> Self {
        let namespace = Some(namespace.into());
        self.grants.extend(rules.into_iter().map(|rule| Grant { namespace: namespace.clone(), rule }));
        self
    }

    /// May do this in every namespace: a ClusterRoleBinding.
    #[must_use]
    pub fn granted_everywhere(mut self, rules: impl IntoIterator<Item = Rbac>) -> Self {
        self.grants.extend(rules.into_iter().map(|rule| Grant { namespace: None, rule }));
        self
    }

    pub(super) fn may(&self, rule: Rbac, namespace: &str) -> bool {
        let holds = |grant: &Grant| grant.namespace.as_deref().is_none_or(|granted| granted == namespace);
        self.grants.iter().any(|grant| grant.rule == rule && holds(grant))
    }

    /// The annotations, that of the role included.
    pub(super) fn annotations(&self, account: &str) -> BTreeMap<String, String> {
        let role = self.role.as_ref().map(|name| format!("arn:aws:iam::{account}:role/{name}"));
        let role = role.map(|arn| (ROLE_ANNOTATION.to_owned(), arn));
        role.into_iter().chain(self.annotations.clone()).collect()
    }

    /// That the names are such as Kubernetes takes.
    ///
    /// Source: <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>.
    pub(super) fn check(&self) -> Result<(), Error> {
        let label = |text: &str| {
            let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
            !text.is_empty() && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
        };
        if self.namespace.len() > 63 || !label(&self.namespace) {
            return Err(Error::Invalid {
                field: "namespace",
                value: self.namespace.clone(),
                expected: "1 to 63 lower-case letters, digits and inner hyphens",
            });
        }
        if self.name.len() > 253 || !self.name.split('.').all(label) {
            return Err(Error::Invalid {
                field: "ServiceAccount",
                value: self.name.clone(),
                expected: "1 to 253 lower-case letters, digits, and inner hyphens and dots",
            });
        }
        Ok(())
    }
}
