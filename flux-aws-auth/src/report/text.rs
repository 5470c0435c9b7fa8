//! How a report reads.

use std::fmt;
use std::time::Duration;

use super::{ChainReport, SourceReport, SourceResult};
use crate::clock_skew::ClockSkew;
use crate::error::Error;
use crate::reason::Reason;

impl fmt::Display for ChainReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_headline(f)?;
        let failed = self.sources().any(|source| matches!(source.result, SourceResult::Failed(_)));
        for (index, source) in self.sources().enumerate() {
            write!(f, "  {}. {:<24}", index + 1, source.kind)?;
            source.write_result(f)?;
            // Where one is set up and failed, the others are not what is wrong.
            let to_blame = match source.result {
                SourceResult::Failed(_) | SourceResult::Provided { outlived: Some(_), .. } => true,
                SourceResult::Skipped { .. } => !failed && self.provided().is_none(),
                _ => false,
            };
            if to_blame {
                source.write_details(f)?;
            }
            source.write_base(f)?;
        }
        self.write_surprises(f)
    }
}

impl ChainReport {
    fn write_headline(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.provided().map(|source| (source.kind, &source.result)) {
            Some((kind, SourceResult::Provided { principal, outlived: Some(_), .. })) => {
                writeln!(f, "Credentials from {kind}: {principal}, beyond their expiry")
            }
            Some((kind, SourceResult::Provided { principal, expiry, .. })) => {
                write!(f, "Credentials from {kind}: {principal}")?;
                match expiry.and_then(|expiry| expiry.duration_since(self.0.started_at).ok()) {
                    Some(lifetime) => writeln!(f, ", for {}", Lifetime(lifetime)),
                    None => writeln!(f),
                }
            }
            _ => match self.sources().find(|source| matches!(source.result, SourceResult::Failed(_))) {
                Some(failed) => writeln!(f, "No AWS credentials: {} failed", failed.kind),
                None => {
                    writeln!(f, "No AWS credentials: none of the {} sources is set up", self.0.sources.len())
                }
            },
        }
    }

    /// What nobody asked, and explains much.
    fn write_surprises(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.sources().any(|source| source.reason() == Some(Reason::ClockSkewed));
        if let Some(skew) = self.clock_skew().filter(|skew| !skew.is_tolerated() && !told) {
            let minutes = ClockSkew::TOLERANCE.as_secs() / 60;
            writeln!(
                f,
                "  This machine's clock is {skew}. AWS refuses what is signed more than {minutes} minutes off: set it right."
            )?;
        }
        if let Some(other) = self.sdk_order_differs() {
            write!(f, "  The AWS SDKs' own order would use {other} here")?;
            let result = self.sources().find(|source| source.kind == other).map(SourceReport::result);
            match result {
                Some(SourceResult::NotReached { principal: Some(principal), .. }) => {
                    writeln!(f, ": {principal}.")?;
                }
                _ => writeln!(f, ".")?,
            }
        }
        Ok(())
    }
}

impl SourceReport {
    fn write_result(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let took = Millis(self.duration);
        match &self.result {
            SourceResult::Provided { outlived: None, .. } => writeln!(f, "provided in {took}"),
            SourceResult::Provided { outlived: Some(why), .. } => {
                writeln!(f, "nothing newer after {took}, {}: {why}", why.reason())
            }
            SourceResult::Skipped { detail, reason, .. } if self.duration.as_millis() > 0 => {
                writeln!(f, "skipped after {took}, {reason}: {detail}")
            }
            SourceResult::Skipped { detail, reason, .. } => writeln!(f, "skipped, {reason}: {detail}"),
            SourceResult::Failed(error) => writeln!(f, "failed after {took}, {}: {error}", error.reason()),
            SourceResult::NotReached { configured: true, principal: Some(principal) } => {
                writeln!(f, "not reached, though it is set up too: {principal}")
            }
            SourceResult::NotReached { configured: true, .. } => {
                writeln!(f, "not reached, though it is set up too")
            }
            SourceResult::NotReached { configured: false, .. } => writeln!(f, "not reached"),
        }
    }

    /// What to do, what the other side said, the root of a failure, and what was looked at.
    fn write_details(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(hint) = self.hint() {
            writeln!(f, "       What to do: {hint}")?;
        }
        let error = match &self.result {
            SourceResult::Failed(error) | SourceResult::Provided { outlived: Some(error), .. } => Some(error),
            _ => None,
        };
        if let Some(root) = error.and_then(root_cause) {
            writeln!(f, "       Cause: {root}")?;
        }
        self.write_answer(f)?;
        for note in self.notes.iter() {
            writeln!(f, "       {}: {}", note.subject(), note.finding())?;
        }
        Ok(())
    }

    /// How the credentials were found that this one starts from, one step further in.
    fn write_base(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(base) = self.base() else { return Ok(()) };
        base.to_string().lines().try_for_each(|line| writeln!(f, "       {line}"))
    }

    fn write_answer(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(endpoint) = self.endpoint() else { return Ok(()) };
        let Some(status) = self.http_status() else {
            return match self.reason() {
                // All else that is no answer has a note.
                Some(Reason::DeadlinePassed) => writeln!(f, "       Asked last: {endpoint}"),
                _ => Ok(()),
            };
        };
        write!(f, "       Answer: HTTP {status}")?;
        if let Some(code) = self.aws_code() {
            write!(f, ", {code}")?;
        }
        if let Some(id) = self.request_id() {
            write!(f, ", request id {id}")?;
        }
        writeln!(f, ", from {endpoint}")
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
