//! One request and its answer, tried again where that may help.

use std::fmt;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use aws_smithy_async::future::timeout::Timeout;
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep};
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime::client::auth::no_auth::{NO_AUTH_SCHEME_ID, NoAuthScheme};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::identity::no_auth::NoAuthIdentityResolver;
use aws_smithy_runtime::client::orchestrator::endpoints::StaticUriEndpointResolver;
use aws_smithy_runtime::client::retries::strategy::NeverRetryStrategy;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorSettings, SharedHttpClient,
};
use aws_smithy_runtime_api::client::identity::SharedIdentityResolver;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::{
    BuildError, RuntimeComponents, RuntimeComponentsBuilder,
};
use aws_smithy_runtime_api::http::Headers;
use aws_smithy_types::body::SdkBody;
use flux_aws_auth::{BoxError, ConnectionFailure};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::origin::Origin;
use crate::error::Error;
use crate::throttle::{Permit, RegistryApi, Throttle, retry_after};

/// The HTTP client with limits, a clock and a way to wait.
#[derive(Clone)]
pub(super) struct Wire {
    http_client: SharedHttpClient,
    components: RuntimeComponents,
    sleep_impl: SharedAsyncSleep,
    time_source: SharedTimeSource,
    throttle: Throttle,
}

/// A request that changes nothing, so that it may be sent again.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) origin: Origin,
    pub(super) path_and_query: String,
    pub(super) accept: &'static str,
    pub(super) authorization: Option<String>,
    /// A body, of an HTML form.
    pub(super) form: Option<String>,
    /// How many bytes of an answer are read.
    pub(super) max_bytes: usize,
    /// Whether the body of a success is left to be read as it comes, however long it is.
    pub(super) is_streamed: bool,
}

/// An answer, whatever its status.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
    /// In place of `body`, of a request that is streamed.
    #[cfg_attr(not(feature = "artifacts"), expect(dead_code, reason = "nothing else is streamed"))]
    pub(super) stream: Option<SdkBody>,
}

/// No answer, or none that could be read.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// The HTTP client sends no such request at all.
    NotSent(BoxError),
    Connection(ConnectionFailure, BoxError),
    TimedOut,
    /// It was not sent, for the turn to send it did not come.
    NoTurn(Error),
    /// The answer is longer than this many bytes.
    TooLong(usize),
}

/// What was tried so far for one page.
#[derive(Debug, Default)]
pub(super) struct Tries {
    requests: AtomicU64,
    last_status: AtomicU16,
}

impl Tries {
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Whether the last that was heard was to come back later.
    pub(super) fn was_throttled(&self) -> bool {
        self.last_status.load(Ordering::Relaxed) == TOO_MANY_REQUESTS
    }
}

impl Wire {
    pub(super) fn new(
        http_client: SharedHttpClient,
        time_source: SharedTimeSource,
        sleep_impl: SharedAsyncSleep,
        throttle: Throttle,
    ) -> Result<Self, BuildError> {
        let components = components(&time_source, &sleep_impl)?;
        Ok(Self { http_client, components, sleep_impl, time_source, throttle })
    }

    /// The next piece of a streamed body; `None` at its end. Who sends nothing for as long as an answer may take is given up.
    #[cfg(feature = "artifacts")]
    pub(super) async fn next_piece(
        &self,
        body: &mut SdkBody,
    ) -> Result<Option<impl AsRef<[u8]> + Send + use<>>, Unanswered> {
        loop {
            let frame = self.within(READ_TIMEOUT, body.frame()).await.ok_or(Unanswered::TimedOut)?;
            let Some(frame) = frame else { return Ok(None) };
            // What follows a body (trailers) says nothing here.
            if let Ok(data) = frame.map_err(Unanswered::of)?.into_data() {
                return Ok(Some(data));
            }
        }
    }

    pub(super) fn now(&self) -> SystemTime {
        self.time_source.now()
    }

    /// What comes of `work` within `limit`.
    pub(super) async fn within<T: Send>(
        &self,
        limit: Duration,
        work: impl Future<Output = T> + Send,
    ) -> Option<T> {
        Timeout::new(work, self.sleep_impl.sleep(limit)).await.ok()
    }

