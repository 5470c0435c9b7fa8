//! The AWS client: its limits, and what keeps it from reading the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_ecr::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_ecr::config::retry::RetryConfig;
use aws_sdk_ecr::config::timeout::TimeoutConfig;
use aws_sdk_ecr::config::{BehaviorVersion, ConfigBag, IdentityCache, Intercept, RuntimeComponents};
use aws_sdk_ecr::error::BoxError;
use aws_smithy_async::future::timeout::Timeout;
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep};
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use flux_aws_auth::NoProcessEnvironment;

/// Everything a client needs from outside.
pub(crate) struct Connection {
    pub(crate) credentials: SharedCredentialsProvider,
    /// Whether the provider keeps what it gave until it is time for new.
    pub(crate) credentials_are_held: bool,
    pub(crate) http_client: SharedHttpClient,
    pub(crate) time_source: SharedTimeSource,
    pub(crate) sleep_impl: SharedAsyncSleep,
}

impl Connection {
    /// One client for all regions: the region is set per call, and credentials are loaded once for all of
    /// them.
    pub(crate) fn into_client(self) -> aws_sdk_ecr::Client {
        // A chain holds and refreshes its credentials itself, and earlier than this cache would ask.
        let identity_cache = if self.credentials_are_held {
            IdentityCache::no_cache()
        } else {
            IdentityCache::lazy().load_timeout(ATTEMPT_TIMEOUT).build()
        };
        let config = aws_sdk_ecr::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .credentials_provider(InTime { provider: self.credentials, sleep_impl: self.sleep_impl.clone() })
            .identity_cache(identity_cache)
            .http_client(self.http_client)
            .time_source(self.time_source)
            .sleep_impl(self.sleep_impl)
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .read_timeout(READ_TIMEOUT)
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                    .operation_timeout(PAGE_TIMEOUT)
                    .build(),
            )
            .retry_config(
                RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS).with_max_backoff(MAX_BACKOFF),
            )
            .interceptor(NoProcessEnvironment::for_crate(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")));
        aws_sdk_ecr::Client::from_conf(config.build())
    }
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const READ_TIMEOUT: Duration = Duration::from_secs(15);
/// Credentials are loaded within a try, and must be able to fail in their own words before the try is cut
/// off.
const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(20);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
const PAGE_TIMEOUT: Duration = Duration::from_secs(90);
const MAX_ATTEMPTS: u32 = 5;
const MAX_BACKOFF: Duration = Duration::from_secs(10);

/// A provider whose slowness is a credentials error, told apart from a slow registry.
#[derive(Debug)]
struct InTime {
    provider: SharedCredentialsProvider,
    sleep_impl: SharedAsyncSleep,
}

impl ProvideCredentials for InTime {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let timeout = self.sleep_impl.sleep(CREDENTIALS_TIMEOUT);
        future::ProvideCredentials::new(async move {
            match Timeout::new(self.provider.provide_credentials(), timeout).await {
                Ok(result) => result,
                Err(_) => Err(CredentialsError::provider_timed_out(CREDENTIALS_TIMEOUT)),
            }
        })
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.provider.fallback_on_interrupt()
    }
}

/// Counts the requests of one call, retries included.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestCounter(Arc<AtomicU64>);

impl RequestCounter {
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Intercept for RequestCounter {
    fn name(&self) -> &'static str {
        "RequestCounter"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
