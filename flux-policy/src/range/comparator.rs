//! One comparator of a range, and what each operator means.

use std::cmp::Ordering;
use std::fmt;

use crate::version::{Version, cmp_prerelease};

/// An operator; synonyms are already folded together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    Tilde,
    Caret,
}

/// How many segments of the bound were written before a wildcard or the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Precision {
    /// `*`
    Nothing,
    /// `1`, `1.x`
    Major,
    /// `1.2`, `1.2.x`
    Minor,
    /// `1.2.3`
    Patch,
}

/// An operator with its bound; segments that were not written are 0.
#[derive(Clone, Debug)]
pub(super) struct Comparator {
    pub(super) operator: Operator,
    pub(super) precision: Precision,
    pub(super) numbers: [u64; 3],
    pub(super) prerelease: Box<str>,
}

impl Comparator {
    pub(super) fn names_prerelease(&self) -> bool {
        !self.prerelease.is_empty()
    }

    /// Whether the operator holds. That prereleases may not be admitted at all is the alternative's business.
    #[inline]
    pub(super) fn matches(&self, version: &Version<'_>) -> bool {
        match self.operator {
            Operator::GreaterEqual => self.compare(version).is_ge(),
            Operator::Less => self.compare(version).is_lt(),
            Operator::Greater => self.greater(version),
            Operator::LessEqual => self.less_equal(version),
            Operator::Caret => self.caret(version),
            Operator::Equal if self.precision == Precision::Patch => self.compare(version).is_eq(),
            Operator::Equal | Operator::Tilde => self.tilde(version),
            Operator::NotEqual => self.not_equal(version),
        }
    }

    /// The same comparator with a `-0` where that widens it to prereleases and changes nothing else.
    pub(super) fn opened(&self) -> Self {
        let changes_meaning = match self.operator {
            Operator::NotEqual => true,
            Operator::Equal | Operator::LessEqual => self.precision == Precision::Patch,
            Operator::Greater => matches!(self.precision, Precision::Patch | Precision::Nothing),
            Operator::GreaterEqual | Operator::Less | Operator::Tilde | Operator::Caret => false,
        };
        let mut opened = self.clone();
        if !self.names_prerelease() && !changes_meaning {
            opened.prerelease = "0".into();
        }
        opened
    }

    #[inline]
    fn compare(&self, version: &Version<'_>) -> Ordering {
        // Nearly always the numbers differ, and then the prereleases are not looked at.
        match version.numbers().cmp(&self.numbers) {
            Ordering::Equal => cmp_prerelease(version.prerelease(), &self.prerelease),
            order => order,
        }
    }

    fn greater(&self, version: &Version<'_>) -> bool {
        let [major, minor, _] = version.numbers();
        match self.precision {
            Precision::Patch => self.compare(version).is_gt(),
            Precision::Minor => (major, minor) > (self.numbers[0], self.numbers[1]),
            Precision::Major => major > self.numbers[0],
            Precision::Nothing => major > 0 || self.compare(version).is_gt(),
        }
    }

    fn less_equal(&self, version: &Version<'_>) -> bool {
        let [major, minor, _] = version.numbers();
        match self.precision {
            Precision::Patch => self.compare(version).is_le(),
            Precision::Minor => (major, minor) <= (self.numbers[0], self.numbers[1]),
            Precision::Major => major <= self.numbers[0],
            Precision::Nothing => major == 0 && minor == 0,
        }
    }

    fn tilde(&self, version: &Version<'_>) -> bool {
        let [major, minor, _] = version.numbers();
        if self.compare(version).is_lt() {
            return false;
        }
        match self.precision {
            Precision::Nothing => true,
            Precision::Major => major == self.numbers[0],
            Precision::Patch if self.numbers == [0, 0, 0] => true,
            Precision::Minor | Precision::Patch => [major, minor] == self.numbers[..2],
        }
    }

    fn caret(&self, version: &Version<'_>) -> bool {
        let [major, minor, patch] = version.numbers();
        if self.compare(version).is_lt() || major != self.numbers[0] {
            return false;
        }
        if major > 0 || self.precision == Precision::Major {
            return true;
        }
        if minor != self.numbers[1] {
            return false;
        }
        minor > 0 || self.precision == Precision::Minor || patch == self.numbers[2]
    }

    fn not_equal(&self, version: &Version<'_>) -> bool {
        let [major, minor, _] = version.numbers();
        match self.precision {
            Precision::Patch | Precision::Nothing => self.compare(version).is_ne(),
            Precision::Major => major != self.numbers[0],
            Precision::Minor => {
                [major, minor] != self.numbers[..2] || *version.prerelease() != *self.prerelease
            }
        }
    }
}

impl fmt::Display for Comparator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.operator {
            Operator::Equal => "",
            Operator::NotEqual => "!=",
            Operator::Greater => ">",
            Operator::Less => "<",
            Operator::GreaterEqual => ">=",
            Operator::LessEqual => "<=",
            Operator::Tilde => "~",
            Operator::Caret => "^",
        })?;
        let [major, minor, patch] = self.numbers;
        match self.precision {
            Precision::Nothing => f.write_str("*"),
            Precision::Major => write!(f, "{major}"),
            Precision::Minor => write!(f, "{major}.{minor}"),
            Precision::Patch => write!(f, "{major}.{minor}.{patch}"),
        }?;
        if self.names_prerelease() { write!(f, "-{}", self.prerelease) } else { Ok(()) }
    }
}
