//! One request to an agent on this node: `Operation` of the AWS SDK's own runtime, so that limits, retries, clock and
//! waiting are those of every other call.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_async::future::now_or_later::BoxFuture;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{
    ModeledAsRetryableClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{
    HttpRequest, HttpResponse, OrchestratorError, SensitiveOutput,
};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_runtime_api::http::Headers;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::retry::{ErrorKind, ProvideErrorKind, RetryConfig};
use aws_smithy_types::timeout::TimeoutConfig;
use http::{HeaderValue, Method};
use http_body_util::Limited;
use serde::de::IgnoredAny;

use super::{LastExchange, Notes, SourceContext};
use crate::answer_limit::AnswerLimit;
use crate::clock_skew::ClockSkew;
use crate::connection::ConnectionFailure;
use crate::endpoint::Endpoint;
use crate::error::{BoxError, ResponseFacts};
use crate::retry;
use crate::text::one_line;

/// How one request is made.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) service: &'static str,
    pub(super) operation: &'static str,
    pub(super) connect_timeout: Duration,
    pub(super) read_timeout: Duration,
    /// Tries in all. Answers of 429 and 5xx are tried again.
    pub(super) attempts: u32,
    /// So is no answer at all.
    pub(super) retry_network: bool,
    /// So is a good answer that is no JSON.
    pub(super) expects_json: bool,
}

/// A request without a body. Its headers, which hold a token, are put on by the connector itself, behind the place where the
/// SDK's runtime traces requests.
pub(super) struct Request {
    method: Method,
    /// The whole address, without a query.
    shown: String,
    origin: String,
    path_and_query: String,
    headers: Vec<(&'static str, String)>,
}

impl Request {
    /// A request to the address itself, query and all.
    pub(super) fn to_endpoint(method: Method, endpoint: &Endpoint) -> Self {
        Self {
            method,
            shown: endpoint.to_string(),
            origin: endpoint.origin(),
            path_and_query: endpoint.path_and_query(),
            headers: Vec::new(),
        }
    }

    /// A request to `path`, which has no query, below the address.
    pub(super) fn to_path(method: Method, endpoint: &Endpoint, path: &str) -> Self {
        Self {
            method,
            shown: format!("{}{path}", endpoint.url()),
            origin: endpoint.origin(),
            path_and_query: format!("{}{path}", endpoint.path().trim_end_matches('/')),
            headers: Vec::new(),
        }
    }

    /// Adds a header; `None` when the value has characters that a header cannot carry.
    pub(super) fn header(mut self, name: &'static str, value: &str) -> Option<Self> {
        // What these headers carry is checked here: the SDK's own headers would panic on it.
        HeaderValue::from_str(value).ok()?;
        self.headers.push((name, value.to_owned()));
        Some(self)
    }

    fn to_http(&self) -> Result<HttpRequest, BoxError> {
        let request = http::Request::builder().method(self.method.clone()).uri(&self.path_and_query);
        Ok(HttpRequest::try_from(request.body(SdkBody::empty())?)?)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("method", &self.method).finish_non_exhaustive()
    }
}

/// An answer, whatever its status.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    headers: Headers,
}

impl Answer {
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// The start of the body as one line of text, with `secret` taken out should the other side have repeated it.
    pub(super) fn text(&self, secret: &str) -> String {
        let text = String::from_utf8_lossy(&self.body);
        one_line(&if secret.is_empty() { text.into_owned() } else { text.replace(secret, "…") }, 300)
    }
}

/// The body may hold credentials.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// No answer that was read to its end, and the cause.
#[derive(Debug)]
pub(super) struct Unanswered {
    pub(super) why: NoAnswer,
    pub(super) source: BoxError,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// What became of the connection.
    Failed(ConnectionFailure),
    /// One began that no credentials are as long as, and nothing of it was kept.
    TooLong,
}

impl Unanswered {
    /// What became of it, as a clause that follows the address.
    pub(super) fn describe(&self, exchange: &Exchange) -> String {
        let failure = match self.why {
            NoAnswer::Failed(failure) => failure,
            NoAnswer::TooLong => {
                return format!("an answer of more than {} KiB, which was not read", MAX_BODY_BYTES / 1024);
            }
        };
        match failure {
            ConnectionFailure::ConnectTimeout => {
                format!("no connection within {:?}", exchange.connect_timeout)
            }
            ConnectionFailure::ReadTimeout => {
                format!("connected, but no answer within {:?}", exchange.read_timeout)
            }
            ConnectionFailure::Other => "no usable answer".to_owned(),
            failure => failure.to_string(),
        }
    }
}

