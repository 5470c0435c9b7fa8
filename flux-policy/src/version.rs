//! A tag read as a version, the way Flux reads it.
//!
//! Flux calls [`version.ParseVersion`](https://pkg.go.dev/github.com/fluxcd/pkg/version), which wants at least three
//! dot-separated pieces in the whole tag and then reads it loosely with
//! [Masterminds/semver](https://pkg.go.dev/github.com/Masterminds/semver/v3#NewVersion): an optional `v`, leading
//! zeros, one to three numbers, a prerelease, build metadata.

#![expect(
    clippy::inline_always,
    reason = "a version that crosses a call goes through memory, at two thirds of the speed"
)]

mod plain;
mod read;

use std::cmp::Ordering;
use std::fmt;

pub(crate) use plain::{Plain, Rank};

/// A version borrowed from a tag.
///
/// Small and `Copy`; nothing is allocated to read or to compare one. [`to_semver`](Self::to_semver) gives the owned
/// [`semver::Version`] that other crates understand.
///
/// ```
/// use flux_policy::version::Version;
///
/// let version = Version::parse("v01.4.2-rc.1+build.7").unwrap();
/// assert_eq!((version.major(), version.minor(), version.patch()), (1, 4, 2));
/// assert_eq!((version.prerelease(), version.build()), ("rc.1", "build.7"));
/// assert_eq!(version.to_string(), "1.4.2-rc.1+build.7");
/// assert_eq!(version.original(), "v01.4.2-rc.1+build.7");
///
/// // Three pieces are needed, and any three will do.
/// assert!(Version::parse("1.2").is_err());
/// assert_eq!(Version::parse("16.1-alpine3.18").unwrap().to_string(), "16.1.0-alpine3.18");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Version<'a> {
    original: &'a str,
    numbers: [u64; 3],
    prerelease: &'a str,
    build: &'a str,
}

impl<'a> Version<'a> {
    /// Reads a tag as Flux does: at least three dot-separated pieces in the whole of it, then
    /// [`parse_loose`](Self::parse_loose).
    ///
    /// # Errors
    ///
    /// Says where the tag stops being a version.
    #[inline(always)]
    pub fn parse(tag: &'a str) -> Result<Self, NotAVersion> {
        let (version, segments) = read::read(tag)?;
        let pieces = || 1 + tag.bytes().filter(|&byte| byte == b'.').count();
        if segments < 3 && pieces() < 3 {
            return Err(NotAVersion { at: tag.len(), fault: Fault::FewerThanThreePieces });
        }
        Ok(version)
    }

    /// Reads `v? N (.N)? (.N)? (-P)? (+M)?`: numbers may have leading zeros and must fit 64 bits, `P` and `M` are
    /// dot-separated runs of `[0-9A-Za-z-]`, and an all-digit part of `P` may not begin with a zero.
    ///
    /// # Errors
    ///
    /// Says where the text stops being a version.
    #[inline]
    pub fn parse_loose(text: &'a str) -> Result<Self, NotAVersion> {
        read::read(text).map(|(version, _)| version)
    }

    /// The text it was read from, with its `v`, leading zeros and metadata.
    pub fn original(&self) -> &'a str {
        self.original
    }

    /// The first number.
    pub fn major(&self) -> u64 {
        self.numbers[0]
    }

    /// The second number, 0 if the text has none.
    pub fn minor(&self) -> u64 {
        self.numbers[1]
    }

    /// The third number, 0 if the text has none.
    pub fn patch(&self) -> u64 {
        self.numbers[2]
    }

    /// The prerelease without its dash, empty if there is none.
    pub fn prerelease(&self) -> &'a str {
        self.prerelease
    }

    /// The build metadata without its plus, empty if there is none.
    pub fn build(&self) -> &'a str {
        self.build
    }

    /// Compares by precedence: numbers, then a release over its prereleases, then prerelease parts from the left.
    /// Build metadata does not count, so two different versions can compare equal.
    ///
    /// Parts that are all digits compare as numbers and come before text, but only as long as they fit 64 bits;
    /// longer ones count as text, which is how Flux compares them.
    #[inline]
    pub fn cmp_precedence(&self, other: &Version<'_>) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| cmp_prerelease(self.prerelease, other.prerelease))
    }

    /// The same version as an owned [`semver::Version`].
    ///
    /// That type compares digits beyond 64 bits as numbers; where that matters, compare with
    /// [`cmp_precedence`](Self::cmp_precedence).
    pub fn to_semver(&self) -> semver::Version {
        // Whatever passes `read` is a valid prerelease and valid metadata for `semver`, whose rules are wider.
        let [major, minor, patch] = self.numbers;
        semver::Version {
            major,
            minor,
            patch,
            pre: semver::Prerelease::new(self.prerelease).unwrap_or_default(),
            build: semver::BuildMetadata::new(self.build).unwrap_or_default(),
        }
    }

    /// A version made of parts, for the bounds of a range and for a leader kept by a selector.
    #[inline]
    pub(crate) fn from_parts(numbers: [u64; 3], prerelease: &'a str) -> Self {
        Self { original: "", numbers, prerelease, build: "" }
    }

    #[inline]
    pub(crate) fn numbers(&self) -> [u64; 3] {
        self.numbers
    }
}

