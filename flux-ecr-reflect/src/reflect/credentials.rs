//! Whoever gives credentials, held by a chain.

use std::any::Any;

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use flux_aws_auth::source::NamedProvider;
use flux_aws_auth::{Chain, Environment};

use crate::tags::ecr_client::Connection;

/// What [`ReflectorBuilder::credentials`](super::ReflectorBuilder::credentials) was given.
pub(super) enum CredentialsFrom {
    Chain(Chain),
    Provider(SharedCredentialsProvider),
}

impl CredentialsFrom {
    pub(super) fn new(provider: impl ProvideCredentials + 'static) -> Self {
        // A chain in a chain would hold the same credentials twice, and refresh them late.
        match (&provider as &dyn Any).downcast_ref::<Chain>() {
            Some(chain) => Self::Chain(chain.clone()),
            None => Self::Provider(SharedCredentialsProvider::new(provider)),
        }
    }

    pub(super) fn into_chain(self, connection: &Connection) -> Chain {
        match self {
            Self::Chain(chain) => chain,
            Self::Provider(provider) => Chain::builder()
                .environment(Environment::empty())
                .http_client(connection.http_client.clone())
                .time_source(connection.time_source.clone())
                .sleep_impl(connection.sleep_impl.clone())
                .only(NamedProvider::new("credentials provider", OnlyProvider(provider)))
                .build(),
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
