//! The one error type of the crate.

use std::fmt;
use std::sync::Arc;

/// What went wrong, named by what the caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The policy itself is wrong (range, pattern, template, order): change the policy. Flux refuses it too.
    InvalidPolicy,
    /// Flux accepts this policy and this crate cannot promise the same answers: simplify the policy.
    Unsupported,
    /// A tag makes the whole policy fail, as it does in Flux: filter that tag out.
    InvalidTag,
    /// The policy needs something the evaluation was not given, such as the current time: pass it in.
    MissingInput,
    /// More groups appeared than the policy allows: raise the cap or group by something coarser.
    TooManyGroups,
    /// A manifest could not be read, or Flux's API server would refuse it: change the manifest.
    InvalidManifest,
}

/// Why a policy could not be made, or could not be evaluated.
///
/// Cheap to clone. `Display` is one line that names the field, the value and the remedy; what lies below it is in
/// [`source`](std::error::Error::source) and is never repeated in the line. "No tag matched" is not an error but a
/// [`Decision`](crate::Decision) without a winner.
///
/// ```
/// use flux_policy::{ErrorKind, Policy};
///
/// let error = Policy::semver(">=1.0.0 and <2.0.0").unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidPolicy);
/// assert_eq!(
///     error.to_string(),
///     r#"semver range ">=1.0.0 and <2.0.0": "and" is not a comparator such as >=1.2.3"#
/// );
/// ```
#[derive(Clone, thiserror::Error)]
#[error(transparent)]
pub struct Error {
    inner: Arc<Inner>,
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.inner.kind)
            .field("message", &self.inner.text)
            .field("hint", &self.inner.hint)
            .field("source", &self.inner.source)
            .finish()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Inner {
    kind: ErrorKind,
    text: String,
    hint: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// The next step, where there is a definite one that the line itself does not already say.
    pub fn hint(&self) -> Option<&str> {
        self.inner.hint.as_deref()
    }

    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self { inner: Arc::new(Inner { kind, text: text.into(), hint: None, source: None }) }
    }

    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        self.edit(|inner| inner.hint = Some(hint.into()))
    }

    pub(crate) fn with_source(self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.edit(|inner| inner.source = Some(source.into()))
    }

    /// Only called on an error that was just made, whose `Arc` nobody shares yet.
    fn edit(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            change(inner);
        }
        self
    }
}

/// A text in quotes, cut where a line would get unreadable. Backslashes stay as they are, so that patterns can be
/// recognised; what would break the line is escaped.
pub(crate) fn quoted(text: &str) -> String {
    let mut line = String::from("\"");
    for (index, char) in text.chars().enumerate() {
        if index == 160 {
            line.push('…');
            break;
        }
        if char.is_control() {
            line.extend(char.escape_default());
        } else {
            line.push(char);
        }
    }
    line.push('"');
    line
}
