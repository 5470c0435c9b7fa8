//! What went wrong, sorted by what a caller can do about it.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::tags::Cursor;

/// Why a name was refused, or a registry could not be read.
///
/// Opaque and cheap to clone. `Display` is one line that never repeats [`source`](StdError::source), whose
/// chain is kept whole; [`hint`](Self::hint) is the next step where the line does not say it already. No
/// credential, token or signed header is part of an error or of its `Debug`.
///
/// "No tag satisfies the policy" is not an error: see
/// [`LatestImage::image_ref`](crate::LatestImage::image_ref).
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    page: Option<u64>,
    cursor: Option<Cursor>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A name, a host or a setting is wrong. Correct it; trying again as it is will not help.
    Configuration,
    /// There is no identity to ask with, or AWS does not accept the one there is. Look at where the
    /// credentials come from.
    Credentials,
    /// The identity is known and lacks the permission. Change the IAM or the repository policy.
    AccessDenied,
    /// The repository does not exist in that account and region.
    NotFound,
    /// AWS asked to slow down, and retries did not help. Come back later, and less often.
    Throttled,
    /// The registry could not be reached, did not answer in time, or failed on its side. Try again.
    Unavailable,
    /// The answer makes no sense here: a body that is not what the API promises, an error code that is not
    /// known, a listing that never ends.
    Response,
    /// The policy cannot judge these tags; the source is the [`flux_policy::Error`].
    Policy,
}

impl Error {
    /// An error of a [`TagSource`](crate::TagSource) of one's own.
    ///
    /// `message` is one line and says what was being done; `source`, if there is one, is not repeated in it.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            hint: None,
            page: None,
            cursor: None,
            source: None,
        }))
    }

    /// Adds the cause, the next element of the [`source`](StdError::source) chain.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// Adds the next thing to do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Marks the error as that of page `page`, whose cursor is still good for another try.
    pub(crate) fn at_page(mut self, page: u64, cursor: Option<Cursor>) -> Self {
        self.0.page = Some(page);
        self.0.cursor = cursor;
        self
    }

    /// What a caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same call may succeed a little later with nothing changed.
    ///
    /// The AWS client has already tried several times when such an error arrives.
    pub fn is_retryable(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Throttled | ErrorKind::Unavailable)
    }

    /// The next thing to do, where there is one that the line itself does not already say.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The page of the listing that failed, counted from 1; `None` when no listing was under way.
    ///
    /// The pages before it arrived, but no partial list is ever handed out.
    pub fn page(&self) -> Option<u64> {
        self.0.page
    }

    /// The cursor of the page that failed, to ask a [`TagSource`](crate::TagSource) for it again; `None` for
    /// the first page.
    pub fn cursor(&self) -> Option<&Cursor> {
        self.0.cursor.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        if let Some(page) = self.0.page {
            write!(f, " (page {page} of the listing)")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    // The sources print through Display: the AWS SDK's Debug forms hold whole responses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sources = Vec::new();
        let mut next = StdError::source(self);
        while let Some(source) = next {
            sources.push(source.to_string());
            next = source.source();
        }
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("hint", &self.0.hint)
            .field("page", &self.0.page)
            .field("sources", &sources)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_one_line_with_page_and_without_its_source() {
        let error = Error::new(ErrorKind::Throttled, "ListImages was throttled")
            .with_source(std::io::Error::other("the cause"))
            .with_hint("scan less often")
            .at_page(3, Some(Cursor::new("opaque")));
        assert_eq!(error.to_string(), "ListImages was throttled (page 3 of the listing)");
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("the cause"));
        assert_eq!((error.page(), error.cursor().map(Cursor::as_str)), (Some(3), Some("opaque")));
        assert_eq!(error.hint(), Some("scan less often"));
        assert!(error.is_retryable());
        assert!(error.clone().source().is_some());
    }
}
