//! Trust policies: who may assume a role.

use super::document::{OneOrMany, PolicyDocument, Principal, Statement};
use super::oidc::OidcProvider;
use super::permission::ASSUME_AND_TAG;
use super::resource::{ClusterArn, PrincipalArn};
use crate::error::{Error, ErrorKind};
use crate::service_account::ServiceAccountRef;
use crate::sts::AUDIENCE;
use crate::text::quoted;

/// The trust policy of a role that ServiceAccounts of a cluster assume by OIDC federation: IRSA on EKS, the same elsewhere,
/// and every ServiceAccount that a tenant's object names.
///
/// The token's issuer, its audience `sts.amazonaws.com` and its subject must all be right ([Flux on AWS]). There is no form
/// that trusts a whole cluster or namespace.
///
/// [Flux on AWS]: https://fluxcd.io/flux/integrations/aws/#supported-identity-types
///
/// ```
/// use flux_aws_auth::ServiceAccountRef;
/// use flux_aws_auth::iam::{OidcProvider, OidcTrust};
///
/// let role = "arn:aws:iam::111122223333:role/flux-image".parse()?;
/// let issuer = OidcProvider::for_role(&role, "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE")?;
/// let trust = OidcTrust::new(&issuer, &ServiceAccountRef::new("flux-system", "image-reflector-controller"))?
///     .with_service_account(&ServiceAccountRef::new("flux-system", "image-automation-controller"))?;
/// println!("{}", trust.document());
/// # Ok::<(), flux_aws_auth::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct OidcTrust {
    provider: OidcProvider,
    subjects: Vec<String>,
}

impl OidcTrust {
    /// Trusts one ServiceAccount.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when Kubernetes allows no such namespace or name.
    pub fn new(provider: &OidcProvider, service_account: &ServiceAccountRef) -> Result<Self, Error> {
        Self { provider: provider.clone(), subjects: Vec::new() }.with_service_account(service_account)
    }

    /// Trusts one ServiceAccount more.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_service_account(mut self, service_account: &ServiceAccountRef) -> Result<Self, Error> {
        check(service_account)?;
        let (namespace, name) = (service_account.namespace(), service_account.name());
        let subject = format!("system:serviceaccount:{namespace}:{name}");
        if !self.subjects.contains(&subject) {
            self.subjects.push(subject);
        }
        Ok(self)
    }

    /// The document.
    pub fn document(&self) -> PolicyDocument {
        let issuer = self.provider.issuer();
        let statement = Statement::allow(&["sts:AssumeRoleWithWebIdentity"])
            .to(Principal::Federated(self.provider.as_str().to_owned()))
            .when(vec![
                (format!("{issuer}:aud"), vec![AUDIENCE.to_owned()]),
                (format!("{issuer}:sub"), self.subjects.clone()),
            ]);
        PolicyDocument::new(vec![statement])
    }
}

/// The trust policy of a role that EKS Pod Identity assumes for pods ([the role for Pod Identity]).
///
/// `sts:TagSession` is in it because EKS marks every session with the cluster, the namespace and the ServiceAccount.
/// Without a ServiceAccount or a cluster it trusts EKS alone, as Flux's page has it: the association, which only somebody
/// with `iam:PassRole` can make, decides who gets the role. With them, the session's tags must agree as well. That cannot be
/// asked of an association whose session tags are disabled.
///
/// [the role for Pod Identity]: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html
#[derive(Clone, Debug, Default)]
pub struct PodIdentityTrust {
    cluster: Option<ClusterArn>,
    service_accounts: Vec<ServiceAccountRef>,
}

impl PodIdentityTrust {
    /// Trusts EKS, for whatever association names the role.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only for pods in this cluster.
    #[must_use]
    pub fn with_cluster(mut self, cluster: ClusterArn) -> Self {
        self.cluster = Some(cluster);
        self
    }

    /// Only for pods with this ServiceAccount, or another one that is named so.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when Kubernetes allows no such namespace or name.
    pub fn with_service_account(mut self, service_account: &ServiceAccountRef) -> Result<Self, Error> {
        check(service_account)?;
        if !self.service_accounts.contains(service_account) {
            self.service_accounts.push(service_account.clone());
        }
        Ok(self)
    }

