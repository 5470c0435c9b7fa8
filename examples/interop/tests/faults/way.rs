//! The way to AWS, which leads elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use flux_aws_auth::http_client;

use crate::cases::{Call, MARK};

/// An HTTP client that sends to one address whatever is for AWS, under the name it is for.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    client: SharedHttpClient,
    to: String,
    mark: String,
    counted: Call,
    count: Arc<AtomicUsize>,
    read_timeout: Option<Duration>,
}

impl Way {
    /// To `to`, an address with its port, with this mark. The requests of one call are counted.
    pub(crate) fn new(to: String, mark: String, counted: Call) -> Self {
        Self { client: http_client(), to, mark, counted, count: Arc::default(), read_timeout: None }
    }

    /// Who waits for an answer waits no longer than this.
    pub(crate) fn impatient(self, limit: Duration) -> Self {
        Self { read_timeout: Some(limit), ..self }
    }

    pub(crate) fn requests(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// JSON names the operation in a header, the older form in the body.
    fn is_counted(&self, request: &HttpRequest) -> bool {
        let name = self.counted.to_string();
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        request.headers().get("x-amz-target").is_some_and(|target| target.ends_with(&format!(".{name}")))
            || body.split('&').any(|pair| pair.strip_prefix("Action=") == Some(&name))
    }
}

impl HttpClient for Way {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let mut limits = HttpConnectorSettings::builder();
        limits.set_connect_timeout(settings.connect_timeout());
        limits.set_read_timeout(self.read_timeout.or(settings.read_timeout()));
        let connector = self.client.http_connector(&limits.build(), components);
        SharedHttpConnector::new(Connector { way: self.clone(), connector })
    }
}

#[derive(Debug)]
struct Connector {
    way: Way,
    connector: SharedHttpConnector,
}

impl HttpConnector for Connector {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        if self.way.is_counted(&request) {
            self.way.count.fetch_add(1, Ordering::Relaxed);
        }
        let (host, path) = {
            let address = request.uri().strip_prefix("https://").expect("an address of AWS");
            let (host, path) = address.split_once('/').unwrap_or((address, ""));
            (host.to_owned(), path.to_owned())
        };
        request.headers_mut().insert("host", host);
        request.headers_mut().insert(MARK, self.way.mark.clone());
        request.set_uri(format!("http://{}/{path}", self.way.to).as_str()).unwrap();
        self.connector.call(request)
    }
}
