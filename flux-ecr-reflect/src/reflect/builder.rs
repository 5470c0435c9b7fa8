//! What a [`Reflector`] is made of.

use std::fmt;
use std::sync::Arc;

use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource, TimeSource};
use aws_smithy_runtime_api::client::http::{HttpClient, SharedHttpClient};

use flux_aws_auth::{Endpoint, Environment, HttpClientBuilder};
use flux_policy::ExclusionList;

use super::credentials::{CredentialsFrom, Holder};
use super::registries::{NoLogins, Registries};
use super::{Inner, Reflector, Source};
use crate::error::{Error, ErrorKind};
use crate::login::{LoginSource, RegistryLogin};
use crate::oci::OciRegistry;
use crate::pages::{OnPage, PageProgress};
use crate::tags::TagSource;
use crate::tags::ecr_api::EcrApi;
use crate::tags::ecr_client::Connection;
use crate::throttle::Throttle;
use crate::transport::RegistryTransport;

/// Settings of a [`Reflector`], made by [`Reflector::builder`].
///
/// Nothing must be set to read what registries show to everybody. [`credentials`](Self::credentials) open Amazon ECR, and a
/// [`login`](Self::login) other registries; a [`tag_source`](Self::tag_source) of your own replaces them all.
///
/// # What is read of the process
///
/// Environment variables and files are not read, with these exceptions. The default HTTP client takes proxy and certificates from
/// [the environment](HttpClientBuilder::from_environment), and root certificates from the operating system, or from
/// `SSL_CERT_FILE` and `SSL_CERT_DIR`. The AWS SDK reads `LOG_SENSITIVE_BODIES` and `LOG_SIGNABLE_BODY` for its own trace
/// output, and, when a reflector is built, the file that `SMITHY_CLIENT_SDK_CUSTOM_PARTITION` names: it must be readable and
/// valid, or the SDK panics; where requests go it does not decide.
///
/// Waiting takes a tokio runtime with time enabled, unless [`sleep_impl`](Self::sleep_impl) is set.
#[derive(Default)]
#[must_use = "a builder does nothing until built"]
#[expect(clippy::struct_excessive_bools, reason = "switches, each by itself")]
pub struct ReflectorBuilder {
    credentials: Option<CredentialsFrom>,
    login: Option<Arc<dyn LoginSource>>,
    oci_registry: Option<OciRegistry>,
    distribution_api: bool,
    is_insecure: bool,
    http_client: Option<SharedHttpClient>,
    time_source: Option<SharedTimeSource>,
    sleep_impl: Option<SharedAsyncSleep>,
    endpoint_url: Option<String>,
    throttle: Option<Throttle>,
    tag_source: Option<Arc<dyn TagSource>>,
    exclusion_list: ExclusionList,
    without_accessories: bool,
    track_moves: bool,
    on_page: Option<Arc<OnPage>>,
}

impl ReflectorBuilder {
    /// Who asks Amazon ECR. Any provider of the AWS SDK's kind will do. Private ECR is read through the ECR API, which takes no
    /// login, and ECR Public through the distribution API with a login of this identity: see
    /// [`RegistryLogin`](crate::RegistryLogin). Other registries do not get to know of it.
    ///
    /// Credentials are loaded when the first page needs them, and held: a [`Chain`](flux_aws_auth::Chain) does that by
    /// itself, so do [`IdentityCredentials`](flux_aws_auth::IdentityCredentials), which read an object's ServiceAccount for
    /// every page, and any other provider becomes the only source of a chain. So they are refreshed at half of their life, in the
    /// middle of a listing if need be; one load may take 20 seconds, unless the chain was told otherwise; and when AWS does
    /// not accept them before their time, they are asked for once more.
    pub fn credentials(mut self, credentials: impl ProvideCredentials + 'static) -> Self {
        self.credentials = Some(CredentialsFrom::new(credentials));
        self
    }

    /// Who asks other registries: a [`DockerConfig`](crate::DockerConfig), as in Flux's [`.spec.secretRef`][1]. Unless set, nobody:
    /// they show what they show to everybody.
    ///
    /// Without [`credentials`](Self::credentials), Amazon ECR is asked with these logins too, through the distribution API.
    ///
    /// [1]: https://fluxcd.io/flux/components/image/imagerepositories/#secret-reference
    pub fn login(mut self, source: impl LoginSource + 'static) -> Self {
        self.login = Some(Arc::new(source));
        self
    }

    /// What reads registries that are not private ECR, with settings and logins of its own: unless set, an [`OciRegistry`] with
    /// this builder's.
    pub fn oci_registry(mut self, registry: OciRegistry) -> Self {
        self.oci_registry = Some(registry);
        self
    }