    /// Sends a request in its turn, and again where the registry fails, throttles or cannot be reached. The last answer counts.
    pub(super) async fn send(&self, request: &Request, tries: &Tries) -> Result<Answer, Unanswered> {
        let host = request.origin.authority();
        let deadline = self.throttle.deadline();
        let mut backoff = FIRST_PAUSE;
        let mut throttled = None;
        let mut number = 0;
        loop {
            let permit = match self.throttle.acquire_by(&host, RegistryApi::Distribution, deadline).await {
                Ok(permit) => permit,
                // What the registry said tells more than that the next try would come too late.
                Err(too_long) => return throttled.ok_or(Unanswered::NoTurn(too_long)),
            };
            let outcome = self.send_once(request, tries).await;
            self.tell(permit, &outcome);
            number += 1;
            if number == MAX_TRIES || !is_passing(&outcome) {
                return outcome;
            }
            let status = outcome.as_ref().map_or(0, |answer| answer.status);
            tracing::debug!(registry = host, status, number, "request is tried again");
            throttled = outcome.ok().filter(Answer::asks_to_slow_down);
            // A pause that the registry asks for is the throttle's, which knows what other requests were told.
            if throttled.is_none() {
                // By chance, so that those who failed together do not come back together.
                self.sleep_impl.sleep(backoff.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
                backoff *= 2;
            }
        }
    }

    fn tell(&self, permit: Permit, outcome: &Result<Answer, Unanswered>) {
        match outcome {
            Ok(answer) if answer.asks_to_slow_down() => permit.throttled(answer.retry_after(self.now())),
            Ok(_) => permit.ok(),
            Err(_) => drop(permit),
        }
    }

    async fn send_once(&self, request: &Request, tries: &Tries) -> Result<Answer, Unanswered> {
        tries.requests.fetch_add(1, Ordering::Relaxed);
        tries.last_status.store(0, Ordering::Relaxed);
        let answer = self.within(ATTEMPT_TIMEOUT, self.exchange(request)).await;
        let answer = answer.unwrap_or(Err(Unanswered::TimedOut))?;
        tries.last_status.store(answer.status, Ordering::Relaxed);
        Ok(answer)
    }

    async fn exchange(&self, request: &Request) -> Result<Answer, Unanswered> {
        let http = request.to_http().map_err(Unanswered::NotSent)?;
        let settings = HttpConnectorSettings::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .build();
        let connector = self.http_client.http_connector(&settings, &self.components);
        let mut response = connector.call(http).await.map_err(Unanswered::of_connector)?;
        if request.is_streamed && response.status().is_success() {
            return Ok(Answer {
                status: response.status().as_u16(),
                headers: std::mem::take(response.headers_mut()),
                body: Vec::new(),
                stream: Some(response.take_body()),
            });
        }
        let body = Limited::new(response.take_body(), request.max_bytes);
        let body = body.collect().await.map_err(|error| Unanswered::of_body(error, request.max_bytes))?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers: std::mem::take(response.headers_mut()),
            body: body.to_bytes().into(),
            stream: None,
        })
    }
}

impl Request {
    fn to_http(&self) -> Result<HttpRequest, BoxError> {
        let body = self.form.as_ref().map_or_else(SdkBody::empty, |form| SdkBody::from(form.as_str()));
        let mut http = HttpRequest::new(body);
        http.set_method(self.method)?;
        http.set_uri(format!("{}{}", self.origin, self.path_and_query).as_str())?;
        let headers = http.headers_mut();
        headers.try_insert("user-agent", USER_AGENT)?;
        headers.try_insert("accept", self.accept)?;
        if self.form.is_some() {
            headers.try_insert("content-type", "application/x-www-form-urlencoded")?;
        }
        if let Some(authorization) = &self.authorization {
            // The error would not say more, and might say too much.
            let refused = || "the login has characters that no header can carry";
            headers.try_insert("authorization", authorization.clone()).map_err(|_| refused())?;
        }
        Ok(http)
    }
}

/// The query, the header and the form can hold secrets.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

impl Answer {
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    fn asks_to_slow_down(&self) -> bool {
        self.status == TOO_MANY_REQUESTS || (self.status == 503 && self.header("retry-after").is_some())
    }

    fn retry_after(&self, now: SystemTime) -> Option<Duration> {
        retry_after(self.header("retry-after")?, self.header("date"), now)
    }
}

/// The body of a token service's answer is a secret.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Unanswered {
    fn of_connector(error: ConnectorError) -> Self {
        if error.is_user() { Self::NotSent(error.into()) } else { Self::of(error.into()) }
    }

    fn of_body(error: BoxError, limit: usize) -> Self {
        if error.is::<LengthLimitError>() { Self::TooLong(limit) } else { Self::of(error) }
    }

    fn of(error: BoxError) -> Self {
        Self::Connection(ConnectionFailure::diagnose(&*error), error)
    }
}

/// Whether the same request may fare better a little later.
fn is_passing(outcome: &Result<Answer, Unanswered>) -> bool {
    use ConnectionFailure as F;
    match outcome {
        Ok(answer) => matches!(answer.status, 408 | TOO_MANY_REQUESTS | 500 | 502..=504),
        Err(Unanswered::TimedOut) => true,
        Err(Unanswered::Connection(failure, _)) => !matches!(
            failure,
            F::TlsUnknownIssuer
                | F::TlsExpired
                | F::TlsNotYetValid
                | F::TlsWrongName
                | F::TlsOther
                | F::ProxyRefused
                | F::ProxyAuthenticationRequired
        ),
        Err(Unanswered::NotSent(_) | Unanswered::NoTurn(_) | Unanswered::TooLong(_)) => false,
    }
}

pub(super) const TOO_MANY_REQUESTS: u16 = 429;

const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const READ_TIMEOUT: Duration = Duration::from_secs(15);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_TRIES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// An HTTP client is asked for a connection with the parts of a whole AWS client, of which it takes the clock and the timer.
fn components(
    time_source: &SharedTimeSource,
    sleep_impl: &SharedAsyncSleep,
) -> Result<RuntimeComponents, BuildError> {
    RuntimeComponentsBuilder::new(env!("CARGO_PKG_NAME"))
        .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![NO_AUTH_SCHEME_ID])))
        .with_auth_scheme(NoAuthScheme::new())
        .with_identity_cache(Some(IdentityCache::no_cache()))
        .with_identity_resolver(NO_AUTH_SCHEME_ID, SharedIdentityResolver::new(NoAuthIdentityResolver::new()))
        .with_endpoint_resolver(Some(StaticUriEndpointResolver::uri("https://localhost")))
        .with_retry_strategy(Some(NeverRetryStrategy::new()))
        .with_time_source(Some(time_source.clone()))
        .with_sleep_impl(Some(sleep_impl.clone()))
        .build()
}
