//! Policies: a rule, and what restricts the tags it sees.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::beyond::Guards;
use crate::decision::Decision;
use crate::error::{Error, ErrorKind, quoted};
use crate::explain::Explanation;
use crate::filter::TagFilter;
use crate::lint::{self, Lint};
use crate::range::Range;
use crate::select::Selector;

/// Which tag is the latest: Flux's `ImagePolicy` as a value.
///
/// Made by [`semver`](Self::semver), [`alphabetical`](Self::alphabetical) or [`numerical`](Self::numerical), narrowed by
/// [`with_filter`](Self::with_filter). Compiling happens once; clones share the result. What goes beyond Flux stands in
/// [a block of its own](#impl-Policy-1).
///
/// ```
/// use flux_policy::{Order, Policy, TagFilter};
///
/// let tags = ["main-1a2b3c4-1606364286", "main-9f8e7d6-1606280000", "v1.4.2", "v1.5.0-rc.1", "v2.0.0", "latest"];
///
/// let release = Policy::semver("^1.0")?;
/// assert_eq!(release.latest(tags)?.winner().unwrap().tag(), "v1.4.2");
///
/// let newest_build = Policy::numerical(Order::Asc)
///     .with_filter(TagFilter::new("^main-[a-f0-9]+-(?P<ts>[0-9]+)$", "$ts")?);
/// assert_eq!(newest_build.latest(tags)?.winner().unwrap().tag(), "main-1a2b3c4-1606364286");
/// # Ok::<(), flux_policy::Error>(())
/// ```
///
/// # Of equals, one
///
/// Where several candidates are equal, Flux's answer can depend on chance: it keeps extracted keys in a Go map. Here
/// one rule decides, whatever the order of the tags:
///
/// 1. by value: the precedence of the version, the number, the bytes of the text; what is not a number (`nan`) loses;
/// 2. of different keys with equal value, such as `v1.2.3` and `1.2.3`, the byte-greatest under the semver rule and the
///    byte-smallest under the numerical rule, in both directions;
/// 3. of different tags with the same extracted key, the byte-smallest.
///
/// This is Flux's answer wherever Flux has one. [`Selected::ties`](crate::Selected::ties) and
/// [`Selected::collisions`](crate::Selected::collisions) tell when it was needed.
#[derive(Clone, Debug)]
pub struct Policy {
    terms: Arc<Terms>,
}

/// What a policy is made of.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) rule: Rule,
    pub(crate) filter: Option<TagFilter>,
    pub(crate) non_numbers: NonNumbers,
    pub(crate) guards: Option<Box<Guards>>,
}

impl Terms {
    /// How many groups may have a winner of their own.
    pub(crate) fn groups_cap(&self) -> usize {
        let grouping = self.guards.as_ref().and_then(|guards| guards.grouping.as_ref());
        grouping.map_or(0, |grouping| grouping.cap)
    }
}

/// What becomes of a key that is not a number under the numerical rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NonNumbers {
    Fail,
    LeaveOut,
}

#[derive(Clone, Debug)]
pub(crate) enum Rule {
    Semver(Range),
    Alphabetical(Order),
    Numerical(Order),
    NewestPush,
}

impl Policy {
    /// The highest version that a range admits; [the guide](crate::guide::range_language) tells the language.
    ///
    /// Tags that are no versions are left out. Of several tags that read as the same version the byte-greatest wins,
    /// as in Flux.
    ///
    /// # Errors
    ///
    /// What [`Range::parse`] refuses.
    pub fn semver(range: &str) -> Result<Self, Error> {
        Range::parse(range).map(|range| Self::new(Rule::Semver(range)))
    }

    /// The last tag in byte order ([`Asc`](Order::Asc)), or the first ([`Desc`](Order::Desc)).
    pub fn alphabetical(order: Order) -> Self {
        Self::new(Rule::Alphabetical(order))
    }

    /// The greatest number ([`Asc`](Order::Asc)), or the smallest ([`Desc`](Order::Desc)), read as
    /// [`number::parse`](crate::number::parse) does.
    ///
    /// A tag that is not a number makes the whole evaluation fail, as it does in Flux; a filter keeps such tags out.
    /// Numbers are 64-bit floats, so beyond 2^53 neighbours can be equal; of equal ones the byte-smallest wins.
    pub fn numerical(order: Order) -> Self {
        Self::new(Rule::Numerical(order))
    }

