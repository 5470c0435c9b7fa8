//! Whether an object is as it should be, how long it has not been, and when to try again.

use std::error::Error as _;
use std::time::{Duration, SystemTime};

use flux_ecr_reflect::{Error, ErrorKind};

use crate::event::{Failure, Recovery};

/// What is known of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Health {
    #[default]
    Unknown,
    Ready,
    Failing {
        kind: String,
        since: SystemTime,
        failures: u64,
    },
}

/// What a success follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Success {
    /// Another one.
    NoNews,
    /// Nothing.
    First,
    /// Failures.
    After(Recovery),
}

impl Health {
    /// Takes note of a success, and says whether it is news.
    pub(crate) fn succeeded(&mut self, now: SystemTime) -> Success {
        match std::mem::replace(self, Self::Ready) {
            Self::Unknown => Success::First,
            Self::Ready => Success::NoNews,
            Self::Failing { since, failures, .. } => {
                let lasted = now.duration_since(since).unwrap_or_default();
                Success::After(Recovery { failures, lasted })
            }
        }
    }

    /// Takes note of a failure, and tells it if it is news: the first, or of another kind than the last.
    pub(crate) fn failed(
        &mut self,
        error: &Error,
        interval: Duration,
        now: SystemTime,
    ) -> (Duration, Option<Failure>) {
        let kind = kind_name(error.kind());
        let (since, before, last) = match std::mem::take(self) {
            Self::Failing { kind, since, failures } => (since, failures, Some(kind)),
            Self::Unknown | Self::Ready => (now, 0, None),
        };
        *self = Self::Failing { kind: kind.to_owned(), since, failures: before + 1 };
        let next_try_in = next_try_in(error, before, interval);
        let is_news = last.is_none_or(|last| last != kind);
        (next_try_in, is_news.then(|| failure(error, kind, next_try_in)))
    }

    /// Whether it fails.
    pub(crate) fn is_failing(&self) -> bool {
        matches!(self, Self::Failing { .. })
    }
}

/// A failure that may pass by itself is tried again soon, and ever later up to the interval. What somebody has to mend waits for
/// the interval.
fn next_try_in(error: &Error, failures_before: u64, interval: Duration) -> Duration {
    if !error.is_retryable() {
        return interval;
    }
    let doubled = 2_u32.saturating_pow(u32::try_from(failures_before).unwrap_or(u32::MAX));
    FIRST_RETRY.saturating_mul(doubled).min(interval)
}

fn failure(error: &Error, kind: &'static str, next_try_in: Duration) -> Failure {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    Failure {
        kind,
        message: error.to_string(),
        causes: causes.map(ToString::to_string).collect(),
        hint: error.hint().map(str::to_owned),
        next_try_in,
    }
}

/// The kind as a label of metrics and a field of JSON.
pub(crate) fn kind_name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Configuration => "configuration",
        ErrorKind::Credentials => "credentials",
        ErrorKind::AccessDenied => "access_denied",
        ErrorKind::NotFound => "not_found",
        ErrorKind::Throttled => "throttled",
        ErrorKind::Unavailable => "unavailable",
        ErrorKind::InvalidResponse => "invalid_response",
        ErrorKind::Policy => "policy",
        ErrorKind::Storage => "storage",
        ErrorKind::Damaged => "damaged",
        _ => "other",
    }
}

const FIRST_RETRY: Duration = Duration::from_secs(10);
