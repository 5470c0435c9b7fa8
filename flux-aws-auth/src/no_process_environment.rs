//! What keeps an AWS SDK client from looking into the process by itself.

use aws_runtime::user_agent::{ApiMetadata, AwsUserAgent};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_types::app_name::AppName;
use aws_types::os_shim_internal::Env;
use aws_types::sdk_ua_metadata::FrameworkMetadata;

const TRACE_ID: &str = "x-amzn-trace-id";

/// An interceptor for any `aws-sdk-*` client, under which no environment variable gets into a request.
///
/// By itself such a client reads `AWS_EXECUTION_ENV` for its user agent, and in a Lambda function the function's name and
/// trace id for a header. The clients of these crates have this interceptor; give it to your own so that
/// [`Environment`](crate::Environment) is all that they know. It also names the crate to AWS, in the user agent.
///
/// What it cannot prevent: the SDK's own trace output reads `LOG_SENSITIVE_BODIES` and `LOG_SIGNABLE_BODY`; and when a client is
/// made, the file that `SMITHY_CLIENT_SDK_CUSTOM_PARTITION` names is read, if there is such a variable, and must be readable and
/// valid. With an endpoint resolver of its own, as the clients of these crates have, a client does not go by that file.
///
/// ```
/// use aws_sdk_sts::config::{BehaviorVersion, Config};
/// use flux_aws_auth::NoProcessEnvironment;
///
/// let config = Config::builder()
///     .behavior_version(BehaviorVersion::v2026_01_12())
///     .interceptor(NoProcessEnvironment::for_crate("my-controller", "1.2.0"))
///     .build();
/// # let _ = config;
/// ```
#[derive(Clone, Debug)]
pub struct NoProcessEnvironment {
    user: Option<FrameworkMetadata>,
}

impl NoProcessEnvironment {
    /// The interceptor, with the name and version of the crate that makes the client. A name or version that no user agent
    /// can carry is left out.
    pub fn for_crate(name: &'static str, version: &'static str) -> Self {
        Self { user: FrameworkMetadata::new(name, Some(version)).ok() }
    }
}

#[dyn_dispatch_hint]
impl Intercept for NoProcessEnvironment {
    fn name(&self) -> &'static str {
        "NoProcessEnvironment"
    }

    /// The SDK makes a user agent only if there is none yet.
    fn read_before_execution(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let api = config.load::<ApiMetadata>().cloned().unwrap_or_else(|| ApiMetadata::new("unknown", "0"));
        let mut agent = AwsUserAgent::new_from_environment(Env::from_slice(&[]), api);
        if let Some(name) = config.load::<AppName>() {
            agent.set_app_name(name.clone());
        }
        // The bag gives the newest first.
        let set_by_the_user: Vec<_> = config.load::<FrameworkMetadata>().cloned().collect();
        for metadata in self.user.iter().cloned().chain(set_by_the_user.into_iter().rev()) {
            agent = agent.with_framework_metadata(metadata);
        }
        config.interceptor_state().store_put(agent);
        Ok(())
    }

    /// The SDK looks for a trace id only if the header is not there: this puts one in …
    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        context.request_mut().headers_mut().insert(TRACE_ID, "none");
        Ok(())
    }

    /// … and takes it out again, before the request is signed.
    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        context.request_mut().headers_mut().remove(TRACE_ID);
        Ok(())
    }
}