/// The canonical form: three numbers without leading zeros, no `v`.
impl fmt::Display for Version<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{major}.{minor}.{patch}")?;
        if !self.prerelease.is_empty() {
            write!(f, "-{}", self.prerelease)?;
        }
        if !self.build.is_empty() {
            write!(f, "+{}", self.build)?;
        }
        Ok(())
    }
}

/// Where and why a text stops being a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault} (at byte {at})")]
pub struct NotAVersion {
    at: usize,
    fault: Fault,
}

impl NotAVersion {
    /// The byte at which the text stops being a version; its length if something is missing at the end.
    pub fn at(&self) -> usize {
        self.at
    }

    /// What is wrong there.
    pub fn fault(&self) -> Fault {
        self.fault
    }
}

/// What keeps a text from being a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A number was expected.
    #[error("expected a number")]
    ExpectedNumber,
    /// The number does not fit 64 bits.
    #[error("the number is too large")]
    NumberTooLarge,
    /// A part of the prerelease or of the metadata is empty.
    #[error("empty part between dots")]
    EmptyPart,
    /// An all-digit part of the prerelease begins with a zero.
    #[error("a number in the prerelease begins with 0")]
    LeadingZero,
    /// A character that cannot stand there.
    #[error("unexpected character")]
    Unexpected,
    /// A version by itself, but Flux wants at least three dot-separated pieces.
    #[error("fewer than three dot-separated pieces")]
    FewerThanThreePieces,
}

/// Compares two prereleases, where none at all is the greater.
#[inline]
pub(crate) fn cmp_prerelease(a: &str, b: &str) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => cmp_identifiers(a, b),
    }
}

fn cmp_identifiers(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.split('.'), b.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(l), Some(r)) => match (small_number(l), small_number(r)) {
                (Some(l), Some(r)) => l.cmp(&r),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => l.cmp(r),
            },
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// The value of an all-digit text that fits 64 bits.
pub(crate) fn small_number(text: &str) -> Option<u64> {
    // `str::parse` also takes a plus sign, which no identifier can contain.
    if text.as_bytes().first().is_some_and(u8::is_ascii_digit) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn fails(text: &str, at: usize, fault: Fault) {
        assert_eq!(Version::parse(text).map(|_| ()), Err(NotAVersion { at, fault }), "{text}");
    }

    #[test]
    fn says_where_a_text_stops_being_a_version() {
        fails("latest", 0, Fault::ExpectedNumber);
        fails("v", 1, Fault::ExpectedNumber);
        fails("V1.2.3", 0, Fault::ExpectedNumber);
        fails("1.2.", 4, Fault::ExpectedNumber);
        fails("1.2", 3, Fault::FewerThanThreePieces);
        fails("1.2-rc1", 7, Fault::FewerThanThreePieces);
        fails("1.2.3.4", 5, Fault::Unexpected);
        fails("1.2.3_4", 5, Fault::Unexpected);
        fails("1.2.3-", 6, Fault::EmptyPart);
        fails("1.2.3-a..b", 8, Fault::EmptyPart);
        fails("1.2.3-rc.01", 9, Fault::LeadingZero);
        fails("1.18446744073709551616.0", 2, Fault::NumberTooLarge);
    }

    #[test]
    fn digits_beyond_64_bits_are_text() {
        let order = |a, b| {
            let read = |text| Version::parse(text).unwrap();
            read(a).cmp_precedence(&read(b))
        };
        assert_eq!(order("1.0.0-99999999999999999999", "1.0.0-100000000000000000000"), Ordering::Greater);
        assert_eq!(order("1.0.0-99999999999999999999", "1.0.0-a"), Ordering::Less);
        assert_eq!(order("1.0.0-2", "1.0.0-10"), Ordering::Less);
        assert_eq!(order("1.0.0-rc", "1.0.0"), Ordering::Less);
        assert_eq!(order("1.0.0+a", "v1.0.0+b"), Ordering::Equal);
    }
}
