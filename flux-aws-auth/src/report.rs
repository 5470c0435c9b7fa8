//! What became of every source, for people.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::error::Error;
use crate::principal::Principal;
use crate::source::{Notes, SkipReason, SourceKind};

/// What each source of a chain looked at, found and answered, in the order in which they were asked.
///
/// A chain returns it on success and on failure. It holds names of variables, paths, addresses, roles, durations and
/// AWS's error codes, and no secret: no token, no secret key, no query of a URL. `Display` is for people, several lines long.
#[derive(Clone, Debug)]
pub struct ChainReport(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sources: Vec<SourceReport>,
    sdk_choice: Option<SourceKind>,
    started_at: SystemTime,
    duration: Duration,
}

/// What one source had to say.
#[derive(Clone, Debug)]
pub struct SourceReport {
    pub(crate) kind: SourceKind,
    pub(crate) notes: Notes,
    pub(crate) result: SourceResult,
    pub(crate) duration: Duration,
    pub(crate) hint: Option<String>,
}

/// The outcome of a source, without the credentials.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SourceResult {
    /// It gave credentials.
    #[non_exhaustive]
    Provided {
        /// Whose, as far as the source says.
        principal: Principal,
        /// Until when, if they end.
        expiry: Option<SystemTime>,
    },
    /// It was passed over.
    #[non_exhaustive]
    Skipped {
        /// Why.
        reason: SkipReason,
        /// What was found, in one line.
        detail: String,
    },
    /// It is set up and failed.
    Failed(Error),
    /// The chain ended before it.
    #[non_exhaustive]
    NotReached {
        /// Whether the environment asks for it: then the source that answered shadows it.
        configured: bool,
    },
}

impl ChainReport {
    pub(crate) fn new(
        sources: Vec<SourceReport>,
        sdk_choice: Option<SourceKind>,
        started_at: SystemTime,
        duration: Duration,
    ) -> Self {
        Self(Arc::new(Inner { sources, sdk_choice, started_at, duration }))
    }

    /// The sources, in the order in which they were asked.
    pub fn sources(&self) -> impl Iterator<Item = &SourceReport> {
        self.0.sources.iter()
    }

    /// The source that gave the credentials.
    pub fn provided_by(&self) -> Option<SourceKind> {
        self.provided().map(|source| source.kind)
    }

    /// Whose credentials they are.
    pub fn principal(&self) -> Option<&Principal> {
        match &self.provided()?.result {
            SourceResult::Provided { principal, .. } => Some(principal),
            _ => None,
        }
    }

    /// The configured source that the AWS SDKs' own order would have used, where that is another one than was used here.
    /// Programs that move from an SDK's default chain are surprised by exactly this.
    pub fn sdk_order_differs(&self) -> Option<SourceKind> {
        let used = self.sources().find(|source| source.was_used())?;
        self.0.sdk_choice.filter(|choice| *choice != used.kind)
    }

    /// How long all of it took.
    pub fn duration(&self) -> Duration {
        self.0.duration
    }

    fn provided(&self) -> Option<&SourceReport> {
        self.sources().find(|source| matches!(source.result, SourceResult::Provided { .. }))
    }

    fn headline(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.provided().map(|source| (source.kind, &source.result)) {
            Some((kind, SourceResult::Provided { principal, expiry })) => {
                write!(f, "Credentials from {kind}: {principal}")?;
                match expiry.and_then(|expiry| expiry.duration_since(self.0.started_at).ok()) {
                    Some(lifetime) => writeln!(f, ", for {}", Lifetime(lifetime)),
                    None => writeln!(f),
                }
            }
            _ => match self.sources().find(|source| matches!(source.result, SourceResult::Failed(_))) {
                Some(failed) => writeln!(f, "No AWS credentials: {} is set up, but failed", failed.kind),
                None => {
                    writeln!(f, "No AWS credentials: none of the {} sources is set up", self.0.sources.len())
                }
            },
        }
    }
}

impl SourceResult {
    /// The outcome in one word, for logs.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Provided { .. } => "provided",
            Self::Skipped { .. } => "skipped",
            Self::Failed(_) => "failed",
            Self::NotReached { .. } => "not reached",
        }
    }
}

impl SourceReport {
    /// Which source.
    pub fn kind(&self) -> SourceKind {
        self.kind
    }

    /// What it looked at and found.
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// What became of it.
    pub fn result(&self) -> &SourceResult {
        &self.result
    }

    /// How long it took.
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// The next thing to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    fn was_used(&self) -> bool {
        matches!(self.result, SourceResult::Provided { .. } | SourceResult::Failed(_))
    }
}

impl fmt::Display for ChainReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.headline(f)?;
        let failed = self.sources().any(|source| matches!(source.result, SourceResult::Failed(_)));
        for (index, source) in self.sources().enumerate() {
            write!(f, "  {}. {:<24}", index + 1, source.kind)?;
            source.write_result(f)?;
            // Where one is set up and failed, the others are not what is wrong.
            let to_blame = match source.result {
                SourceResult::Failed(_) => true,
                SourceResult::Skipped { .. } => !failed && self.provided().is_none(),
                _ => false,
            };
            if to_blame {
                source.write_details(f)?;
            }
        }
        if let Some(other) = self.sdk_order_differs() {
            writeln!(f, "  The AWS SDKs' own order would use {other} here.")?;
        }
        Ok(())
    }
}

impl SourceReport {
    /// What it looked at, the root of a failure, and what to do.
    fn write_details(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for note in self.notes.iter() {
            writeln!(f, "       {}: {}", note.subject(), note.finding())?;
        }
        if let SourceResult::Failed(error) = &self.result
            && let Some(root) = root_cause(error)
        {
            writeln!(f, "       Cause: {root}")?;
        }
        match self.hint() {
            Some(hint) => writeln!(f, "       What to do: {hint}"),
            None => Ok(()),
        }
    }

    fn write_result(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let took = Millis(self.duration);
        match &self.result {
            SourceResult::Provided { .. } => writeln!(f, "provided in {took}"),
            SourceResult::Skipped { detail, .. } if self.duration.as_millis() > 0 => {
                writeln!(f, "skipped after {took}: {detail}")
            }
            SourceResult::Skipped { detail, .. } => writeln!(f, "skipped: {detail}"),
            SourceResult::Failed(error) => writeln!(f, "failed after {took}: {error}"),
            SourceResult::NotReached { configured: true } => {
                writeln!(f, "not reached, though it is set up too")
            }
            SourceResult::NotReached { configured: false } => writeln!(f, "not reached"),
        }
    }
}

/// The last cause, which says most; those between name layers of software.
fn root_cause(error: &Error) -> Option<&(dyn std::error::Error + 'static)> {
    let mut root = std::error::Error::source(error)?;
    while let Some(cause) = root.source() {
        root = cause;
    }
    Some(root)
}

struct Millis(Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0.as_millis())
    }
}

/// A lifetime in minutes, or in seconds where it is short.
struct Lifetime(Duration);

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            seconds @ ..=119 => write!(f, "{seconds} s"),
            seconds => write!(f, "{} min", seconds / 60),
        }
    }
}
