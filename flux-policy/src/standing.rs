//! The two best candidates so far, in buffers that are reused.

use std::cmp::Ordering;
use std::ops::Range;

use crate::candidate::Timestamp;
use crate::judge::{Gap, Judged, Value};
use crate::policy::Rule;
use crate::version::Version;

/// The winner and the runner-up so far.
///
/// Candidates are totally ordered (see [`Gap`]), so the best two do not depend on the order in which they come. Those
/// that share a value, and among them those that share a key, are neighbours in that order; that is why the counts of
/// both leaders stay exact although nobody else is remembered.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    first: Option<Leader>,
    second: Option<Leader>,
}

/// A candidate worth remembering.
#[derive(Debug)]
pub(crate) struct Leader {
    tag: String,
    key: String,
    /// Empty if not known.
    digest: String,
    pushed_at: Option<Timestamp>,
    value: Kept,
    /// How many candidates share its key, itself included.
    pub(crate) same_key: u64,
    /// How many candidates share its value, itself included.
    pub(crate) same_value: u64,
}

/// A [`Value`] that outlives its tag; the prerelease is a part of the key.
#[derive(Clone, Debug)]
enum Kept {
    Version { numbers: [u64; 3], prerelease: Range<usize> },
    Text,
    Number(f64),
    Pushed(Timestamp),
}

impl Standing {
    pub(crate) fn into_leaders(self) -> (Option<Leader>, Option<Leader>) {
        (self.first, self.second)
    }

    /// Whether a value is plainly worse than both. Most are, and need not be looked at any further.
    #[inline]
    pub(crate) fn is_out_of_reach(&self, rule: &Rule, key: &str, value: &Value<'_>) -> bool {
        let Some(second) = &self.second else { return false };
        match (&second.value, value) {
            (Kept::Version { numbers, .. }, Value::Version(version)) => version.numbers() < *numbers,
            (Kept::Number(kept), Value::Number(number)) => rule.cmp_numbers(*number, *kept).is_lt(),
            (Kept::Pushed(kept), Value::Pushed(at)) => at < kept,
            _ => rule.cmp_texts(key, &second.key).is_lt(),
        }
    }

    /// The numbers of the second, where it is a version. What has lower ones is out of reach.
    pub(crate) fn numbers_in_reach(&self) -> Option<[u64; 3]> {
        match self.second.as_ref()?.value {
            Kept::Version { numbers, .. } => Some(numbers),
            Kept::Text | Kept::Number(_) | Kept::Pushed(_) => None,
        }
    }

    /// Takes a candidate into account. The same tag again changes nothing.
    pub(crate) fn enter(&mut self, rule: &Rule, candidate: &Judged<'_>) {
        let Some(first) = &mut self.first else {
            self.first = Some(Leader::new(candidate));
            return;
        };
        let Some(second) = &mut self.second else {
            let to_first = Gap::between(rule, candidate, &first.judged());
            if to_first.order().is_ne() {
                self.second = Some(Leader::new(candidate));
                self.settle(to_first, None);
            }
            return;
        };
        let to_second = Gap::between(rule, candidate, &second.judged());
        if to_second == Gap::Value(Ordering::Less) {
            return;
        }
        let to_first = Gap::between(rule, candidate, &first.judged());
        if to_first.order().is_eq() || to_second.order().is_eq() {
            return;
        }
        if to_second.order().is_lt() {
            second.count(to_second);
            first.count(to_first);
            return;
        }
        let before = (second.same_key, second.same_value);
        second.replace(candidate);
        self.settle(to_first, Some((to_second, before)));
    }

    /// Brings the two into order and their counts up to date after `second` became a new candidate.
    fn settle(&mut self, to_first: Gap, to_old_second: Option<(Gap, (u64, u64))>) {
        let (Some(first), Some(second)) = (&mut self.first, &mut self.second) else { return };
        first.count(to_first);
        // What it shares with the first it counts like the first, otherwise like the one it replaced.
        let (old_key, old_value) = to_old_second.map_or((0, 0), |(gap, (keys, values))| match gap {
            Gap::Value(_) => (0, 0),
            Gap::Key(_) => (0, values),
            Gap::Tag(_) => (keys, values),
        });
        second.same_key = if matches!(to_first, Gap::Tag(_)) { first.same_key } else { old_key + 1 };
        second.same_value = if matches!(to_first, Gap::Value(_)) { old_value + 1 } else { first.same_value };
        if to_first.order().is_gt() {
            std::mem::swap(first, second);
        }
    }
}

impl Leader {
    pub(crate) fn new(candidate: &Judged<'_>) -> Self {
        let mut leader = Self {
            tag: String::new(),
            key: String::new(),
            digest: String::new(),
            pushed_at: None,
            value: Kept::Text,
            same_key: 1,
            same_value: 1,
        };
        leader.replace(candidate);
        leader
    }

    fn replace(&mut self, candidate: &Judged<'_>) {
        let keep = |buffer: &mut String, text: &str| {
            buffer.clear();
            buffer.push_str(text);
        };
        keep(&mut self.tag, candidate.tag);
        keep(&mut self.key, candidate.key);
        keep(&mut self.digest, candidate.digest.unwrap_or_default());
        self.pushed_at = candidate.pushed_at;
        self.value = match candidate.value {
            Value::Version(version) => {
                let prerelease = version.prerelease();
                // The prerelease is a slice of the key that was parsed; an empty one may point anywhere.
                let start = if prerelease.is_empty() { 0 } else { offset_in(candidate.key, prerelease) };
                Kept::Version { numbers: version.numbers(), prerelease: start..start + prerelease.len() }
            }
            Value::Text => Kept::Text,
            Value::Number(number) => Kept::Number(number),
            Value::Pushed(at) => Kept::Pushed(at),
        };
    }

    /// Counts a candidate that shares something with this one.
    fn count(&mut self, gap: Gap) {
        self.same_key += u64::from(matches!(gap, Gap::Tag(_)));
        self.same_value += u64::from(!matches!(gap, Gap::Value(_)));
    }

    #[inline]
    pub(crate) fn judged(&self) -> Judged<'_> {
        let value = match &self.value {
            Kept::Version { numbers, prerelease } => {
                Value::Version(Version::from_parts(*numbers, &self.key[prerelease.clone()]))
            }
            Kept::Text => Value::Text,
            Kept::Number(number) => Value::Number(*number),
            Kept::Pushed(at) => Value::Pushed(*at),
        };
        let digest = (!self.digest.is_empty()).then_some(self.digest.as_str());
        Judged { tag: &self.tag, key: &self.key, value, digest, pushed_at: self.pushed_at }
    }
}

fn offset_in(text: &str, part: &str) -> usize {
    part.as_ptr().addr() - text.as_ptr().addr()
}
