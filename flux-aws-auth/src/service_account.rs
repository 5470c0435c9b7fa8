//! The object level: the role of a Kubernetes ServiceAccount that a tenant's object names.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::arn::RoleArn;
use crate::environment::Environment;
use crate::error::{BoxError, Error, ErrorKind};
use crate::session_name::SessionName;
use crate::source::{CredentialSource, Notes, Outcome, Provided, SourceContext, SourceKind};
use crate::sts::{AUDIENCE, Sts};

/// The annotation that names a ServiceAccount's role. EKS defines it, and Flux reads it on every cluster
/// ([Flux on AWS]).
///
/// [Flux on AWS]: https://fluxcd.io/flux/integrations/aws/#for-oidc-federation
pub const ROLE_ARN_ANNOTATION: &str = "eks.amazonaws.com/role-arn";

/// The part of the Kubernetes API that an object-level identity needs.
///
/// Who implements it decides with whose Kubernetes permissions: `get` on ServiceAccounts and `create` on
/// `serviceaccounts/token` ([TokenRequest]).
///
/// [TokenRequest]: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
#[async_trait]
pub trait ServiceAccountTokens: fmt::Debug + Send + Sync {
    /// The annotations of a ServiceAccount.
    ///
    /// # Errors
    ///
    /// Any; the message becomes the cause of this crate's [`Error`].
    async fn annotations(&self, namespace: &str, name: &str) -> Result<BTreeMap<String, String>, BoxError>;

    /// A new token of a ServiceAccount for one audience.
    ///
    /// # Errors
    ///
    /// Any; the message becomes the cause of this crate's [`Error`], so it must not hold the token.
    async fn create_token(
        &self,
        namespace: &str,
        name: &str,
        audience: &str,
    ) -> Result<ServiceAccountToken, BoxError>;
}

/// A ServiceAccount token. `Debug` does not show it.
#[derive(Clone)]
pub struct ServiceAccountToken(String);

impl ServiceAccountToken {
    /// A token as the Kubernetes API gave it.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }
}

impl fmt::Debug for ServiceAccountToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServiceAccountToken(** redacted **)")
    }
}

/// The role that a ServiceAccount's annotation names, assumed with a token of that ServiceAccount.
///
/// Flux's object-level workload identity ([Flux on AWS]): each object brings its own ServiceAccount, and so its own
/// permissions. Use it with [`ChainBuilder::only`](crate::ChainBuilder::only): where it fails, the object has no
/// credentials, and never the controller's. The session is named as Flux names it,
/// `<name>.<namespace>.<region>.fluxcd.io`.
///
/// [Flux on AWS]: https://fluxcd.io/flux/integrations/aws/#at-the-object-level
///
/// ```
/// use flux_aws_auth::{Chain, ServiceAccountRole, ServiceAccountTokens};
///
/// fn chain_for(namespace: &str, name: &str, tokens: impl ServiceAccountTokens + 'static) -> Chain {
///     Chain::builder().only(ServiceAccountRole::new(namespace, name, tokens)).build()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct ServiceAccountRole {
    namespace: String,
    name: String,
    tokens: Arc<dyn ServiceAccountTokens>,
}

impl ServiceAccountRole {
    /// The role of the ServiceAccount `name` in `namespace`.
    pub fn new(
        namespace: impl Into<String>,
        name: impl Into<String>,
        tokens: impl ServiceAccountTokens + 'static,
    ) -> Self {
        Self { namespace: namespace.into(), name: name.into(), tokens: Arc::new(tokens) }
    }

    async fn assume_role(&self, context: &SourceContext, notes: &mut Notes) -> Result<Provided, Error> {
        let sts = Sts::new(context).map_err(|error| match error.kind() {
            // The variable is the controller's; what the object needs is a region of its own.
            ErrorKind::Configuration if context.region().is_none() => {
                Error::new(ErrorKind::Configuration, format!("no AWS region to authenticate {self} in"))
                    .with_hint(
                        "Give one to ChainBuilder::region, from the object's spec or its registry's host.",
                    )
            }
            _ => error,
        })?;
        let role = self.role(notes).await?;
        let token = self.tokens.create_token(&self.namespace, &self.name, AUDIENCE).await.map_err(|cause| {
            notes.add(format!("token of {self}"), "not issued");
            Error::new(ErrorKind::Unavailable, format!("no token of {self} for {AUDIENCE}"))
                .with_hint(
                    "Check that the ServiceAccount exists, and that this program may create serviceaccounts/token in its namespace.",
                )
                .with_source(cause)
        })?;
        notes.add(format!("token of {self}"), format!("issued for {AUDIENCE}"));
        let session_name = SessionName::for_service_account(&self.namespace, &self.name, sts.region());
        sts.assume_role_with_web_identity(notes, &role, &session_name, &token.0).await
    }

    async fn role(&self, notes: &mut Notes) -> Result<RoleArn, Error> {
        let annotations = self.tokens.annotations(&self.namespace, &self.name).await.map_err(|cause| {
            notes.add(self.to_string(), "not readable");
            Error::new(ErrorKind::Unavailable, format!("{self} cannot be read"))
                .with_hint(
                    "Check that it exists, and that this program may get serviceaccounts in its namespace.",
                )
                .with_source(cause)
        })?;
        let Some(role) = annotations.get(ROLE_ARN_ANNOTATION) else {
            notes.add(self.to_string(), format!("no annotation {ROLE_ARN_ANNOTATION}"));
            return Err(Error::new(
                ErrorKind::Configuration,
                format!("{self} has no annotation {ROLE_ARN_ANNOTATION}"),
            )
            .with_hint("Annotate it with the ARN of the role that it may assume."));
        };
        notes.add(self.to_string(), format!("annotation {ROLE_ARN_ANNOTATION} found"));
        role.parse().map_err(|error: Error| {
            let message = format!("{self}: annotation {ROLE_ARN_ANNOTATION}: {error}");
            Error::new(error.kind(), message).with_hint(error.hint().unwrap_or_default())
        })
    }
}

impl fmt::Display for ServiceAccountRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceAccount {}/{}", self.namespace, self.name)
    }
}

#[async_trait]
impl CredentialSource for ServiceAccountRole {
    fn kind(&self) -> SourceKind {
        SourceKind::ServiceAccount
    }

    /// Always: an object asked for it.
    fn is_configured(&self, _environment: &Environment) -> bool {
        true
    }

    async fn load(&self, context: &SourceContext, notes: &mut Notes) -> Outcome {
        self.assume_role(context, notes).await.into()
    }
}
