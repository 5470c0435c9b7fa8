//! The one judgement of a tag that everything else shares.

use std::cmp::Ordering;

use crate::candidate::{Candidate, Timestamp};
use crate::filter::TagFilter;
use crate::number;
use crate::pattern::Matcher;
use crate::policy::{Order, Rule, Terms};
use crate::range::Range;
use crate::reason::Rejection;
use crate::version::Version;

/// A candidate the policy lets through: what is compared, and its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged<'t> {
    pub(crate) tag: &'t str,
    pub(crate) key: &'t str,
    pub(crate) value: Value<'t>,
    pub(crate) digest: Option<&'t str>,
    pub(crate) pushed_at: Option<Timestamp>,
}

/// What a rule makes of a key. Under the alphabetical rule the key itself is the value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'t> {
    Version(Version<'t>),
    Text,
    Number(f64),
}

/// The buffers a judgement writes into, reused from tag to tag.
#[derive(Debug)]
pub(crate) struct Scratch {
    matcher: Option<Matcher>,
    key: String,
}

impl Scratch {
    pub(crate) fn new(terms: &Terms) -> Self {
        Self { matcher: terms.filter.as_ref().map(TagFilter::matcher), key: String::new() }
    }
}

/// Judges one candidate by itself, without looking at any other.
#[inline]
pub(crate) fn judge<'t>(
    terms: &Terms,
    candidate: &Candidate<'t>,
    scratch: &'t mut Scratch,
) -> Result<Judged<'t>, Rejection> {
    let tag = candidate.tag();
    let key = match (&terms.filter, &mut scratch.matcher) {
        (Some(filter), Some(matcher)) => {
            filter.key_in(tag, matcher, &mut scratch.key).ok_or(Rejection::FilterDoesNotMatch)?
        }
        _ => tag,
    };
    let value = match &terms.rule {
        Rule::Semver(range) => Value::Version(version_in(range, key)?),
        Rule::Alphabetical(_) => Value::Text,
        Rule::Numerical(_) => Value::Number(number::parse(key).ok_or(Rejection::NotANumber)?),
    };
    Ok(Judged { tag, key, value, digest: candidate.digest(), pushed_at: candidate.pushed_at() })
}

#[inline]
fn version_in<'t>(range: &Range, key: &'t str) -> Result<Version<'t>, Rejection> {
    let version = match Version::parse(key) {
        Ok(version) => version,
        Err(_) if key.is_empty() => return Err(Rejection::ExtractIsEmpty),
        Err(fault) => return Err(Rejection::NotAVersion(fault)),
    };
    if range.matches(&version) {
        Ok(version)
    } else if range.refuses_only_as_prerelease(&version) {
        Err(Rejection::PrereleaseNotAdmitted)
    } else {
        Err(Rejection::OutsideRange)
    }
}

/// How far two candidates are apart: which of value, key and tag decides between them, and how.
///
/// This is the tie rule: by value; among equal values the byte-greatest key for versions and the byte-smallest for
/// numbers; among equal keys the byte-smallest tag. It gives Flux's answer wherever Flux has one, because Flux
/// keeps tags in descending byte order, and it makes every other answer independent of the order of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gap {
    Value(Ordering),
    Key(Ordering),
    Tag(Ordering),
}

impl Gap {
    #[inline]
    pub(crate) fn between(rule: &Rule, a: &Judged<'_>, b: &Judged<'_>) -> Self {
        let by_value = match (a.value, b.value) {
            (Value::Version(a), Value::Version(b)) => a.cmp_precedence(&b),
            (Value::Number(x), Value::Number(y)) => cmp_numbers(x, y, rule.order()),
            _ => directed(a.key.cmp(b.key), rule.order()),
        };
        if by_value.is_ne() {
            return Self::Value(by_value);
        }
        let by_key = match rule {
            Rule::Numerical(_) => b.key.cmp(a.key),
            Rule::Semver(_) | Rule::Alphabetical(_) => a.key.cmp(b.key),
        };
        if by_key.is_ne() { Self::Key(by_key) } else { Self::Tag(b.tag.cmp(a.tag)) }
    }

    /// `Greater` if the first of the two is preferred.
    pub(crate) fn order(self) -> Ordering {
        let (Self::Value(order) | Self::Key(order) | Self::Tag(order)) = self;
        order
    }
}

impl Rule {
    fn order(&self) -> Order {
        match self {
            Self::Semver(_) => Order::Asc,
            Self::Alphabetical(order) | Self::Numerical(order) => *order,
        }
    }
}

fn directed(ordering: Ordering, order: Order) -> Ordering {
    match order {
        Order::Asc => ordering,
        Order::Desc => ordering.reverse(),
    }
}

/// By value in the given direction; what is not a number loses to every number in both.
fn cmp_numbers(a: f64, b: f64, order: Order) -> Ordering {
    match a.partial_cmp(&b) {
        Some(ordering) => directed(ordering, order),
        None => b.is_nan().cmp(&a.is_nan()),
    }
}
