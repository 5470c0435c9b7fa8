//! The logins of Amazon ECR, held while they are good.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use async_trait::async_trait;
use aws_sdk_ecr::Client;
use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use flux_aws_auth::cache::{Cache, Fault, Handle, LoadError, Loaded};
use flux_aws_auth::{Principal, Resolved};

use super::{Login, LoginSource, RegistryLoginBuilder};
use crate::error::{Error, ErrorKind};
use crate::image::ImageName;
use crate::reflect::credentials::Holder;
use crate::registry::RegistryKind;
use crate::tags::ecr_login::LoginApi;

/// Logs in to Amazon ECR, private and public, with AWS credentials.
///
/// ```
/// use aws_credential_types::provider::ProvideCredentials;
/// use flux_ecr_reflect::{Error, LoginSource, RegistryLogin};
///
/// async fn print(credentials: impl ProvideCredentials + 'static) -> Result<(), Error> {
///     let logins = RegistryLogin::builder().credentials(credentials).build()?;
///     let image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp".parse()?;
///     if let Some(login) = logins.login(&image).await? {
///         println!("{} until {:?}", login.user(), login.expiry()); // AWS until …
///     }
///     Ok(())
/// }
/// ```
///
/// # One login for many registries
///
/// A login is the identity's own, and [good for every registry that the identity may read][1] (`registryIds`, by which
/// accounts were once named, is deprecated): so there is one for each identity, region and endpoint, whoever owns the image. It
/// is good for twelve hours, and held by the rules of [`flux_aws_auth::cache`]: replaced in the background from the middle of its
/// life on, kept when that fails, dropped when the identity is denied. A login that a registry rejects is dropped by
/// [`forget`](LoginSource::forget), and no other with it. An outage of STS ends no login of a
/// [`Chain`](flux_aws_auth::Chain); that of an object is given only while its credentials are to be had.
///
/// # ECR Public
///
/// [ECR Public][2] gives logins in us-east-1 only, to identities of the partition `aws`, who need
/// `sts:GetServiceBearerToken` beside `ecr-public:GetAuthorizationToken`. It may be read anonymously, and is, where the builder was
/// given no credentials, or a [`Chain`](flux_aws_auth::Chain) in which no source is set up: the login is then
/// [anonymous](crate::LoginKind::Anonymous), says why, and is told once at level `info`. Credentials that are set up and fail are
/// an error, never a reason to go on anonymously.
///
/// # Other registries
///
/// They are left to the [others](RegistryLoginBuilder::others), and refused where there are none, as Flux refuses them under
/// `provider: aws`. So is a host that only looks like one of ECR; nothing is sent on its behalf.
///
/// [1]: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
/// [2]: https://docs.aws.amazon.com/AmazonECR/latest/public/public-registry-auth.html
#[derive(Clone)]
pub struct RegistryLogin {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) identity: Option<Holder>,
    pub(super) client: Client,
    pub(super) sleep_impl: SharedAsyncSleep,
    pub(super) endpoint_url: Option<String>,
    pub(super) public_endpoint_url: Option<String>,
    pub(super) others: Option<Arc<dyn LoginSource>>,
    pub(super) held: Cache<Arc<HeldAs>, Login, LoginError>,
    pub(super) nobody: OnceLock<Arc<Login>>,
    /// Whose login a program of one identity had last.
    pub(super) last: Mutex<Option<String>>,
}

/// All that makes two logins different.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct HeldAs {
    /// Whose it is. An object's ServiceAccount may come to name another role.
    identity: String,
    api: LoginApi,
}

impl RegistryLogin {
    /// A source of logins with nothing set.
    pub fn builder() -> RegistryLoginBuilder {
        RegistryLoginBuilder::default()
    }

