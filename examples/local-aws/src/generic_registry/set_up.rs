//! The set-up of the registry.

use std::collections::BTreeMap;
use std::time::Duration;

use super::tokens::Tokens;
use crate::error::Error;
use crate::meter::Ledger;
use crate::repository::{Catalog, Repository};

/// A registry that is not AWS's, with users of its own: what `provider: generic` and a Docker configuration are for.
///
/// [`bearer`](Self::bearer) challenges for tokens of a service on another port, [`basic`](Self::basic) for a user name and
/// password, and [`open`](Self::open) for nothing. Repositories must be set up before anything is pushed to them.
///
/// ```
/// # async fn registry() -> Result<(), local_aws::Error> {
/// use std::time::Duration;
/// use local_aws::{GenericRegistry, LocalAws, Repository, TagStyle};
///
/// let registry = GenericRegistry::bearer()
///     .user("ci", "a-password")
///     .reader("flux", "another-password")
///     .identity_token("flux", "an-identity-token")
///     .token_lifetime(Duration::from_secs(60))
///     .repository(Repository::generated("apps/web", 2_500, TagStyle::Semver))
///     .repository(Repository::empty("apps/new"));
/// let aws = LocalAws::builder().generic_registry(registry).start().await?;
/// println!("{}/apps/web, with tokens from {}", aws.generic_registry_host(), aws.generic_tokens_url());
/// # Ok(()) }
/// ```
///
/// Sources: <https://distribution.github.io/distribution/spec/auth/token/>,
/// <https://distribution.github.io/distribution/spec/auth/oauth/>,
/// <https://distribution.github.io/distribution/about/configuration/#htpasswd>.
#[derive(Clone)]
pub struct GenericRegistry {
    scheme: Scheme,
    users: BTreeMap<String, User>,
    anonymous: Option<Rights>,
    identity_tokens: BTreeMap<String, String>,
    token_lifetime: Duration,
    tells_lifetime: bool,
    realm: Option<String>,
    tells_digests: bool,
    repositories: Vec<Repository>,
}

/// What the registry asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scheme {
    Bearer,
    Basic,
    Open,
}

#[derive(Clone)]
struct User {
    password: String,
    rights: Rights,
}

/// What somebody may do with the repositories; to push is also to pull.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rights {
    push: bool,
}

impl Rights {
    pub(super) const PULL: Self = Self { push: false };
    pub(super) const PUSH: Self = Self { push: true };

    pub(super) fn cover(self, push: bool) -> bool {
        self.push || !push
    }
}

impl GenericRegistry {
    /// A registry that wants a token, which the token service gives to its users.
    ///
    /// A token is for the scopes it was asked for, `repository:apps/web:pull`, as far as the user has the rights.
    pub fn bearer() -> Self {
        Self::new(Scheme::Bearer)
    }

    /// A registry that wants a user name and a password.
    pub fn basic() -> Self {
        Self::new(Scheme::Basic)
    }

    /// A registry that lets everybody do everything.
    pub fn open() -> Self {
        Self::new(Scheme::Open)
    }

    fn new(scheme: Scheme) -> Self {
        Self {
            scheme,
            users: BTreeMap::new(),
            anonymous: None,
            identity_tokens: BTreeMap::new(),
            token_lifetime: Duration::from_secs(300),
            tells_lifetime: true,
            realm: None,
            tells_digests: true,
            repositories: Vec::new(),
        }
    }

    /// Adds a user who may pull and push.
    #[must_use]
    pub fn user(self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.with_user(name.into(), password.into(), Rights::PUSH)
    }

    /// Adds a user who may pull.
    #[must_use]
    pub fn reader(self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.with_user(name.into(), password.into(), Rights::PULL)
    }

    fn with_user(mut self, name: String, password: String, rights: Rights) -> Self {
        self.users.insert(name, User { password, rights });
        self
    }

    /// Who is nobody may pull; with Bearer authentication by a token that the service gives to anybody.
    #[must_use]
    pub fn anonymous_pull(mut self) -> Self {
        self.anonymous = Some(Rights::PULL);
        self
    }

