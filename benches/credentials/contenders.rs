//! Who is measured.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::client::identity::{
    ResolveCachedIdentity, SharedIdentityCache, SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types::config_bag::ConfigBag;
use flux_aws_auth::cache::{CacheBuilder, Handle, Loaded};
use flux_aws_auth::{Chain, Environment, Error};

use crate::network::Network;
use crate::requests::{AGENT, ROLE, TOKEN_FILE};

/// A chain that has nothing but this environment and this network.
pub(crate) fn chain_over(environment: Environment, network: &Network) -> Chain {
    Chain::builder()
        .environment(environment)
        .http_client(network.clone())
        .metadata_http_client(network.clone())
        .build()
}

/// A pod with IRSA.
pub(crate) fn irsa() -> Environment {
    Environment::empty()
        .with_var("AWS_REGION", "eu-west-1")
        .with_var("AWS_ROLE_ARN", ROLE)
        .with_var("AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_FILE)
        .with_file(TOKEN_FILE, include_str!("token"))
}

/// A pod with a Pod Identity association.
pub(crate) fn pod_identity() -> Environment {
    Environment::empty()
        .with_var("AWS_CONTAINER_CREDENTIALS_FULL_URI", AGENT)
        .with_var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", TOKEN_FILE)
        .with_file(TOKEN_FILE, include_str!("token"))
}

/// What else a handle may hold: the login of a registry.
#[derive(Debug)]
pub(crate) struct Login(pub(crate) usize);

impl Login {
    pub(crate) fn handle() -> Handle<Self, Error> {
        let expiry = SystemTime::UNIX_EPOCH + Duration::from_secs(4_102_444_800);
        CacheBuilder::new().single(move |_| async move { Ok(Loaded::new(Self(1)).with_expiry(expiry)) })
    }
}

/// The identity cache of the AWS SDK's clients, by itself.
#[derive(Debug)]
pub(crate) struct CachedIdentity {
    cache: SharedIdentityCache,
    resolver: SharedIdentityResolver,
    components: RuntimeComponents,
    config: ConfigBag,
}

impl CachedIdentity {
    #[expect(clippy::expect_used, reason = "a bench")]
    pub(crate) fn over(provider: impl ProvideCredentials + 'static) -> Self {
        let components = RuntimeComponentsBuilder::for_tests()
            .with_time_source(Some(SystemTimeSource::new()))
            .with_sleep_impl(Some(TokioSleep::new()))
            .build()
            .expect("complete");
        Self {
            cache: IdentityCache::lazy().build(),
            resolver: SharedIdentityResolver::new(SharedCredentialsProvider::new(provider)),
            components,
            config: ConfigBag::base(),
        }
    }

    pub(crate) async fn credentials(&self) -> Option<Credentials> {
        let identity = self
            .cache
            .resolve_cached_identity(self.resolver.clone(), &self.components, &self.config)
            .await
            .ok()?;
        identity.data::<Credentials>().cloned()
    }
}
