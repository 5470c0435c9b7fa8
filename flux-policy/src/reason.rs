//! Why a tag was left out.

use std::fmt;

use crate::version::NotAVersion;

/// Why a tag is not eligible, with what is known about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// A pattern of the exclusion list matches.
    Excluded {
        /// Which, counted from 0.
        pattern: usize,
    },
    /// A required pattern does not match.
    RequiredPatternDoesNotMatch {
        /// Which, counted from 0.
        pattern: usize,
    },
    /// The filter's pattern does not match.
    FilterDoesNotMatch,
    /// The filter matches and its template expands to nothing, which is not a version.
    ExtractIsEmpty,
    /// The key is not a version; where it stops being one.
    NotAVersion(NotAVersion),
    /// A prerelease that would be admitted if the range named a prerelease.
    PrereleaseNotAdmitted,
    /// A version the range does not admit.
    OutsideRange,
    /// The key is not a number, and the rule compares numbers.
    NotANumber,
    /// The tag is on the list of denied tags.
    Denied,
    /// The policy holds on to another tag.
    Held,
    /// The push time matters and is not known.
    PushTimeUnknown,
    /// Pushed too recently.
    TooYoung {
        /// How many milliseconds are missing.
        missing_millis: i64,
    },
    /// Lower than the previous choice.
    Downgrade,
}

impl Rejection {
    /// The reason alone.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Excluded { .. } => Reason::Excluded,
            Self::RequiredPatternDoesNotMatch { .. } => Reason::RequiredPatternDoesNotMatch,
            Self::FilterDoesNotMatch => Reason::FilterDoesNotMatch,
            Self::ExtractIsEmpty => Reason::ExtractIsEmpty,
            Self::NotAVersion(_) => Reason::NotAVersion,
            Self::PrereleaseNotAdmitted => Reason::PrereleaseNotAdmitted,
            Self::OutsideRange => Reason::OutsideRange,
            Self::NotANumber => Reason::NotANumber,
            Self::Denied => Reason::Denied,
            Self::Held => Reason::Held,
            Self::PushTimeUnknown => Reason::PushTimeUnknown,
            Self::TooYoung { .. } => Reason::TooYoung,
            Self::Downgrade => Reason::Downgrade,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = self.reason();
        match self {
            Self::Excluded { pattern } | Self::RequiredPatternDoesNotMatch { pattern } => {
                write!(f, "{reason} (pattern {})", pattern + 1)
            }
            Self::NotAVersion(fault) => write!(f, "{reason}: {fault}"),
            Self::TooYoung { missing_millis } => {
                write!(f, "{reason}, for another {} s", missing_millis.saturating_add(999) / 1000)
            }
            _ => reason.fmt(f),
        }
    }
}

/// The reasons a tag is left out for, as they are counted in a [`Decision`](crate::Decision).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
#[non_exhaustive]
pub enum Reason {
    /// See [`Rejection::Excluded`].
    Excluded,
    /// See [`Rejection::RequiredPatternDoesNotMatch`].
    RequiredPatternDoesNotMatch,
    /// See [`Rejection::FilterDoesNotMatch`].
    FilterDoesNotMatch,
    /// See [`Rejection::ExtractIsEmpty`].
    ExtractIsEmpty,
    /// See [`Rejection::NotAVersion`].
    NotAVersion,
    /// See [`Rejection::PrereleaseNotAdmitted`].
    PrereleaseNotAdmitted,
    /// See [`Rejection::OutsideRange`].
    OutsideRange,
    /// See [`Rejection::NotANumber`].
    NotANumber,
    /// See [`Rejection::Denied`].
    Denied,
    /// See [`Rejection::Held`].
    Held,
    /// See [`Rejection::PushTimeUnknown`].
    PushTimeUnknown,
    /// See [`Rejection::TooYoung`].
    TooYoung,
    /// See [`Rejection::Downgrade`].
    Downgrade,
}

impl Reason {
    /// Every reason, in the order in which a tag is judged.
    pub const ALL: &'static [Self] = &[
        Self::Excluded,
        Self::RequiredPatternDoesNotMatch,
        Self::FilterDoesNotMatch,
        Self::ExtractIsEmpty,
        Self::NotAVersion,
        Self::PrereleaseNotAdmitted,
        Self::OutsideRange,
        Self::NotANumber,
        Self::Denied,
        Self::Held,
        Self::PushTimeUnknown,
        Self::TooYoung,
        Self::Downgrade,
    ];
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Excluded => "on the exclusion list",
            Self::RequiredPatternDoesNotMatch => "not matched by a required pattern",
            Self::FilterDoesNotMatch => "not matched by the filter",
            Self::ExtractIsEmpty => "matched by the filter, which extracts nothing",
            Self::NotAVersion => "not a version",
            Self::PrereleaseNotAdmitted => "prerelease, which the range does not admit",
            Self::OutsideRange => "outside the range",
            Self::NotANumber => "not a number",
            Self::Denied => "denied",
            Self::Held => "held back in favour of another tag",
            Self::PushTimeUnknown => "push time not known",
            Self::TooYoung => "pushed too recently",
            Self::Downgrade => "lower than the previous choice",
        })
    }
}
