//! What a source looked at and found.

use crate::clock_skew::ClockSkew;
use crate::environment::Environment;
use crate::error::ResponseFacts;
use crate::report::ChainReport;

/// What a source looked at and found, line by line, for the report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    lines: Vec<Note>,
    last_exchange: Option<LastExchange>,
    base: Option<ChainReport>,
}

/// One thing a source looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    subject: String,
    finding: String,
}

impl Notes {
    /// Notes that `subject` (a variable, a path, an address) was looked at, with what was found there. What was noted before is
    /// not noted again.
    pub fn add(&mut self, subject: impl Into<String>, finding: impl Into<String>) {
        let note = Note { subject: subject.into(), finding: finding.into() };
        if !self.lines.contains(&note) {
            self.lines.push(note);
        }
    }

    /// Looks a variable up and notes whether it is set.
    pub fn var(&mut self, environment: &Environment, name: &str) -> Option<String> {
        let value = environment.var(name);
        self.add(name, if value.is_some() { "set" } else { "not set" });
        value
    }

    /// Remembers who is being asked, should there be no time for an answer.
    pub(crate) fn asks(&mut self, endpoint: &str) {
        self.exchanged(LastExchange { endpoint: endpoint.to_owned(), ..LastExchange::default() });
    }

    /// Remembers who was asked last, and what they answered. A clock that was measured before stays measured.
    pub(crate) fn exchanged(&mut self, exchange: LastExchange) {
        let clock_skew = exchange.clock_skew.or(self.clock_skew());
        self.last_exchange = Some(LastExchange { clock_skew, ..exchange });
    }

    pub(crate) fn last_exchange(&self) -> Option<&LastExchange> {
        self.last_exchange.as_ref()
    }

    /// How wrong this machine's clock is, as far as an answer said what time it is.
    pub(crate) fn clock_skew(&self) -> Option<ClockSkew> {
        self.last_exchange.as_ref()?.clock_skew
    }

    /// Remembers how the credentials were found that this source starts from.
    pub(crate) fn set_base(&mut self, base: Option<ChainReport>) {
        self.base = base;
    }

    pub(crate) fn base(&self) -> Option<&ChainReport> {
        self.base.as_ref()
    }

    /// The notes, in the order they were made.
    pub fn iter(&self) -> impl Iterator<Item = &Note> {
        self.lines.iter()
    }
}

/// Who was asked last, what they answered, and what time they have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LastExchange {
    /// The address, without a query.
    pub(crate) endpoint: String,
    pub(crate) response: ResponseFacts,
    pub(crate) clock_skew: Option<ClockSkew>,
}

impl Note {
    /// The variable, path or address that was looked at.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What was found there.
    pub fn finding(&self) -> &str {
        &self.finding
    }
}
