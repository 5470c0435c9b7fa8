//! How a registry is reached: proxy, certificates, encryption, and for how long.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use aws_smithy_async::future::timeout::Timeout;
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use flux_aws_auth::{Environment, HttpClientBuilder, Proxy};

use crate::error::{Error, ErrorKind};

mod secret;

use secret::{Certificates, Data};

/// The way to a registry, as an [ImageRepository][1] or an [OCIRepository][2] describes it.
///
/// | field | setting |
/// |---|---|
/// | `.spec.proxySecretRef` | [`proxy_secret`](RegistryTransportBuilder::proxy_secret) |
/// | `.spec.certSecretRef` | [`cert_secret`](RegistryTransportBuilder::cert_secret) |
/// | `.spec.insecure` | [`insecure`](RegistryTransportBuilder::insecure) |
/// | `.spec.timeout` | [`timeout`](RegistryTransportBuilder::timeout) |
///
/// Its [`http_client`](Self::http_client) is for whatever is asked on behalf of that object: the registry, its token service and,
/// for Amazon ECR, AWS.
///
/// ```
/// use std::time::Duration;
///
/// use flux_ecr_reflect::{Error, RegistryTransport, Scan};
/// # use flux_ecr_reflect::{ImageName, Reflector};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let transport = RegistryTransport::builder()
///     .proxy_secret("apps/proxy", [("address", "http://proxy.example.com:3128"), ("username", "flux"), ("password", "p@ss")])
///     .timeout(Duration::from_secs(90))
///     .build()?;
/// # let credentials = aws_credential_types::Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "docs");
/// let reflector = Reflector::builder().credentials(credentials).transport(&transport).build()?;
/// # async fn scan(transport: RegistryTransport, reflector: Reflector, image: &ImageName) -> Result<Scan, Error> {
/// let scan: Scan = transport.within(reflector.scan(image)).await?;
/// #    Ok(scan)
/// # }
/// # Ok(())
/// # }
/// ```
///
/// [1]: https://fluxcd.io/flux/components/image/imagerepositories/
/// [2]: https://fluxcd.io/flux/components/source/ocirepositories/
#[derive(Clone)]
pub struct RegistryTransport {
    http_client: SharedHttpClient,
    is_insecure: bool,
    timeout: Option<Duration>,
    sleep_impl: SharedAsyncSleep,
}

impl RegistryTransport {
    /// A transport with nothing set: no proxy, the operating system's root certificates, TLS.
    pub fn builder() -> RegistryTransportBuilder {
        RegistryTransportBuilder::default()
    }

    /// What carries the requests. Connections are made when first needed, and shared by all who have the client.
    pub fn http_client(&self) -> SharedHttpClient {
        self.http_client.clone()
    }

    /// Whether the registry is asked over plain `http`.
    pub fn is_insecure(&self) -> bool {
        self.is_insecure
    }

    /// How long one piece of work may take.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Does a piece of work within the [timeout](RegistryTransportBuilder::timeout): a scan, a digest, a pull.
    ///
    /// # Errors
    ///
    /// That of the work, or [`ErrorKind::Unavailable`] when it was not done in time. It is dropped then.
    ///
    /// # Cancel safety
    ///
    /// That of the work.
    pub async fn within<T>(&self, work: impl Future<Output = Result<T, Error>> + Send) -> Result<T, Error> {
        let Some(timeout) = self.timeout else { return work.await };
        Timeout::new(work, self.sleep_impl.sleep(timeout)).await.unwrap_or_else(|_| {
            let message = format!("the registry took longer than {} s", timeout.as_secs_f32());
            Err(Error::new(ErrorKind::Unavailable, message).with_hint(
                "Try again; for a registry that is slow or has very many tags, set a longer timeout.",
            ))
        })
    }
}

impl fmt::Debug for RegistryTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryTransport")
            .field("is_insecure", &self.is_insecure)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Settings of a [`RegistryTransport`], made by [`RegistryTransport::builder`].
///
/// Secrets are given as their decoded `data`, with the name to tell them by. Neither errors nor `Debug` show what is in them.
#[must_use = "a builder does nothing until built"]
pub struct RegistryTransportBuilder {
    of_the_process: HttpClientBuilder,
    proxy: Result<Option<Proxy>, Error>,
    certificates: Result<Vec<Certificates>, Error>,
    is_insecure: bool,
    timeout: Option<Duration>,
    sleep_impl: SharedAsyncSleep,
}