    /// Reads private ECR through the distribution API too, as Flux does: with a login, and with one request more for a digest. An
    /// [`oci_registry`](Self::oci_registry) that is given must have logins for it, such as a
    /// [`RegistryLogin`](crate::RegistryLogin).
    pub fn distribution_api(mut self) -> Self {
        self.distribution_api = true;
        self
    }

    /// What carries the requests. Unless set, the client that the process's environment asks for: proxy and root
    /// certificates, as [`HttpClientBuilder::from_environment`] reads them when the reflector is built.
    pub fn http_client(mut self, http_client: impl HttpClient + 'static) -> Self {
        self.http_client = Some(SharedHttpClient::new(http_client));
        self
    }

    /// The client of a transport, and plain `http` to registries that are not Amazon ECR's if that is its way. Its timeout is
    /// [`within`](RegistryTransport::within)'s alone.
    pub fn transport(mut self, transport: &RegistryTransport) -> Self {
        self.http_client = Some(transport.http_client());
        self.is_insecure = transport.is_insecure();
        self
    }

    /// The clock that dates signatures, tells the age of images, and times reports; the system's, unless set.
    pub fn time_source(mut self, time_source: impl TimeSource + 'static) -> Self {
        self.time_source = Some(SharedTimeSource::new(time_source));
        self
    }

    /// What waits between retries, for turns and for timeouts; tokio's timer, unless set.
    pub fn sleep_impl(mut self, sleep_impl: impl AsyncSleep + 'static) -> Self {
        self.sleep_impl = Some(SharedAsyncSleep::new(sleep_impl));
        self
    }

    /// The ECR API to call instead of the region's own: a private endpoint, or a test's server. `https` anywhere, plain
    /// `http` at a loopback address only, because a request carries the session token.
    ///
    /// Image names keep their registry's host, and requests are signed for its region.
    pub fn endpoint_url(mut self, url: impl Into<String>) -> Self {
        self.endpoint_url = Some(url.into());
        self
    }

    /// What slows requests down where a registry asks for it; [`Throttle::process_wide`], unless set.
    pub fn throttle(mut self, throttle: Throttle) -> Self {
        self.throttle = Some(throttle);
        self
    }

    /// Lists tags from elsewhere than registries.
    pub fn tag_source(mut self, source: impl TagSource + 'static) -> Self {
        self.tag_source = Some(Arc::new(source));
        self
    }

    /// The tags to leave out, as an ImageRepository's [`.spec.exclusionList`][1]; unless set, Flux's default:
    /// the signatures cosign keeps beside the images.
    ///
    /// [1]: https://fluxcd.io/flux/components/image/imagerepositories/#exclusion-list
    pub fn exclusion_list(mut self, list: ExclusionList) -> Self {
        self.exclusion_list = list;
        self
    }

    /// Leaves out what is beside the images: signatures, attestations, SBOMs, and the lists of them. Flux does not: of these
    /// its default exclusion list has the signatures of cosign alone. See [`Accessory::of`](crate::Accessory::of) for how they
    /// are known.
    pub fn without_accessories(mut self) -> Self {
        self.without_accessories = true;
        self
    }

    /// Makes scans keep what tells that a tag points to another image than before:
    /// [`Scan::changes_since`](crate::Scan::changes_since) then has [`Change::Moved`](crate::scan::Change::Moved). It takes eight
    /// bytes a tag.
    pub fn track_moves(mut self) -> Self {
        self.track_moves = true;
        self
    }