    /// An identity token, also called a refresh token, that the token service takes for the user's password.
    #[must_use]
    pub fn identity_token(mut self, user: impl Into<String>, token: impl Into<String>) -> Self {
        self.identity_tokens.insert(token.into(), user.into());
        self
    }

    /// How long a token lives; five minutes unless this is called.
    #[must_use]
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.token_lifetime = lifetime;
        self
    }

    /// The token service does not say how long a token lives, which by the specification means 60 seconds.
    #[must_use]
    pub fn silent_lifetime(mut self) -> Self {
        self.tells_lifetime = false;
        self
    }

    /// The realm that challenges name instead of the token service's: a place that a client must not send a password to.
    #[must_use]
    pub fn realm(mut self, url: impl Into<String>) -> Self {
        self.realm = Some(url.into());
        self
    }

    /// Manifests come without `Docker-Content-Digest`, which the specification does not demand.
    #[must_use]
    pub fn silent_digests(mut self) -> Self {
        self.tells_digests = false;
        self
    }

    /// Adds a repository.
    #[must_use]
    pub fn repository(mut self, repository: Repository) -> Self {
        self.repositories.push(repository);
        self
    }

    /// Checks the set-up, for the builder's account.
    pub(crate) fn compile(self, account: &str, ledger: &Ledger) -> Result<CompiledRegistry, Error> {
        let mut repositories = BTreeMap::new();
        for repository in self.repositories {
            let repository = Catalog::new(repository, account)?;
            let name = repository.name.clone();
            if repositories.insert(name.clone(), repository).is_some() {
                return Err(Error::Duplicate { what: "repositories of the generic registry", name });
            }
        }
        for user in self.identity_tokens.values() {
            if !self.users.contains_key(user) {
                return Err(Error::Invalid {
                    field: "identity_token",
                    value: user.clone(),
                    expected: "a user of the generic registry",
                });
            }
        }
        for secret in self.users.values().map(|user| &user.password).chain(self.identity_tokens.keys()) {
            ledger.record(secret);
        }
        Ok(CompiledRegistry {
            scheme: self.scheme,
            anonymous: self.anonymous,
            realm: self.realm,
            tells_digests: self.tells_digests,
            repositories,
            tokens: Tokens::new(self.token_lifetime, self.tells_lifetime),
            users: self.users,
            identity_tokens: self.identity_tokens,
        })
    }
}

impl Default for GenericRegistry {
    fn default() -> Self {
        Self::bearer()
    }
}

impl std::fmt::Debug for GenericRegistry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GenericRegistry")
            .field("scheme", &self.scheme)
            .field("users", &self.users.keys())
            .field("repositories", &self.repositories)
            .finish_non_exhaustive()
    }
}

/// A registry whose set-up has been checked.
pub(crate) struct CompiledRegistry {
    pub(super) scheme: Scheme,
    pub(super) anonymous: Option<Rights>,
    pub(super) realm: Option<String>,
    pub(crate) tells_digests: bool,
    pub(crate) repositories: BTreeMap<String, Catalog>,
    pub(super) tokens: Tokens,
    users: BTreeMap<String, User>,
    identity_tokens: BTreeMap<String, String>,
}

impl CompiledRegistry {
    /// Forgets every token that was given out.
    pub(crate) fn revoke_tokens(&self) {
        self.tokens.revoke();
    }

    /// The rights of the user whose name and password, with a colon between them, these are.
    pub(super) fn user(&self, login: &str) -> Option<Rights> {
        let (name, password) = login.split_once(':')?;
        self.users.get(name).filter(|user| user.password == password).map(|user| user.rights)
    }

    /// The rights of the user of an identity token.
    pub(super) fn user_of_token(&self, token: &str) -> Option<Rights> {
        Some(self.users.get(self.identity_tokens.get(token)?)?.rights)
    }

    /// The identity token of the user of that name.
    pub(super) fn identity_token_of(&self, name: &str) -> Option<&str> {
        let mut tokens = self.identity_tokens.iter();
        tokens.find(|(_, user)| *user == name).map(|(token, _)| token.as_str())
    }
}
