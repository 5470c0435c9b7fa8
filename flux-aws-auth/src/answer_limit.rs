//! How much of an answer is read.

use std::error::Error;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextMut, InterceptorContext,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use http_body_util::{LengthLimitError, Limited};

use crate::connection::causes;

/// An interceptor for any `aws-sdk-*` client, under which an answer is read so far and no further.
///
/// By itself such a client reads an answer to its end, however long that is: whoever stands between here and AWS could fill the
/// memory with it. The clients of these crates have this interceptor; a call whose answer is longer fails, and what was read
/// is dropped. It is not for operations whose output is a stream, such as S3's `GetObject`: there the caller reads.
///
/// ```
/// use aws_sdk_sts::config::{BehaviorVersion, Config};
/// use flux_aws_auth::AnswerLimit;
///
/// let config = Config::builder()
///     .behavior_version(BehaviorVersion::v2026_01_12())
///     .interceptor(AnswerLimit::bytes(1024 * 1024))
///     .retry_classifier(AnswerLimit::never_again())
///     .build();
/// # let _ = config;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct AnswerLimit(usize);

impl AnswerLimit {
    /// The interceptor, with the length of the longest body that is read.
    pub fn bytes(limit: usize) -> Self {
        Self(limit)
    }

    /// The retry classifier that goes with it: a call whose answer is too long is not made again, for the next would be, too.
    pub fn never_again() -> impl ClassifyRetry + 'static {
        NeverAgain
    }

    /// Whether a call failed because its answer was longer: by its error, or any of the causes.
    pub fn was_exceeded(error: &(dyn Error + 'static)) -> bool {
        causes(error).any(<dyn Error>::is::<LengthLimitError>)
    }
}

#[derive(Debug)]
struct NeverAgain;

impl ClassifyRetry for NeverAgain {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.output_or_error().and_then(Result::err) {
            Some(error) if AnswerLimit::was_exceeded(error) => RetryAction::RetryForbidden,
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "AnswerLimit"
    }
}

#[dyn_dispatch_hint]
impl Intercept for AnswerLimit {
    fn name(&self) -> &'static str {
        "AnswerLimit"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response_mut().body_mut();
        // What is in memory has been read.
        if body.bytes().is_none() {
            *body = SdkBody::from_body_1_x(Limited::new(std::mem::replace(body, SdkBody::taken()), self.0));
        }
        Ok(())
    }
}
