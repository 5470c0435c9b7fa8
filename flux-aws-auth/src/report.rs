//! What became of every source, for people.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::clock_skew::ClockSkew;
use crate::error::{Error, ResponseFacts};
use crate::principal::Principal;
use crate::reason::Reason;
use crate::source::{Notes, SourceKind};

mod text;

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
        /// Why there are no newer ones, where that is later than their own expiry: the node's may
        /// [outlive](crate::source::InstanceMetadata) it.
        outlived: Option<Error>,
    },
    /// It was passed over.
    #[non_exhaustive]
    Skipped {
        /// Why.
        reason: Reason,
        /// What was found, in one line.
        detail: String,
    },
    /// It is set up and failed.
    Failed(Error),
    /// The chain ended before it.
    #[non_exhaustive]
    NotReached {
        /// Whether the environment asks for it: then the source that was used shadows it.
        configured: bool,
        /// Whose credentials it would have given, where the environment says so.
        principal: Option<Principal>,
    },
}

/// Two reports are equal if they are the same one.
impl PartialEq for ChainReport {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for ChainReport {}

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

    /// The source that an AWS SDK's own chain would have used in this environment, where that is another one than was used here.
    /// Programs that move from an SDK's default chain are surprised by exactly this.
    ///
    /// A source that [was left out](crate::ChainBuilder::without) counts, since no SDK leaves it out; half a setting does not,
    /// since the SDKs pass it over. Never for an object's identity, nor for [role hops](crate::RoleHop), whose base has it.
    pub fn sdk_order_differs(&self) -> Option<SourceKind> {
        let used = self.sources().find(|source| source.was_used())?;
        self.0.sdk_choice.filter(|choice| *choice != used.kind)
    }

    /// How wrong this machine's clock is, by the last answer that said what time it is.
    pub fn clock_skew(&self) -> Option<ClockSkew> {
        self.sources().filter_map(SourceReport::clock_skew).last()
    }

    /// How long all of it took.
    pub fn duration(&self) -> Duration {
        self.0.duration
    }

    /// The source that the credentials come from in the end: of [role hops](crate::RoleHop), that of the first chain; else
    /// [the one that gave them](Self::provided_by).
    pub fn origin(&self) -> Option<SourceKind> {
        let provided = self.provided()?;
        match provided.base() {
            Some(base) => base.origin(),
            None => Some(provided.kind),
        }
    }

    fn provided(&self) -> Option<&SourceReport> {
        self.sources().find(|source| matches!(source.result, SourceResult::Provided { .. }))
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

    /// Of a [role hop](crate::RoleHop), what became of the chain whose credentials it starts from.
    pub fn base(&self) -> Option<&ChainReport> {
        self.notes.base()
    }

    /// Why it was passed over or failed, as a stable code; of credentials that are used beyond their expiry, why there are
    /// no newer ones.
    pub fn reason(&self) -> Option<Reason> {
        match &self.result {
            SourceResult::Skipped { reason, .. } => Some(*reason),
            SourceResult::Failed(error) | SourceResult::Provided { outlived: Some(error), .. } => {
                Some(error.reason())
            }
            SourceResult::Provided { .. } | SourceResult::NotReached { .. } => None,
        }
    }

    /// The address that was asked last, without a query.
    pub fn endpoint(&self) -> Option<&str> {
        self.notes.last_exchange().map(|exchange| exchange.endpoint.as_str())
    }

    /// The HTTP status of the last answer.
    pub fn http_status(&self) -> Option<u16> {
        self.response()?.status
    }

    /// AWS's error code, such as `AccessDenied`, when the last answer had one.
    pub fn aws_code(&self) -> Option<&str> {
        self.response()?.code.as_deref()
    }

    /// AWS's request id, when the last answer had one.
    pub fn request_id(&self) -> Option<&str> {
        self.response()?.request_id.as_deref()
    }

    /// How wrong this machine's clock is, by the last answer that said what time it is.
    pub fn clock_skew(&self) -> Option<ClockSkew> {
        self.notes.clock_skew()
    }

    /// An error says more of the answer that it comes from.
    fn response(&self) -> Option<&ResponseFacts> {
        let of_error = match &self.result {
            SourceResult::Failed(error) => {
                Some(error.response()).filter(|response| response.status.is_some())
            }
            _ => None,
        };
        of_error.or_else(|| self.notes.last_exchange().map(|exchange| &exchange.response))
    }

    fn was_used(&self) -> bool {
        matches!(self.result, SourceResult::Provided { .. } | SourceResult::Failed(_))
    }
}