    /// Calls `hook` after every page, on the task that lists; it should return at once.
    pub fn on_page(mut self, hook: impl Fn(PageProgress<'_>) + Send + Sync + 'static) -> Self {
        self.on_page = Some(Arc::new(hook));
        self
    }

    /// Checks the settings. Sends nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when a setting is missing, contradicts another, or the endpoint may not be called: see
    /// [`Endpoint::aws_api`]. Also when a proxy or certificates that the environment names cannot be used.
    pub fn build(mut self) -> Result<Reflector, Error> {
        let exclusion_list = std::mem::take(&mut self.exclusion_list);
        let on_page = self.on_page.take();
        let (without_accessories, track_moves) = (self.without_accessories, self.track_moves);
        let time_source = self.time_source.clone();
        let time_source = time_source.unwrap_or_else(|| SharedTimeSource::new(SystemTimeSource::new()));
        let sleep_impl = self.sleep_impl.clone();
        let sleep_impl = sleep_impl.unwrap_or_else(|| SharedAsyncSleep::new(TokioSleep::new()));
        let source = self.source(time_source.clone(), sleep_impl.clone())?;
        Ok(Reflector {
            inner: Arc::new(Inner {
                source,
                exclusion_list,
                without_accessories,
                track_moves,
                on_page,
                time_source,
                sleep_impl,
            }),
        })
    }

    fn source(self, time_source: SharedTimeSource, sleep_impl: SharedAsyncSleep) -> Result<Source, Error> {
        self.check_conflicts()?;
        if let Some(source) = self.tag_source {
            return Ok(Source::Other(source));
        }
        // Nothing is left to connect to.
        if let (None, Some(others)) = (&self.credentials, &self.oci_registry) {
            let others = others.clone();
            return Ok(Source::Registries(Registries {
                ecr: None,
                others,
                others_know_ecr: true,
                prefer_others: true,
            }));
        }
        let throttle = self.throttle.unwrap_or_else(Throttle::process_wide);
        let connection = Connection {
            throttle: match &self.sleep_impl {
                Some(sleep_impl) => throttle.with_sleep_impl(sleep_impl.clone()),
                None => throttle,
            },
            http_client: self.http_client.map_or_else(client_of_the_process, Ok)?,
            time_source,
            sleep_impl,
        };
        let endpoint_url =
            self.endpoint_url.as_deref().map(|url| checked_endpoint("endpoint_url", url)).transpose()?;
        let holder = self.credentials.map(|credentials| credentials.into_holder(&connection));
        let others_know_ecr = holder.is_some() || self.login.is_some() || self.oci_registry.is_some();
        let others = match self.oci_registry {
            Some(registry) => registry,
            None => {
                oci_registry(holder.clone(), self.login, endpoint_url.clone(), self.is_insecure, &connection)?
            }
        };
        let ecr = holder.map(|holder| EcrApi::new(holder, connection, endpoint_url));
        let prefer_others = self.distribution_api;
        Ok(Source::Registries(Registries { ecr, others, others_know_ecr, prefer_others }))
    }

    fn check_conflicts(&self) -> Result<(), Error> {
        let instead_of = |other, is_set: bool, settings: &[(&str, bool)]| match settings
            .iter()
            .find(|(_, also_set)| is_set && *also_set)
        {
            Some((setting, _)) => {
                Err(wrong(format!("{setting} is for registries, which {other} replaces; set one of the two")))
            }
            None => Ok(()),
        };
        let login = ("login", self.login.is_some());
        let of_registries = [
            ("credentials", self.credentials.is_some()),
            login,
            ("oci_registry", self.oci_registry.is_some()),
            ("distribution_api", self.distribution_api),
            ("http_client", self.http_client.is_some()),
            ("endpoint_url", self.endpoint_url.is_some()),
            ("throttle", self.throttle.is_some()),
        ];
        instead_of("tag_source", self.tag_source.is_some(), &of_registries)?;
        instead_of("oci_registry", self.oci_registry.is_some(), &[login])
    }
}

/// The client of all registries that are not private ECR, and of that where it is asked for.
fn oci_registry(
    holder: Option<Holder>,
    login: Option<Arc<dyn LoginSource>>,
    endpoint_url: Option<String>,
    is_insecure: bool,
    connection: &Connection,
) -> Result<OciRegistry, Error> {
    let registry = OciRegistry::builder()
        .http_client(connection.http_client.clone())
        .time_source(connection.time_source.clone())
        .sleep_impl(connection.sleep_impl.clone())
        .throttle(connection.throttle.clone());
    let registry = if is_insecure { registry.insecure() } else { registry };
    let registry = match (holder, login) {
        (None, None) => registry,
        (None, Some(login)) => registry.login(login),
        (Some(holder), login) => {
            let logins = RegistryLogin::builder()
                .holder(holder)
                .http_client(connection.http_client.clone())
                .time_source(connection.time_source.clone())
                .sleep_impl(connection.sleep_impl.clone())
                .others(login.unwrap_or_else(|| Arc::new(NoLogins)));
            let logins = match endpoint_url {
                Some(url) => logins.endpoint_url(url),
                None => logins,
            };
            registry.login(logins.build()?)
        }
    };
    registry.build()
}

impl fmt::Debug for ReflectorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReflectorBuilder").field("tag_source", &self.tag_source).finish_non_exhaustive()
    }
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Configuration, message)
}

pub(crate) fn client_of_the_process() -> Result<SharedHttpClient, Error> {
    HttpClientBuilder::from_environment(&Environment::from_process()).build().map_err(|error| told(&error))
}

/// The address that `setting` names, where requests may go.
pub(crate) fn checked_endpoint(setting: &str, url: &str) -> Result<String, Error> {
    match Endpoint::aws_api(setting, url) {
        Ok(endpoint) => Ok(endpoint.url()),
        Err(error) => Err(told(&error)),
    }
}

/// What `flux-aws-auth` says of a setting, as an error of this crate.
fn told(error: &flux_aws_auth::Error) -> Error {
    match error.hint() {
        Some(hint) => wrong(error.to_string()).with_hint(hint),
        None => wrong(error.to_string()),
    }
}
