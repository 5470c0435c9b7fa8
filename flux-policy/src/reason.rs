//! Why a tag was left out.

use std::fmt;

use crate::version::NotAVersion;

/// Why a tag is not eligible, with what is known about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// The filter's pattern does not match.
    FilterDoesNotMatch,
    /// The filter matches and its template expands to nothing, which is no version.
    ExtractIsEmpty,
    /// The key is not a version; where it stops being one.
    NotAVersion(NotAVersion),
    /// A prerelease that would be admitted if the range named a prerelease.
    PrereleaseNotAdmitted,
    /// A version the range does not admit.
    OutsideRange,
    /// The key is not a number, and the rule compares numbers.
    NotANumber,
}

impl Rejection {
    /// The reason alone.
    pub fn reason(&self) -> Reason {
        match self {
            Self::FilterDoesNotMatch => Reason::FilterDoesNotMatch,
            Self::ExtractIsEmpty => Reason::ExtractIsEmpty,
            Self::NotAVersion(_) => Reason::NotAVersion,
            Self::PrereleaseNotAdmitted => Reason::PrereleaseNotAdmitted,
            Self::OutsideRange => Reason::OutsideRange,
            Self::NotANumber => Reason::NotANumber,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAVersion(fault) => write!(f, "not a version: {fault}"),
            other => other.reason().fmt(f),
        }
    }
}

/// The reasons a tag is left out for, as they are counted in a [`Decision`](crate::Decision).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
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
}

impl Reason {
    /// Every reason, in the order in which a tag is judged.
    pub const ALL: [Self; 6] = [
        Self::FilterDoesNotMatch,
        Self::ExtractIsEmpty,
        Self::NotAVersion,
        Self::PrereleaseNotAdmitted,
        Self::OutsideRange,
        Self::NotANumber,
    ];
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FilterDoesNotMatch => "not matched by the filter",
            Self::ExtractIsEmpty => "nothing extracted",
            Self::NotAVersion => "not a version",
            Self::PrereleaseNotAdmitted => "prerelease, which the range does not admit",
            Self::OutsideRange => "outside the range",
            Self::NotANumber => "not a number",
        })
    }
}
