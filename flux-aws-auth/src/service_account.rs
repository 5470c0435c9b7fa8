//! The object level: the role of a Kubernetes ServiceAccount that a tenant's object names.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;

use crate::arn::RoleArn;
use crate::endpoint::Endpoint;
use crate::environment::Environment;
use crate::error::Error;
use crate::reason::Reason;
use crate::session_name::SessionName;
use crate::source::{CredentialSource, Notes, Outcome, Provided, SourceContext, SourceKind};
use crate::sts::{AUDIENCE, Sts, Tries};
use crate::token::Claims;

/// The annotation that names a ServiceAccount's role. EKS defines it, and Flux reads it on every cluster
/// ([Flux on AWS]).
///
/// [Flux on AWS]: https://fluxcd.io/flux/integrations/aws/#for-oidc-federation
pub const ROLE_ARN_ANNOTATION: &str = "eks.amazonaws.com/role-arn";

/// The part of the Kubernetes API that an object-level identity needs.
///
/// Who implements it decides with whose Kubernetes permissions: `get` on ServiceAccounts and `create` on
/// `serviceaccounts/token` ([TokenRequest]). With the feature `kube`, `kube::KubeTokens` does so over a `kube::Client`.
///
/// [TokenRequest]: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
#[async_trait]
pub trait ServiceAccountTokens: fmt::Debug + Send + Sync {
    /// Reads a ServiceAccount.
    ///
    /// An [`Authenticator`](crate::Authenticator) does so before each use of an object's credentials, so give it one that
    /// reads from a watch's cache where there are many objects.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) when there is none of this name,
    /// [`ErrorKind::AccessDenied`](crate::ErrorKind::AccessDenied) when the API server forbids it, and
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) when another try may help. A hint is kept; without one, a
    /// general one is added.
    async fn service_account(&self, reference: &ServiceAccountRef) -> Result<ServiceAccount, Error>;

    /// Makes a new token of a ServiceAccount. It is used once, at once.
    ///
    /// Where the request has a [`uid`](TokenRequest::uid), another ServiceAccount of the same name is not meant. A token that
    /// names another is not used, whoever implements this.
    ///
    /// # Errors
    ///
    /// As [`service_account`](Self::service_account). No message may hold the token.
    async fn create_token(&self, request: &TokenRequest<'_>) -> Result<ServiceAccountToken, Error>;
}

#[async_trait]
impl<T: ServiceAccountTokens + ?Sized> ServiceAccountTokens for Arc<T> {
    async fn service_account(&self, reference: &ServiceAccountRef) -> Result<ServiceAccount, Error> {
        (**self).service_account(reference).await
    }

    async fn create_token(&self, request: &TokenRequest<'_>) -> Result<ServiceAccountToken, Error> {
        (**self).create_token(request).await
    }
}

/// Which ServiceAccount. `Display` is `namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceAccountRef {
    namespace: String,
    name: String,
}

impl ServiceAccountRef {
    /// The ServiceAccount `name` in `namespace`.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// Its namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for ServiceAccountRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What matters here of a ServiceAccount: its annotations, and its uid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceAccount {
    annotations: BTreeMap<String, String>,
    uid: Option<String>,
}

impl ServiceAccount {
    /// A ServiceAccount with these annotations.
    pub fn new<K, V>(annotations: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<String>,
        V: Into<String>,
    {
        let annotations = annotations.into_iter().map(|(key, value)| (key.into(), value.into()));
        Self { annotations: annotations.collect(), uid: None }
    }

    /// Adds the `metadata.uid` that the API server gave it.
    #[must_use]
    pub fn with_uid(mut self, uid: impl Into<String>) -> Self {
        self.uid = Some(uid.into());
        self
    }

    /// Its uid, if it is known: what tells it from one of the same name that was there before, or comes after.
    pub fn uid(&self) -> Option<&str> {
        self.uid.as_deref()
    }

    #[cfg(feature = "assume-role-annotation")]
    pub(crate) fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(name).map(String::as_str)
    }

    /// The value of the annotation [`ROLE_ARN_ANNOTATION`].
    pub fn role_arn(&self) -> Option<&str> {
        self.annotations.get(ROLE_ARN_ANNOTATION).map(String::as_str)
    }
}

/// What is asked of Kubernetes: a token of a ServiceAccount for an audience.
#[derive(Clone, Copy, Debug)]
pub struct TokenRequest<'a> {
    service_account: &'a ServiceAccountRef,
    audience: &'a str,
    uid: Option<&'a str>,
}

impl<'a> TokenRequest<'a> {
    /// A token of this ServiceAccount for this audience. A [`ServiceAccountRole`] makes its own; this is for those who
    /// implement [`ServiceAccountTokens`] and test it.
    pub fn new(service_account: &'a ServiceAccountRef, audience: &'a str) -> Self {
        Self { service_account, audience, uid: None }
    }

    /// Means the ServiceAccount of this uid, and no other of the same name.
    #[must_use]
    pub fn with_uid(self, uid: &'a str) -> Self {
        Self { uid: Some(uid), ..self }
    }