    pub(super) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    fn handle(&self, key: &Arc<HeldAs>) -> Handle<Login, LoginError> {
        let (inner, own) = (self.inner.clone(), key.clone());
        self.inner.held.handle(key.clone(), move |_| {
            let (inner, key) = (inner.clone(), own.clone());
            async move {
                let login = inner.log_in(&key).await.map_err(LoginError::sorted)?;
                tracing::debug!(api = %key.api, identity = key.identity, "logged in");
                let expiry = login.expiry();
                Ok(Loaded::new(login.held_as(&key)).with_expiry(expiry))
            }
        })
    }
}

#[async_trait]
impl LoginSource for RegistryLogin {
    /// The login for the registry of `image`: the one that is held, or a new one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when the registry is none of ECR's, or gives no logins to identities of this partition;
    /// [`ErrorKind::Credentials`] when there are no credentials, or AWS does not accept them; [`ErrorKind::AccessDenied`] when the
    /// identity may not log in. Also what stands between here and AWS.
    async fn login(&self, image: &ImageName) -> Result<Option<Arc<Login>>, Error> {
        let inner = &self.inner;
        let api = match image.registry_kind()? {
            RegistryKind::Ecr(registry) => LoginApi::of_registry(&registry, inner.endpoint_url.as_deref()),
            RegistryKind::EcrPublic { dual_stack } => {
                LoginApi::of_public(dual_stack, inner.public_endpoint_url.as_deref())
            }
            RegistryKind::Other => {
                return match &inner.others {
                    Some(others) => others.login(image).await,
                    None => Err(not_of_ecr(image)),
                };
            }
        };
        let Some(identity) = inner.whose(&api).await? else { return Ok(Some(inner.nobody(&api))) };
        let mut key = HeldAs { identity, api };
        let failed = match self.handle(&Arc::new(key.clone())).get().await {
            Ok(login) => return Ok(Some(login)),
            Err(LoginError(error)) => error,
        };
        // A key that was rejected may have been replaced by its source, and then it is another identity that logs in.
        match inner.whose(&key.api).await? {
            Some(identity) if identity != key.identity => key.identity = identity,
            _ => return Err(failed),
        }
        self.handle(&Arc::new(key)).get().await.map(Some).map_err(|LoginError(error)| error)
    }

    fn forget(&self, image: &ImageName, rejected: &Arc<Login>) -> bool {
        // The others may log in to ECR themselves, for a registry that passes requests on.
        rejected.held_as.as_ref().is_some_and(|key| self.handle(key).forget_value(rejected))
            || self.inner.others.as_ref().is_some_and(|others| others.forget(image, rejected))
    }
}

impl fmt::Debug for RegistryLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryLogin")
            .field("endpoint_url", &self.inner.endpoint_url)
            .field("public_endpoint_url", &self.inner.public_endpoint_url)
            .field("others", &self.inner.others)
            .finish_non_exhaustive()
    }
}

impl Inner {
    /// Whose logins are asked for; `None` for nobody's.
    async fn whose(&self, api: &LoginApi) -> Result<Option<String>, Error> {
        match &self.identity {
            None if api.is_public() => Ok(None),
            None => Err(Error::new(ErrorKind::Credentials, format!("no AWS credentials to log in at {api}"))
                .with_hint(
                    "Call .credentials(provider) on the builder: private ECR cannot be read anonymously.",
                )),
            Some(identity) => match identity.resolve().await {
                Err(error) if is_nobody(&error) && api.is_public() && identity.is_one() => Ok(None),
                // The login outlives the credentials it was had with, and an outage of those who give them.
                Err(error) if error.is_retryable() && identity.is_one() => match self.last().clone() {
                    Some(last) => Ok(Some(last)),
                    None => Err(without_credentials(api, error)),
                },
                Err(error) => Err(without_credentials(api, error)),
                Ok(resolved) => {
                    let identity = identity_for(&resolved, api)?;
                    self.last().replace(identity.clone());
                    Ok(Some(identity))
                }
            },
        }
    }

