//! The client itself: which way a request goes, and the connections of each way.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use http::Uri;

use super::certificates::Certificates;
use super::no_proxy::NoProxy;
use crate::error::Error;

/// An HTTP client that chooses the way of each request by itself, so that the SDK's client need not know which hosts are
/// reached without a proxy: its rules are not Go's.
pub(super) struct Client {
    ways: Arc<Ways>,
    /// One for each set of limits, of which a program has few.
    connectors: RwLock<HashMap<Limits, SharedHttpConnector>>,
}

/// Of connecting and of answering.
type Limits = (Option<Duration>, Option<Duration>);

/// What decides how a request goes.
pub(super) struct Ways {
    pub(super) https_proxy: Option<ProxyConfig>,
    pub(super) http_proxy: Option<ProxyConfig>,
    pub(super) no_proxy: NoProxy,
    pub(super) certificates: Certificates,
}

impl Client {
    pub(super) fn new(ways: Ways) -> Self {
        Self { ways: Arc::new(ways), connectors: RwLock::default() }
    }
}

/// Without the proxies, whose own `Debug` shows passwords.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("https_proxy", &self.ways.https_proxy.is_some())
            .field("http_proxy", &self.ways.http_proxy.is_some())
            .field("certificates", &self.ways.certificates)
            .finish_non_exhaustive()
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
                SharedHttpConnector::new(Connectors {
                    ways: self.ways.clone(),
                    settings: settings.clone(),
                    sleep_impl: components.sleep_impl(),
                    made: Default::default(),
                })
            };
            connectors.entry(limits).or_insert_with(make).clone()
        })
    }
}

/// The ways that a request can go. Without TLS no certificate is loaded, so that a program on loopback needs none.
#[derive(Clone, Copy)]
enum Way {
    Plain,
    Tls,
    PlainThroughProxy,
    TlsThroughProxy,
}

struct Connectors {
    ways: Arc<Ways>,
    settings: HttpConnectorSettings,
    sleep_impl: Option<SharedAsyncSleep>,
    /// By way, made when first needed.
    made: [OnceLock<Result<SharedHttpConnector, Error>>; 4],
}

impl fmt::Debug for Connectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connectors").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl HttpConnector for Connectors {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let way = self.ways.of(request.uri());
        let [plain, tls, plain_through_proxy, tls_through_proxy] = &self.made;
        let made = match way {
            Way::Plain => plain,
            Way::Tls => tls,
            Way::PlainThroughProxy => plain_through_proxy,
            Way::TlsThroughProxy => tls_through_proxy,
        };
        match made.get_or_init(|| self.make(way)) {
            Ok(connector) => connector.call(request),
            Err(error) => refuse(error),
        }
    }
}

impl Connectors {
    fn make(&self, way: Way) -> Result<SharedHttpConnector, Error> {
        let proxy = match way {
            Way::Plain | Way::Tls => None,
            Way::PlainThroughProxy => self.ways.http_proxy.clone(),
            Way::TlsThroughProxy => self.ways.https_proxy.clone(),
        };
        let context = match way {
            Way::Plain => Certificates::none(),
            // The way to the proxy may have TLS, too.
            Way::Tls | Way::PlainThroughProxy | Way::TlsThroughProxy => self.ways.certificates.tls_context(),
        };
        let mut builder = Connector::builder().connector_settings(self.settings.clone());
        builder.set_sleep_impl(self.sleep_impl.clone());
        builder.set_proxy_config(proxy);
        let tls = builder.tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).tls_context(context?);
        Ok(SharedHttpConnector::new(tls.build()))
    }
}

impl Ways {
    fn of(&self, address: &str) -> Way {
        let uri = address.parse::<Uri>().unwrap_or_default();
        let is_tls = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let direct = self.no_proxy.covers(uri.host().unwrap_or_default(), port);
        match (is_tls, &self.https_proxy, &self.http_proxy) {
            (true, Some(_), _) if !direct => Way::TlsThroughProxy,
            (true, ..) => Way::Tls,
            (false, _, Some(_)) if !direct => Way::PlainThroughProxy,
            (false, ..) => Way::Plain,
        }
    }
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
