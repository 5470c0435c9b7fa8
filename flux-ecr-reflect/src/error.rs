//! What went wrong, sorted by what a caller can do about it.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::denial::Denial;
use crate::tags::Cursor;

/// Why a name was refused, or a registry could not be read.
///
/// Opaque, one word wide and cheap to clone. `Display` is one line that never repeats [`source`](StdError::source), whose
/// chain begins with the first error that says something; [`hint`](Self::hint) is the next step where the line does not
/// say it already. No credential, token or signed header is part of an error or of its `Debug`.
///
/// "No tag satisfies the policy" is not an error: see
/// [`LatestImage::image_ref`](crate::LatestImage::image_ref).
///
/// Of [`ErrorKind::Credentials`] there is the [error of the chain](Self::credentials_error), with a report of each source that was
/// asked. All of it, for people:
///
/// ```
/// use std::error::Error as _;
///
/// use flux_ecr_reflect::Error;
///
/// fn tell(error: &Error) {
///     eprintln!("{error}");
///     let mut cause = error.source();
///     while let Some(because) = cause {
///         eprintln!("  because: {because}");
///         cause = because.source();
///     }
///     if let Some(hint) = error.hint() {
///         eprintln!("  what to do: {hint}");
///     }
///     if let Some(report) = error.credentials_error().and_then(|error| error.report()) {
///         eprintln!("{report}");
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    retryable: bool,
    page: Option<u64>,
    cursor: Option<Cursor>,
    response: ResponseFacts,
    denial: Option<Denial>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    /// How many errors at the head of the source chain say nothing.
    skipped_sources: usize,
}

/// What ECR said of a failed request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ResponseFacts {
    pub(crate) status: Option<u16>,
    pub(crate) code: Option<String>,
    pub(crate) request_id: Option<String>,
}

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A name, a host or a setting is wrong. Correct it; trying again as it is will not help.
    Configuration,
    /// There is no identity to ask with, or AWS, or the registry, does not accept the one there is. Look at where the
    /// credentials or the login come from, which the [source](Error) tells, unless it [is
    /// retryable](Error::is_retryable): then they were out of reach.
    Credentials,
    /// The identity is known and lacks the permission. Change the IAM or the repository policy, or what the registry has
    /// in their place.
    AccessDenied,
    /// The repository does not exist in that registry; of ECR's, in that account and region.
    NotFound,
    /// The registry asked to slow down, and retries did not help. Come back later, and less often.
    Throttled,
    /// The registry could not be reached, did not answer in time, or failed on its side. Try again.
    Unavailable,
    /// The answer makes no sense here: a body that is not what the API promises, an error code that is not
    /// known, a listing that never ends.
    InvalidResponse,
    /// The policy cannot judge these tags; the source is the [`flux_policy::Error`].
    Policy,
    /// A file could not be read or written. Look at its path, permissions and disk.
    Storage,
    /// What was saved is not there as it was written, or is not a scan at all. Scan again.
    Damaged,
}

