//! How often a token is exchanged before the answer counts.

use std::time::Duration;

use aws_smithy_async::rt::sleep::AsyncSleep;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_types::error::ErrorMetadata;

use super::recorder::metadata;
use crate::error::Error;
use crate::source::SourceContext;

/// What another token may mend: the file was rotated a moment ago, or AWS does not know the issuer or its keys everywhere yet.
/// AWS says so of each ([errors of AssumeRoleWithWebIdentity]).
///
/// [errors of AssumeRoleWithWebIdentity]: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html#API_AssumeRoleWithWebIdentity_Errors
const WITH_ANOTHER_TOKEN: [&str; 3] =
    ["ExpiredTokenException", "IDPCommunicationError", "InvalidIdentityToken"];

/// The requests that are left of one exchange: three in all, as the AWS SDKs make, whether the SDK repeats them by itself (no
/// connection, a server error, throttling) or the caller does with a new token.
#[derive(Debug)]
pub(crate) struct Tries {
    left: u32,
    pause: Duration,
}

impl Tries {
    pub(crate) fn new() -> Self {
        Self { left: 3, pause: Duration::from_secs(1) }
    }

    pub(super) fn left(&self) -> u32 {
        self.left
    }

    pub(super) fn spend(&mut self, requests: u32) {
        self.left = self.left.saturating_sub(requests);
    }

    /// Whether to try again with a token that is read or requested again. Waits before it says yes: up to one second, then up
    /// to two.
    pub(crate) async fn again(&mut self, error: &Error, context: &SourceContext) -> bool {
        let mendable = error.aws_code().is_some_and(|code| WITH_ANOTHER_TOKEN.contains(&code));
        if !mendable || self.left == 0 {
            return false;
        }
        tracing::debug!(error = %error, "the token was not accepted; trying again with a new one");
        // Not less than half, or a rotation would not have come about.
        context.sleep_impl().sleep(self.pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        self.pause *= 2;
        true
    }
}

/// Keeps the SDK from sending a refused token again by itself.
#[derive(Debug)]
pub(super) struct NotTheSameToken;

impl ClassifyRetry for NotTheSameToken {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context.output_or_error().and_then(Result::err);
        let code = error
            .and_then(|error| error.as_operation_error())
            .and_then(metadata)
            .and_then(ErrorMetadata::code);
        match code {
            Some(code) if WITH_ANOTHER_TOKEN.contains(&code) => RetryAction::RetryForbidden,
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "NotTheSameToken"
    }
}
