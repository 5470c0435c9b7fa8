//! The range language of a semver policy.
//!
//! Flux reads `spec.policy.semver.range` with
//! [Masterminds/semver v3](https://pkg.go.dev/github.com/Masterminds/semver/v3#hdr-Checking_Version_Constraints), whose
//! language differs from npm's and from Cargo's. [The guide](crate::guide::range_language) is the whole of it; in short:
//!
//! | written | admits |
//! |---|---|
//! | `1.2.3`, `=1.2.3` | exactly 1.2.3 (Cargo reads this as `^1.2.3`) |
//! | `1.2`, `1.2.x`, `1.2.*` | every 1.2.z; likewise `1` every 1.y.z, and `*` every release |
//! | `!=1.2.3`, `>1.2.3`, `>=1.2.3`, `<1.2.3`, `<=1.2.3` | as they say; of a version in part, all that begin so are meant |
//! | `~1.2.3` | `>=1.2.3 <1.3.0` |
//! | `^1.2.3`, `^0.2.3`, `^0.0.3` | `>=1.2.3 <2.0.0`, `>=0.2.3 <0.3.0`, 0.0.3 |
//! | `1.2 - 1.4.5` | `>=1.2 <=1.4.5`; the blanks around the dash are needed |
//! | `>=1.2 <2`, `>=1.2, <2` | where both hold |
//! | `^1 \|\| ^3` | where either does |
//! | `>=1.2-0` | prereleases too, which no range admits that names none |
//!
//! ```
//! use flux_policy::range::Range;
//! use flux_policy::version::Version;
//!
//! let admits = |range: &str, version: &str| Range::parse(range).unwrap().matches(&Version::parse(version).unwrap());
//!
//! assert!(admits("^1.2", "1.9.0") && !admits("^1.2", "2.0.0"));
//! assert!(admits("1.2 - 1.4", "1.4.7") && !admits("1.2 - 1.4", "1.5.0"));
//! assert!(admits("<1.0.0 || >=2.0.0, !=2.1.0", "2.2.0"));
//! assert!(!admits(">=1.0.0", "1.3.0-rc.1"));
//! assert!(admits(">=1.0.0-0", "1.3.0-rc.1"));
//! ```

mod comparator;
mod interval;
mod parse;

use std::fmt;

use crate::error::Error;
use crate::version::Version;
use comparator::Comparator;
use interval::Interval;

/// A parsed range: alternatives, each a list of comparators that must all hold.
/// [The guide](crate::guide::range_language) tells the language.
#[derive(Clone, Debug)]
pub struct Range {
    text: Box<str>,
    alternatives: Vec<Alternative>,
    /// The whole range as an interval of numbers, where prereleases are not admitted and it is one.
    interval: Option<Interval>,
}