impl Error {
    /// An error of a [`TagSource`](crate::TagSource) of your own.
    ///
    /// `message` is one line and says what was being done; `source`, if there is one, is not repeated in it.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            hint: None,
            retryable: matches!(kind, ErrorKind::Throttled | ErrorKind::Unavailable),
            page: None,
            cursor: None,
            response: ResponseFacts::default(),
            denial: None,
            source: None,
            skipped_sources: 0,
        }))
    }

    /// Adds the cause, the next element of the [`source`](StdError::source) chain.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.with_source_from(source.into(), |_| true)
    }

    /// Adds the cause, of whose chain only what stands behind the errors that say nothing is told. The last one is always
    /// told.
    pub(crate) fn with_source_from(
        mut self,
        source: Box<dyn StdError + Send + Sync>,
        says_something: fn(&(dyn StdError + 'static)) -> bool,
    ) -> Self {
        let inner = Arc::make_mut(&mut self.0);
        let source: Arc<dyn StdError + Send + Sync> = Arc::from(source);
        let mut cause: &(dyn StdError + 'static) = &*source;
        inner.skipped_sources = 0;
        while let Some(next) = cause.source().filter(|_| !says_something(cause)) {
            inner.skipped_sources += 1;
            cause = next;
        }
        inner.source = Some(source);
        self
    }

    /// Adds the next thing to do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).hint = Some(hint.into());
        self
    }

    /// Says whether another try may help, where the kind alone does not.
    pub(crate) fn with_retryable(mut self, retryable: bool) -> Self {
        Arc::make_mut(&mut self.0).retryable = retryable;
        self
    }

    pub(crate) fn with_response(mut self, response: ResponseFacts) -> Self {
        Arc::make_mut(&mut self.0).response = response;
        self
    }

    pub(crate) fn with_denial(mut self, denial: Option<Denial>) -> Self {
        Arc::make_mut(&mut self.0).denial = denial;
        self
    }

    /// Goes on with the message.
    pub(crate) fn with_addition(mut self, addition: &str) -> Self {
        Arc::make_mut(&mut self.0).message.push_str(addition);
        self
    }

    /// Marks the error as that of page `page`, whose cursor is still good for another try.
    pub(crate) fn at_page(mut self, page: u64, cursor: Option<Cursor>) -> Self {
        let inner = Arc::make_mut(&mut self.0);
        inner.page = Some(page);
        inner.cursor = cursor;
        self
    }

    /// What a caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same call may succeed a little later with nothing changed.
    ///
    /// So it may when the registry throttled, failed or was out of reach, which the AWS client has then tried up to five times
    /// where AWS documents the failure as a passing one; and when the source of the credentials says so of its own
    /// failure.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// The next thing to do, in one or two sentences, where the line itself does not already say it.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Of [`ErrorKind::Credentials`], why there were none, where a [`Chain`](flux_aws_auth::Chain) or an
    /// [`Authenticator`](flux_aws_auth::Authenticator) was asked for them: with a stable [`Reason`](flux_aws_auth::Reason) for
    /// alerts, and a [report](flux_aws_auth::Error::report) of each source for people.
    ///
    /// It is the first of its kind among the [sources](StdError::source).
    pub fn credentials_error(&self) -> Option<&flux_aws_auth::Error> {
        let mut causes = std::iter::successors(self.source(), |&cause| cause.source());
        causes.find_map(|cause| cause.downcast_ref())
    }

    /// Of [`ErrorKind::AccessDenied`], whose policy is to be changed.
    pub fn denial(&self) -> Option<Denial> {
        self.0.denial
    }

    /// The HTTP status of the registry's answer, when there was an answer.
    pub fn http_status(&self) -> Option<u16> {
        self.0.response.status
    }

    /// AWS's error code, such as `AccessDeniedException`, when ECR's answer had one. That of an answer to a request for
    /// credentials is in the [`source`](StdError::source), a [`flux_aws_auth::Error`].
    pub fn aws_code(&self) -> Option<&str> {
        self.0.response.code.as_deref()
    }

    /// AWS's request id, when ECR's answer had one.
    pub fn request_id(&self) -> Option<&str> {
        self.0.response.request_id.as_deref()
    }

    /// The page that failed, counted from 1 where the listing began or was [resumed][1]; `None` when no listing was under way.
    ///
    /// The pages before it arrived, but no partial list is ever handed out for a whole one.
    ///
    /// [1]: crate::Reflector::pages_from
    pub fn page(&self) -> Option<u64> {
        self.0.page
    }

    /// The cursor of the page that failed, with which [`Reflector::pages_from`](crate::Reflector::pages_from) goes on
    /// there; `None` for the first page.
    pub fn cursor(&self) -> Option<&Cursor> {
        self.0.cursor.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        if let Some(page) = self.0.page.filter(|&page| page > 1) {
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
            .field("denial", &self.0.denial)
            .field("page", &self.0.page)
            .field("response", &self.0.response)
            .field("sources", &sources)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let mut source: &(dyn StdError + 'static) = self.0.source.as_deref()?;
        for _ in 0..self.0.skipped_sources {
            source = source.source()?;
        }
        Some(source)
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
        assert_eq!(Error::new(ErrorKind::Throttled, "x").at_page(1, None).to_string(), "x");
    }

    #[test]
    fn what_says_nothing_is_left_out_of_the_chain_and_what_stands_behind_keeps_its_type() {
        let cause =
            || Error::new(ErrorKind::InvalidResponse, "outer").with_source(std::io::Error::other("inner"));
        let from = |says_something: fn(&(dyn StdError + 'static)) -> bool| {
            Error::new(ErrorKind::Unavailable, "failed").with_source_from(cause().into(), says_something)
        };
        assert_eq!(from(|_| true).source().map(ToString::to_string).as_deref(), Some("outer"));
        for nothing_but_the_last in [from(<dyn StdError>::is::<std::io::Error>), from(|_| false)] {
            let source = nothing_but_the_last.source().expect("told");
            assert!(source.is::<std::io::Error>() && source.source().is_none(), "{source}");
        }
    }

    #[test]
    fn an_error_is_one_word() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
