//! The front door: credentials of an identity, for a resource.

use std::fmt;
use std::sync::Arc;

use crate::cache::Cache;
use crate::chain::{ChainBuilder, Resolved};
use crate::error::{Error, ErrorKind};
use crate::identity::Identity;
use crate::integration::Level;
use crate::reason::Reason;
use crate::resource::Resource;
use crate::secret::AccessKeySecret;
use crate::service_account::{REGION_REQUIRED, ServiceAccountRef, ServiceAccountTokens};
use crate::source::SourceKind;

#[cfg(feature = "assume-role-annotation")]
mod annotation;
mod builder;
mod controller;
mod credentials;
mod object;
mod policy;

pub use builder::AuthenticatorBuilder;
use controller::Controller;
pub use credentials::IdentityCredentials;
use object::{Object, Request};
use policy::Policy;

/// Gives credentials of an [`Identity`] for a [`Resource`]: the controller's own, or those that a tenant's object brings.
///
/// It decides as Flux does whose permissions are used, and holds to [what Flux supports](crate::Integration). Made by an
/// [`AuthenticatorBuilder`]; one is enough for a program, and clones are the same one.
///
/// A controller that uses its own identity:
///
/// ```no_run
/// use aws_credential_types::provider::SharedCredentialsProvider;
/// use aws_types::{SdkConfig, region::Region}; // aws_config re-exports both
/// use flux_aws_auth::{Authenticator, Identity, Resource};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), flux_aws_auth::Error> {
/// let authenticator = Authenticator::builder().build()?;
/// let image = Resource::image("111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp")?;
/// let credentials = authenticator.credentials(&image, Identity::Controller)?;
/// println!("{}", credentials.resolve().await?.report()); // whose they are, and why
/// let config = SdkConfig::builder()
///     .credentials_provider(SharedCredentialsProvider::new(credentials))
///     .region(image.region().map(|region| Region::new(region.to_owned())))
///     .build(); // for any aws-sdk-* client
/// # let _ = config;
/// # Ok(())
/// # }
/// ```
///
/// A tenant's object, which names a ServiceAccount:
///
/// ```
/// use flux_aws_auth::{Authenticator, Error, Identity, IdentityCredentials, Resource, ServiceAccountTokens};
///
/// fn authenticator(tokens: impl ServiceAccountTokens + 'static) -> Result<Authenticator, Error> {
///     Authenticator::builder().service_account_tokens(tokens).object_level_workload_identity(true).build()
/// }
///
/// fn of_a_bucket(authenticator: &Authenticator) -> Result<IdentityCredentials, Error> {
///     let bucket = Resource::bucket_in("eu-central-1")?; // spec.region
///     authenticator.credentials(&bucket, Identity::object("tenant", Some("bucket-reader")))
/// }
/// ```
///
/// # Contracts
///
/// * **A tenant's identity is the tenant's.** What names a ServiceAccount gets the session of that ServiceAccount's role, or an
///   error: never the controller's credentials, the node's, or a neighbour's.
/// * **As it is now.** Before each use the ServiceAccount is read. When its role was changed, when it was deleted, or made
///   again under the same name, nobody gets the sessions of before, however good they still are; when it cannot be read, there
///   are no credentials. (What an AWS SDK client keeps in a cache of its own is beyond reach: see
///   [`IdentityCredentials`].)
/// * **One session for each request.** Sessions are held in a [cache](crate::cache) by all that makes a request different:
///   namespace, name and uid of the ServiceAccount, role, region, address of STS, and hops. Objects that ask for the same share
///   one; a slow one keeps nobody else waiting.
#[derive(Clone)]
pub struct Authenticator {
    template: ChainBuilder,
    controller: Controller,
    policy: Arc<Policy>,
    /// If objects may bring an identity.
    tenancy: Option<Arc<Tenancy>>,
}

/// What the identities of all objects have in common.
struct Tenancy {
    template: ChainBuilder,
    tokens: Arc<dyn ServiceAccountTokens>,
    sessions: Cache<Request, Resolved, Error>,
    default_service_account: Option<String>,
    /// Who assumes the role that a ServiceAccount's annotation asks for, where that is read.
    #[cfg(feature = "assume-role-annotation")]
    controller_of_hops: Option<Controller>,
}