impl Default for RegistryTransportBuilder {
    fn default() -> Self {
        Self {
            of_the_process: HttpClientBuilder::new(),
            proxy: Ok(None),
            certificates: Ok(Vec::new()),
            is_insecure: false,
            timeout: None,
            sleep_impl: SharedAsyncSleep::new(TokioSleep::new()),
        }
    }
}

impl RegistryTransportBuilder {
    /// Begins with the proxies and certificates that the variables of a process name: see
    /// [`HttpClientBuilder::from_environment`]. A Secret comes before a variable, whichever is set first.
    pub fn environment(mut self, environment: &Environment) -> Self {
        self.of_the_process = HttpClientBuilder::from_environment(environment);
        self
    }

    /// Goes through the proxy of a Secret: `address`, with the scheme `http` or `https`, and where it wants them `username` and
    /// `password` ([`.spec.proxySecretRef`][1]).
    ///
    /// It is for every host but those of this machine and its node (see [`HttpClientBuilder`]); `NO_PROXY` says nothing here, as
    /// in Flux. SOCKS proxies, which Flux has too, are refused.
    ///
    /// [1]: https://fluxcd.io/flux/components/image/imagerepositories/#proxy-secret-reference
    pub fn proxy_secret<K: AsRef<str>, V: AsRef<[u8]>>(
        mut self,
        secret: impl AsRef<str>,
        data: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.proxy = self.proxy.and_then(|_| Data::new(secret.as_ref(), data).proxy().map(Some));
        self
    }

    /// Takes the certificates of a Secret ([`.spec.certSecretRef`][1]): `ca.crt`, an authority's, beside those of the operating
    /// system; `tls.crt` and `tls.key`, to be shown to a registry that asks who comes. All are PEM. Either or both.
    ///
    /// The keys `caFile`, `certFile` and `keyFile`, which Flux has deprecated, are read where the others are not there, with a
    /// warning in the log.
    ///
    /// [1]: https://fluxcd.io/flux/components/image/imagerepositories/#certificate-secret-reference
    pub fn cert_secret<K: AsRef<str>, V: AsRef<[u8]>>(
        mut self,
        secret: impl AsRef<str>,
        data: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.certificates = self.certificates.and_then(|mut all| {
            all.push(Data::new(secret.as_ref(), data).certificates()?);
            Ok(all)
        });
        self
    }

    /// Asks the registry over plain `http` ([`.spec.insecure`][1]): everybody on the way can read the login, and change the
    /// answer. Flux tries `https` first, and takes `http` where that fails, whoever made it fail; here nothing is tried that was
    /// not asked for. Amazon ECR, private and public, is asked over `https` even so: it has nothing else.
    ///
    /// [1]: https://fluxcd.io/flux/components/image/imagerepositories/#insecure
    pub fn insecure(mut self) -> Self {
        self.is_insecure = true;
        self
    }

    /// How long one piece of work may take in all ([`.spec.timeout`][1]), where it is done
    /// [`within`](RegistryTransport::within) the transport. Flux takes an ImageRepository's interval where it is not
    /// set; here there is none then, but for the limits of each request.
    ///
    /// [1]: https://fluxcd.io/flux/components/image/imagerepositories/#timeout
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// What waits for the timeout; tokio's timer, unless set.
    pub fn sleep_impl(mut self, sleep_impl: impl AsyncSleep + 'static) -> Self {
        self.sleep_impl = SharedAsyncSleep::new(sleep_impl);
        self
    }

    /// Checks the settings. Sends nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] for the first that is not acceptable, with the Secret's name and the key in it.
    pub fn build(self) -> Result<RegistryTransport, Error> {
        let client = match self.proxy? {
            Some(proxy) => self.of_the_process.proxy(proxy).no_proxy(""),
            None => self.of_the_process,
        };
        let client = self.certificates?.into_iter().fold(client, |client, more| more.add_to(client));
        Ok(RegistryTransport {
            http_client: client.build().map_err(|error| secret::told(&error))?,
            is_insecure: self.is_insecure,
            timeout: self.timeout,
            sleep_impl: self.sleep_impl,
        })
    }
}

impl fmt::Debug for RegistryTransportBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryTransportBuilder")
            .field("proxy", &self.proxy)
            .field("is_insecure", &self.is_insecure)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