    /// The document.
    pub fn document(&self) -> PolicyDocument {
        let statement = || Statement::allow(ASSUME_AND_TAG).to(Principal::Service(POD_IDENTITY));
        let cluster = || self.cluster.iter().map(|cluster| tag("eks-cluster-arn", cluster.as_str()));
        let statements = match self.service_accounts.as_slice() {
            [] if self.cluster.is_none() => {
                vec![statement().sid("AllowEksAuthToAssumeRoleForPodIdentity")]
            }
            [] => vec![statement().when(cluster().collect())],
            // A statement each: one with lists of namespaces and names would trust every combination of them.
            many => many
                .iter()
                .map(|one| {
                    let own = [
                        tag("kubernetes-namespace", one.namespace()),
                        tag("kubernetes-service-account", one.name()),
                    ];
                    statement().when(cluster().chain(own).collect())
                })
                .collect(),
        };
        PolicyDocument::new(statements)
    }
}

/// The trust policy of a role that another role assumes: a hop, most often into another account ([the target role]).
///
/// `sts:TagSession` is in it because the sessions of EKS Pod Identity pass their tags on, and AWS refuses a tagged session
/// where only `sts:AssumeRole` is allowed. The other role needs [`PermissionPolicy::assume_roles`] besides.
///
/// [the target role]: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-assign-target-role.html
/// [`PermissionPolicy::assume_roles`]: super::PermissionPolicy::assume_roles
///
/// ```
/// use flux_aws_auth::iam::RoleTrust;
///
/// let controller = "arn:aws:iam::111122223333:role/flux-source".parse()?;
/// println!("{}", RoleTrust::new(controller).with_external_id("tenant-7")?.document());
/// # Ok::<(), flux_aws_auth::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RoleTrust {
    principal: PrincipalArn,
    external_id: Option<String>,
}

impl RoleTrust {
    /// Trusts one role or user.
    pub fn new(principal: PrincipalArn) -> Self {
        Self { principal, external_id: None }
    }

    /// Only where this external id is given. It is not a secret: it keeps somebody who assumes roles for many from being talked
    /// into assuming this one for another ([external id]).
    ///
    /// [external id]: https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when it is not 2 to 1224 letters, digits or `_+=,.@:/-`.
    pub fn with_external_id(mut self, id: impl Into<String>) -> Result<Self, Error> {
        let id = id.into();
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&b);
        if !(2..=1224).contains(&id.len()) || !id.bytes().all(allowed) {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!("{} is not an external id that STS accepts", quoted(&id)),
            )
            .with_hint("Use 2 to 1224 of letters, digits and `_+=,.@:/-`."));
        }
        self.external_id = Some(id);
        Ok(self)
    }

    /// The document.
    pub fn document(&self) -> PolicyDocument {
        let principal = Principal::Aws(OneOrMany::One(self.principal.to_string()));
        let statement = |actions| Statement::allow(actions).to(principal.clone());
        let Some(id) = &self.external_id else {
            return PolicyDocument::new(vec![statement(ASSUME_AND_TAG)]);
        };
        PolicyDocument::new(vec![
            statement(&["sts:AssumeRole"]).when(vec![("sts:ExternalId".to_owned(), vec![id.clone()])]),
            // Apart, as the external id is a part of AssumeRole. Tagging alone lets nobody in.
            statement(&["sts:TagSession"]),
        ])
    }
}

/// The same in every partition.
const POD_IDENTITY: &str = "pods.eks.amazonaws.com";

/// A tag of the session, which EKS asks for ([session tags]).
///
/// [session tags]: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html
fn tag(key: &str, value: &str) -> (String, Vec<String>) {
    (format!("aws:RequestTag/{key}"), vec![value.to_owned()])
}

/// That namespace and name are such as Kubernetes allows ([names]).
///
/// [names]: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
fn check(service_account: &ServiceAccountRef) -> Result<(), Error> {
    let of_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let is_label = |text: &str| {
        text.bytes().all(|b| of_word(b) || b == b'-')
            && text.bytes().next().is_some_and(of_word)
            && text.bytes().next_back().is_some_and(of_word)
    };
    let (namespace, name) = (service_account.namespace(), service_account.name());
    let refuse = |what: &str, value: &str| {
        let message = format!("{} is not a valid {what} of a ServiceAccount", quoted(value));
        Err(Error::new(ErrorKind::Configuration, message).with_hint(
            "Write it as Kubernetes does: lower-case letters, digits and hyphens; a trust policy takes no wildcard here.",
        ))
    };
    if namespace.len() > 63 || !is_label(namespace) {
        return refuse("namespace", namespace);
    }
    if name.len() > 253 || !name.split('.').all(is_label) {
        return refuse("name", name);
    }
    Ok(())
}
