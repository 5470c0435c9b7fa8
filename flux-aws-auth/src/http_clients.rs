//! The two HTTP clients: one for AWS, one for link-local metadata.

use std::sync::LazyLock;
use std::time::Duration;

use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, tls};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::timeout::TimeoutConfig;

/// The HTTP client for calls to AWS: rustls with ring, the operating system's root certificates, no proxy.
///
/// It is the default of a [`Chain`](crate::Chain) and of the other crates, and it can be given to any `aws-sdk-*` client,
/// which then shares its connections. Connections are made when first needed; so are the certificates loaded, and only
/// for an `https` address. (They come from where the operating system keeps them, or from `SSL_CERT_FILE` and
/// `SSL_CERT_DIR`: the one thing that is not read through [`Environment`](crate::Environment).)
pub fn http_client() -> SharedHttpClient {
    SharedHttpClient::new(BySchemeClient {
        plain: Builder::new().build_http(),
        tls: Builder::new().tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build_https(),
    })
}

/// The HTTP client for the Pod Identity agent and the instance metadata service. It never uses a proxy and keeps its
/// connections apart from those to AWS.
pub(crate) fn metadata_http_client() -> SharedHttpClient {
    http_client()
}

/// The limits of one call to AWS that is tried up to three times.
pub(crate) fn aws_timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .read_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(15))
        .build()
}

/// Takes the client without TLS for `http` addresses, so that a program on loopback loads no certificates and works
/// where there are none.
#[derive(Debug)]
struct BySchemeClient {
    plain: SharedHttpClient,
    tls: SharedHttpClient,
}

impl HttpClient for BySchemeClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(BySchemeConnector {
            plain: self.plain.http_connector(settings, components),
            tls: self.tls.clone(),
            settings: settings.clone(),
            components: components.clone(),
        })
    }
}

#[derive(Debug)]
struct BySchemeConnector {
    plain: SharedHttpConnector,
    tls: SharedHttpClient,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
}

impl HttpConnector for BySchemeConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if request.uri().starts_with("http://") {
            self.plain.call(request)
        } else if *HAS_ROOT_CERTIFICATES {
            // Connectors are kept by their client, one for each set of limits, so this is a look-up.
            self.tls.http_connector(&self.settings, &self.components).call(request)
        } else {
            HttpConnectorFuture::ready(Err(ConnectorError::user(NO_ROOT_CERTIFICATES.into())))
        }
    }
}

/// Asked before the TLS connector is made: without certificates it would panic in a debug build.
static HAS_ROOT_CERTIFICATES: LazyLock<bool> =
    LazyLock::new(|| !rustls_native_certs::load_native_certs().certs.is_empty());

const NO_ROOT_CERTIFICATES: &str =
    "this machine has no root certificates for TLS: install ca-certificates, or set SSL_CERT_FILE";
