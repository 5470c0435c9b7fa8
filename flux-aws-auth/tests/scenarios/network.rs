//! The other side of a scenario's requests: what must come next, and what is answered.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::date_time::Format;
use rustls::CertificateError;

use crate::format::{Answer, Client, Credentials, Exchange, Failure, Scenario};
use crate::values::TextOr;
use crate::world::{Clock, Files, file_reference};

/// The exchanges of a scenario, how far they have come, and what was wrong with them.
#[derive(Clone, Debug)]
pub(crate) struct Network(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    scenario: Arc<Scenario>,
    clock: Clock,
    files: Files,
    progress: Mutex<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    /// Which exchange is next, and how many times it has come.
    next: usize,
    times: usize,
    requests: usize,
    flaws: Vec<String>,
}

/// One of a chain's two HTTP clients.
#[derive(Clone, Debug)]
pub(crate) struct Side(Network, Client);

impl Network {
    pub(crate) fn new(scenario: Arc<Scenario>, clock: Clock, files: Files) -> Self {
        Self(Arc::new(Inner { scenario, clock, files, progress: Mutex::default() }))
    }

    pub(crate) fn client(&self, client: Client) -> Side {
        Side(self.clone(), client)
    }

    pub(crate) fn requests(&self) -> usize {
        self.progress(|progress| progress.requests)
    }

    /// What was wrong with the requests, and which of them never came.
    pub(crate) fn flaws(&self) -> Vec<String> {
        self.progress(|progress| {
            let mut flaws = progress.flaws.clone();
            let mut come = progress.times;
            for (index, exchange) in self.0.scenario.exchanges.iter().enumerate().skip(progress.next) {
                let times = exchange.times.unwrap_or(1);
                flaws
                    .push(format!("exchanges[{index}]: expected {times} × {}, got {come}", exchange.request));
                come = 0;
            }
            flaws
        })
    }

