//! The logins in a Docker configuration, as Kubernetes keeps them in Secrets.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use aws_smithy_types::base64;
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind};
use crate::image::ImageName;
use crate::login::{Login, LoginSource};

/// Logins by registry, as in a Secret of type `kubernetes.io/dockerconfigjson`: what an ImageRepository's [`.spec.secretRef`][1]
/// names, and a ServiceAccount's `imagePullSecrets`.
///
/// ```
/// use flux_ecr_reflect::{DockerConfig, LoginSource};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), flux_ecr_reflect::Error> {
/// // The value of the Secret's key `.dockerconfigjson`.
/// let secret = br#"{"auths": {"ghcr.io": {"auth": "Zmx1eDpwYXNzd29yZA=="}}}"#;
/// let config = DockerConfig::from_json(secret)?;
///
/// let login = config.login(&"ghcr.io/stefanprodan/podinfo".parse()?).await?.expect("one for ghcr.io");
/// assert_eq!(login.user(), "flux");
/// assert!(config.login(&"quay.io/org/app".parse()?).await?.is_none());
/// # Ok(())
/// # }
/// ```
///
/// # Which login
///
/// A key is a registry, with its port if it has one, or a repository of it: `ghcr.io`, `ghcr.io/org`, `ghcr.io/org/app`. The
/// longest that the image is, or is below, decides. A scheme before it and a `/v1/` or `/v2/` behind it say nothing, so that
/// `https://index.docker.io/v1/` is Docker Hub. Where no key fits, the registry is asked without a login, as by Flux.
///
/// So every key that [Flux finds][2], which wants the whole repository or the registry as it is written, is found here. Patterns
/// (`*.example.com`), which Kubernetes knows, fit nothing, here as there. `credHelpers` and `credsStore` name programs, and are
/// not read.
///
/// [1]: https://fluxcd.io/flux/components/image/imagerepositories/#secret-reference
/// [2]: https://pkg.go.dev/github.com/google/go-containerregistry/pkg/authn/kubernetes
#[derive(Clone, Default)]
pub struct DockerConfig {
    entries: Vec<Entry>,
}

#[derive(Clone)]
struct Entry {
    scope: Scope,
    /// `None` where the entry is empty: it says that there is no login.
    login: Option<Arc<Login>>,
}

impl DockerConfig {
    /// Reads the value of `.dockerconfigjson`: `{"auths": {HOST: {…}}}`.
    ///
    /// An entry has `auth`, which is user and password in base64, or `username` and `password`; or a `registrytoken`, or an
    /// `identitytoken`, which count more in this order.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`], with the field that is wrong and never with what is in it.
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<Self, Error> {
        match object(json.as_ref(), ".dockerconfigjson")?.get("auths") {
            None | Some(Value::Null) => Ok(Self::default()),
            Some(Value::Object(auths)) => Self::from_auths(auths),
            Some(_) => Err(malformed("auths", "is not an object")),
        }
    }

    /// Reads the value of `.dockercfg`, the older form, in a Secret of type `kubernetes.io/dockercfg`: `{HOST: {…}}`.
    ///
    /// # Errors
    ///
    /// As [`from_json`](Self::from_json).
    pub fn from_dockercfg(json: impl AsRef<[u8]>) -> Result<Self, Error> {
        Self::from_auths(&object(json.as_ref(), ".dockercfg")?)
    }

    /// Adds a login for a registry or a repository of it, in place of one that is there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when that names no registry.
    pub fn with_login(mut self, registry: &str, login: Login) -> Result<Self, Error> {
        let entry = Entry { scope: Scope::parse(registry)?, login: Some(Arc::new(login)) };
        self.put(entry);
        Ok(self)
    }

    /// Adds what is in another, which counts more: a ServiceAccount may have several Secrets.
    #[must_use]
    pub fn with_config(mut self, other: Self) -> Self {
        for entry in other.entries {
            self.put(entry);
        }
        self
    }

    /// The login for an image, if there is one.
    pub fn login_for(&self, image: &ImageName) -> Option<&Arc<Login>> {
        let entries = self.entries.iter().filter(|entry| entry.scope.has(image));
        entries.max_by_key(|entry| entry.scope.path.len())?.login.as_ref()
    }

