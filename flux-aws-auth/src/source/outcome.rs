//! What became of asking a source.

use std::time::SystemTime;

use aws_credential_types::Credentials;

use crate::error::Error;
use crate::principal::Principal;
use crate::reason::Reason;

/// What became of asking a source. Only [`Skipped`](Self::Skipped) lets the chain go on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The source gave credentials.
    Provided(Provided),
    /// The source is not there or not set up.
    Skipped(Skipped),
    /// The source is set up and failed. The chain ends here: going on would silently become another identity.
    Failed(Error),
}

/// Credentials, and whose they are.
#[derive(Clone, Debug)]
pub struct Provided {
    credentials: Credentials,
    principal: Principal,
    life: Life,
}

/// Whether credentials end when they expire.
#[derive(Clone, Debug)]
enum Life {
    Ends,
    /// They may be used beyond it while there are no newer ones.
    MayBeProlonged,
    /// They are, because of this.
    Prolonged(Error),
}

impl Provided {
    /// Credentials of `principal`.
    pub fn new(credentials: Credentials, principal: Principal) -> Self {
        Self { credentials, principal, life: Life::Ends }
    }

    /// The same, with leave to be used beyond their expiry. For the node's alone.
    pub(crate) fn that_may_outlive(mut self) -> Self {
        self.life = Life::MayBeProlonged;
        self
    }

    /// The same, with a later expiry than their own, and why.
    pub(crate) fn outliving_until(mut self, expiry: SystemTime, why: Error) -> Self {
        *self.credentials.expiry_mut() = Some(expiry);
        self.life = Life::Prolonged(why);
        self
    }

    pub(crate) fn may_outlive(&self) -> bool {
        !matches!(self.life, Life::Ends)
    }

    pub(crate) fn outlives_because(&self) -> Option<&Error> {
        match &self.life {
            Life::Prolonged(why) => Some(why),
            Life::Ends | Life::MayBeProlonged => None,
        }
    }

    pub(crate) fn has_expired(&self, now: SystemTime) -> bool {
        self.expiry().is_some_and(|expiry| expiry <= now)
    }

    /// Whether these are the same credentials, whatever is said of their expiry.
    pub(crate) fn has_key_of(&self, other: &Credentials) -> bool {
        self.credentials.access_key_id() == other.access_key_id()
            && self.credentials.session_token() == other.session_token()
    }

    /// The credentials. Their `Debug` hides the secret parts.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Whose they are, as far as the source says.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// When they end, if they do.
    pub fn expiry(&self) -> Option<SystemTime> {
        self.credentials.expiry()
    }
}

/// Why a source was passed over, and what would make it take part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    reason: Reason,
    detail: String,
    hint: Option<String>,
}

impl Skipped {
    /// Passed over for `reason`, such as [`Reason::NotConfigured`]; `detail` is what was found, in one line.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), hint: None }
    }

    /// Adds what would make the source take part.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Why.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// What was found, in one line.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// What would make the source take part.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl From<Skipped> for Outcome {
    fn from(skipped: Skipped) -> Self {
        Self::Skipped(skipped)
    }
}

impl From<Result<Provided, Error>> for Outcome {
    fn from(result: Result<Provided, Error>) -> Self {
        match result {
            Ok(provided) => Self::Provided(provided),
            Err(error) => Self::Failed(error),
        }
    }
}
