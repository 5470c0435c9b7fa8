//! Tokens of the public registry.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::iam::Caller;
use crate::meter::lock;
use crate::random;
use crate::registry::USER_NAME;

/// Source: <https://docs.aws.amazon.com/AmazonECR/latest/public/public-registries.html#public-registry-auth-token>.
const LIFETIME: Duration = Duration::from_secs(12 * 3600);

/// The tokens given out, each with its owner if it has one.
///
/// What `GetAuthorizationToken` gives is one of them as it is, and decoded it is the user name and password that the token
/// endpoint takes.
#[derive(Default)]
pub(crate) struct PublicLogins(Mutex<HashMap<String, Token>>);

struct Token {
    owner: Option<Caller>,
    expires: SystemTime,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum TokenFault {
    Invalid,
    Expired,
}

impl PublicLogins {
    /// A login of `caller`, encoded as `GetAuthorizationToken` gives it, and its expiry.
    pub(crate) fn issue_login(&self, caller: Caller, now: SystemTime) -> (String, SystemTime) {
        let login = STANDARD.encode(format!("{USER_NAME}:{}", random::registry_password()));
        let expires = now + LIFETIME;
        self.add(&login, Some(caller), expires);
        (login, expires)
    }

    /// A token that stands for nobody.
    pub(super) fn issue_anonymous(&self, now: SystemTime) -> String {
        let token = random::registry_password();
        self.add(&token, None, now + LIFETIME);
        token
    }

    /// A token of the owner of `login`, which ends with the login.
    pub(super) fn exchange(&self, login: &str, now: SystemTime) -> Result<String, TokenFault> {
        let (owner, expires) = self.find(&STANDARD.encode(login), now)?;
        let token = random::registry_password();
        self.add(&token, owner, expires);
        Ok(token)
    }

    /// Whose token the request's Bearer authentication has; `None` for one that stands for nobody.
    pub(super) fn check(&self, headers: &HeaderMap, now: SystemTime) -> Result<Option<Caller>, TokenFault> {
        let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (scheme, token) = value.and_then(|value| value.split_once(' ')).ok_or(TokenFault::Invalid)?;
        if !scheme.eq_ignore_ascii_case("Bearer") {
            return Err(TokenFault::Invalid);
        }
        self.find(token.trim(), now).map(|(owner, _)| owner)
    }

    /// Forgets every token.
    pub(crate) fn revoke(&self) {
        lock(&self.0).clear();
    }

    fn add(&self, token: &str, owner: Option<Caller>, expires: SystemTime) {
        lock(&self.0).insert(token.to_owned(), Token { owner, expires });
    }

    fn find(&self, token: &str, now: SystemTime) -> Result<(Option<Caller>, SystemTime), TokenFault> {
        let tokens = lock(&self.0);
        let token = tokens.get(token).ok_or(TokenFault::Invalid)?;
        if token.expires <= now {
            return Err(TokenFault::Expired);
        }
        Ok((token.owner.clone(), token.expires))
    }
}
