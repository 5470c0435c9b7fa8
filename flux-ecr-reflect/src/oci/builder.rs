//! What an [`OciRegistry`] is made of.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource, TimeSource};
use aws_smithy_runtime_api::client::http::{HttpClient, SharedHttpClient};
use flux_aws_auth::cache::CacheBuilder;
use flux_aws_auth::{Endpoint, Environment, HttpClientBuilder};

use super::authorizer::Authorizer;
use super::origin::Origin;
use super::realm::Realms;
use super::wire::Wire;
use super::{Inner, OciRegistry};
use crate::error::{Error, ErrorKind};
use crate::login::LoginSource;
use crate::throttle::Throttle;
use crate::transport::RegistryTransport;

/// Settings of an [`OciRegistry`], made by [`OciRegistry::builder`]. Nothing must be set.
#[must_use = "a builder does nothing until built"]
pub struct OciRegistryBuilder {
    logins: Option<Arc<dyn LoginSource>>,
    http_client: Option<SharedHttpClient>,
    time_source: Option<SharedTimeSource>,
    sleep_impl: Option<SharedAsyncSleep>,
    throttle: Option<Throttle>,
    endpoint_url: Option<String>,
    realms: Realms,
    is_insecure: bool,
    page_size: u16,
    max_page_bytes: usize,
    timeout: Duration,
}

impl Default for OciRegistryBuilder {
    fn default() -> Self {
        Self {
            logins: None,
            http_client: None,
            time_source: None,
            sleep_impl: None,
            throttle: None,
            endpoint_url: None,
            realms: Realms::default(),
            is_insecure: false,
            page_size: MAX_PAGE_SIZE,
            max_page_bytes: 8 * 1024 * 1024,
            timeout: Duration::from_secs(90),
        }
    }
}

impl OciRegistryBuilder {
    /// Who asks. Unless set, nobody: as much as registries show without a login.
    pub fn login(mut self, source: impl LoginSource + 'static) -> Self {
        self.logins = Some(Arc::new(source));
        self
    }

    /// What carries the requests, to registries and to their token services. Unless set, the client that the process's environment
    /// asks for: proxy and root certificates, as [`HttpClientBuilder::from_environment`] reads them when the registry is built.
    pub fn http_client(mut self, http_client: impl HttpClient + 'static) -> Self {
        self.http_client = Some(SharedHttpClient::new(http_client));
        self
    }

    /// The client of a transport, and plain `http` if that is its way.
    pub fn transport(mut self, transport: &RegistryTransport) -> Self {
        self.http_client = Some(transport.http_client());
        self.is_insecure = transport.is_insecure();
        self
    }

    /// The clock by which tokens expire; the system's, unless set.
    pub fn time_source(mut self, time_source: impl TimeSource + 'static) -> Self {
        self.time_source = Some(SharedTimeSource::new(time_source));
        self
    }

    /// What waits between retries and for timeouts; tokio's timer, unless set.
    pub fn sleep_impl(mut self, sleep_impl: impl AsyncSleep + 'static) -> Self {
        self.sleep_impl = Some(SharedAsyncSleep::new(sleep_impl));
        self
    }

    /// What slows requests down where a registry asks for it; [`Throttle::process_wide`], unless set.
    pub fn throttle(mut self, throttle: Throttle) -> Self {
        self.throttle = Some(throttle);
        self
    }

    /// The registry to ask instead of the hosts in the names of images: a private endpoint, or a test's server. `https` anywhere,
    /// plain `http` at a loopback address only, and no path.
    pub fn endpoint_url(mut self, url: impl Into<String>) -> Self {
        self.endpoint_url = Some(url.into());
        self
    }

    /// Lets `registry` name a token service on `host` beside its own: `registry.example.com` and `gitlab.example.com`. Either is a
    /// host as in an image's name, with a port if it is not 443.
    pub fn token_service(mut self, registry: impl Into<String>, host: impl Into<String>) -> Self {
        self.realms.allow(registry.into(), host.into());
        self
    }

