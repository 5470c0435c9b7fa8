//! Who a registry is asked as.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use aws_smithy_types::base64;

use crate::error::Error;
use crate::image::ImageName;
use crate::login::registry_login::HeldAs;

mod builder;
mod registry_login;

pub use self::builder::RegistryLoginBuilder;
pub use self::registry_login::RegistryLogin;

/// Where the logins of registries come from: a [`RegistryLogin`] for Amazon ECR, a [`DockerConfig`](crate::DockerConfig) for
/// others, or one of your own.
///
/// It is asked before every request, so that a login may change in the middle of a long listing. Who has to fetch logins holds
/// them: [`flux_aws_auth::cache`] does that.
///
/// ```
/// use std::sync::Arc;
///
/// use async_trait::async_trait;
/// use flux_ecr_reflect::{Error, ImageName, Login, LoginSource};
///
/// /// A token for one host, and nothing for any other.
/// #[derive(Debug)]
/// struct ForGhcr(Arc<Login>);
///
/// #[async_trait]
/// impl LoginSource for ForGhcr {
///     async fn login(&self, image: &ImageName) -> Result<Option<Arc<Login>>, Error> {
///         Ok((image.registry() == "ghcr.io").then(|| self.0.clone()))
///     }
/// }
/// # let _ = ForGhcr(Arc::new(Login::basic("user", "token")));
/// ```
#[async_trait]
pub trait LoginSource: fmt::Debug + Send + Sync {
    /// The login for the registry of `image`; `None` to ask it without one.
    ///
    /// With a login that is [`Anonymous`](LoginKind::Anonymous) it is asked without one, too, and the login says why.
    ///
    /// A source gives a login to the host that it was made for, and to no other: what it returns is sent there.
    ///
    /// # Errors
    ///
    /// Why there is none, where there should be one. Nothing is sent then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future must lose nothing.
    async fn login(&self, image: &ImageName) -> Result<Option<Arc<Login>>, Error>;

    /// Lets go of a login that the registry of `image` did not accept, if it is still the one that is held. Says whether it was:
    /// then the next [`login`](Self::login) is another. It may be so otherwise, too, where somebody else was refused before; so
    /// the source is asked again, and what is not the same login as before is worth one more try.
    ///
    /// What holds nothing has nothing to let go of, and that is what this does unless overridden.
    fn forget(&self, image: &ImageName, rejected: &Arc<Login>) -> bool {
        let _ = (image, rejected);
        false
    }
}

#[async_trait]
impl<T: LoginSource + ?Sized> LoginSource for Arc<T> {
    async fn login(&self, image: &ImageName) -> Result<Option<Arc<Login>>, Error> {
        (**self).login(image).await
    }

    fn forget(&self, image: &ImageName, rejected: &Arc<Login>) -> bool {
        (**self).forget(image, rejected)
    }
}

/// A login to a registry. `Debug` shows neither password nor token, nor a user that is one.
#[derive(Clone)]
pub struct Login {
    kind: LoginKind,
    user: String,
    secret: String,
    endpoint: Option<String>,
    expiry: Option<SystemTime>,
    note: Option<String>,
    /// Where a [`RegistryLogin`] holds it.
    held_as: Option<Arc<HeldAs>>,
}

/// How a [`Login`] is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LoginKind {
    /// A user and a password: for the registry itself, or for the token service that it names.
    Basic,
    /// A token that the registry takes as it is: `registrytoken` in Docker's configuration.
    BearerToken,
    /// A refresh token, for which the token service that the registry names gives a bearer token ([OAuth 2]): `identitytoken` in
    /// Docker's configuration.
    ///
    /// [OAuth 2]: https://distribution.github.io/distribution/spec/auth/oauth/
    IdentityToken,
    /// None: the registry is asked anonymously; the token service that it names may give a token even so. The
    /// [note](Login::note) says why.
    Anonymous,
}

impl Login {
    /// A user with a password.
    pub fn basic(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self::new(LoginKind::Basic, user.into(), password.into())
    }

    /// A token that the registry takes as it is.
    pub fn bearer_token(token: impl Into<String>) -> Self {
        Self::new(LoginKind::BearerToken, String::new(), token.into())
    }

    /// A token that is exchanged for a bearer token.
    pub fn identity_token(token: impl Into<String>) -> Self {
        Self::new(LoginKind::IdentityToken, String::new(), token.into())
    }

    /// No login, and why.
    pub fn anonymous(note: impl Into<String>) -> Self {
        Self::new(LoginKind::Anonymous, String::new(), String::new()).with_note(note)
    }

    fn new(kind: LoginKind, user: String, secret: String) -> Self {
        Self { kind, user, secret, endpoint: None, expiry: None, note: None, held_as: None }
    }

    /// Says until when it is good.
    #[must_use]
    pub fn with_expiry(mut self, expiry: impl Into<Option<SystemTime>>) -> Self {
        self.expiry = expiry.into();
        self
    }

    /// Says for which address it was given.
    #[must_use]
    pub fn with_endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// Says where it is held.
    fn held_as(mut self, key: &Arc<HeldAs>) -> Self {
        self.held_as = Some(key.clone());
        self
    }

    /// Adds what people should know about it.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// How it is used.
    pub fn kind(&self) -> LoginKind {
        self.kind
    }

    /// The user; empty where there is none. For Amazon ECR it is `AWS`.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The password or the token, which is a secret; empty where there is none.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The registry's address as whoever gave the login tells it, such as
    /// `https://123456789012.dkr.ecr.eu-west-1.amazonaws.com`. Of ECR it is the caller's own registry, while the login is good for
    /// every one that the caller may read.
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// Until when it is good, where that is known.
    pub fn expiry(&self) -> Option<SystemTime> {
        self.expiry
    }

    /// What people should know about it: why it is nobody's, for one.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Whether nobody who is shown it can tell it from `other`.
    pub(crate) fn proves_the_same_as(&self, other: &Self) -> bool {
        (self.kind, &self.user, &self.secret, &self.endpoint)
            == (other.kind, &other.user, &other.secret, &other.endpoint)
    }

    /// The user as people may see it: not where it is the secret. DigitalOcean's registry takes a token as user and password alike,
    /// others take one as user, without a password.
    pub(crate) fn shown_user(&self) -> &str {
        let is_secret = self.secret.is_empty() || self.user == self.secret;
        if is_secret && !self.user.is_empty() { "…" } else { &self.user }
    }

    /// What no text may repeat.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let sent = self.authorization();
        let sent = sent.as_deref().and_then(|header| header.split(' ').next_back()).map(str::to_owned);
        let user = (self.shown_user() != self.user).then(|| self.user.clone());
        [Some(self.secret.clone()), sent, user].into_iter().flatten().collect()
    }

    /// The `Authorization` header with which a request, to the registry or, with a user and a password, to its token service,
    /// carries it. `None` for a token that has to be exchanged first, and for nobody.
    pub(crate) fn authorization(&self) -> Option<String> {
        match self.kind {
            LoginKind::Basic => {
                Some(format!("Basic {}", base64::encode(format!("{}:{}", self.user, self.secret))))
            }
            LoginKind::BearerToken => Some(format!("Bearer {}", self.secret)),
            LoginKind::IdentityToken | LoginKind::Anonymous => None,
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("kind", &self.kind)
            .field("user", &self.shown_user())
            .field("endpoint", &self.endpoint)
            .field("expiry", &self.expiry)
            .field("note", &self.note)
            .finish_non_exhaustive()
    }
}