    fn progress<T>(&self, of: impl FnOnce(&mut Progress) -> T) -> T {
        of(&mut self.0.progress.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The exchange that this request belongs to, if it is the one that must come next.
    fn take(&self, request: &HttpRequest, client: Client) -> Option<&Exchange> {
        let line = format!("{} {}", request.method(), request.uri());
        self.progress(|progress| {
            progress.requests += 1;
            let index = progress.next;
            let Some(exchange) = self.0.scenario.exchanges.get(index) else {
                progress.flaws.push(format!("exchanges: expected no more requests, got {line}"));
                return None;
            };
            progress.times += 1;
            if progress.times >= exchange.times.unwrap_or(1) {
                progress.next += 1;
                progress.times = 0;
            }
            if exchange.request != line {
                let expected = &exchange.request;
                progress.flaws.push(format!("exchanges[{index}].request: expected {expected}, got {line}"));
                return None;
            }
            let flaws = self.flaws_of(exchange, request, client);
            progress.flaws.extend(flaws.into_iter().map(|flaw| format!("exchanges[{index}].{flaw}")));
            Some(exchange)
        })
    }

    fn flaws_of(&self, exchange: &Exchange, request: &HttpRequest, client: Client) -> Vec<String> {
        let mut flaws = Vec::new();
        let sender = exchange.client.unwrap_or_else(|| client_for(request.uri()));
        if sender != client {
            flaws.push(format!("client: expected {sender:?}, got {client:?}"));
        }
        let body = request.body().bytes().unwrap_or_default();
        let form: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
        let header = |name: &str| request.headers().get(name).map(str::to_owned);
        let expected = exchange.headers.iter().map(|(name, value)| ("headers", name, value, header(name)));
        let fields = exchange.form.iter().map(|(name, value)| ("form", name, value, form.get(name).cloned()));
        for (part, name, expected, got) in expected.chain(fields) {
            let expected = expected.as_deref().map(|expected| self.value(expected));
            if expected != got {
                flaws.push(format!("{part}.{name}: expected {}, got {}", or_none(expected), or_none(got)));
            }
        }
        flaws
    }

    /// What is expected, with the contents of the file that it names.
    fn value(&self, expected: &str) -> String {
        let Some(path) = file_reference(expected) else { return expected.to_owned() };
        match self.0.files.read(&path) {
            Ok(contents) => String::from_utf8_lossy(&contents).trim().to_owned(),
            Err(error) => format!("{}: {error}", path.display()),
        }
    }

    fn respond(&self, request: &HttpRequest, answer: &Answer) -> HttpResponse {
        let status = answer.status.unwrap_or(if answer.error.is_some() { 400 } else { 200 });
        let is_sts = request.method() == "POST";
        let body = match answer {
            Answer { body: Some(body), .. } => body.clone(),
            Answer { credentials: Some(credentials), .. } => self.credentials(request, credentials),
            Answer { error: Some(code), message, .. } => {
                error(is_sts, code, message.as_deref().unwrap_or_default())
            }
            Answer { caller: Some(arn), .. } => caller(arn),
            _ => String::new(),
        };
        let status = status.try_into().expect("a status from 100 to 999");
        let mut response = HttpResponse::new(status, SdkBody::from(body));
        let date = DateTime::from(self.0.clock.in_(self.0.scenario.other_clocks_ahead));
        response.headers_mut().insert("date", date.fmt(Format::HttpDate).expect("a time of this century"));
        if is_sts {
            response.headers_mut().insert("x-amzn-requestid", REQUEST_ID);
        }
        for (name, value) in &answer.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        response
    }

    fn credentials(&self, request: &HttpRequest, credentials: &Credentials) -> String {
        let key = credentials.key.as_deref().unwrap_or("ASIAEXAMPLE");
        let expiry = DateTime::from(self.0.clock.in_(credentials.lifetime));
        let expiry = expiry.fmt(Format::DateTime).expect("a time of this century");
        if request.uri().contains("/security-credentials/") {
            return format!(
                r#"{{"Code":"Success","LastUpdated":"2027-01-01T00:00:00Z","Type":"AWS-HMAC","AccessKeyId":"{key}","SecretAccessKey":"canary-secret-access-key","Token":"canary-session-token","Expiration":"{expiry}"}}"#
            );
        }
        if request.method() != "POST" {
            return format!(
                r#"{{"AccessKeyId":"{key}","SecretAccessKey":"canary-secret-access-key","Token":"canary-session-token","AccountId":"111122223333","Expiration":"{expiry}"}}"#
            );
        }
        let body = request.body().bytes().unwrap_or_default();
        let mut form = form_urlencoded::parse(body);
        let action = form.find_map(|(name, value)| (name == "Action").then_some(value)).unwrap_or_default();
        format!(
            r#"<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>
<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>canary-secret-access-key</SecretAccessKey>
<SessionToken>canary-session-token</SessionToken><Expiration>{expiry}</Expiration></Credentials>
<AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:s</AssumedRoleId><Arn>arn:aws:sts::111122223333:assumed-role/r/s</Arn></AssumedRoleUser>
</{action}Result><ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata></{action}Response>"#
        )
    }
}

const REQUEST_ID: &str = "0f1e2d3c";

/// STS's way to refuse, or that of the Pod Identity agent, which passes on what EKS said.
fn error(is_sts: bool, code: &str, message: &str) -> String {
    if is_sts {
        return format!(
            r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"#
        );
    }
    format!("[{REQUEST_ID}]: ({code}): {message}, fault: client")
}

fn caller(arn: &str) -> String {
    let account = arn.split(':').nth(4).unwrap_or_default();
    format!(
        r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>{arn}</Arn><UserId>AIDAEXAMPLE</UserId><Account>{account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"#
    )
}

/// Link-local addresses are the node's; a proxy must never see them.
fn client_for(address: &str) -> Client {
    let node = ["http://169.254.", "http://[fd00:ec2::"].iter().any(|start| address.starts_with(start));
    if node { Client::Node } else { Client::Aws }
}

fn or_none(value: Option<String>) -> String {
    value.unwrap_or_else(|| "none".to_owned())
}

impl HttpClient for Side {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector { side: self.clone(), settings: settings.clone() })
    }
}

#[derive(Debug)]
struct Connector {
    side: Side,
    settings: HttpConnectorSettings,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Side(network, client) = self.side.clone();
        let settings = self.settings.clone();
        HttpConnectorFuture::new(async move {
            let Some(exchange) = network.take(&request, client) else {
                return Err(broken(io::ErrorKind::ConnectionRefused));
            };
            wait(exchange.delay.duration()).await;
            let response = match &exchange.answer {
                None => network.respond(&request, &Answer::default()),
                Some(TextOr::Text(body)) => {
                    network.respond(&request, &Answer { body: Some(body.clone()), ..Answer::default() })
                }
                Some(TextOr::Fields(answer)) => network.respond(&request, answer),
            };
            match exchange.fails {
                None => Ok(response),
                Some(failure) => fail(failure, &settings, response).await,
            }
        })
    }
}

