//! The two HTTP clients: one for AWS, which may go through a proxy, and one for what is on the node, which never does.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::timeout::TimeoutConfig;

use crate::environment::Environment;
use crate::error::Error;

mod certificates;
mod client;
mod connect;
mod no_proxy;
mod proxy;
mod ways;

use certificates::Certificates;
use client::{Client, Refusing};
use no_proxy::NoProxy;
pub use proxy::Proxy;
use ways::Ways;

pub(crate) use connect::{Late, ProxyNotReached};

/// The plain HTTP client: rustls with ring, the operating system's root certificates, no proxy.
///
/// It can be given to any `aws-sdk-*` client, which then shares its connections. Connections are made when first needed; so
/// are the certificates loaded, and only for an `https` address. (They come from where the operating system keeps them, or
/// from `SSL_CERT_FILE` and `SSL_CERT_DIR`: the one thing that is not read through [`Environment`].) For a proxy or
/// certificates of your own there is [`HttpClientBuilder`].
pub fn http_client() -> SharedHttpClient {
    HttpClientBuilder::new().build_or_refuse()
}

/// The HTTP client for the Pod Identity agent and the instance metadata service: no proxy, no certificates from a file, and
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

/// Makes an HTTP client for calls to AWS: rustls with ring, a proxy if need be, and the root certificates that it takes.
///
/// The client of a [`Chain`](crate::Chain) is, unless it is given another, the one
/// [`from_environment`](Self::from_environment). Whatever is set, what is on the node or on this machine is reached without
/// the proxy: loopback and link-local addresses, `localhost`, and `fd00:ec2::/32`, where the services of a node are on IPv6.
///
/// ```
/// use flux_aws_auth::{Chain, HttpClientBuilder, Proxy};
///
/// # fn main() -> Result<(), flux_aws_auth::Error> {
/// let proxy = Proxy::new("http://proxy.example.com:3128")?.with_basic_auth("flux", "password");
/// let client = HttpClientBuilder::new().proxy(proxy).no_proxy(".vpce.amazonaws.com").build()?;
/// let chain = Chain::builder().http_client(client).build();
/// # let _ = chain;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until built"]
pub struct HttpClientBuilder {
    https_proxy: Result<Option<Proxy>, Error>,
    http_proxy: Result<Option<Proxy>, Error>,
    no_proxy: NoProxy,
    certificates: Result<Certificates, Error>,
}

impl Default for HttpClientBuilder {
    fn default() -> Self {
        Self {
            https_proxy: Ok(None),
            http_proxy: Ok(None),
            no_proxy: NoProxy::default(),
            certificates: Ok(Certificates::default()),
        }
    }
}

impl HttpClientBuilder {
    /// No proxy, and the operating system's root certificates.
    pub fn new() -> Self {
        Self::default()
    }

    /// What these variables say, which are read now:
    ///
    /// | variable | what for |
    /// |---|---|
    /// | `HTTPS_PROXY`, else `https_proxy` | the [`Proxy`] for `https` addresses |
    /// | `HTTP_PROXY`, else `http_proxy` | the [`Proxy`] for plain `http` addresses |
    /// | `NO_PROXY`, else `no_proxy` | the hosts reached without a proxy, see [`no_proxy`](Self::no_proxy) |
    /// | `AWS_CA_BUNDLE` | a PEM file: the root certificates, in place of the operating system's |
    ///
    /// The first three are read as Go reads them, and so Flux ([httpproxy]); there is no `ALL_PROXY`. That Go takes no
    /// `HTTP_PROXY` in a CGI script, which a request could set, is left out of account: no chain runs in one. The last is read as
    /// the AWS SDKs read it ([AWS settings]).
    ///
    /// [httpproxy]: https://pkg.go.dev/golang.org/x/net/http/httpproxy
    /// [AWS settings]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-gen-config.html
    pub fn from_environment(environment: &Environment) -> Self {
        let first = |names: [&'static str; 2]| {
            names.into_iter().find_map(|name| environment.var(name).map(|value| (name, value)))
        };
        let proxy = |names| first(names).map(|(name, value)| Proxy::parse(name, &value)).transpose();
        let bundle = environment.var(CA_BUNDLE);
        Self {
            https_proxy: proxy(["HTTPS_PROXY", "https_proxy"]),
            http_proxy: proxy(["HTTP_PROXY", "http_proxy"]),
            no_proxy: first(["NO_PROXY", "no_proxy"])
                .map_or_else(NoProxy::default, |(_, list)| NoProxy::parse(&list)),
            certificates: bundle.map_or(Ok(Certificates::default()), |path| {
                Certificates::only_from_file(environment, CA_BUNDLE, &path)
            }),
        }
    }

