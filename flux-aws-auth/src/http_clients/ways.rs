//! Which way a request goes, and what its TLS trusts.

use std::fmt;
use std::sync::{Arc, OnceLock};

use http::{HeaderValue, Uri};
use rustls::ClientConfig;

use super::certificates::Certificates;
use super::no_proxy::NoProxy;
use super::proxy::Proxy;
use crate::error::Error;

/// What decides how a request goes. The choice is made here and not by the HTTP client, whose rules are not Go's.
pub(super) struct Ways {
    https_proxy: Option<Through>,
    http_proxy: Option<Through>,
    no_proxy: NoProxy,
    certificates: Certificates,
    /// Made when first needed: without TLS no certificate is loaded, so that a program on loopback needs none.
    tls: OnceLock<Result<Arc<ClientConfig>, Error>>,
}

/// How a host is reached.
#[derive(Clone, Copy)]
pub(super) enum Way<'a> {
    Direct,
    Through(&'a Through),
}

/// A proxy, ready for use.
pub(super) struct Through {
    uri: Uri,
    authorization: Option<HeaderValue>,
}

impl Through {
    fn new(proxy: &Proxy) -> Result<Self, Error> {
        Ok(Self { uri: proxy.uri()?, authorization: proxy.authorization() })
    }

    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The `Proxy-Authorization` header, marked as sensitive.
    pub(super) fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }
}

impl Ways {
    pub(super) fn new(
        [for_https, for_http]: [Option<Proxy>; 2],
        no_proxy: NoProxy,
        certificates: Certificates,
    ) -> Result<Self, Error> {
        Ok(Self {
            https_proxy: for_https.as_ref().map(Through::new).transpose()?,
            http_proxy: for_http.as_ref().map(Through::new).transpose()?,
            no_proxy,
            certificates,
            tls: OnceLock::new(),
        })
    }

    pub(super) fn of(&self, host: &Uri) -> Way<'_> {
        let is_tls = host.scheme_str() == Some("https");
        let proxy = if is_tls { &self.https_proxy } else { &self.http_proxy };
        match proxy {
            Some(proxy) => {
                let port = host.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
                let direct = self.no_proxy.covers(host.host().unwrap_or_default(), port);
                if direct { Way::Direct } else { Way::Through(proxy) }
            }
            None => Way::Direct,
        }
    }

    pub(super) fn tls(&self) -> Result<Arc<ClientConfig>, Error> {
        self.tls.get_or_init(|| self.certificates.config().map(Arc::new)).clone()
    }
}

/// Without the user names and passwords of the proxies.
impl fmt::Debug for Ways {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ways")
            .field("https_proxy", &self.https_proxy.is_some())
            .field("http_proxy", &self.http_proxy.is_some())
            .field("certificates", &self.certificates)
            .finish_non_exhaustive()
    }
}