impl Authenticator {
    /// Starts an authenticator: the controller's own identity, from the process's environment.
    pub fn builder() -> AuthenticatorBuilder {
        AuthenticatorBuilder::new()
    }

    /// The credentials of `identity` for `resource`. Nothing is asked yet; keep what is given for as long as there is the
    /// object.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`], at once:
    ///
    /// * an object names a ServiceAccount, or gets the default one, but
    ///   [object level workload identity](AuthenticatorBuilder::object_level_workload_identity) is not enabled
    ///   ([`Reason::ObjectLevelDisabled`]);
    /// * the resource has no region, which the role of a ServiceAccount needs ([`Reason::RegionMissing`]);
    /// * Flux does not support such an identity for the resource, and it was not
    ///   [allowed](AuthenticatorBuilder::allow) ([`Reason::IdentityNotAllowed`]). Which of its sources gives the
    ///   controller's identity is known only when that is resolved, and so is this.
    pub fn credentials(
        &self,
        resource: &Resource,
        identity: impl Into<Identity>,
    ) -> Result<IdentityCredentials, Error> {
        match identity.into() {
            Identity::Controller => Ok(self.of_controller(resource)),
            Identity::AccessKeySecret(key) => self.of_secret(resource, key),
            Identity::Object { namespace, service_account_name } => {
                if namespace.is_empty() {
                    return Err(Error::new(
                        ErrorKind::Configuration,
                        "an object without a namespace has no identity",
                    )
                    .with_hint("Give the object's metadata.namespace."));
                }
                let default =
                    self.tenancy.as_ref().and_then(|tenancy| tenancy.default_service_account.clone());
                let named = service_account_name.filter(|name| !name.is_empty());
                let is_default = named.is_none();
                match named.or(default) {
                    Some(name) => {
                        self.of_object(resource, ServiceAccountRef::new(namespace, name), is_default)
                    }
                    None => Ok(self.of_controller(resource)),
                }
            }
        }
    }

    fn of_controller(&self, resource: &Resource) -> IdentityCredentials {
        IdentityCredentials::of_controller(
            self.controller.chain_for(resource.region()),
            self.policy.clone(),
            resource.integration(),
        )
    }

    fn of_secret(&self, resource: &Resource, key: AccessKeySecret) -> Result<IdentityCredentials, Error> {
        self.policy.check(resource.integration(), Level::Object, SourceKind::AccessKeySecret)?;
        Ok(IdentityCredentials::of_secret(self.template.clone().of_secret(key, resource.region())))
    }

    fn of_object(
        &self,
        resource: &Resource,
        reference: ServiceAccountRef,
        is_default: bool,
    ) -> Result<IdentityCredentials, Error> {
        let Some(tenancy) = &self.tenancy else {
            return Err(Error::because(
                Reason::ObjectLevelDisabled,
                "ObjectLevelWorkloadIdentity feature gate is not enabled",
            )
            .with_hint(format!(
                "Enable it with AuthenticatorBuilder::object_level_workload_identity(true), or take ServiceAccount {reference} \
                 out of the object's spec."
            )));
        };
        self.policy.check(resource.integration(), Level::Object, SourceKind::ServiceAccount)?;
        let region = resource.region().ok_or_else(|| {
            Error::because(Reason::RegionMissing, REGION_REQUIRED).with_hint(
                "Set the region in the object's spec, or name the registry or the key by its whole name.",
            )
        })?;
        let sts_endpoint = resource.given_sts_endpoint().cloned();
        let object = Object::new(tenancy.clone(), reference, is_default, region, sts_endpoint);
        Ok(IdentityCredentials::of_object(object, self.policy.clone(), resource.integration()))
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator")
            .field("controller", self.controller.chain())
            .field("object_level_workload_identity", &self.tenancy.is_some())
            .finish_non_exhaustive()
    }
}