impl Exchange {
    /// Sends `request`, again if need be, and notes what became of it.
    //
    // In a box, so that the SDK's runtime below it is compiled once, and not in each module that sends something.
    pub(super) fn send<'a>(
        &'a self,
        context: &'a SourceContext,
        notes: &'a mut Notes,
        request: Request,
    ) -> BoxFuture<'a, Result<Answer, Unanswered>> {
        Box::pin(self.send_and_note(context, notes, request))
    }

    async fn send_and_note(
        &self,
        context: &SourceContext,
        notes: &mut Notes,
        request: Request,
    ) -> Result<Answer, Unanswered> {
        let shown = request.shown.clone();
        notes.asks(&shown);
        let result = self.invoke(context, request).await;
        match &result {
            Ok(answer) => {
                notes.add(shown.as_str(), format!("HTTP {}", answer.status));
                let response = ResponseFacts { status: Some(answer.status), ..ResponseFacts::default() };
                let clock_skew =
                    answer.header("date").and_then(|date| ClockSkew::measure(context.now(), date));
                notes.exchanged(LastExchange { endpoint: shown, response, clock_skew });
            }
            Err(unanswered) => {
                notes.add(shown.as_str(), unanswered.describe(self));
                notes.exchanged(LastExchange { endpoint: shown, ..LastExchange::default() });
            }
        }
        result
    }

    async fn invoke(&self, context: &SourceContext, request: Request) -> Result<Answer, Unanswered> {
        let mut settings = Layer::new("flux-aws-auth");
        settings.store_put(SensitiveOutput);
        settings.store_put(retry::unmetered());
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(self.connect_timeout)
            .read_timeout(self.read_timeout)
            .operation_attempt_timeout(self.connect_timeout + self.read_timeout)
            .build();
        let retries = RetryConfig::standard()
            .with_max_attempts(self.attempts)
            .with_initial_backoff(Duration::from_millis(100));
        let mut operation = Operation::builder()
            .service_name(self.service)
            .operation_name(self.operation)
            .http_client(WithHeaders {
                client: context.metadata_http_client().clone(),
                headers: request.headers.clone().into(),
            })
            .endpoint_url(&request.origin)
            .no_auth()
            .standard_retry(&retries)
            .retry_classifier(ModeledAsRetryableClassifier::<TryAgain>::new())
            .timeout_config(timeouts)
            .time_source(context.time_source.clone())
            .sleep_impl(context.sleep_impl.clone())
            .runtime_plugin(StaticRuntimePlugin::new().with_config(settings.freeze()))
            .serializer(|request: Request| request.to_http())
            .deserializer({
                let expects_json = self.expects_json;
                move |response| deserialize(response, expects_json)
            });
        if self.retry_network {
            operation = operation.retry_classifier(TransientErrorClassifier::<TryAgain>::new());
        }
        match operation.build().invoke(request).await {
            Ok(answer) => Ok(answer),
            Err(SdkError::ServiceError(error)) => Ok(*error.into_err().0),
            Err(error) => {
                let why = if AnswerLimit::was_exceeded(&error) {
                    NoAnswer::TooLong
                } else {
                    NoAnswer::Failed(ConnectionFailure::diagnose(&error))
                };
                Err(Unanswered { why, source: error.into() })
            }
        }
    }
}

/// Credentials are about two kilobytes; what is longer is broken off.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Puts a request's headers on at the last moment, and a limit on the answer.
#[derive(Clone)]
struct WithHeaders<C> {
    client: C,
    headers: Arc<[(&'static str, String)]>,
}

impl<C> fmt::Debug for WithHeaders<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithHeaders").finish_non_exhaustive()
    }
}

impl HttpClient for WithHeaders<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let client = self.client.http_connector(settings, components);
        SharedHttpConnector::new(WithHeaders { client, headers: self.headers.clone() })
    }
}

impl HttpConnector for WithHeaders<SharedHttpConnector> {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        for (name, value) in self.headers.iter() {
            request.headers_mut().insert(*name, value.clone());
        }
        let answer = self.client.call(request);
        HttpConnectorFuture::new(async move {
            answer
                .await
                .map(|answer| answer.map(|body| SdkBody::from_body_1_x(Limited::new(body, MAX_BODY_BYTES))))
        })
    }
}

/// An answer worth another try; the last one counts as the answer.
#[derive(Debug)]
struct TryAgain(Box<Answer>);

impl fmt::Display for TryAgain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP status {}", self.0.status)
    }
}

impl StdError for TryAgain {}

impl ProvideErrorKind for TryAgain {
    fn retryable_error_kind(&self) -> Option<ErrorKind> {
        Some(if self.0.status == 429 { ErrorKind::ThrottlingError } else { ErrorKind::ServerError })
    }

    fn code(&self) -> Option<&str> {
        None
    }
}

fn deserialize(response: &HttpResponse, expects_json: bool) -> Result<Answer, OrchestratorError<TryAgain>> {
    let answer = Answer {
        status: response.status().as_u16(),
        body: response.body().bytes().map(<[u8]>::to_vec).unwrap_or_default(),
        headers: response.headers().clone(),
    };
    let garbled = || serde_json::from_slice::<IgnoredAny>(&answer.body).is_err();
    if answer.status == 429 || answer.status >= 500 || (expects_json && answer.is_success() && garbled()) {
        return Err(OrchestratorError::operation(TryAgain(Box::new(answer))));
    }
    Ok(answer)
}
