//! The keys in force: who has them, and until when.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use crate::iam::Caller;
use crate::meter::{Ledger, lock};
use crate::random;

/// A user's access key.
#[derive(Clone)]
pub struct AccessKey {
    id: String,
    secret: String,
}

impl AccessKey {
    /// The access key id, `AKIA…`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The secret access key.
    pub fn secret(&self) -> &str {
        &self.secret
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Whose an access key id is, which the account gave out.
#[derive(Clone, Debug)]
pub struct KeyOwner {
    arn: String,
    service_account_uid: Option<String>,
    expires: Option<SystemTime>,
}

impl KeyOwner {
    /// The user or the role's session: `arn:aws:iam::…:user/…` or `arn:aws:sts::…:assumed-role/…/…`.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// The UID of the ServiceAccount whose token the session began with, at `AssumeRoleWithWebIdentity`.
    pub fn service_account_uid(&self) -> Option<&str> {
        self.service_account_uid.as_deref()
    }

    /// When the session ends; a user's key does not.
    pub fn expires(&self) -> Option<SystemTime> {
        self.expires
    }
}

/// A key with its secret, its owner and, for a session, its token and its end.
pub(crate) struct Credentials {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) session: Option<Session>,
    pub(crate) caller: Caller,
}

impl Credentials {
    /// The session token; empty for a user's key.
    pub(crate) fn token(&self) -> &str {
        self.session.as_ref().map_or("", |session| &session.token)
    }

    pub(crate) fn owner(&self) -> KeyOwner {
        KeyOwner {
            arn: self.caller.arn.clone(),
            service_account_uid: self.caller.session.service_account_uid.clone(),
            expires: self.expires(),
        }
    }

    /// When they expire; a user's key does not.
    pub(crate) fn expires(&self) -> Option<SystemTime> {
        self.session.as_ref().map(|session| session.expires)
    }
}

/// What temporary credentials have and a user's do not.
pub(crate) struct Session {
    pub(crate) token: String,
    pub(crate) issued: SystemTime,
    pub(crate) expires: SystemTime,
}

/// Every key that was issued.
pub(crate) struct KeyStore {
    keys: Mutex<HashMap<String, Arc<Credentials>>>,
    held: Mutex<HashMap<String, Arc<Credentials>>>,
    ledger: Arc<Ledger>,
}

impl KeyStore {
    pub(crate) fn new(ledger: Arc<Ledger>) -> Self {
        Self { keys: Mutex::default(), held: Mutex::default(), ledger }
    }

    /// A user's key, which does not expire.
    pub(crate) fn issue_user_key(&self, caller: Caller) -> AccessKey {
        let credentials = self.add("AKIA", None, caller);
        AccessKey { id: credentials.access_key_id.clone(), secret: credentials.secret_access_key.clone() }
    }

    /// The temporary credentials of a new session.
    pub(crate) fn issue_session(
        &self,
        caller: Caller,
        now: SystemTime,
        lifetime: Duration,
    ) -> Arc<Credentials> {
        let session = Session { token: random::session_token(), issued: now, expires: now + lifetime };
        self.ledger.record(&session.token);
        self.add("ASIA", Some(session), caller)
    }

    /// The session last issued for `holder`, until half its life is over; then a new one.
    ///
    /// The Pod Identity agent and the metadata service answer with the credentials they hold, so that two requests
    /// shortly after each other get the same ones with the same expiry.
    pub(crate) fn held_session(
        &self,
        holder: &str,
        now: SystemTime,
        lifetime: Duration,
        caller: impl FnOnce() -> Caller,
    ) -> Arc<Credentials> {
        let mut held = lock(&self.held);
        let current = held.get(holder).filter(|credentials| {
            credentials.session.as_ref().is_some_and(|session| session.issued + lifetime / 2 > now)
        });
        if let Some(credentials) = current {
            return Arc::clone(credentials);
        }
        let credentials = self.issue_session(caller(), now, lifetime);
        held.insert(holder.to_owned(), Arc::clone(&credentials));
        credentials
    }

    pub(crate) fn find(&self, access_key_id: &str) -> Option<Arc<Credentials>> {
        lock(&self.keys).get(access_key_id).cloned()
    }

    fn add(&self, prefix: &str, session: Option<Session>, caller: Caller) -> Arc<Credentials> {
        let credentials = Arc::new(Credentials {
            access_key_id: random::unique_id(prefix),
            secret_access_key: random::secret_access_key(),
            session,
            caller,
        });
        self.ledger.record(&credentials.secret_access_key);
        lock(&self.keys).insert(credentials.access_key_id.clone(), Arc::clone(&credentials));
        credentials
    }
}
