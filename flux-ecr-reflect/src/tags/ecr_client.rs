//! The AWS client: its limits, and what keeps it from reading the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_sdk_ecr::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_ecr::config::retry::RetryConfig;
use aws_sdk_ecr::config::timeout::TimeoutConfig;
use aws_sdk_ecr::config::{BehaviorVersion, ConfigBag, IdentityCache, Intercept, RuntimeComponents};
use aws_sdk_ecr::error::BoxError;
use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use flux_aws_auth::{AnswerLimit, NoProcessEnvironment};

use crate::throttle::Throttle;

/// Everything a client needs from outside.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) http_client: SharedHttpClient,
    pub(crate) time_source: SharedTimeSource,
    pub(crate) sleep_impl: SharedAsyncSleep,
    pub(crate) throttle: Throttle,
}

impl Connection {
    /// One client for all regions and identities: the region and the credentials are set per call.
    pub(crate) fn into_client(self) -> aws_sdk_ecr::Client {
        let config = aws_sdk_ecr::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .identity_cache(IdentityCache::no_cache())
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
            .interceptor(AnswerLimit::bytes(MAX_ANSWER_MIB * 1024 * 1024))
            .retry_classifier(AnswerLimit::never_again())
            .interceptor(NoProcessEnvironment::for_crate(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")));
        aws_sdk_ecr::Client::from_conf(config.build())
    }
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const READ_TIMEOUT: Duration = Duration::from_secs(15);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
const PAGE_TIMEOUT: Duration = Duration::from_secs(90);
const MAX_ATTEMPTS: u32 = 5;
const MAX_BACKOFF: Duration = Duration::from_secs(10);
/// A thousand images with five hundred of the longest tags each: far more than any page has.
pub(super) const MAX_ANSWER_MIB: usize = 64;

/// Counts the requests of one page, retries included.
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