    /// Whose token.
    pub fn service_account(&self) -> &'a ServiceAccountRef {
        self.service_account
    }

    /// For whom: the only audience of the token.
    pub fn audience(&self) -> &'a str {
        self.audience
    }

    /// The uid of the ServiceAccount that is meant, if it is known.
    pub fn uid(&self) -> Option<&'a str> {
        self.uid
    }
}

/// A ServiceAccount token. `Debug` does not show it.
#[derive(Clone)]
pub struct ServiceAccountToken {
    token: String,
    expiry: Option<SystemTime>,
}

impl ServiceAccountToken {
    /// A token as the Kubernetes API gave it.
    pub fn new(token: impl Into<String>) -> Self {
        Self { token: token.into(), expiry: None }
    }

    /// Adds the time from which on it is of no use.
    #[must_use]
    pub fn with_expiry(mut self, expiry: impl Into<Option<SystemTime>>) -> Self {
        self.expiry = expiry.into();
        self
    }

    /// The token itself: a secret.
    pub fn as_str(&self) -> &str {
        &self.token
    }

    /// The time from which on it is of no use, if that is known.
    pub fn expiry(&self) -> Option<SystemTime> {
        self.expiry
    }
}

impl fmt::Debug for ServiceAccountToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccountToken")
            .field("token", &"** redacted **")
            .field("expiry", &self.expiry)
            .finish()
    }
}

/// The role that a ServiceAccount's annotation names, assumed with a token of that ServiceAccount.
///
/// Flux's object-level workload identity ([Flux on AWS]): each object brings its own ServiceAccount, and so its own
/// permissions. [`ChainBuilder::service_account`](crate::ChainBuilder::service_account) makes a chain of it, in which it is
/// the only source: where it fails, the object has no credentials, and never the controller's. The session is named as Flux
/// names it, `<name>.<namespace>.<region>.fluxcd.io`.
///
/// [Flux on AWS]: https://fluxcd.io/flux/integrations/aws/#at-the-object-level
///
/// ```
/// use flux_aws_auth::{Chain, ServiceAccountRef, ServiceAccountRole, ServiceAccountTokens};
///
/// fn chain_for(reference: ServiceAccountRef, tokens: impl ServiceAccountTokens + 'static) -> Chain {
///     Chain::builder().region("eu-west-1").service_account(ServiceAccountRole::new(reference, tokens)).build()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct ServiceAccountRole {
    reference: ServiceAccountRef,
    tokens: Arc<dyn ServiceAccountTokens>,
    sts_endpoint: Option<Endpoint>,
}

impl ServiceAccountRole {
    /// The role of a ServiceAccount. To share one [`ServiceAccountTokens`] between many, give each a clone of an
    /// [`Arc`].
    pub fn new(reference: ServiceAccountRef, tokens: impl ServiceAccountTokens + 'static) -> Self {
        Self { reference, tokens: Arc::new(tokens), sts_endpoint: None }
    }

    pub(crate) fn at(
        reference: ServiceAccountRef,
        tokens: Arc<dyn ServiceAccountTokens>,
        sts_endpoint: Option<Endpoint>,
    ) -> Self {
        Self { reference, tokens, sts_endpoint }
    }

    /// Asks STS at the address that the object names, such as `spec.sts.endpoint` of Flux's Bucket: a VPC endpoint, for one. All
    /// that a chain asks STS for this identity goes there, a check of what was [expected](crate::ChainBuilder::expect_role) too.
    ///
    /// The address is a tenant's, so it passes [`Endpoint::tenant_sts`] or is refused. Without one, STS is asked where the
    /// operator set `AWS_ENDPOINT_URL_STS` to, else in the chain's region. (Flux leaves that variable out of account for an
    /// object.)
    ///
    /// # Errors
    ///
    /// Those of [`Endpoint::tenant_sts`].
    pub fn with_sts_endpoint(mut self, address: &str) -> Result<Self, Error> {
        self.sts_endpoint = Some(Endpoint::tenant_sts("STS endpoint", address)?);
        Ok(self)
    }

    /// The address that the object names, if it does.
    pub(crate) fn endpoint(&self) -> Option<&Endpoint> {
        self.sts_endpoint.as_ref()
    }

    /// Makes a session of the role, by what the ServiceAccount was when it was `read`, if it was, else by what it is now.
    async fn assume_role(
        &self,
        context: &SourceContext,
        notes: &mut Notes,
        read: Option<&ServiceAccount>,
    ) -> Result<Provided, Error> {
        // `AWS_REGION` is the controller's; the object's resource may even be in another partition. Flux refuses this too.
        let region = context.given_region().ok_or_else(|| {
            Error::because(Reason::RegionMissing, REGION_REQUIRED)
                .with_hint("Give one to ChainBuilder::region, from the object's spec or its registry's host.")
        })?;
        let sts = Sts::in_region(context, region, self.sts_endpoint.clone())?;
        let account = match read {
            Some(read) => read.clone(),
            None => self.account(notes).await?,
        };
        let role = self.role(&account, notes)?;
        let session_name =
            SessionName::for_service_account(self.reference.namespace(), self.reference.name(), sts.region());
        let mut tries = Tries::new();
        loop {
            let token = self.token(&account, notes).await?;
            let result = sts
                .assume_role_with_web_identity(notes, &role, &session_name, token.as_str(), &mut tries)
                .await;
            match result {
                Err(error) if tries.again(&error, context).await => {}
                result => return result,
            }
        }
    }