/// Fails as the HTTP client of the AWS SDK does.
async fn fail(
    failure: Failure,
    settings: &HttpConnectorSettings,
    response: HttpResponse,
) -> Result<HttpResponse, ConnectorError> {
    match failure {
        Failure::Refused => Err(broken(io::ErrorKind::ConnectionRefused)),
        Failure::Reset => Err(broken(io::ErrorKind::ConnectionReset)),
        Failure::Unreachable => Err(broken(io::ErrorKind::HostUnreachable)),
        Failure::NoSuchHost => Err(saying("failed to lookup address information: Name or service not known")),
        Failure::NoNameServer => {
            Err(saying("failed to lookup address information: Temporary failure in name resolution"))
        }
        Failure::NoConnection => Err(timed_out("HTTP connect", settings.connect_timeout()).await),
        Failure::NoAnswer => Err(timed_out("HTTP read", settings.read_timeout()).await),
        Failure::CutOff => Ok(response.map(|whole| SdkBody::from_body_1_x(CutOff::of(&whole)))),
        Failure::TlsUnknownIssuer => Err(bad_certificate(CertificateError::UnknownIssuer)),
        Failure::TlsExpired => Err(bad_certificate(CertificateError::Expired)),
        Failure::TlsNotYetValid => Err(bad_certificate(CertificateError::NotValidYet)),
        Failure::TlsWrongName => Err(bad_certificate(CertificateError::NotValidForName)),
        Failure::NoTls => Err(no_tls(rustls::InvalidMessage::InvalidContentType.into())),
        Failure::NoProxy => Err(saying("tunnel error: failed to create underlying connection")),
        Failure::ProxyRefuses => Err(saying("tunnel error: unsuccessful")),
        Failure::ProxyWantsPassword => Err(saying("tunnel error: proxy authorization required")),
    }
}

/// An error of a type that is private to another crate, by its text.
fn saying(text: &'static str) -> ConnectorError {
    ConnectorError::io(io::Error::other(text).into())
}

fn bad_certificate(flaw: CertificateError) -> ConnectorError {
    no_tls(rustls::Error::InvalidCertificate(flaw))
}

fn no_tls(error: rustls::Error) -> ConnectorError {
    ConnectorError::io(io::Error::new(io::ErrorKind::InvalidData, error).into())
}

fn broken(kind: io::ErrorKind) -> ConnectorError {
    ConnectorError::io(io::Error::from(kind).into())
}

async fn timed_out(what: &'static str, limit: Option<Duration>) -> ConnectorError {
    match limit {
        Some(limit) => {
            wait(limit).await;
            ConnectorError::timeout(TimedOut(what, limit).into())
        }
        None => std::future::pending().await,
    }
}

#[expect(clippy::disallowed_methods, reason = "the other side takes virtual time")]
async fn wait(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

#[derive(Debug)]
struct TimedOut(&'static str, Duration);

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} timeout occurred after {:?}", self.0, self.1)
    }
}

impl std::error::Error for TimedOut {}

/// A body that breaks off after its first half.
struct CutOff(SdkBody);

impl CutOff {
    fn of(whole: &SdkBody) -> Self {
        let bytes = whole.bytes().unwrap_or_default();
        Self(SdkBody::from(&bytes[..bytes.len() / 2]))
    }
}

impl http_body::Body for CutOff {
    type Data = <SdkBody as http_body::Body>::Data;
    type Error = aws_smithy_types::body::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        match std::task::ready!(Pin::new(&mut self.0).poll_frame(context)) {
            Some(frame) => Poll::Ready(Some(frame)),
            None => Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()))),
        }
    }
}
