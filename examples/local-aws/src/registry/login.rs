//! Registry passwords.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::iam::Caller;
use crate::meter::lock;
use crate::random;

/// The user name that goes with every password.
pub(crate) const USER_NAME: &str = "AWS";
/// Source: <https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html#registry-auth-token>.
const LIFETIME: Duration = Duration::from_secs(12 * 3600);

/// The passwords given out, each with its owner.
#[derive(Default)]
pub(crate) struct Logins(Mutex<HashMap<String, Login>>);

struct Login {
    caller: Caller,
    expires: SystemTime,
}

/// Why a login is refused.
#[derive(Debug, PartialEq)]
pub(super) enum LoginFault {
    Unauthorized,
    Expired,
}

impl Logins {
    /// A password with the permissions of `caller`, and its expiry.
    pub(crate) fn issue(&self, caller: Caller, now: SystemTime) -> (String, SystemTime) {
        let password = random::registry_password();
        let expires = now + LIFETIME;
        lock(&self.0).insert(password.clone(), Login { caller, expires });
        (password, expires)
    }

    /// Forgets every password.
    pub(crate) fn revoke(&self) {
        lock(&self.0).clear();
    }

    /// Whose password the request's Basic authentication has.
    pub(super) fn caller(&self, headers: &HeaderMap, now: SystemTime) -> Result<Caller, LoginFault> {
        let credentials = basic_credentials(headers).ok_or(LoginFault::Unauthorized)?;
        let (user, password) = credentials.split_once(':').ok_or(LoginFault::Unauthorized)?;
        if user != USER_NAME {
            return Err(LoginFault::Unauthorized);
        }
        let logins = lock(&self.0);
        let login = logins.get(password).ok_or(LoginFault::Unauthorized)?;
        if login.expires > now { Ok(login.caller.clone()) } else { Err(LoginFault::Expired) }
    }
}

/// The user name and password, with a colon between them, of a request's Basic authentication.
pub(crate) fn basic_credentials(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()
}