    /// Reads the ServiceAccount.
    pub(crate) async fn account(&self, notes: &mut Notes) -> Result<ServiceAccount, Error> {
        self.tokens.service_account(&self.reference).await.map_err(|cause| {
            notes.add(self.to_string(), "not readable");
            explained(
                cause,
                format!("failed to get service account '{}'", self.reference),
                "Check that it exists, and that this program may get serviceaccounts in its namespace.",
            )
        })
    }

    fn role(&self, account: &ServiceAccount, notes: &mut Notes) -> Result<RoleArn, Error> {
        let Some(role) = account.role_arn() else {
            notes.add(self.to_string(), format!("no annotation {ROLE_ARN_ANNOTATION}"));
            return Err(Error::because(
                Reason::RoleNotNamed,
                format!("{self} has no annotation {ROLE_ARN_ANNOTATION}"),
            )
            .with_hint("Annotate it with the ARN of the role that it may assume."));
        };
        notes.add(self.to_string(), format!("annotation {ROLE_ARN_ANNOTATION} found"));
        role.parse().map_err(|error: Error| {
            error.about(format_args!("invalid {ROLE_ARN_ANNOTATION} annotation of {self}"))
        })
    }

    async fn token(&self, account: &ServiceAccount, notes: &mut Notes) -> Result<ServiceAccountToken, Error> {
        let request =
            TokenRequest { service_account: &self.reference, audience: AUDIENCE, uid: account.uid() };
        let subject = format!("token of {self} for {AUDIENCE}");
        let token = self.tokens.create_token(&request).await;
        notes.add(subject.as_str(), if token.is_ok() { "issued" } else { "not issued" });
        let token = token.map_err(|cause| {
            explained(
                cause,
                format!("failed to create kubernetes token for service account '{}'", self.reference),
                "Check that the ServiceAccount exists, and that this program may create serviceaccounts/token in its \
                 namespace.",
            )
        })?;
        // The annotation was another's: STS knows ServiceAccounts by name alone, so it would not notice.
        let named = Claims::of(token.as_str());
        match (account.uid(), named.service_account_uid()) {
            (Some(read), Some(named)) if read != named => {
                notes.add(subject.as_str(), "names another uid");
                Err(replaced(self))
            }
            _ => Ok(token),
        }
    }
}

/// Flux's words, as are those of the other failures here: people look for them.
pub(crate) const REGION_REQUIRED: &str = "an AWS region is required for authenticating with a service account. please configure \
    one in the object spec";

/// A ServiceAccount that was deleted, and made again, between two requests.
fn replaced(what: &ServiceAccountRole) -> Error {
    Error::because(
        Reason::ServiceAccountReplaced,
        format!("{what} was replaced by another of the same name while its role was looked up"),
    )
    .with_hint("Try again; the next try reads the annotation of the new one.")
}

/// A failure of the Kubernetes API, with what it was for. A hint of its own is better than the general one.
fn explained(cause: Error, message: String, hint: &str) -> Error {
    let hint = cause.hint().unwrap_or(hint).to_owned();
    cause.wrapped(message).with_hint(hint)
}

impl fmt::Display for ServiceAccountRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceAccount {}", self.reference)
    }
}

/// The role as a source. Not for the caller's hands: among other sources it could give way to the controller's.
#[derive(Debug)]
pub(crate) struct ServiceAccountSource {
    role: ServiceAccountRole,
    read: Option<ServiceAccount>,
}

impl ServiceAccountSource {
    /// It reads the ServiceAccount each time.
    pub(crate) fn new(role: ServiceAccountRole) -> Self {
        Self { role, read: None }
    }

    /// It is the role that the ServiceAccount named when it was `read`; no other, and for no other of the same name.
    pub(crate) fn as_read(role: ServiceAccountRole, read: ServiceAccount) -> Self {
        Self { role, read: Some(read) }
    }

    /// The address of STS that the object names, if it does.
    pub(crate) fn endpoint(&self) -> Option<&Endpoint> {
        self.role.endpoint()
    }
}

#[async_trait]
impl CredentialSource for ServiceAccountSource {
    fn kind(&self) -> SourceKind {
        SourceKind::ServiceAccount
    }

    /// Always: an object asked for it.
    fn is_configured(&self, _environment: &Environment) -> bool {
        true
    }

    async fn load(&self, context: &SourceContext, notes: &mut Notes) -> Outcome {
        self.role.assume_role(context, notes, self.read.as_ref()).await.into()
    }
}
