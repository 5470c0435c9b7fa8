//! A range without prereleases as an interval.
//!
//! Among releases every operator but `!=` is an interval of number triples, and so is what they have in common. Two
//! comparisons then do for the whole range.

use super::comparator::{Comparator, Operator, Precision};

/// From the first triple to the second, both included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interval {
    pub(super) low: [u64; 3],
    pub(super) high: [u64; 3],
}

const LOWEST: [u64; 3] = [0; 3];
const HIGHEST: [u64; 3] = [u64::MAX; 3];

impl Interval {
    /// What all comparators admit; `None` if that is not an interval.
    ///
    /// It holds for prereleases as well once they are admitted: a bound that carries `-0` is compared by its numbers alone.
    /// Only an exact version cannot carry one.
    pub(super) fn of(comparators: &[Comparator]) -> Option<Self> {
        let all = Self { low: LOWEST, high: HIGHEST };
        comparators.iter().try_fold(all, |all, comparator| {
            let (low, high) = bounds(comparator)?;
            Some(Self { low: all.low.max(low), high: all.high.min(high) })
        })
    }

    #[inline]
    pub(super) fn contains(&self, numbers: [u64; 3]) -> bool {
        self.low <= numbers && numbers <= self.high
    }
}

/// An interval with nothing in it.
const NOTHING: ([u64; 3], [u64; 3]) = (HIGHEST, LOWEST);

fn bounds(comparator: &Comparator) -> Option<([u64; 3], [u64; 3])> {
    use Precision::{Major, Minor, Nothing, Patch};

    let (bound, precision) = (comparator.numbers, comparator.precision);
    let [major, minor, patch] = bound;
    let same_major = [major, u64::MAX, u64::MAX];
    let same_minor = [major, minor, u64::MAX];
    // The last triple that begins with what was written.
    let last = match precision {
        Nothing => HIGHEST,
        Major => same_major,
        Minor => same_minor,
        Patch => bound,
    };
    let interval = match comparator.operator {
        Operator::NotEqual => return None,
        Operator::Equal if precision == Patch => return None,
        Operator::GreaterEqual => (bound, HIGHEST),
        Operator::Less => match before(bound) {
            Some(high) => (LOWEST, high),
            None => NOTHING,
        },
        Operator::Greater => match after(if precision == Nothing { bound } else { last }) {
            Some(low) => (low, HIGHEST),
            None => NOTHING,
        },
        Operator::LessEqual => (LOWEST, if precision == Nothing { same_minor } else { last }),
        Operator::Equal | Operator::Tilde => match precision {
            Patch if bound == LOWEST => (bound, HIGHEST),
            Patch => (bound, same_minor),
            _ => (bound, last),
        },
        Operator::Caret => {
            let high = match (precision, major, minor) {
                (Major, ..) | (_, 1.., _) => same_major,
                (Minor, ..) | (_, _, 1..) => same_minor,
                _ => [major, minor, patch],
            };
            (bound, high)
        }
    };
    Some(interval)
}

fn before([major, minor, patch]: [u64; 3]) -> Option<[u64; 3]> {
    if let Some(patch) = patch.checked_sub(1) {
        Some([major, minor, patch])
    } else if let Some(minor) = minor.checked_sub(1) {
        Some([major, minor, u64::MAX])
    } else {
        Some([major.checked_sub(1)?, u64::MAX, u64::MAX])
    }
}

fn after([major, minor, patch]: [u64; 3]) -> Option<[u64; 3]> {
    if let Some(patch) = patch.checked_add(1) {
        Some([major, minor, patch])
    } else if let Some(minor) = minor.checked_add(1) {
        Some([major, minor, 0])
    } else {
        Some([major.checked_add(1)?, 0, 0])
    }
}
