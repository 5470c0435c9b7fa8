//! Counts requests on their way out, so that each step can say what it cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// An HTTP client that counts what goes through it. Clones share the count.
#[derive(Clone, Debug)]
pub(crate) struct Counting<C> {
    inner: C,
    requests: Arc<AtomicU64>,
}

impl Counting<SharedHttpClient> {
    pub(crate) fn new(inner: SharedHttpClient) -> Self {
        Self { inner, requests: Arc::default() }
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

impl HttpClient for Counting<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Counting { inner, requests: self.requests.clone() })
    }
}

impl HttpConnector for Counting<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.inner.call(request)
    }
}
