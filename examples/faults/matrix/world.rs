//! All remotes, in memory: one of them has a fault, and the others are well.

use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use aws_smithy_async::rt::sleep::{AsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http::{Request, Response};
use http_body_util::BodyExt;

use crate::answers::{self, Answer};
use crate::body::{End, FaultyBody};
use crate::clock::Clock;
use crate::fault::{Fault, Span};
use crate::remote::Remote;

/// Where the redirects go.
const ELSEWHERE: &str = "elsewhere.example";

/// An HTTP client for everybody.
#[derive(Clone, Debug)]
pub(crate) struct World {
    remote: Remote,
    fault: Fault,
    span: Span,
    clock: Clock,
    asked: Arc<Mutex<Vec<String>>>,
    taken: Arc<AtomicU64>,
}

/// Of connecting and of answering.
#[derive(Clone, Copy, Debug, Default)]
struct Limits {
    connect: Option<Duration>,
    read: Option<Duration>,
}

/// What became of a connection.
enum Broken {
    Io(io::ErrorKind),
    Late(&'static str, Duration),
}

impl World {
    pub(crate) fn new(remote: Remote, fault: Fault, span: Span, clock: &Clock) -> Self {
        let (asked, taken) = Default::default();
        Self { remote, fault, span, clock: clock.clone(), asked, taken }
    }

    /// How often the remote with the fault was asked.
    pub(crate) fn requests(&self) -> usize {
        self.asked.lock().unwrap().iter().filter(|host| self.remote.is_at(host)).count()
    }

    /// Whether anybody went where a redirect pointed.
    pub(crate) fn was_led_astray(&self) -> bool {
        self.asked.lock().unwrap().iter().any(|host| host == ELSEWHERE)
    }

    /// How many bytes of all bodies were read.
    pub(crate) fn bytes_taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    async fn answer(&self, request: Request<String>, limits: Limits) -> Result<Response<FaultyBody>, Broken> {
        // A client of Kubernetes leaves the host to whoever connects.
        let host = request.uri().host().unwrap_or(Remote::KubernetesApi.host()).to_owned();
        let before = {
            let mut asked = self.asked.lock().unwrap();
            let before = asked.iter().filter(|asked| self.remote.is_at(asked)).count();
            asked.push(host.clone());
            before
        };
        let remote = Remote::at(&host).unwrap_or_else(|| panic!("nobody is at {host}"));
        let is_faulty = remote == self.remote && self.remote.is_hit(before, self.span);
        let Some(fault) = is_faulty.then_some(self.fault) else {
            return Ok(self.response(answers::good(remote, &request, &self.clock), End::Proper));
        };
        let waiting = |limit: Option<Duration>, what| async move {
            match limit {
                Some(limit) => TokioSleep::new().sleep(limit).await,
                None => std::future::pending().await,
            }
            Err(Broken::Late(what, limit.unwrap_or_default()))
        };
        let good = || answers::good(remote, &request, &self.clock);
        let (answer, end) = match fault {
            Fault::Refused => return Err(Broken::Io(io::ErrorKind::ConnectionRefused)),
            Fault::Reset => return Err(Broken::Io(io::ErrorKind::ConnectionReset)),
            Fault::BlackHole => return waiting(limits.connect, "connect").await,
            Fault::SlowHeaders => return waiting(limits.read, "read").await,
            Fault::SlowBody => (good().beginning(), End::Never),
            Fault::CutBody => (good().beginning(), End::Reset),
            Fault::Status(status) => (answers::error(remote, status), End::Proper),
            Fault::ThrottledFor(seconds) => {
                (answers::error(remote, 429).with("retry-after", &seconds.to_string()), End::Proper)
            }
            Fault::WrongContentType => {
                let page = "<!DOCTYPE html><html><body>Welcome</body></html>";
                (Answer::new(200, page).with("content-type", "text/html"), End::Proper)
            }
            Fault::Malformed => (Answer { body: "}]>\u{fffd}<![{".to_owned(), ..good() }, End::Proper),
            Fault::Truncated => (good().beginning(), End::Proper),
            Fault::HugeBody => (good(), End::Blanks(64 * 1024 * 1024)),
            Fault::Redirect => {
                let to = format!("https://{ELSEWHERE}{}", request.uri().path());
                (Answer::new(307, "").with("location", &to), End::Proper)
            }
            Fault::Expired => (answers::expired(remote, &request, &self.clock), End::Proper),
            Fault::ClockAhead | Fault::ClockBehind => (good(), End::Proper),
        };
        Ok(self.response(answer, end))
    }

    fn response(&self, answer: Answer, end: End) -> Response<FaultyBody> {
        let mut response = Response::builder().status(answer.status).header("date", self.clock.http_date());
        for (name, value) in &answer.headers {
            response = response.header(*name, value);
        }
        response.body(FaultyBody::new(answer.body, end, &self.taken)).unwrap()
    }
}

impl HttpClient for World {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let limits = Limits { connect: settings.connect_timeout(), read: settings.read_timeout() };
        SharedHttpConnector::new(Connector { world: self.clone(), limits })
    }
}

#[derive(Debug)]
struct Connector {
    world: World,
    limits: Limits,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (world, limits) = (self.world.clone(), self.limits);
        let request = request.try_into_http1x().unwrap();
        HttpConnectorFuture::new(async move {
            let request = request.map(|body| String::from_utf8_lossy(body.bytes().unwrap()).into_owned());
            match world.answer(request, limits).await {
                Ok(response) => Ok(HttpResponse::try_from(response.map(SdkBody::from_body_1_x)).unwrap()),
                Err(Broken::Io(kind)) => Err(ConnectorError::io(io::Error::from(kind).into())),
                Err(Broken::Late(what, limit)) => {
                    let message = format!("HTTP {what} timeout occurred after {limit:?}");
                    Err(ConnectorError::timeout(message.into()))
                }
            }
        })
    }
}

/// As a client of Kubernetes sees it, which has no limits of its own.
impl tower_service::Service<Request<kube::client::Body>> for World {
    type Response = Response<FaultyBody>;
    type Error = io::Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = io::Result<Response<FaultyBody>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<kube::client::Body>) -> Self::Future {
        let world = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
            let request = Request::from_parts(parts, String::from_utf8_lossy(&body).into_owned());
            world.answer(request, Limits::default()).await.map_err(|broken| match broken {
                Broken::Io(kind) => kind.into(),
                Broken::Late(..) => io::ErrorKind::TimedOut.into(),
            })
        })
    }
}
