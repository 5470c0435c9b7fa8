//! A connection to a host: directly or through a proxy, with TLS or without.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use aws_smithy_async::future::timeout::{TimedOutError, Timeout};
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep};
use aws_smithy_runtime_api::box_error::BoxError;
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::ways::{Way, Ways};

/// Connects to the host of an address, the way that [`Ways`] says, within a limit that covers all of it.
#[derive(Clone)]
pub(super) struct Connect {
    ways: Arc<Ways>,
    tcp: HttpConnector,
    limit: Option<(SharedAsyncSleep, Duration)>,
}

impl Connect {
    pub(super) fn new(ways: Arc<Ways>, limit: Option<(SharedAsyncSleep, Duration)>) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        Self { ways, tcp, limit }
    }

    async fn connect(self, host: Uri) -> Result<Stream, BoxError> {
        let Way::Through(proxy) = self.ways.of(&host) else {
            let io = self.encrypt(self.reach(host.clone()).await?, &host).await?;
            return Ok(Stream { io: TokioIo::new(io), is_proxied: false });
        };
        let mut to_proxy = ToProxy(self.clone());
        if host.scheme_str() != Some("https") {
            // Then the proxy itself is the server, and wants to hear the whole address.
            let io = to_proxy.call(proxy.uri().clone()).await.map_err(ProxyNotReached)?;
            return Ok(Stream { io, is_proxied: true });
        }
        let mut tunnel = Tunnel::new(proxy.uri().clone(), to_proxy);
        if let Some(authorization) = proxy.authorization() {
            tunnel = tunnel.with_auth(authorization.clone());
        }
        let io = tunnel.call(host.clone()).await?.into_inner();
        Ok(Stream { io: TokioIo::new(self.encrypt(io, &host).await?), is_proxied: false })
    }

    /// To the port, and no further.
    async fn reach(&self, host: Uri) -> Result<Io, BoxError> {
        let mut tcp = self.tcp.clone();
        poll_fn(|context| tcp.poll_ready(context)).await?;
        Ok(Box::new(tcp.call(host).await?.into_inner()))
    }

    /// With TLS, if the address has it.
    async fn encrypt(&self, io: Io, host: &Uri) -> Result<Io, BoxError> {
        if host.scheme_str() != Some("https") {
            return Ok(io);
        }
        let name = host.host().unwrap_or_default();
        let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        let name = ServerName::try_from(name.to_owned())?;
        let tls = TlsConnector::from(self.ways.tls()?);
        Ok(Box::new(tls.connect(name, io).await?))
    }
}

type Connecting<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

impl Service<Uri> for Connect {
    type Response = Stream;
    type Error = BoxError;
    type Future = Connecting<Stream>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, host: Uri) -> Self::Future {
        let connecting = self.clone().connect(host);
        match self.limit.clone() {
            None => Box::pin(connecting),
            Some((sleep, limit)) => Box::pin(async move {
                match Timeout::new(Box::pin(connecting), sleep.sleep(limit)).await {
                    Ok(connected) => connected,
                    Err(TimedOutError) => Err(Late::Connection(limit).into()),
                }
            }),
        }
    }
}

/// Connects to a proxy, by the address it is given.
#[derive(Clone)]
struct ToProxy(Connect);

impl Service<Uri> for ToProxy {
    type Response = TokioIo<Io>;
    type Error = BoxError;
    type Future = Connecting<TokioIo<Io>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, proxy: Uri) -> Self::Future {
        let Self(connect) = self.clone();
        Box::pin(async move {
            let io = connect.reach(proxy.clone()).await?;
            Ok(TokioIo::new(connect.encrypt(io, &proxy).await?))
        })
    }
}

/// One type for all ways, so that the HTTP client is compiled once.
type Io = Box<dyn ReadWrite>;

trait ReadWrite: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ReadWrite for T {}

/// A connection.
pub(super) struct Stream {
    io: TokioIo<Io>,
    /// Whether the server is a proxy that passes each request on.
    is_proxied: bool,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.is_proxied)
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, slices)
    }
}

/// There is no connection to a proxy that was to pass requests on. (Of a tunnel it is the tunnel's error that says so.)
#[derive(Debug)]
pub(crate) struct ProxyNotReached(BoxError);

impl fmt::Display for ProxyNotReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the proxy could not be reached")
    }
}

impl std::error::Error for ProxyNotReached {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}

/// What was not there within its limit.
#[derive(Debug)]
pub(crate) enum Late {
    Connection(Duration),
    Answer(Duration),
}

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(limit) => write!(f, "no connection within {limit:?}"),
            Self::Answer(limit) => write!(f, "no answer within {limit:?}"),
        }
    }
}

impl std::error::Error for Late {
    /// By which the SDK knows it for a timeout.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&TimedOutError)
    }
}
