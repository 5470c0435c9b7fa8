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

use std::cmp::Ordering;
use std::fmt;

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
        let (version, segments) = Self::read(tag)?;
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
        Self::read(text).map(|(version, _)| version)
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

    /// The version and how many numbers it was written with.
    #[inline(always)]
    fn read(text: &'a str) -> Result<(Self, usize), NotAVersion> {
        let bytes = text.as_bytes();
        let start = usize::from(bytes.first() == Some(&b'v'));
        let (major, mut at) = short_number(bytes, start);
        check_number(bytes, start, at)?;
        let (mut minor, mut patch, mut segments) = (0, 0, 1);
        if bytes.get(at) == Some(&b'.') {
            let start = at + 1;
            (minor, at) = short_number(bytes, start);
            check_number(bytes, start, at)?;
            segments = 2;
            if bytes.get(at) == Some(&b'.') {
                let start = at + 1;
                (patch, at) = number(bytes, start);
                check_number(bytes, start, at)?;
                segments = 3;
            }
        }
        let (prerelease, build) = if at < bytes.len() { read_suffix(text, at)? } else { ("", "") };
        Ok((Self { original: text, numbers: [major, minor, patch], prerelease, build }, segments))
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

/// The prerelease and the metadata, which make up everything from `at` on.
fn read_suffix(text: &str, mut at: usize) -> Result<(&str, &str), NotAVersion> {
    let bytes = text.as_bytes();
    let (mut prerelease, mut build) = ("", "");
    if bytes[at] == b'-' {
        let end = read_identifiers(bytes, at + 1, Identifiers::Prerelease)?;
        prerelease = &text[at + 1..end];
        at = end;
    }
    if bytes.get(at) == Some(&b'+') {
        let end = read_identifiers(bytes, at + 1, Identifiers::Build)?;
        build = &text[at + 1..end];
        at = end;
    }
    if at < bytes.len() { Err(NotAVersion { at, fault: Fault::Unexpected }) } else { Ok((prerelease, build)) }
}

/// The eight bytes at `start`, the first lowest, with zeros behind the end; `None` if the text is shorter than eight.
#[inline(always)]
fn eight_bytes(bytes: &[u8], start: usize) -> Option<u64> {
    if let Some(eight) = bytes.get(start..start + 8) {
        return eight.try_into().ok().map(u64::from_le_bytes);
    }
    let last = bytes.last_chunk()?;
    let missing = start + 8 - bytes.len();
    (missing < 8).then(|| u64::from_le_bytes(*last) >> (8 * missing))
}

/// The number made of the digits at `start`, and their end. Whether there are any, and whether they fit, is for
/// [`check_number`] to say: keeping that out of here is what makes it quick.
#[inline(always)]
fn number(bytes: &[u8], start: usize) -> (u64, usize) {
    // Eight bytes at once where there are as many and the digits end among them.
    if let Some(eight) = eight_bytes(bytes, start) {
        let text = eight ^ 0x3030_3030_3030_3030;
        // The highest bit of each byte that is no digit; a carry only reaches bytes behind the first of them.
        let others = (text.wrapping_add(0x7676_7676_7676_7676) | text) & 0x8080_8080_8080_8080;
        let count = others.trailing_zeros() as usize / 8;
        if count < 8 {
            let digits = if count == 0 { 0 } else { text << (64 - 8 * count) };
            let pairs = (digits.wrapping_mul(10) + (digits >> 8)) & 0x00FF_00FF_00FF_00FF;
            let fours = (pairs.wrapping_mul(100) + (pairs >> 16)) & 0x0000_FFFF_0000_FFFF;
            let eight = (fours.wrapping_mul(10_000) + (fours >> 32)) & 0xFFFF_FFFF;
            return (eight, start + count);
        }
    }
    short_number(bytes, start)
}

/// The same, digit by digit, which is quicker where there are one or two.
#[inline(always)]
fn short_number(bytes: &[u8], start: usize) -> (u64, usize) {
    let mut value = 0_u64;
    let mut at = start;
    for byte in bytes.get(start..).unwrap_or_default() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    (value, at)
}

#[inline(always)]
fn check_number(bytes: &[u8], start: usize, end: usize) -> Result<(), NotAVersion> {
    match end - start {
        0 => Err(NotAVersion { at: end, fault: Fault::ExpectedNumber }),
        // Nineteen digits always fit.
        1..=19 => Ok(()),
        _ if fits(&bytes[start..end]) => Ok(()),
        _ => Err(NotAVersion { at: start, fault: Fault::NumberTooLarge }),
    }
}

#[cold]
fn fits(digits: &[u8]) -> bool {
    std::str::from_utf8(digits).is_ok_and(|digits| digits.parse::<u64>().is_ok())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Identifiers {
    Prerelease,
    Build,
}

/// The end of the dot-separated identifiers that begin at `start`.
#[inline]
fn read_identifiers(bytes: &[u8], start: usize, which: Identifiers) -> Result<usize, NotAVersion> {
    let mut part = start;
    loop {
        let length =
            bytes[part..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-').count();
        let end = part + length;
        if length == 0 {
            return Err(NotAVersion { at: part, fault: Fault::EmptyPart });
        }
        if which == Identifiers::Prerelease
            && length > 1
            && bytes[part] == b'0'
            && bytes[part..end].iter().all(u8::is_ascii_digit)
        {
            return Err(NotAVersion { at: part, fault: Fault::LeadingZero });
        }
        if bytes.get(end) != Some(&b'.') {
            return Ok(end);
        }
        part = end + 1;
    }
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
