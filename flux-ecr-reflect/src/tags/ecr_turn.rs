//! Calls to the ECR API, each in its turn.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;

use aws_sdk_ecr::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_ecr::error::ProvideErrorMetadata;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;

use crate::tags::ecr_answer::Answer;
use crate::tags::ecr_error::{Call, Failed};
use crate::throttle::{RegistryApi, Throttle};

/// Asks when it is this call's turn, and again when ECR asked to slow down: five times at most. All the while, no more than the
/// throttle's longest wait is spent on waiting.
pub(super) async fn in_turn<T, F>(
    throttle: &Throttle,
    call: &Call<'_>,
    ask: impl Fn() -> F + Send + Sync,
) -> Result<T, Failed>
where
    F: Future<Output = Result<T, Failed>> + Send,
{
    let deadline = throttle.deadline();
    let mut refused: Option<Failed> = None;
    let mut tries = 0;
    loop {
        let permit = match throttle.acquire_by(call.image.registry(), RegistryApi::Ecr, deadline).await {
            Ok(permit) => permit,
            // What ECR said tells more than that the next try would come too late.
            Err(too_long) => return Err(refused.unwrap_or_else(|| too_long.into())),
        };
        tries += 1;
        let failed = match ask().await {
            Ok(output) => {
                permit.ok();
                return Ok(output);
            }
            Err(failed) => failed,
        };
        match &failed.throttled {
            Some(throttled) => permit.throttled(throttled.retry_after),
            None => return Err(failed),
        }
        if tries == MAX_TRIES {
            return Err(failed);
        }
        refused = Some(failed);
    }
}

const MAX_TRIES: u32 = 5;

/// Keeps the SDK from trying again by itself what ECR refused to slow us down: waiting for that is the throttle's, which knows
/// what the other calls were told. `E` is the operation's error.
pub(super) struct NoRetryWhenThrottled<E>(PhantomData<fn() -> E>);

impl<E> NoRetryWhenThrottled<E> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<E> fmt::Debug for NoRetryWhenThrottled<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NoRetryWhenThrottled")
    }
}

impl<E: StdError + ProvideErrorMetadata + Send + Sync + 'static> ClassifyRetry for NoRetryWhenThrottled<E> {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context.output_or_error().and_then(|outcome| outcome.err()?.as_operation_error());
        match (error.and_then(|error| error.downcast_ref::<E>()), context.response()) {
            (Some(error), Some(response)) if Answer::new(error, response).is_throttling() => {
                RetryAction::RetryForbidden
            }
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "NoRetryWhenThrottled"
    }
}
