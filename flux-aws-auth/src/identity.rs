//! Whose permissions are used.

use crate::secret::AccessKeySecret;

/// Whose permissions are used: what [`Authenticator::credentials`](crate::Authenticator::credentials) is asked for.
///
/// A controller makes it of what an object's spec says, and leaves the decision to the authenticator, which takes it as Flux
/// does.
///
/// ```
/// use flux_aws_auth::Identity;
///
/// // Of a Flux object: metadata.namespace and spec.serviceAccountName.
/// let identity = Identity::object("tenant", Some("image-reader"));
/// let of_the_controller_or_the_default = Identity::object("tenant", None);
/// # let _ = (identity, of_the_controller_or_the_default);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Identity {
    /// The program's own: its pod's, or its node's.
    Controller,
    /// The one that an object asks for.
    ///
    /// With a ServiceAccount's name, the role of that ServiceAccount. Without one, that of the
    /// [default ServiceAccount](crate::AuthenticatorBuilder::default_service_account), if there is one; else the
    /// controller's own.
    #[non_exhaustive]
    Object {
        /// The object's namespace, and so its ServiceAccount's.
        namespace: String,
        /// `spec.serviceAccountName`. Blank is as good as none, as in Flux.
        service_account_name: Option<String>,
    },
    /// The access key in the Secret that an object names.
    AccessKeySecret(AccessKeySecret),
}

impl Identity {
    /// What an object in `namespace` asks for, which may name a ServiceAccount there.
    pub fn object(namespace: impl Into<String>, service_account_name: Option<&str>) -> Self {
        let service_account_name = service_account_name.filter(|name| !name.is_empty()).map(str::to_owned);
        Self::Object { namespace: namespace.into(), service_account_name }
    }
}

impl From<AccessKeySecret> for Identity {
    fn from(key: AccessKeySecret) -> Self {
        Self::AccessKeySecret(key)
    }
}