    /// Under the numerical rule, leaves out tags that are no numbers instead of failing. Flux has no such option.
    ///
    /// ```
    /// use flux_policy::{Order, Policy, Reason};
    ///
    /// let tags = ["41", "42", "latest"];
    /// assert!(Policy::numerical(Order::Asc).latest(tags).is_err());
    /// let decision = Policy::numerical(Order::Asc).without_non_numbers().latest(tags)?;
    /// assert_eq!(decision.winner().unwrap().tag(), "42");
    /// assert_eq!(decision.count(Reason::NotANumber), 1);
    /// # Ok::<(), flux_policy::Error>(())
    /// ```
    #[must_use]
    pub fn without_non_numbers(self) -> Self {
        self.change(|terms| terms.non_numbers = NonNumbers::LeaveOut)
    }

    /// Only tags that match the filter count, and the rule compares what the filter extracts.
    #[must_use]
    pub fn with_filter(self, filter: TagFilter) -> Self {
        self.change(|terms| {
            if let Some(guards) = &mut terms.guards {
                guards.grouping = guards.grouping.as_ref().map(|grouping| grouping.on(&filter));
            }
            terms.filter = Some(filter);
        })
    }

    /// Starts an evaluation that takes candidates one by one, for example as pages arrive from a registry.
    pub fn selector(&self) -> Selector {
        Selector::new(Arc::clone(&self.terms))
    }

    /// Evaluates the policy over a list of tags.
    ///
    /// # Errors
    ///
    /// What [`Selector::finish`] reports. That nothing matched is not an error but a decision without a winner.
    pub fn latest(&self, tags: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Decision, Error> {
        let mut selector = self.selector();
        for tag in tags {
            selector.push(&tag.as_ref().into());
        }
        selector.finish()
    }

    /// Evaluates the policy over a list of tags and keeps the verdict on every one.
    ///
    /// The decision in it is the one that [`latest`](Self::latest) gives.
    pub fn explain(&self, tags: impl IntoIterator<Item = impl AsRef<str>>) -> Explanation {
        let mut explainer = self.selector().explainer();
        for tag in tags {
            explainer.push(&tag.as_ref().into());
        }
        explainer.finish()
    }

    /// What is questionable about the policy itself; a [`Decision`] adds what its tags bring to light.
    pub fn lints(&self) -> Vec<Lint> {
        lint::of_terms(&self.terms)
    }

    pub(crate) fn new(rule: Rule) -> Self {
        let terms = Terms { rule, filter: None, non_numbers: NonNumbers::Fail, guards: None };
        Self { terms: Arc::new(terms) }
    }

    pub(crate) fn terms(&self) -> &Terms {
        &self.terms
    }

    pub(crate) fn change(mut self, change: impl FnOnce(&mut Terms)) -> Self {
        change(Arc::make_mut(&mut self.terms));
        self
    }
}

/// One line that says what the policy asks for, such as `highest version in ">=1.0.0"`.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.terms.fmt(f)
    }
}

impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Rule::Semver(range) => write!(f, "highest version in {}", quoted(range.as_str()))?,
            Rule::Alphabetical(Order::Asc) => f.write_str("last in alphabetical order")?,
            Rule::Alphabetical(Order::Desc) => f.write_str("first in alphabetical order")?,
            Rule::Numerical(Order::Asc) => f.write_str("greatest number")?,
            Rule::Numerical(Order::Desc) => f.write_str("smallest number")?,
            Rule::NewestPush => f.write_str("most recent push")?,
        }
        if let Some(filter) = &self.filter {
            write!(f, " among tags matching {}", quoted(filter.pattern()))?;
            if !filter.extract().is_empty() {
                write!(f, ", comparing {}", quoted(filter.extract()))?;
            }
        }
        Ok(())
    }
}

/// The direction of an alphabetical or numerical rule.
///
/// The latest is the **last** in this order: the greatest under `Asc`, the smallest under `Desc`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there are two directions, in Flux and in nature")]
pub enum Order {
    /// Ascending; the default, as in Flux.
    #[default]
    Asc,
    /// Descending.
    Desc,
}

/// Reads `asc` or `desc` in any case; an empty text is the default.
impl FromStr for Order {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.to_uppercase().as_str() {
            "" | "ASC" => Ok(Self::Asc),
            "DESC" => Ok(Self::Desc),
            _ => Err(Error::new(
                ErrorKind::InvalidPolicy,
                format!("order {}: must be asc or desc", quoted(text)),
            )),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asc => "asc",
            Self::Desc => "desc",
        })
    }
}
