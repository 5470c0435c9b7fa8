//! One thing that the doctor found.

use std::fmt;

use crate::error::Error;
use crate::reason::Reason;
use crate::source::SourceKind;

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Worth knowing; nothing to do.
    Note,
    /// It works, but perhaps not as somebody means it to, or not for long.
    Warning,
    /// It does not work.
    Problem,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "WARNING",
            Self::Problem => "PROBLEM",
        })
    }
}

/// What a finding is about. `Display` is a heading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Area {
    /// The pod, and its Kubernetes ServiceAccount.
    Pod,
    /// The settings of one source.
    Source(SourceKind),
    /// The region, and the STS that is asked.
    Region,
    /// Which source is used, and which are not.
    Order,
    /// Proxy and certificates.
    Network,
    /// What AWS answered.
    Live,
    /// What a program found by itself, under its own heading.
    Other(&'static str),
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod => f.pad("pod"),
            Self::Source(kind) => kind.fmt(f),
            Self::Region => f.pad("region and STS"),
            Self::Order => f.pad("choice of the source"),
            Self::Network => f.pad("network"),
            Self::Live => f.pad("AWS's answers"),
            Self::Other(heading) => f.pad(heading),
        }
    }
}

/// One thing that was looked at, what was found, and what to do. `Display` is one line, without the hint.
///
/// ```
/// use flux_aws_auth::doctor::{Area, Finding, Severity};
///
/// let finding = Finding::new(Severity::Problem, Area::Other("cache"), "/cache", "not writable")
///     .with_hint("Mount a volume there.");
/// assert_eq!(finding.to_string(), "/cache: not writable");
/// assert_eq!(finding.hint(), Some("Mount a volume there."));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    severity: Severity,
    area: Area,
    reason: Option<Reason>,
    subject: String,
    text: String,
    hint: Option<String>,
}

impl Finding {
    /// That `text` was found at `subject`: a variable, a path, a thing. Neither may hold a secret.
    pub fn new(severity: Severity, area: Area, subject: impl Into<String>, text: impl Into<String>) -> Self {
        Self { severity, area, reason: None, subject: subject.into(), text: text.into(), hint: None }
    }

    /// The problem that `error` tells, with its reason and its hint.
    pub fn from_error(area: Area, subject: impl Into<String>, error: &Error) -> Self {
        let finding = Self::new(Severity::Problem, area, subject, error.to_string());
        let finding = finding.with_reason(error.reason());
        match error.hint() {
            Some(hint) => finding.with_hint(hint),
            None => finding,
        }
    }

    /// Adds a stable code.
    #[must_use]
    pub fn with_reason(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// How grave it is.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// What it is about.
    pub fn area(&self) -> Area {
        self.area
    }

    /// The stable code, where one fits.
    pub fn reason(&self) -> Option<Reason> {
        self.reason
    }

    /// The variable, path or thing that was looked at.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What was found there.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What to do, in one or two sentences.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An error's message often begins with the setting that it is about.
        if self.text.starts_with(&self.subject) {
            return f.write_str(&self.text);
        }
        write!(f, "{}: {}", self.subject, self.text)
    }
}

/// The findings of one area, as they come.
pub(super) struct Sheet {
    area: Area,
    pub(super) findings: Vec<Finding>,
}

impl Sheet {
    pub(super) fn of(area: Area) -> Self {
        Self { area, findings: Vec::new() }
    }

    pub(super) fn ok(&mut self, subject: impl Into<String>, text: impl Into<String>) {
        self.findings.push(Finding::new(Severity::Ok, self.area, subject, text));
    }

    pub(super) fn note(&mut self, subject: impl Into<String>, text: impl Into<String>) {
        self.findings.push(Finding::new(Severity::Note, self.area, subject, text));
    }

    pub(super) fn warn(
        &mut self,
        subject: impl Into<String>,
        text: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let finding = Finding::new(Severity::Warning, self.area, subject, text);
        self.findings.push(finding.with_hint(hint));
    }

    pub(super) fn problem(
        &mut self,
        reason: Reason,
        subject: impl Into<String>,
        text: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let finding = Finding::new(Severity::Problem, self.area, subject, text);
        self.findings.push(finding.with_reason(reason).with_hint(hint));
    }

    /// What `error` tells of the variable that its message begins with, or else of `subject`.
    pub(super) fn error(&mut self, subject: &str, error: &Error) {
        let message = error.to_string();
        let first = message.split([' ', ':']).next().unwrap_or_default();
        let is_variable = first.contains('_') && first.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
        self.findings.push(Finding::from_error(self.area, if is_variable { first } else { subject }, error));
    }

    pub(super) fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }
}
