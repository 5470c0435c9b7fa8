//! The session token of IMDSv2, kept for the next time.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::endpoint::Endpoint;

/// A token is not used so close to its end, lest it end on the way. As in the AWS SDKs.
const MARGIN: Duration = Duration::from_mins(2);

/// The session that is open, if one is.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<Option<Session>>);

/// A session token, at the address that gave it.
#[derive(Clone)]
struct Session {
    token: String,
    address: Endpoint,
    use_until: SystemTime,
}

impl Sessions {
    /// The token of the session at `address`, while it is good.
    pub(super) fn token(&self, address: &Endpoint, now: SystemTime) -> Option<String> {
        let session = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = session.as_ref().filter(|session| session.address == *address && now < session.use_until);
        open.map(|session| session.token.clone())
    }

    /// Keeps a session that was opened with this token and lives for `lifetime`.
    pub(super) fn open(&self, address: &Endpoint, token: &str, now: SystemTime, lifetime: Duration) {
        let use_until = now + lifetime.saturating_sub(MARGIN);
        self.set(Some(Session { token: token.to_owned(), address: address.clone(), use_until }));
    }

    /// Lets go of the session that is open.
    pub(super) fn close(&self) {
        self.set(None);
    }

    fn set(&self, session: Option<Session>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = session;
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("address", &self.address).finish_non_exhaustive()
    }
}
