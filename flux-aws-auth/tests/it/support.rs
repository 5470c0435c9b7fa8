//! A scripted network, a clock that follows tokio's, and what the tests say often.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::date_time::Format;
use flux_aws_auth::source::PodIdentity;
use flux_aws_auth::{
    Chain, ChainBuilder, ChainReport, Environment, Error, SourceKind, SourceReport, SourceResult,
};

pub(crate) const ROLE: &str = "arn:aws:iam::111122223333:role/flux-image-reflector";
pub(crate) const TOKEN_PATH: &str = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token";
pub(crate) const SECRET: &str = "canary-secret-access-key";
pub(crate) const SESSION_TOKEN: &str = "canary-session-token";

/// A token whose claims are `{"iss":"https://issuer.example","sub":"system:serviceaccount:flux-system:reflector",
/// "aud":["sts.amazonaws.com"],"exp":4102444800}`, with a signature that nobody checks.
pub(crate) const TOKEN: &str = "canary.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwic3ViIjoic3lzdGVtOnNlcnZpY2VhY2NvdW50O\
                                mZsdXgtc3lzdGVtOnJlZmxlY3RvciIsImF1ZCI6WyJzdHMuYW1hem9uYXdzLmNvbSJdLCJleHAiOjQxMDI0NDQ4MDB9.sig";

