//! What can be seen of a call while it is made.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_sts::error::ProvideErrorMetadata;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityError;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextRef,
    BeforeTransmitInterceptorContextRef, Error,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::ErrorMetadata;

use crate::clock_skew::ClockSkew;
use crate::error::ResponseFacts;

/// Counts the requests of a call and keeps the facts of its last answer. Clones record into the same place.
#[derive(Clone, Debug, Default)]
pub(super) struct Recorder(Arc<Mutex<Recorded>>);

#[derive(Clone, Debug, Default)]
pub(super) struct Recorded {
    /// How many requests were made.
    pub(super) tries: u32,
    /// What the last answer said outside of its body, be there requests after it or not.
    pub(super) response: ResponseFacts,
    /// And in it, if it was an error.
    pub(super) said: ErrorMetadata,
    /// By the last answer that said what time it is.
    pub(super) clock_skew: Option<ClockSkew>,
}

impl Recorder {
    pub(super) fn recorded(&self) -> Recorded {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn record(&self, change: impl FnOnce(&mut Recorded)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

#[dyn_dispatch_hint]
impl Intercept for Recorder {
    fn name(&self) -> &'static str {
        "Recorder"
    }

    fn read_before_attempt(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.record(|recorded| recorded.tries += 1);
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let now = components.time_source().map(|time_source| time_source.now());
        let date = response.headers().get("date");
        let clock_skew = now.zip(date).and_then(|(now, date)| ClockSkew::measure(now, date));
        self.record(|recorded| {
            recorded.response = ResponseFacts {
                status: Some(response.status().as_u16()),
                code: None,
                request_id: response.headers().get("x-amzn-requestid").map(str::to_owned),
            };
            recorded.said = ErrorMetadata::default();
            recorded.clock_skew = clock_skew.or(recorded.clock_skew);
        });
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let error = context.output_or_error().err().and_then(|error| error.as_operation_error());
        if let Some(said) = error.and_then(metadata) {
            self.record(|recorded| recorded.said = said.clone());
        }
        Ok(())
    }
}

/// What an error of one of the operations that are used here says.
pub(super) fn metadata(error: &Error) -> Option<&ErrorMetadata> {
    let of_hop = || error.downcast_ref::<AssumeRoleError>().map(ProvideErrorMetadata::meta);
    let of_check = || error.downcast_ref::<GetCallerIdentityError>().map(ProvideErrorMetadata::meta);
    let of_exchange = error.downcast_ref::<AssumeRoleWithWebIdentityError>().map(ProvideErrorMetadata::meta);
    of_exchange.or_else(of_hop).or_else(of_check)
}
