//! The client itself: one pool of connections for each set of limits, of which a program has few.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_smithy_async::future::timeout::{TimedOutError, Timeout};
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use http::Request;
use http::header::PROXY_AUTHORIZATION;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::connect::{Connect, Late};
use super::ways::{Way, Ways};
use crate::connection::causes;
use crate::error::Error;

/// An HTTP client of hyper and rustls for the AWS SDK's clients.
#[derive(Debug)]
pub(super) struct Client {
    ways: Arc<Ways>,
    connectors: RwLock<HashMap<Limits, SharedHttpConnector>>,
}

/// Of connecting and of answering.
type Limits = (Option<Duration>, Option<Duration>);

impl Client {
    pub(super) fn new(ways: Ways) -> Self {
        Self { ways: Arc::new(ways), connectors: RwLock::default() }
    }
}

impl HttpClient for Client {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let limits = (settings.connect_timeout(), settings.read_timeout());
        let known = self.connectors.read().unwrap_or_else(PoisonError::into_inner).get(&limits).cloned();
        known.unwrap_or_else(|| {
            let mut connectors = self.connectors.write().unwrap_or_else(PoisonError::into_inner);
            let make = || {
                SharedHttpConnector::new(Connector::new(&self.ways, limits, components.sleep_impl().as_ref()))
            };
            connectors.entry(limits).or_insert_with(make).clone()
        })
    }
}

/// Sends requests over its own connections.
struct Connector {
    ways: Arc<Ways>,
    client: legacy::Client<Connect, SdkBody>,
    read_limit: Option<(SharedAsyncSleep, Duration)>,
}

impl Connector {
    fn new(ways: &Arc<Ways>, (connect, read): Limits, sleep_impl: Option<&SharedAsyncSleep>) -> Self {
        // Without a way to wait there are no limits: the SDK refuses a client that has one and not the other.
        let limit = |limit: Option<Duration>| sleep_impl.cloned().zip(limit);
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(Connect::new(ways.clone(), limit(connect)));
        Self { ways: ways.clone(), client, read_limit: limit(read) }
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("ways", &self.ways).finish_non_exhaustive()
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request: Request<SdkBody> = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        if request.uri().scheme_str() == Some("https") {
            // Before there is a connection, so that it is not taken for a failure of the network.
            if let Err(error) = self.ways.tls() {
                return refuse(&error);
            }
        } else if let Way::Through(proxy) = self.ways.of(request.uri())
            && let Some(authorization) = proxy.authorization()
        {
            request.headers_mut().insert(PROXY_AUTHORIZATION, authorization.clone());
        }
        let captured = capture_connection(&mut request);
        if let Some(capture) = request.extensions().get::<CaptureSmithyConnection>() {
            capture.set_connection_retriever(move || metadata(&captured));
        }
        let answer = self.client.request(request);
        let read_limit = self.read_limit.clone();
        HttpConnectorFuture::new(async move {
            let answer = match read_limit {
                None => answer.await,
                Some((sleep, limit)) => match Timeout::new(answer, sleep.sleep(limit)).await {
                    Ok(answer) => answer,
                    Err(TimedOutError) => return Err(ConnectorError::timeout(Late::Answer(limit).into())),
                },
            };
            let answer = answer.map_err(|error| as_the_sdk_has_it(error.into()))?;
            HttpResponse::try_from(answer.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// What the SDK asks of a connection: above all, to use it no more.
fn metadata(captured: &CaptureConnection) -> Option<ConnectionMetadata> {
    let is_proxied = captured.connection_metadata().as_ref()?.is_proxied();
    let captured = captured.clone();
    let poison = move || {
        if let Some(connected) = captured.connection_metadata().as_ref() {
            connected.poison();
        }
    };
    Some(ConnectionMetadata::builder().proxied(is_proxied).poison_fn(poison).build())
}

/// The kind of an error decides whether the SDK tries again.
fn as_the_sdk_has_it(error: BoxError) -> ConnectorError {
    fn find<T: StdError + 'static>(error: &BoxError) -> Option<&T> {
        causes(error.as_ref()).find_map(|cause| cause.downcast_ref())
    }
    if find::<TimedOutError>(&error).is_some() {
        return ConnectorError::timeout(error);
    }
    if find::<Error>(&error).is_some() {
        return ConnectorError::user(error);
    }
    let (hyper, client) = (find::<hyper::Error>(&error), find::<legacy::Error>(&error));
    if hyper.is_some_and(hyper::Error::is_user) {
        return ConnectorError::user(error);
    }
    let is_of_network = client.is_some_and(legacy::Error::is_connect)
        || hyper.is_some_and(|error| error.is_closed() || error.is_canceled())
        || find::<std::io::Error>(&error).is_some();
    if is_of_network {
        return ConnectorError::io(error);
    }
    let breaks_off = hyper.is_some_and(hyper::Error::is_incomplete_message);
    ConnectorError::other(error, breaks_off.then_some(ErrorKind::TransientError))
}

/// In place of a client that could not be made.
#[derive(Debug)]
pub(super) struct Refusing(pub(super) Error);

impl HttpClient for Refusing {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Self(self.0.clone()))
    }
}

impl HttpConnector for Refusing {
    fn call(&self, _request: HttpRequest) -> HttpConnectorFuture {
        refuse(&self.0)
    }
}

/// As a mistake of the user's, which the SDK does not try again.
fn refuse(error: &Error) -> HttpConnectorFuture {
    HttpConnectorFuture::ready(Err(ConnectorError::user(error.clone().into())))
}
