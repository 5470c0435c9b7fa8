//! A registry's side of the wire, in memory: what was asked, and what is answered.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_async::rt::sleep::{AsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use flux_ecr_reflect::{Error, ImageName, OciRegistry, OciRegistryBuilder, Reflector, Scan, Throttle};

/// A request as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Scheme, host and port.
    pub(crate) origin: String,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    pub(crate) accept: String,
    pub(crate) body: String,
}

impl Asked {
    fn read(request: &HttpRequest) -> Self {
        let header = |name| request.headers().get(name).map(str::to_owned);
        let (scheme, rest) = request.uri().split_once("://").expect("an absolute URI");
        let (host, path) = rest.split_at(rest.find('/').expect("a path"));
        Self {
            method: request.method().to_owned(),
            origin: format!("{scheme}://{host}"),
            path: path.to_owned(),
            authorization: header("authorization"),
            accept: header("accept").unwrap_or_default(),
            body: String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned(),
        }
    }

    /// As tests compare it.
    pub(crate) fn line(&self) -> String {
        format!("{} {}{}", self.method, self.origin, self.path)
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.path.split_once('?')?;
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

/// What is answered, and when.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
    after: Duration,
    fault: Fault,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// No answer, ever.
    Hang,
    /// No connection.
    Reset,
    /// A body that breaks off.
    Cut,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), after: Duration::ZERO, fault: Fault::None }
    }

    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, body)
    }

    pub(crate) fn tags<T: AsRef<str>>(tags: &[T]) -> Self {
        let tags: Vec<_> = tags.iter().map(AsRef::as_ref).collect();
        Self::ok(serde_json::json!({ "tags": tags }).to_string())
    }

    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        let body = serde_json::json!({ "errors": [{ "code": code, "message": message }] });
        Self::new(status, body.to_string())
    }

    pub(crate) fn unauthorized(challenge: &str) -> Self {
        Self::error(401, "UNAUTHORIZED", "authentication required").header("www-authenticate", challenge)
    }

    pub(crate) fn hang() -> Self {
        Self { fault: Fault::Hang, ..Self::new(0, "") }
    }

    pub(crate) fn reset() -> Self {
        Self { fault: Fault::Reset, ..Self::new(0, "") }
    }

    pub(crate) fn cut(self) -> Self {
        Self { fault: Fault::Cut, ..self }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name, value.as_ref().to_vec()));
        self
    }

    pub(crate) fn after(self, after: Duration) -> Self {
        Self { after, ..self }
    }

    async fn send(self) -> Result<HttpResponse, ConnectorError> {
        if self.fault == Fault::Hang {
            std::future::pending::<()>().await;
        }
        TokioSleep::new().sleep(self.after).await;
        if self.fault == Fault::Reset {
            let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
            return Err(ConnectorError::io(reset.into()));
        }
        let body = match self.fault {
            Fault::Cut => SdkBody::from_body_1_x(Cut(Some(self.body))),
            _ => SdkBody::from(self.body),
        };
        let mut response = http::Response::builder().status(self.status);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        Ok(HttpResponse::try_from(response.body(body).expect("a response")).expect("a response"))
    }
}

/// Half of a body, and then an error.
struct Cut(Option<Vec<u8>>);

impl http_body::Body for Cut {
    type Data = bytes::Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, std::io::Error>>> {
        std::task::Poll::Ready(Some(match self.0.take() {
            Some(mut body) => {
                body.truncate(body.len() / 2);
                Ok(http_body::Frame::data(body.into()))
            }
            None => Err(std::io::ErrorKind::UnexpectedEof.into()),
        }))
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Asked>>>);

impl Log {
    pub(crate) fn all(&self) -> Vec<Asked> {
        self.0.lock().expect("not poisoned").clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.all().iter().map(Asked::line).collect()
    }

    pub(crate) fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut self.0.lock().expect("not poisoned"))
    }
}

/// An HTTP client on which `answer` plays everybody.
pub(crate) fn world(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> (SharedHttpClient, Log) {
    let log = Log::default();
    let world = World { answer: Arc::new(answer), log: log.clone() };
    (SharedHttpClient::new(world), log)
}

#[derive(Clone)]
struct World {
    answer: Arc<dyn Fn(&Asked) -> Reply + Send + Sync>,
    log: Log,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}

impl HttpClient for World {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for World {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let asked = Asked::read(&request);
        let reply = (self.answer)(&asked);
        self.log.0.lock().expect("not poisoned").push(asked);
        HttpConnectorFuture::new(reply.send())
    }
}

pub(crate) fn image() -> ImageName {
    "registry.example.com/apps/app".parse().expect("valid")
}

pub(crate) const LIST: &str = "/v2/apps/app/tags/list";

pub(crate) fn builder(client: SharedHttpClient) -> OciRegistryBuilder {
    // Another test's storm is none of this one's.
    OciRegistry::builder().http_client(client).throttle(Throttle::new())
}

pub(crate) fn reflector(registry: &OciRegistry) -> Reflector {
    Reflector::builder().tag_source(registry.clone()).build().expect("complete")
}

pub(crate) async fn scan(registry: &OciRegistry) -> Result<Scan, Error> {
    reflector(registry).scan(&image()).await
}

pub(crate) fn texts(scan: &Scan) -> Vec<String> {
    scan.tags().map(|tag| tag.to_string()).collect()
}

/// The causes of an error, outermost first.
pub(crate) fn sources(error: &Error) -> Vec<String> {
    let mut next = std::error::Error::source(error);
    std::iter::from_fn(|| {
        let source = next?;
        next = source.source();
        Some(source.to_string())
    })
    .collect()
}
