//! Bearer tokens: what a registry's token service gives for a login, or for none.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use flux_aws_auth::Endpoint;
use flux_aws_auth::cache::{Fault, LoadError, Loaded};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use serde_json::Value;

use super::failure::{Said, facts, no_answer};
use super::origin::Origin;
use super::wire::{Answer, Request, Tries, Wire};
use crate::error::{Error, ErrorKind};
use crate::image::ImageName;
use crate::login::{Login, LoginKind};

/// What a registry says of its token service ([token authentication]).
///
/// [token authentication]: https://distribution.github.io/distribution/spec/auth/token/
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TokenService {
    pub(super) realm: Endpoint,
    pub(super) service: Option<String>,
}

/// All that makes two tokens different, but for the login, which is in the [`Token`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct TokenKey {
    pub(super) registry: Origin,
    /// For which a login is asked: where an endpoint stands for several registries, they may have images of the same name.
    pub(super) image: ImageName,
    pub(super) realm: String,
    pub(super) service: Option<String>,
    /// Several are separated by spaces.
    pub(super) scope: String,
}

/// A bearer token, and for which login it was given.
pub(super) struct Token {
    secret: String,
    pub(super) login: Option<Arc<Login>>,
}

impl Token {
    pub(super) fn secret(&self) -> &str {
        &self.secret
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("login", &self.login).finish_non_exhaustive()
    }
}

/// An [`Error`] that the cache can make of a fault of its own.
#[derive(Debug, Clone)]
pub(super) struct NotLoaded(pub(super) Error);

impl From<Fault> for NotLoaded {
    fn from(fault: Fault) -> Self {
        let message =
            format!("no token, and no authentication scheme, could be loaded for the registry: {fault}");
        Self(Error::new(ErrorKind::Unavailable, message))
    }
}

/// A token service that gave no token.
pub(super) struct NoToken {
    pub(super) error: Error,
    /// Whether it does not accept the login.
    pub(super) is_rejection: bool,
}

impl From<NoToken> for LoadError<NotLoaded> {
    fn from(NoToken { error, .. }: NoToken) -> Self {
        if error.is_retryable() { Self::Transient(NotLoaded(error)) } else { Self::Denied(NotLoaded(error)) }
    }
}

impl TokenService {
    /// Asks for a token that may pull `scope`.
    pub(super) async fn fetch(
        &self,
        wire: &Wire,
        registry: &Origin,
        scope: &str,
        login: Option<Arc<Login>>,
    ) -> Result<Loaded<Token>, NoToken> {
        let url = self.realm.to_string();
        let Some((origin, path)) = Origin::of_url(&url) else {
            let error =
                Error::new(ErrorKind::InvalidResponse, format!("the realm {url} of {registry} is not a URL"));
            return Err(NoToken { error, is_rejection: false });
        };
        let host = origin.authority();
        let what = format!("for a token for {}", registry.authority());
        let request = self.request(origin, path, scope, login.as_deref());
        let answer = wire.send(&request, &Tries::default()).await.map_err(|unanswered| NoToken {
            error: no_answer(unanswered, &host, &what),
            is_rejection: false,
        })?;
        if !answer.is_success() {
            return Err(refused(&answer, &host, &what, login.as_deref()));
        }
        let (secret, lifetime) = read(&answer).ok_or_else(|| NoToken {
            error: Error::new(
                ErrorKind::InvalidResponse,
                format!("the answer of {host}, asked {what}, has no token"),
            )
            .with_response(facts(&answer)),
            is_rejection: false,
        })?;
        Ok(Loaded::new(Token { secret, login }).with_expiry(wire.now() + lifetime))
    }

