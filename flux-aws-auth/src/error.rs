//! The one error of this crate.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::reason::Reason;
use crate::report::ChainReport;

/// A boxed error of any type, as accepted where a caller's own code may fail.
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// Why there are no credentials.
///
/// One word wide and cheap to clone, so that everyone who waited for the same exchange can have it. `Display` is one
/// line and does not repeat [`source`](StdError::source); [`hint`](Self::hint) is the next thing to do;
/// [`report`](Self::report) has the whole story when a [`Chain`](crate::Chain) made the error.
///
/// No message, hint or source holds a secret, a token or the query part of a URL.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    reason: Reason,
    message: String,
    hint: Option<String>,
    source: Option<Arc<dyn StdError + Send + Sync + 'static>>,
    response: ResponseFacts,
    report: Option<ChainReport>,
}

/// What the other side said of a failed request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResponseFacts {
    pub(crate) status: Option<u16>,
    pub(crate) code: Option<String>,
    pub(crate) request_id: Option<String>,
}

/// What a caller can do about an [`Error`]. What people can do is in [Troubleshooting](crate::guide::troubleshooting).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No source is configured: give the program an identity.
    NoIdentity,
    /// Something that was set is incomplete, malformed or not allowed: mend the setting that the message names.
    Configuration,
    /// The other side knows the caller and refused: change a trust policy, a permission or an association.
    AccessDenied,
    /// The credentials are good, but not those of the identity that was expected: find out which source gave them.
    UnexpectedIdentity,
    /// A token or a key was not accepted: it is expired, for another audience, or from an unknown issuer.
    InvalidToken,
    /// Too many requests: try again later.
    Throttled,
    /// Nobody answered, or with a server error: try again later, or mend the network.
    Unavailable,
    /// The time that was set for the whole chain has passed.
    TimedOut,
    /// An answer came that could not be read.
    InvalidResponse,
}

impl ErrorKind {
    /// Whether the passing of time alone can end it: a start-up, a propagation, an outage.
    pub(crate) fn may_pass(self) -> bool {
        !matches!(self, Self::Configuration | Self::UnexpectedIdentity)
    }

    /// Whether credentials that were held before are let go of: AWS has said no to the identity itself, so that to go on with
    /// it would be to outlast a revocation. After any other failure of a refresh they serve until they expire.
    pub(crate) fn evicts(self) -> bool {
        matches!(self, Self::AccessDenied | Self::UnexpectedIdentity)
    }
}

impl Error {
    /// An error with a one-line message. Meant for those who implement
    /// [`CredentialSource`](crate::CredentialSource).
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::because(Reason::from(kind), message)
    }

    /// An error of the reason's kind.
    pub(crate) fn because(reason: Reason, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            reason,
            message: message.into(),
            hint: None,
            source: None,
            response: ResponseFacts::default(),
            report: None,
        }))
    }

    /// Adds the next thing to do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).hint = Some(hint.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        Arc::make_mut(&mut self.0).source = Some(Arc::from(source.into()));
        self
    }

    pub(crate) fn with_response(mut self, response: ResponseFacts) -> Self {
        Arc::make_mut(&mut self.0).response = response;
        self
    }

    /// An error that says `message` about this one, which becomes its source; all else is the same.
    pub(crate) fn wrapped(self, message: impl Into<String>) -> Self {
        let inner = Inner { message: message.into(), source: None, report: None, ..Inner::clone(&self.0) };
        Self(Arc::new(inner)).with_source(self)
    }

    /// The same error, which says of which setting it speaks.
    pub(crate) fn about(mut self, setting: impl fmt::Display) -> Self {
        let inner = Arc::make_mut(&mut self.0);
        inner.message = format!("{setting}: {}", inner.message);
        self
    }

    pub(crate) fn with_report(mut self, report: ChainReport) -> Self {
        Arc::make_mut(&mut self.0).report = Some(report);
        self
    }

    /// What a caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.0.reason.kind()
    }

    /// Why, as a stable code. An error made by [`new`](Self::new) has the most general one of its kind.
    pub fn reason(&self) -> Reason {
        self.0.reason
    }

    /// Whether the same request can succeed later with nothing changed.
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind(), ErrorKind::Throttled | ErrorKind::Unavailable | ErrorKind::TimedOut)
    }

    /// The next thing to do, in one or two sentences.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The HTTP status of the answer, when there was an answer.
    pub fn http_status(&self) -> Option<u16> {
        self.0.response.status
    }

    /// AWS's error code, such as `AccessDenied`, when the answer had one.
    pub fn aws_code(&self) -> Option<&str> {
        self.0.response.code.as_deref()
    }

    /// AWS's request id, when the answer had one.
    pub fn request_id(&self) -> Option<&str> {
        self.0.response.request_id.as_deref()
    }

    pub(crate) fn response(&self) -> &ResponseFacts {
        &self.0.response
    }

    /// What each source of the chain had to say, when a chain made this error.
    pub fn report(&self) -> Option<&ChainReport> {
        self.0.report.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind())
            .field("reason", &self.0.reason)
            .field("message", &self.0.message)
            .field("hint", &self.0.hint)
            .field("response", &self.0.response)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
