//! What is handed out.

use std::fmt;
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_smithy_async::future::now_or_later::BoxFuture;

use super::object::Object;
use super::policy::Policy;
use crate::chain::{Chain, Resolved, to_credentials_error};
use crate::error::Error;
use crate::integration::{Integration, Level};
use crate::role_hop::RoleHop;

/// The credentials of one identity for one resource, which refresh. Given by
/// [`Authenticator::credentials`](crate::Authenticator::credentials); clones share what they hold.
///
/// It implements [`ProvideCredentials`], so it goes into a
/// [`SharedCredentialsProvider`](aws_credential_types::provider::SharedCredentialsProvider), any `aws-sdk-*` client and
/// `aws_config::SdkConfig`.
///
/// Such a client has a cache of its own, in which a tenant's credentials stay good until just before they expire, whatever
/// becomes of the ServiceAccount. Where that matters, build the client for each reconciliation, as Flux does, or with
/// `identity_cache(IdentityCache::no_cache())`, which leaves caching to this.
#[derive(Clone)]
pub struct IdentityCredentials(Who);

#[derive(Clone)]
enum Who {
    Controller { chain: Chain, policy: Arc<Policy>, integration: Integration },
    Secret(Chain),
    Object { object: Arc<Object>, policy: Arc<Policy>, integration: Integration },
}

impl IdentityCredentials {
    pub(super) fn of_controller(chain: Chain, policy: Arc<Policy>, integration: Integration) -> Self {
        Self(Who::Controller { chain, policy, integration })
    }

    pub(super) fn of_secret(chain: Chain) -> Self {
        Self(Who::Secret(chain))
    }

    pub(super) fn of_object(object: Object, policy: Arc<Policy>, integration: Integration) -> Self {
        Self(Who::Object { object: Arc::new(object), policy, integration })
    }

    /// The credentials and how they were found, by the rules of [`Chain::resolve`].
    ///
    /// Those of an object are the ones of its ServiceAccount as it was at a time during this call, and is at its end if it had
    /// to wait for STS.
    ///
    /// # Errors
    ///
    /// Those of [`Chain::resolve`], with a report. Of the controller's identity also
    /// [`Reason::IdentityNotAllowed`](crate::Reason::IdentityNotAllowed), where the source that gives it is not supported for
    /// the resource. Of an object's also what its ServiceAccount's reading says, and
    /// [`Reason::ServiceAccountReplaced`](crate::Reason::ServiceAccountReplaced), which another try mends.
    ///
    /// # Cancel safety
    ///
    /// As [`Chain::resolve`].
    pub async fn resolve(&self) -> Result<Resolved, Error> {
        self.resolved().await
    }

    /// The credentials of a further role, assumed with these, as [`Chain::assume_role`] does it. The first identity stays what
    /// is checked, and read before each use.
    #[must_use]
    pub fn assume_role(&self, hop: RoleHop) -> Self {
        Self(match &self.0 {
            Who::Controller { chain, policy, integration } => Who::Controller {
                chain: chain.assume_role(hop),
                policy: policy.clone(),
                integration: *integration,
            },
            Who::Secret(chain) => Who::Secret(chain.assume_role(hop)),
            Who::Object { object, policy, integration } => {
                let object = Arc::new(object.with_hop(hop));
                Who::Object { object, policy: policy.clone(), integration: *integration }
            }
        })
    }

    /// Lets go of these credentials, if they are the ones that are held; says whether they were. As
    /// [`Chain::forget_credentials`], for credentials that AWS no longer accepts, though they have not expired.
    pub fn forget_credentials(&self, rejected: &Credentials) -> bool {
        match &self.0 {
            Who::Controller { chain, .. } | Who::Secret(chain) => chain.forget_credentials(rejected),
            Who::Object { object, .. } => object.forget_credentials(rejected),
        }
    }

    // In a box, so that it is compiled once, here, and not by everybody who resolves an identity.
    fn resolved(&self) -> BoxFuture<'_, Result<Resolved, Error>> {
        Box::pin(async move {
            match &self.0 {
                Who::Controller { chain, policy, integration } => {
                    let resolved = chain.resolve().await?;
                    check(policy, *integration, &resolved)?;
                    Ok(resolved)
                }
                Who::Secret(chain) => chain.resolve().await,
                Who::Object { object, policy, integration } => {
                    let resolved = object.resolve().await?;
                    check(policy, *integration, &resolved)?;
                    Ok(resolved)
                }
            }
        })
    }
}

/// Whether the source that the credentials come from in the end may be used for this.
fn check(policy: &Policy, integration: Integration, resolved: &Resolved) -> Result<(), Error> {
    let Some(source) = resolved.report().origin() else { return Ok(()) };
    let level = Level::of(source).unwrap_or(Level::Controller);
    policy.check(integration, level, source).map_err(|error| error.with_report(resolved.report().clone()))
}

impl ProvideCredentials for IdentityCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let ready = match &self.0 {
            Who::Controller { chain, policy, integration } => {
                chain.ready().filter(|resolved| check(policy, *integration, resolved).is_ok())
            }
            Who::Secret(chain) => chain.ready(),
            // Only after its ServiceAccount was read.
            Who::Object { .. } => None,
        };
        match ready {
            Some(resolved) => future::ProvideCredentials::ready(Ok(resolved.credentials().clone())),
            None => future::ProvideCredentials::new(async {
                let resolved = self.resolved().await;
                resolved.map(|resolved| resolved.credentials().clone()).map_err(to_credentials_error)
            }),
        }
    }

    /// What is held and still good, except of an object: without reading its ServiceAccount nobody knows.
    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        let held = match &self.0 {
            Who::Controller { chain, policy, integration } => {
                chain.peek().filter(|resolved| check(policy, *integration, resolved).is_ok())
            }
            Who::Secret(chain) => chain.peek(),
            Who::Object { .. } => None,
        };
        held.map(|resolved| resolved.credentials().clone())
    }
}

impl fmt::Debug for IdentityCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = f.debug_tuple("IdentityCredentials");
        match &self.0 {
            Who::Controller { chain, .. } | Who::Secret(chain) => tuple.field(chain),
            Who::Object { object, .. } => tuple.field(object),
        };
        tuple.finish()
    }
}