/// What the other side does with a request.
pub(crate) enum Reply {
    Answer(u16, String),
    /// With these headers.
    Headed(u16, Vec<(&'static str, String)>, String),
    /// The connection is refused.
    Refuse,
    /// Nobody ever answers.
    Hang,
}

pub(crate) fn ok(body: impl Into<String>) -> Reply {
    Reply::Answer(200, body.into())
}

/// One request as it arrived: `METHOD address`, its headers and its body.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// An HTTP client that answers from a function and remembers what it was asked.
#[derive(Clone)]
pub(crate) struct Network {
    answer: Arc<dyn Fn(&Seen) -> Reply + Send + Sync>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Network {
    pub(crate) fn new(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self { answer: Arc::new(answer), seen: Arc::default() }
    }

    /// Answers the requests in this order, then refuses.
    pub(crate) fn in_order(replies: Vec<Reply>) -> Self {
        let replies = Mutex::new(replies.into_iter());
        Self::new(move |_| replies.lock().unwrap().next().unwrap_or(Reply::Refuse))
    }

    /// No request is expected; one would be refused, and counted.
    pub(crate) fn silent() -> Self {
        Self::in_order(Vec::new())
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Network")
    }
}

impl HttpClient for Network {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Network {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let headers =
            request.headers().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let body = request
            .body()
            .bytes()
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            .unwrap_or_default();
        let seen = Seen { line: format!("{} {}", request.method(), request.uri()), headers, body };
        self.seen.lock().unwrap().push(seen.clone());
        match (self.answer)(&seen) {
            Reply::Answer(status, body) => HttpConnectorFuture::ready(Ok(response(status, vec![], body))),
            Reply::Headed(status, headers, body) => {
                HttpConnectorFuture::ready(Ok(response(status, headers, body)))
            }
            Reply::Refuse => {
                let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
                HttpConnectorFuture::ready(Err(ConnectorError::io(refused.into())))
            }
            Reply::Hang => HttpConnectorFuture::new(std::future::pending()),
        }
    }
}

fn response(status: u16, headers: Vec<(&'static str, String)>, body: String) -> HttpResponse {
    let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
    response.headers_mut().insert("x-amzn-requestid", "0f1e2d3c");
    for (name, value) in headers {
        response.headers_mut().insert(name, value);
    }
    response
}

/// A wall clock that moves with tokio's paused time.
#[derive(Clone, Debug)]
pub(crate) struct TestClock {
    start: SystemTime,
    started: tokio::time::Instant,
}

impl TestClock {
    #[expect(clippy::disallowed_methods, reason = "tokio's paused clock is the virtual time of these tests")]
    pub(crate) fn new() -> Self {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        Self { start, started: tokio::time::Instant::now() }
    }

    /// The time in `seconds`, as AWS writes it.
    pub(crate) fn rfc3339_in(&self, seconds: u64) -> String {
        DateTime::from(self.now() + Duration::from_secs(seconds)).fmt(Format::DateTime).unwrap()
    }

    /// The time `seconds` from now, or ago, as a header `Date` has it.
    pub(crate) fn date_off_by(&self, seconds: i64) -> String {
        let offset = Duration::from_secs(seconds.unsigned_abs());
        let time = if seconds < 0 { self.now() - offset } else { self.now() + offset };
        DateTime::from(time).fmt(Format::HttpDate).unwrap()
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

impl TimeSource for TestClock {
    fn now(&self) -> SystemTime {
        self.start + self.elapsed()
    }
}

/// A chain over this environment, with one network for AWS and another for the node.
pub(crate) fn chain(
    environment: Environment,
    aws: &Network,
    node: &Network,
    clock: &TestClock,
) -> ChainBuilder {
    Chain::builder()
        .environment(environment)
        .http_client(aws.clone())
        .metadata_http_client(node.clone())
        .time_source(clock.clone())
}

/// Credentials as the agents on a node write them.
pub(crate) fn json_credentials(clock: &TestClock, lifetime: u64) -> String {
    format!(
        r#"{{"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"{SECRET}","Token":"{SESSION_TOKEN}","AccountId":"111122223333","Expiration":"{}"}}"#,
        clock.rfc3339_in(lifetime)
    )
}

/// STS's answer to AssumeRoleWithWebIdentity.
pub(crate) fn sts_credentials(clock: &TestClock, lifetime: u64) -> String {
    format!(
        r#"<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
<Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>
<SessionToken>{SESSION_TOKEN}</SessionToken><Expiration>{}</Expiration></Credentials>
<AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:s</AssumedRoleId><Arn>arn:aws:sts::111122223333:assumed-role/x/s</Arn></AssumedRoleUser>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"#,
        clock.rfc3339_in(lifetime)
    )
}

/// STS's answer to AssumeRole, with credentials of this id.
pub(crate) fn hop_credentials(clock: &TestClock, lifetime: u64, id: &str) -> String {
    sts_credentials(clock, lifetime)
        .replace("AssumeRoleWithWebIdentity", "AssumeRole")
        .replace("ASIAEXAMPLE", id)
}

/// STS's way to refuse.
pub(crate) fn sts_error(status: u16, code: &str, message: &str) -> Reply {
    Reply::Answer(
        status,
        format!(
            r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>0f1e2d3c</RequestId></ErrorResponse>"#
        ),
    )
}

/// The environment of a pod with IRSA.
pub(crate) fn irsa() -> Environment {
    Environment::empty()
        .with_var("AWS_REGION", "eu-west-1")
        .with_var("AWS_ROLE_ARN", ROLE)
        .with_var("AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_PATH)
        .with_file(TOKEN_PATH, TOKEN)
}

/// The environment of a pod with a Pod Identity association.
pub(crate) fn pod_identity() -> Environment {
    Environment::empty()
        .with_var("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials")
        .with_var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", TOKEN_PATH)
        .with_file(TOKEN_PATH, TOKEN)
}

/// Pod Identity that tells each failure at once.
pub(crate) fn without_grace() -> PodIdentity {
    PodIdentity::new().with_start_up_grace(Duration::ZERO)
}

/// What the report says of one source.
#[track_caller]
pub(crate) fn source_of(report: &ChainReport, kind: SourceKind) -> SourceReport {
    let source = report.sources().find(|source| source.kind() == kind);
    source.unwrap_or_else(|| panic!("{kind} is not in the report:\n{report}")).clone()
}

/// What became of one source.
#[track_caller]
pub(crate) fn result_of(report: &ChainReport, kind: SourceKind) -> SourceResult {
    source_of(report, kind).result().clone()
}

/// The failure's report, which every failure of a chain has.
#[track_caller]
pub(crate) fn report_of(error: &Error) -> &ChainReport {
    error.report().unwrap_or_else(|| panic!("no report: {error:?}"))
}

/// The message, the hint and the messages of all causes, in one text.
pub(crate) fn whole_story(error: &Error) -> String {
    let mut story = format!("{error}\n{}", error.hint().unwrap_or_default());
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = cause {
        story.push('\n');
        story.push_str(&error.to_string());
        cause = error.source();
    }
    story
}
