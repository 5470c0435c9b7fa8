//! The one judgement of a tag that everything else shares.

use std::cmp::Ordering;

use crate::beyond::{GuardMatchers, Guards};
use crate::candidate::{Candidate, Timestamp};
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
    Pushed(Timestamp),
}

/// The buffers a judgement writes into, reused from tag to tag.
#[derive(Debug)]
pub(crate) struct Scratch {
    matcher: Option<Matcher>,
    guards: GuardMatchers,
    key: String,
}

impl Scratch {
    pub(crate) fn new(terms: &Terms) -> Self {
        let guards = terms.guards.as_deref();
        let groups = guards.map_or(0, Guards::groups_needed);
        Self {
            matcher: terms.filter.as_ref().map(|filter| filter.matcher(groups)),
            guards: guards.map(Guards::matchers).unwrap_or_default(),
            key: String::new(),
        }
    }
}

/// Judges one candidate by itself, without looking at any other: the key, its value, and the group it belongs to where
/// each group has a winner. `now` is looked at only by guards that need it.
#[inline]
pub(crate) fn judge<'t>(
    terms: &Terms,
    candidate: &Candidate<'t>,
    now: Option<Timestamp>,
    scratch: &'t mut Scratch,
) -> Result<(&'t str, Value<'t>, Option<&'t str>), Rejection> {
    let tag = candidate.tag();
    if let Some(guards) = &terms.guards {
        guards.before_filter(tag, &mut scratch.guards)?;
    }
    let key = match (&terms.filter, &mut scratch.matcher) {
        (Some(filter), Some(matcher)) => {
            filter.key_in(tag, matcher, &mut scratch.key).ok_or(Rejection::FilterDoesNotMatch)?
        }
        _ => tag,
    };
    let value = value_of(&terms.rule, key, candidate.pushed_at())?;
    if let (Rule::Semver(range), Value::Version(version)) = (&terms.rule, &value) {
        admitted(range, version)?;
    }
    let mut group = None;
    if let Some(guards) = &terms.guards {
        guards.after_rule(candidate, now)?;
        group = scratch.matcher.as_ref().and_then(|matcher| guards.group(tag, matcher));
    }
    Ok((key, value, group))
}

/// The value of a key under a rule, whether a range admits it or not.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "a value that crosses a call goes through memory, at a third of the speed"
)]
pub(crate) fn value_of<'t>(
    rule: &Rule,
    key: &'t str,
    pushed_at: Option<Timestamp>,
) -> Result<Value<'t>, Rejection> {
    match rule {
        Rule::Semver(_) => match Version::parse(key) {
            Ok(version) => Ok(Value::Version(version)),
            Err(_) if key.is_empty() => Err(Rejection::ExtractIsEmpty),
            Err(fault) => Err(Rejection::NotAVersion(fault)),
        },
        Rule::Alphabetical(_) => Ok(Value::Text),
        Rule::Numerical(_) => number::parse(key).map(Value::Number).ok_or(Rejection::NotANumber),
        Rule::NewestPush => pushed_at.map(Value::Pushed).ok_or(Rejection::PushTimeUnknown),
    }
}

#[inline]
fn admitted(range: &Range, version: &Version<'_>) -> Result<(), Rejection> {
    if range.matches(version) {
        Ok(())
    } else if range.refuses_only_as_prerelease(version) {
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
            (Value::Number(a), Value::Number(b)) => rule.cmp_numbers(a, b),
            (Value::Pushed(a), Value::Pushed(b)) => a.cmp(&b),
            _ => rule.cmp_texts(a.key, b.key),
        };
        if by_value.is_ne() {
            return Self::Value(by_value);
        }
        let by_key = match rule {
            Rule::Numerical(_) => b.key.cmp(a.key),
            Rule::Semver(_) | Rule::Alphabetical(_) | Rule::NewestPush => a.key.cmp(b.key),
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
            Self::Semver(_) | Self::NewestPush => Order::Asc,
            Self::Alphabetical(order) | Self::Numerical(order) => *order,
        }
    }

    /// By value in the direction of the rule; what is not a number loses to every number in both.
    #[inline]
    pub(crate) fn cmp_numbers(&self, a: f64, b: f64) -> Ordering {
        match a.partial_cmp(&b) {
            Some(ordering) => self.directed(ordering),
            None => b.is_nan().cmp(&a.is_nan()),
        }
    }

    /// By bytes in the direction of the rule.
    #[inline]
    pub(crate) fn cmp_texts(&self, a: &str, b: &str) -> Ordering {
        self.directed(a.cmp(b))
    }

    fn directed(&self, ordering: Ordering) -> Ordering {
        match self.order() {
            Order::Asc => ordering,
            Order::Desc => ordering.reverse(),
        }
    }
}