    fn from_auths(auths: &Map<String, Value>) -> Result<Self, Error> {
        let mut config = Self::default();
        for (key, value) in auths {
            let scope = Scope::parse(key)?;
            let field = format!("auths[{key:?}]");
            let Value::Object(fields) = value else { return Err(malformed(&field, "is not an object")) };
            config.put(Entry { scope, login: login(&field, fields)?.map(Arc::new) });
        }
        Ok(config)
    }

    fn put(&mut self, entry: Entry) {
        self.entries.retain(|known| known.scope != entry.scope);
        self.entries.push(entry);
    }
}

#[async_trait]
impl LoginSource for DockerConfig {
    async fn login(&self, image: &ImageName) -> Result<Option<Arc<Login>>, Error> {
        Ok(self.login_for(image).cloned())
    }
}

impl fmt::Debug for DockerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let logins = self.entries.iter().map(|Entry { scope, login }| (scope, login));
        f.debug_map().entries(logins).finish()
    }
}

/// A registry, or a repository of it and what is below.
#[derive(Clone, PartialEq, Eq)]
struct Scope {
    host: String,
    /// Without a slash before or behind it.
    path: String,
}

impl Scope {
    fn parse(key: &str) -> Result<Self, Error> {
        // It might be a password's.
        if key.contains('@') {
            return Err(malformed(
                "auths",
                "has a key with a user before the registry; remove everything up to the @",
            ));
        }
        let place = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
        let (host, path) = place.split_once('/').unwrap_or((place, ""));
        if host.is_empty() {
            return Err(malformed(&format!("auths[{key:?}]"), "names no registry"));
        }
        let path = ["v1", "v2"]
            .into_iter()
            .find_map(|api| path.strip_prefix(api).filter(|rest| rest.is_empty() || rest.starts_with('/')))
            .unwrap_or(path);
        let host = if host == "docker.io" { "index.docker.io" } else { host };
        Ok(Self { host: host.to_ascii_lowercase(), path: path.trim_matches('/').to_owned() })
    }

    fn has(&self, image: &ImageName) -> bool {
        let below = |rest: &str| rest.is_empty() || rest.starts_with('/');
        self.host.eq_ignore_ascii_case(image.registry())
            && (self.path.is_empty()
                || image.repository().strip_prefix(self.path.as_str()).is_some_and(below))
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        if self.path.is_empty() { Ok(()) } else { write!(f, "/{}", self.path) }
    }
}

fn login(field: &str, fields: &Map<String, Value>) -> Result<Option<Login>, Error> {
    let text = |name: &str| match fields.get(name) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text.as_str()),
        Some(_) => Err(malformed(&format!("{field}.{name}"), "is not a string")),
    };
    let (registry_token, identity_token) = (text("registrytoken")?, text("identitytoken")?);
    let (auth, user, password) = (text("auth")?, text("username")?, text("password")?);
    Ok(if !registry_token.is_empty() {
        Some(Login::bearer_token(registry_token))
    } else if !identity_token.is_empty() {
        Some(Login::identity_token(identity_token))
    } else if !auth.is_empty() {
        let (user, password) =
            decoded(auth).map_err(|problem| malformed(&format!("{field}.auth"), problem))?;
        Some(Login::basic(user, password))
    } else if !user.is_empty() || !password.is_empty() {
        Some(Login::basic(user, password))
    } else {
        None
    })
}

/// User and password; written with padding or without, as Docker and Kubernetes take it.
fn decoded(auth: &str) -> Result<(String, String), &'static str> {
    let digits = auth.trim().trim_end_matches('=');
    let padding = "=".repeat((4 - digits.len() % 4) % 4);
    let bytes = base64::decode(format!("{digits}{padding}")).map_err(|_| "is not base64")?;
    let text = String::from_utf8(bytes).map_err(|_| "is not text in base64")?;
    let (user, password) = text.split_once(':').ok_or("is not USER:PASSWORD in base64")?;
    Ok((user.to_owned(), password.trim_matches('\0').to_owned()))
}

fn object(json: &[u8], name: &str) -> Result<Map<String, Value>, Error> {
    match serde_json::from_slice(json) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(malformed(name, "is not a JSON object")),
        Err(error) => {
            let place = format!("is not JSON from line {}, column {} on", error.line(), error.column());
            Err(malformed(name, &place))
        }
    }
}

fn malformed(field: &str, problem: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("Docker configuration: {field} {problem}"))
}

#[cfg(test)]
mod tests;