    /// Goes through this proxy, in place of any from the environment.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.https_proxy = Ok(Some(proxy.clone()));
        self.http_proxy = Ok(Some(proxy));
        self
    }

    /// Goes through no proxy, whatever the environment says.
    pub fn without_proxy(mut self) -> Self {
        self.https_proxy = Ok(None);
        self.http_proxy = Ok(None);
        self
    }

    /// The hosts that are reached without the proxy, in place of those from the environment: a list with commas, as `NO_PROXY`
    /// has it.
    ///
    /// | entry | covers |
    /// |---|---|
    /// | `example.com` | the host, and those below it |
    /// | `.example.com`, `*.example.com` | those below it alone |
    /// | `10.1.2.3`, `2001:db8::1` | the address |
    /// | `10.0.0.0/8` | the addresses |
    /// | `example.com:443`, `10.1.2.3:443`, `[2001:db8::1]:443` | the same, on this port alone |
    /// | `*` | everything |
    ///
    /// A host's name is not looked up: an address in the list covers no name. What is not an entry is passed over.
    pub fn no_proxy(mut self, list: &str) -> Self {
        self.no_proxy = NoProxy::parse(list);
        self
    }

    /// Takes these root certificates too: a PEM text, `named` so in errors. For a private authority, such as that of a proxy
    /// that looks into TLS.
    pub fn extra_certificates(mut self, named: &str, pem: impl AsRef<[u8]>) -> Self {
        self.certificates = self.certificates.and_then(|mut certificates| {
            certificates.add(named, pem.as_ref())?;
            Ok(certificates)
        });
        self
    }

    /// Shows this certificate to a server, or a proxy, that asks for one: the certificate and those up to its authority, and its
    /// private key, each a PEM text, `named` so in errors. AWS asks for none; a registry or a proxy of your own may.
    pub fn client_certificate(
        mut self,
        named: &str,
        certificate: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Self {
        self.certificates = self.certificates.and_then(|mut certificates| {
            certificates.show(named, certificate.as_ref(), key.as_ref())?;
            Ok(certificates)
        });
        self
    }

    /// The client. Nothing is connected yet. It speaks HTTP/1.1, over TLS 1.2 or later where the address is `https`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration), for the first setting that is not acceptable. It names
    /// the variable, and shows no password.
    pub fn build(self) -> Result<SharedHttpClient, Error> {
        let ways = Ways::new([self.https_proxy?, self.http_proxy?], self.no_proxy, self.certificates?)?;
        Ok(SharedHttpClient::new(Client::new(ways)))
    }

    /// The proxy for `https` addresses, as it was set.
    pub(crate) fn https_proxy(&self) -> Result<Option<&Proxy>, &Error> {
        self.https_proxy.as_ref().map(Option::as_ref)
    }

    /// The proxy for plain `http` addresses, as it was set.
    pub(crate) fn http_proxy(&self) -> Result<Option<&Proxy>, &Error> {
        self.http_proxy.as_ref().map(Option::as_ref)
    }

    /// What is wrong with the certificates, if anything is.
    pub(crate) fn flaw_of_certificates(&self) -> Option<&Error> {
        self.certificates.as_ref().err()
    }

    /// The client, or one that answers every request with why there is none: a chain has its report to say it in.
    pub(crate) fn build_or_refuse(self) -> SharedHttpClient {
        self.build().unwrap_or_else(|error| SharedHttpClient::new(Refusing(error)))
    }
}

pub(crate) const CA_BUNDLE: &str = "AWS_CA_BUNDLE";