    /// Asks registries over plain `http`, as Flux does with [`.spec.insecure`][1] where there is no `https`. Everybody on the way
    /// can read the login, and change the answer. Amazon ECR, private and public, is asked over `https` even so.
    ///
    /// [1]: https://fluxcd.io/flux/components/image/imagerepositories/#insecure
    pub fn insecure(mut self) -> Self {
        self.is_insecure = true;
        self
    }

    /// How many tags to ask for at once: 1 to 1000, and 1000 unless set, which is the most that Amazon ECR and Docker Hub give. A
    /// registry may give fewer, or all.
    pub fn page_size(mut self, tags: u16) -> Self {
        self.page_size = tags;
        self
    }

    /// How long an answer with tags may be, in bytes; 8 MiB unless set. A registry that knows no pages needs room for all tags.
    pub fn max_page_bytes(mut self, bytes: usize) -> Self {
        self.max_page_bytes = bytes;
        self
    }

    /// How long a page or a digest may take, with all that leads to it; 90 seconds unless set.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Checks the settings. Sends nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when a setting is out of range, a [token service](Self::token_service) is not a host, or the
    /// endpoint may not be called: see [`Endpoint::aws_api`].
    /// Also when a proxy or certificates that the environment names cannot be used.
    pub fn build(self) -> Result<OciRegistry, Error> {
        if !(1..=MAX_PAGE_SIZE).contains(&self.page_size) {
            return Err(wrong(format!("page_size: {} is not from 1 to {MAX_PAGE_SIZE}", self.page_size)));
        }
        if let Some(name) = self.realms.mistaken() {
            // What is before an @ may be a password.
            let shown = if name.contains('@') { "…" } else { name };
            return Err(wrong(format!("token_service: {shown:?} is not a host"))
                .with_hint("Give the host alone, and its port if that is not 443: auth.example.com:5001."));
        }
        let http_client = self.http_client.map_or_else(client_of_the_process, Ok)?;
        let time_source = self.time_source.unwrap_or_else(|| SharedTimeSource::new(SystemTimeSource::new()));
        let sleep_impl = self.sleep_impl.unwrap_or_else(|| SharedAsyncSleep::new(TokioSleep::new()));
        let caches = CacheBuilder::new()
            .time_source(time_source.clone())
            .sleep_impl(sleep_impl.clone())
            .load_timeout(LOAD_LIMIT);
        let throttle = self.throttle.unwrap_or_else(Throttle::process_wide);
        let wire = Wire::new(http_client, time_source, sleep_impl, throttle)
            .map_err(|error| wrong("the HTTP client cannot be used").with_source(error))?;
        let authorizer = Authorizer::new(wire.clone(), &caches, self.logins, self.realms);
        Ok(OciRegistry {
            inner: Arc::new(Inner {
                wire,
                authorizer,
                endpoint: self.endpoint_url.as_deref().map(endpoint).transpose()?,
                is_insecure: self.is_insecure,
                page_size: self.page_size,
                max_page_bytes: self.max_page_bytes,
                timeout: self.timeout,
            }),
        })
    }
}

impl fmt::Debug for OciRegistryBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OciRegistryBuilder").field("logins", &self.logins).finish_non_exhaustive()
    }
}

const MAX_PAGE_SIZE: u16 = 1000;

/// Beyond what the tries of a request for a token take.
const LOAD_LIMIT: Duration = Duration::from_secs(180);

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Configuration, message)
}

fn client_of_the_process() -> Result<SharedHttpClient, Error> {
    HttpClientBuilder::from_environment(&Environment::from_process()).build().map_err(|error| told(&error))
}

fn endpoint(url: &str) -> Result<Origin, Error> {
    let endpoint = Endpoint::aws_api("endpoint_url", url).map_err(|error| told(&error))?.url();
    match Origin::of_url(&endpoint) {
        Some((origin, "")) => Ok(origin),
        _ => Err(wrong(format!("endpoint_url: {endpoint:?} has a path; give scheme, host and port alone"))),
    }
}

/// What `flux-aws-auth` says of a setting, as an error of this crate.
fn told(error: &flux_aws_auth::Error) -> Error {
    match error.hint() {
        Some(hint) => wrong(error.to_string()).with_hint(hint),
        None => wrong(error.to_string()),
    }
}