    fn last(&self) -> MutexGuard<'_, Option<String>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nobody(&self, api: &LoginApi) -> Arc<Login> {
        let login = self.nobody.get_or_init(|| {
            let why = match self.identity {
                None => "no credentials are configured",
                Some(_) => "no source of credentials is set up",
            };
            tracing::info!("ECR Public is asked anonymously: {why}");
            Arc::new(Login::anonymous(format!("anonymous at {api}'s registry: {why}")))
        });
        login.clone()
    }

    /// Asks for a login; once more, with other credentials, when AWS does not accept the ones that are held.
    async fn log_in(&self, key: &HeldAs) -> Result<Login, Error> {
        let Some(identity) = &self.identity else {
            return Err(Error::new(
                ErrorKind::Credentials,
                format!("no AWS credentials to log in at {}", key.api),
            ));
        };
        let held = resolved_as(identity, key).await?;
        let failed = match key.api.log_in(&self.client, &self.sleep_impl, held.credentials()).await {
            Ok(login) => return Ok(login),
            Err(failed) if failed.credentials_rejected => failed.error,
            Err(failed) => return Err(failed.error),
        };
        identity.forget_credentials(held.credentials());
        let new = resolved_as(identity, key).await?;
        if new.credentials() == held.credentials() {
            return Err(failed.with_addition("; asked again, their source gave the same ones"));
        }
        key.api.log_in(&self.client, &self.sleep_impl, new.credentials()).await.map_err(|failed| failed.error)
    }
}

/// The credentials of the identity that the login is held for.
async fn resolved_as(identity: &Holder, key: &HeldAs) -> Result<Resolved, Error> {
    let resolved = identity.resolve().await.map_err(|error| without_credentials(&key.api, error))?;
    if resolved.principal().to_string() != key.identity {
        let message = format!("the identity changed during a login at {}", key.api);
        return Err(Error::new(ErrorKind::Credentials, message).with_retryable(true));
    }
    Ok(resolved)
}

/// The identity, if it can have logins there.
fn identity_for(resolved: &Resolved, api: &LoginApi) -> Result<String, Error> {
    let principal = resolved.principal();
    if let Principal::AssumedRole { role, .. } | Principal::Role { role, .. } = principal
        && api.is_public()
        && role.partition() != "aws"
    {
        let message = format!("ECR Public is in partition aws, and {principal} is of {}", role.partition());
        return Err(Error::new(ErrorKind::Configuration, message).with_hint(
            "Leave the credentials out, and it is read anonymously; or take an identity of partition aws.",
        ));
    }
    Ok(principal.to_string())
}

fn is_nobody(error: &flux_aws_auth::Error) -> bool {
    error.kind() == flux_aws_auth::ErrorKind::NoIdentity
}

fn without_credentials(api: &LoginApi, error: flux_aws_auth::Error) -> Error {
    let failed = Error::new(ErrorKind::Credentials, format!("no AWS credentials to log in at {api}"))
        .with_retryable(error.is_retryable());
    match error.hint().map(str::to_owned) {
        Some(hint) => failed.with_hint(hint),
        None => failed,
    }
    .with_source(error)
}

fn not_of_ecr(image: &ImageName) -> Error {
    let message =
        format!("the registry of {image} is not Amazon ECR, so AWS credentials give no login to it");
    Error::new(ErrorKind::Configuration, message)
        .with_hint("Give its login, as a DockerConfig, to .others(source) on the builder.")
}

/// Why there is no login, as everyone who waited for it gets it.
#[derive(Clone)]
pub(super) struct LoginError(Error);

impl LoginError {
    /// A denial ends what is held. After anything else it is good until it expires, or until a registry says otherwise.
    fn sorted(error: Error) -> LoadError<Self> {
        match error.kind() {
            ErrorKind::AccessDenied => LoadError::Denied(Self(error)),
            _ => LoadError::Transient(Self(error)),
        }
    }
}

impl From<Fault> for LoginError {
    fn from(fault: Fault) -> Self {
        let kind = match fault {
            Fault::AlreadyExpired => ErrorKind::InvalidResponse,
            _ => ErrorKind::Unavailable,
        };
        Self(Error::new(kind, "there is no login to ECR").with_source(fault))
    }
}