    fn request(&self, origin: Origin, path: &str, scope: &str, login: Option<&Login>) -> Request {
        let mut params: Vec<(&str, &str)> = Vec::new();
        params.extend(self.service.as_deref().map(|service| ("service", service)));
        let path = if path.is_empty() { "/" } else { path };
        let request = Request {
            method: "GET",
            origin,
            path_and_query: path.to_owned(),
            accept: "application/json",
            authorization: None,
            form: None,
            max_bytes: MAX_BYTES,
            is_streamed: false,
        };
        match login {
            // As in https://distribution.github.io/distribution/spec/auth/oauth/
            Some(login) if login.kind() == LoginKind::IdentityToken => {
                params.extend([
                    ("grant_type", "refresh_token"),
                    ("client_id", env!("CARGO_PKG_NAME")),
                    ("scope", scope),
                    ("refresh_token", login.secret()),
                ]);
                Request { method: "POST", form: Some(encoded(&params)), ..request }
            }
            login => {
                params.extend(scope.split(' ').map(|scope| ("scope", scope)));
                // Whoever keeps a log keeps the query too.
                let user = login.map(Login::user).filter(|user| !user.is_empty());
                let user = user.filter(|user| login.is_some_and(|login| login.shown_user() == *user));
                params.extend(user.map(|user| ("account", user)));
                let path_and_query = format!("{path}?{}", encoded(&params));
                Request { path_and_query, authorization: login.and_then(Login::authorization), ..request }
            }
        }
    }
}

/// A token is a few kilobytes.
const MAX_BYTES: usize = 256 * 1024;

/// What the specification says for a service that does not; and no service gives less.
const SHORTEST_LIFETIME: Duration = Duration::from_secs(60);

/// All but what is [unreserved](https://www.rfc-editor.org/rfc/rfc3986#section-2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn encoded(params: &[(&str, &str)]) -> String {
    let pairs = params.iter().map(|(name, value)| format!("{name}={}", encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn encode(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, RESERVED)
}

/// The token, and for how long it is good from now.
fn read(answer: &Answer) -> Option<(String, Duration)> {
    let read: Value = serde_json::from_slice(&answer.body).ok()?;
    let is_token = |token: &&str| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    let tokens = ["token", "access_token"].map(|name| read[name].as_str());
    let token = tokens.into_iter().flatten().find(is_token)?.to_owned();
    let lifetime =
        read["expires_in"].as_u64().map_or(SHORTEST_LIFETIME, Duration::from_secs).min(LONGEST_LIFETIME);
    // By the service's own clock on both sides.
    let at = |text: &str, format| SystemTime::try_from(DateTime::from_str(text, format).ok()?).ok();
    let issued = read["issued_at"].as_str().and_then(|text| at(text, Format::DateTimeWithOffset));
    let answered = answer.header("date").and_then(|text| at(text, Format::HttpDate));
    let age = answered.zip(issued).and_then(|(answered, issued)| answered.duration_since(issued).ok());
    Some((token, lifetime.saturating_sub(age.unwrap_or_default()).max(SHORTEST_LIFETIME)))
}

const LONGEST_LIFETIME: Duration = Duration::from_hours(24 * 365);

fn refused(answer: &Answer, host: &str, what: &str, login: Option<&Login>) -> NoToken {
    let mut secrets = login.map_or_else(Vec::new, Login::secrets);
    // As it stands in a form.
    secrets.extend(login.map(|login| encode(login.secret()).to_string()));
    let said = Said::read(answer, &secrets.iter().map(String::as_str).collect::<Vec<_>>());
    let is_rejection = matches!(answer.status, 400 | 401 | 403);
    let asker = login.map_or_else(|| "a request without a login".to_owned(), whose);
    let error = if is_rejection {
        let hint = if login.is_some_and(|login| login.kind() != LoginKind::Anonymous) {
            "Check that the user and the password are right, have not expired, and may pull this image."
        } else {
            "Check the name of the image first: a registry may answer so for one that does not exist. Then give a login that \
             may pull it."
        };
        let message = format!("{host}, asked {what}, does not accept {asker}");
        Error::new(ErrorKind::Credentials, message).with_hint(hint)
    } else {
        let kind = match said.kind(answer.status) {
            kind @ (ErrorKind::Throttled | ErrorKind::Unavailable) => kind,
            _ => ErrorKind::InvalidResponse,
        };
        Error::new(kind, format!("{host}, asked {what}, answered with HTTP {}", answer.status))
    };
    NoToken { error: said.into_source_of(error.with_response(facts(answer))), is_rejection }
}

/// A login, as errors name it.
pub(super) fn whose(login: &Login) -> String {
    match login.kind() {
        LoginKind::BearerToken => "the token given for it".to_owned(),
        LoginKind::IdentityToken => "the identity token given for it".to_owned(),
        LoginKind::Anonymous => match login.note() {
            Some(note) => format!("an anonymous request ({note})"),
            None => "an anonymous request".to_owned(),
        },
        LoginKind::Basic => format!("the login of user {:?}", login.shown_user()),
    }
}
