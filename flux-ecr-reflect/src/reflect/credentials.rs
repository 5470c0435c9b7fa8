//! Whoever gives credentials, and who holds them.

use std::any::Any;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use flux_aws_auth::source::NamedProvider;
use flux_aws_auth::{Chain, Environment, IdentityCredentials, Resolved};

use crate::tags::ecr_client::Connection;

/// What [`ReflectorBuilder::credentials`](super::ReflectorBuilder::credentials) was given.
pub(crate) enum CredentialsFrom {
    Holder(Holder),
    Provider(SharedCredentialsProvider),
}

impl CredentialsFrom {
    pub(crate) fn new(provider: impl ProvideCredentials + 'static) -> Self {
        // Held twice, credentials would be refreshed late, and an object's outlive its ServiceAccount.
        let provider_is: &dyn Any = &provider;
        if let Some(chain) = provider_is.downcast_ref::<Chain>() {
            Self::Holder(Holder::Chain(chain.clone()))
        } else if let Some(identity) = provider_is.downcast_ref::<IdentityCredentials>() {
            Self::Holder(Holder::Identity(identity.clone()))
        } else {
            Self::Provider(SharedCredentialsProvider::new(provider))
        }
    }

    pub(crate) fn into_holder(self, connection: &Connection) -> Holder {
        match self {
            Self::Holder(holder) => holder,
            Self::Provider(provider) => Holder::Chain(
                Chain::builder()
                    .environment(Environment::empty())
                    .http_client(connection.http_client.clone())
                    .time_source(connection.time_source.clone())
                    .sleep_impl(connection.sleep_impl.clone())
                    .only(NamedProvider::new("credentials provider", OnlyProvider(provider)))
                    .build(),
            ),
        }
    }
}

/// Who holds credentials, and is asked for them at every page. Clones share them.
#[derive(Clone)]
pub(crate) enum Holder {
    Chain(Chain),
    /// Reads an object's ServiceAccount each time.
    Identity(IdentityCredentials),
}

impl Holder {
    pub(crate) async fn credentials(&self) -> Result<Credentials, flux_aws_auth::Error> {
        Ok(self.resolve().await?.credentials().clone())
    }

    /// The credentials, and whose they are.
    pub(crate) async fn resolve(&self) -> Result<Resolved, flux_aws_auth::Error> {
        match self {
            Self::Chain(chain) => chain.resolve().await,
            Self::Identity(identity) => identity.resolve().await,
        }
    }

    /// Whether it is the one identity of a program, which may have none; that of an object may be taken from it.
    pub(crate) fn is_one(&self) -> bool {
        matches!(self, Self::Chain(_))
    }

    pub(crate) fn forget_credentials(&self, rejected: &Credentials) -> bool {
        match self {
            Self::Chain(chain) => chain.forget_credentials(rejected),
            Self::Identity(identity) => identity.forget_credentials(rejected),
        }
    }
}

/// A provider that nobody stands behind. A chain takes "nothing to load" for "ask the next one", and its reason would be
/// lost.
#[derive(Debug)]
struct OnlyProvider(SharedCredentialsProvider);

impl ProvideCredentials for OnlyProvider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            self.0.provide_credentials().await.map_err(|error| match error {
                CredentialsError::CredentialsNotLoaded(_) => CredentialsError::invalid_configuration(error),
                error => error,
            })
        })
    }
}
