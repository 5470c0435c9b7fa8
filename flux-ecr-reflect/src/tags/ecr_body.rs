//! How long an answer of the ECR API may be.

use std::error::Error as StdError;

use aws_sdk_ecr::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_ecr::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_ecr::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecr::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_types::body::SdkBody;
use http_body_util::{LengthLimitError, Limited};

/// A thousand images with five hundred of the longest tags each: far more than any page has.
pub(super) const MAX_ANSWER_MIB: usize = 64;

/// Reads no answer beyond [`MAX_ANSWER_MIB`], which the SDK would read to its end, and asks for none again.
#[derive(Debug)]
pub(super) struct BoundedAnswers;

impl Intercept for BoundedAnswers {
    fn name(&self) -> &'static str {
        "BoundedAnswers"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response_mut().body_mut();
        let limited = Limited::new(std::mem::replace(body, SdkBody::taken()), MAX_ANSWER_MIB * 1024 * 1024);
        *body = SdkBody::from_body_1_x(limited);
        Ok(())
    }
}

impl ClassifyRetry for BoundedAnswers {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.output_or_error().and_then(Result::err) {
            Some(error) if is_too_long(error) => RetryAction::RetryForbidden,
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "BoundedAnswers"
    }
}

/// Whether this, or what caused it, is that an answer was too long.
pub(super) fn is_too_long(error: &(dyn StdError + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source()).any(<dyn StdError>::is::<LengthLimitError>)
}