impl Range {
    /// Parses a range.
    ///
    /// # Errors
    ///
    /// [`InvalidPolicy`](crate::ErrorKind::InvalidPolicy) for what Flux refuses too, naming the part at fault;
    /// [`Unsupported`](crate::ErrorKind::Unsupported) for a text of more than 16 KiB.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let alternatives = parse::alternatives(text)?;
        let interval = match &alternatives[..] {
            [only] if !only.names_prerelease => Interval::of(&only.comparators),
            _ => None,
        };
        Ok(Self { text: text.into(), alternatives, interval })
    }

    /// Whether the range admits a version.
    #[inline]
    pub fn matches(&self, version: &Version<'_>) -> bool {
        match &self.interval {
            Some(interval) => version.prerelease().is_empty() && interval.contains(version.numbers()),
            None => self.matches_alternatives(*version),
        }
    }

    /// By value, so that a version that never gets here need not be kept in memory.
    fn matches_alternatives(&self, version: Version<'_>) -> bool {
        self.alternatives.iter().any(|alternative| alternative.matches(&version))
    }

    /// The lowest and the highest numbers admitted, if the range is all releases between the two and nothing else.
    pub(crate) fn bounds(&self) -> Option<([u64; 3], [u64; 3])> {
        self.interval.map(|interval| (interval.low, interval.high))
    }

    /// The range as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether any alternative admits prereleases at all.
    pub fn admits_prereleases(&self) -> bool {
        self.alternatives.iter().any(|alternative| alternative.names_prerelease)
    }

    /// Whether the range keeps out a prerelease only for being one; the range that would admit it is
    /// [`with_prereleases`](Self::with_prereleases).
    #[inline]
    pub fn refuses_only_as_prerelease(&self, version: &Version<'_>) -> bool {
        match &self.interval {
            Some(interval) => !version.prerelease().is_empty() && interval.contains(version.numbers()),
            None => self.alternatives_refuse_prerelease(*version),
        }
    }

    fn alternatives_refuse_prerelease(&self, version: Version<'_>) -> bool {
        let admits_opened = |alternative: &Alternative| {
            !alternative.names_prerelease
                && alternative.opened.iter().all(|comparator| comparator.matches(&version))
        };
        !version.prerelease().is_empty()
            && !self.matches_alternatives(version)
            && self.alternatives.iter().any(admits_opened)
    }

    /// The same range written so that it admits prereleases too: a `-0` on every bound that can carry one.
    ///
    /// ```
    /// use flux_policy::range::Range;
    ///
    /// let range = Range::parse("^1.2 || >=3, <4").unwrap();
    /// assert_eq!(range.with_prereleases(), "^1.2-0 || >=3-0 <4-0");
    /// ```
    pub fn with_prereleases(&self) -> String {
        let written: Vec<String> = self.alternatives.iter().map(Alternative::with_prereleases).collect();
        written.join(" || ")
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::str::FromStr for Range {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

#[derive(Clone, Debug)]
struct Alternative {
    comparators: Vec<Comparator>,
    /// The same comparators, widened to prereleases.
    opened: Vec<Comparator>,
    names_prerelease: bool,
}

impl Alternative {
    fn new(comparators: Vec<Comparator>) -> Self {
        let names_prerelease = comparators.iter().any(Comparator::names_prerelease);
        let opened = comparators.iter().map(Comparator::opened).collect();
        Self { comparators, opened, names_prerelease }
    }

    #[inline]
    fn matches(&self, version: &Version<'_>) -> bool {
        (version.prerelease().is_empty() || self.names_prerelease)
            && self.comparators.iter().all(|comparator| comparator.matches(version))
    }

    fn with_prereleases(&self) -> String {
        if self.names_prerelease {
            let written: Vec<String> = self.comparators.iter().map(ToString::to_string).collect();
            return written.join(" ");
        }
        let mut written: Vec<String> = self.opened.iter().map(ToString::to_string).collect();
        if !self.opened.iter().any(Comparator::names_prerelease) {
            // Comparators that would change their meaning stay; one that always holds opens the gate for them.
            written.push(">=0.0.0-0".to_owned());
        }
        written.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_alternative_that_names_a_prerelease_stays_as_written() {
        let opened = Range::parse(">=1.0.0-0 <2.0.0 || ^3").unwrap().with_prereleases();
        let admits = |version: &str| {
            let version = Version::parse(version).unwrap();
            Range::parse(&opened).unwrap().matches(&version)
        };
        assert!(admits("2.0.0-rc.1") && admits("3.1.0-rc.1"), "{opened}");
    }

    proptest! {
        #[test]
        fn an_interval_says_what_the_comparators_say(
            range in "([<>=!~^]?=?[0-2]?[0-2x*](\\.[0-2x*]){0,2} ){1,3}",
            version in "[0-2]?[0-3]\\.[0-3]\\.[0-3](-rc)?",
        ) {
            if let (Ok(range), Ok(version)) = (Range::parse(&range), Version::parse(&version)) {
                prop_assert_eq!(range.matches(&version), range.matches_alternatives(version));
                prop_assert_eq!(
                    range.refuses_only_as_prerelease(&version),
                    range.alternatives_refuse_prerelease(version)
                );
            }
        }
    }

    #[track_caller]
    fn opens(range: &str, expected: &str, version: &str) {
        let range = Range::parse(range).unwrap();
        let version = Version::parse(version).unwrap();
        assert!(range.refuses_only_as_prerelease(&version));
        assert_eq!(range.with_prereleases(), expected);
        assert!(Range::parse(expected).unwrap().matches(&version));
    }

    #[test]
    fn a_suggested_range_admits_the_prerelease() {
        opens(">=1.0.0 <2.0.0", ">=1.0.0-0 <2.0.0-0", "1.3.0-rc.1");
        opens("1.x", "1-0", "1.3.0-rc.1");
        opens("*", "*-0", "1.3.0-rc.1");
        opens(">1.2.3, !=1.5.0", ">1.2.3 !=1.5.0 >=0.0.0-0", "1.5.0-rc.1");
        opens("1.2 - 1.4", ">=1.2-0 <=1.4-0", "1.4.2-alpine3.18");
        opens("<1 || ^2.1.0", "<1-0 || ^2.1.0-0", "2.1.0-alpha");
    }

    #[test]
    fn a_version_outside_is_not_blamed_on_its_prerelease() {
        let refuses = |range, version| {
            let range: Range = str::parse(range).unwrap();
            range.refuses_only_as_prerelease(&Version::parse(version).unwrap())
        };
        assert!(!refuses("^1.0.0", "2.0.0-rc.1"));
        assert!(!refuses("^1.0.0", "2.0.0"));
        assert!(!refuses("<2.0.0", "2.0.0-rc.1"));
    }
}
