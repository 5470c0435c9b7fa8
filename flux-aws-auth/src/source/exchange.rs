//! One request to an agent on this node, and its answer, tried again where that may help.
//!
//! Limits and pauses are those that the AWS SDK's runtime keeps. That runtime itself would be compiled again here, as big as all
//! sources together.

use std::fmt;
use std::time::Duration;

use aws_smithy_async::future::now_or_later::BoxFuture;
use aws_smithy_async::future::timeout::Timeout;
use aws_smithy_async::rt::sleep::AsyncSleep;
use aws_smithy_runtime::client::auth::no_auth::{NO_AUTH_SCHEME_ID, NoAuthScheme};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::identity::no_auth::NoAuthIdentityResolver;
use aws_smithy_runtime::client::orchestrator::endpoints::StaticUriEndpointResolver;
use aws_smithy_runtime::client::retries::strategy::NeverRetryStrategy;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::identity::SharedIdentityResolver;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::{
    BuildError, RuntimeComponents, RuntimeComponentsBuilder,
};
use aws_smithy_runtime_api::http::Headers;
use aws_smithy_types::body::SdkBody;
use http::{HeaderValue, Method};
use http_body_util::{BodyExt, Limited};
use serde::de::IgnoredAny;

use super::{LastExchange, Notes, SourceContext};
use crate::answer_limit::AnswerLimit;
use crate::clock_skew::ClockSkew;
use crate::connection::ConnectionFailure;
use crate::endpoint::Endpoint;
use crate::error::{BoxError, ResponseFacts};
use crate::http_clients::Late;
use crate::text::one_line;

/// How one request is made.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) connect_timeout: Duration,
    pub(super) read_timeout: Duration,
    /// Tries in all. Answers of 429 and 5xx are tried again.
    pub(super) attempts: u32,
    /// So is no answer at all.
    pub(super) retry_network: bool,
    /// So is a good answer that is not JSON.
    pub(super) expects_json: bool,
}

/// A request without a body. Its headers hold a token.
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
        let mut request = HttpRequest::new(SdkBody::empty());
        request.set_method(self.method.as_str())?;
        request.set_uri(format!("{}{}", self.origin, self.path_and_query).as_str())?;
        for (name, value) in &self.headers {
            request.headers_mut().try_insert(*name, value.clone())?;
        }
        Ok(request)
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

    fn is_json(&self) -> bool {
        serde_json::from_slice::<IgnoredAny>(&self.body).is_ok()
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
    /// Whether the same request may get one a little later.
    may_pass: bool,
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
    /// There was no request: it, or what the HTTP client is asked with, could not be made.
    fn not_sent(source: impl Into<BoxError>) -> Self {
        Self { why: NoAnswer::Failed(ConnectionFailure::Other), source: source.into(), may_pass: false }
    }

    fn of_connector(error: ConnectorError) -> Self {
        let may_pass = error.is_timeout() || error.is_io() || error.as_other().is_some();
        Self { why: NoAnswer::Failed(ConnectionFailure::diagnose(&error)), source: error.into(), may_pass }
    }

    fn of_body(error: BoxError) -> Self {
        if AnswerLimit::was_exceeded(&*error) {
            // So would the next one be.
            return Self { why: NoAnswer::TooLong, source: error, may_pass: false };
        }
        Self { why: NoAnswer::Failed(ConnectionFailure::diagnose(&*error)), source: error, may_pass: true }
    }

    fn after(limit: Duration) -> Self {
        let why = NoAnswer::Failed(ConnectionFailure::ReadTimeout);
        Self { why, source: Late::Answer(limit).into(), may_pass: true }
    }

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
    // In a box, so that it is compiled once, and not in each module that sends something.
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
        let result = self.try_again(context, &request).await;
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

    async fn try_again(&self, context: &SourceContext, request: &Request) -> Result<Answer, Unanswered> {
        let settings = HttpConnectorSettings::builder()
            .connect_timeout(self.connect_timeout)
            .read_timeout(self.read_timeout)
            .build();
        let components = components(context).map_err(Unanswered::not_sent)?;
        let connector = context.metadata_http_client().http_connector(&settings, &components);
        let limit = self.connect_timeout + self.read_timeout;
        let mut pause = FIRST_PAUSE;
        let mut tries = 0;
        loop {
            let answer = Timeout::new(once(&connector, request), context.sleep_impl.sleep(limit)).await;
            let answer = answer.unwrap_or_else(|_| Err(Unanswered::after(limit)));
            tries += 1;
            if tries >= self.attempts || !self.is_worth_another_try(&answer) {
                return answer;
            }
            let status = answer.as_ref().map_or(0, |answer| answer.status);
            tracing::debug!(address = request.shown, status, tries, "the request is tried again");
            // By chance, so that those who failed together do not come back together.
            context.sleep_impl.sleep(pause.mul_f64(fastrand::f64())).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn is_worth_another_try(&self, answer: &Result<Answer, Unanswered>) -> bool {
        match answer {
            Ok(answer) if answer.status == 429 || answer.status >= 500 => true,
            Ok(answer) => self.expects_json && answer.is_success() && !answer.is_json(),
            Err(unanswered) => self.retry_network && unanswered.may_pass,
        }
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// Credentials are about two kilobytes; what is longer is broken off.
const MAX_BODY_BYTES: usize = 64 * 1024;

async fn once(connector: &SharedHttpConnector, request: &Request) -> Result<Answer, Unanswered> {
    let request = request.to_http().map_err(Unanswered::not_sent)?;
    let mut response = connector.call(request).await.map_err(Unanswered::of_connector)?;
    let body = Limited::new(response.take_body(), MAX_BODY_BYTES);
    let body = body.collect().await.map_err(Unanswered::of_body)?;
    Ok(Answer {
        status: response.status().as_u16(),
        headers: std::mem::take(response.headers_mut()),
        body: body.to_bytes().into(),
    })
}

/// An HTTP client is asked for a connection with the parts of a whole AWS client, of which it takes the clock and the timer.
fn components(context: &SourceContext) -> Result<RuntimeComponents, BuildError> {
    RuntimeComponentsBuilder::new(env!("CARGO_PKG_NAME"))
        .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![NO_AUTH_SCHEME_ID])))
        .with_auth_scheme(NoAuthScheme::new())
        .with_identity_cache(Some(IdentityCache::no_cache()))
        .with_identity_resolver(NO_AUTH_SCHEME_ID, SharedIdentityResolver::new(NoAuthIdentityResolver::new()))
        .with_endpoint_resolver(Some(StaticUriEndpointResolver::uri("https://localhost")))
        .with_retry_strategy(Some(NeverRetryStrategy::new()))
        .with_time_source(Some(context.time_source.clone()))
        .with_sleep_impl(Some(context.sleep_impl.clone()))
        .build()
}
