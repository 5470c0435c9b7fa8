//! What goes beyond Flux. A policy made from a Flux manifest uses none of it unasked.

use core::time::Duration;
use std::collections::BTreeSet;

use crate::candidate::{Candidate, Timestamp};
use crate::error::{Error, ErrorKind, quoted};
use crate::exclusion::ExclusionList;
use crate::filter::TagFilter;
use crate::pattern::{Matcher, Pattern};
use crate::policy::{Policy, Rule};
use crate::reason::Rejection;

/// Options that Flux does not have, and the exclusion list, which Flux applies when it scans.
impl Policy {
    /// The most recent push, by the time the registry reports. No Flux rule does this.
    ///
    /// A candidate without a push time is not eligible. Of several pushed in the same millisecond the byte-greatest
    /// key wins.
    ///
    /// ```
    /// use flux_policy::{Candidate, Policy, Timestamp};
    ///
    /// let pushed = |tag, at| Candidate::new(tag).with_pushed_at(Timestamp::from_unix_seconds(at));
    /// let mut selector = Policy::newest_push().selector();
    /// for candidate in [pushed("nightly-b", 100), pushed("nightly-a", 200), Candidate::new("unknown")] {
    ///     selector.push(&candidate);
    /// }
    /// assert_eq!(selector.finish()?.winner().unwrap().tag(), "nightly-a");
    /// # Ok::<(), flux_policy::Error>(())
    /// ```
    pub fn newest_push() -> Self {
        Self::new(Rule::NewestPush)
    }

    /// Leaves out the tags that the list excludes, as Flux does when it scans the repository.
    #[must_use]
    pub fn with_exclusion_list(self, list: ExclusionList) -> Self {
        self.guard(|guards| guards.exclusions = Some(list))
    }

    /// Only tags in which this pattern is found count, in addition to the filter and to other patterns.
    ///
    /// # Errors
    ///
    /// Those of [`TagFilter::new`](crate::TagFilter::new).
    pub fn with_required_pattern(self, pattern: &str) -> Result<Self, Error> {
        let pattern = Pattern::new(pattern)?;
        Ok(self.guard(|guards| guards.required.push(pattern)))
    }

    /// Never selects one of these tags. Adds to what was denied before.
    #[must_use]
    pub fn with_denied_tags(self, tags: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.guard(|guards| guards.denied.extend(tags.into_iter().map(Into::into)))
    }

    /// Holds on to one tag: no other is eligible while the hold lasts.
    ///
    /// The tag itself is judged as always, so a hold on a tag outside the policy selects nothing.
    #[must_use]
    pub fn with_hold(self, hold: Hold) -> Self {
        self.guard(|guards| guards.hold = Some(hold))
    }

    /// Only tags that were pushed at least this long ago are eligible, which leaves time to notice a bad release.
    ///
    /// The evaluation needs the time: see [`Selector::at`](crate::Selector::at). A tag whose push time is not known
    /// is not eligible unless [`with_unknown_push_times`](Self::with_unknown_push_times) says so.
    #[must_use]
    pub fn with_minimum_age(self, age: Duration) -> Self {
        let millis = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        self.guard(|guards| guards.minimum_age_millis = Some(millis))
    }

    /// Under a minimum age, tags whose push time is not known are eligible.
    #[must_use]
    pub fn with_unknown_push_times(self) -> Self {
        self.guard(|guards| guards.unknown_push_times = true)
    }

    /// Also selects a winner for each value of a named group of the filter, such as one per release line.
    ///
    /// The overall winner stays what it is; see [`Decision::groups`](crate::Decision::groups). `cap` bounds the
    /// memory: more groups than that fail the evaluation.
    ///
    /// ```
    /// use flux_policy::{Policy, TagFilter};
    ///
    /// let policy = Policy::semver("*")?
    ///     .with_filter(TagFilter::new(r"^(?P<line>\d+\.\d+)\.\d+$", "")?)
    ///     .with_winner_per_group("line", 100)?;
    /// let decision = policy.latest(["1.4.0", "1.4.2", "1.5.1", "1.5.0"])?;
    /// let winners: Vec<_> = decision.groups().map(|group| (group.name(), group.winner().tag())).collect();
    /// assert_eq!(winners, [("1.4", "1.4.2"), ("1.5", "1.5.1")]);
    /// # Ok::<(), flux_policy::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidPolicy`](ErrorKind::InvalidPolicy) if there is no filter with such a group.
    pub fn with_winner_per_group(self, group: &str, cap: usize) -> Result<Self, Error> {
        let grouping = Grouping::new(group, cap, self.terms().filter.as_ref());
        grouping.check()?;
        Ok(self.guard(|guards| guards.grouping = Some(grouping)))
    }

    /// Whether push times take part: the rule is the newest push, or there is a minimum age. Who lists the tags has to
    /// find them out then, which some registries tell only when asked for more than tags.
    ///
    /// ```
    /// use flux_policy::Policy;
    ///
    /// assert!(!Policy::semver("*")?.needs_push_time());
    /// assert!(Policy::newest_push().needs_push_time());
    /// # Ok::<(), flux_policy::Error>(())
    /// ```
    pub fn needs_push_time(&self) -> bool {
        let terms = self.terms();
        let has_minimum_age = terms.guards.as_ref().is_some_and(|guards| guards.minimum_age_millis.is_some());
        matches!(terms.rule, Rule::NewestPush) || has_minimum_age
    }

    fn guard(self, change: impl FnOnce(&mut Guards)) -> Self {
        self.change(|terms| change(terms.guards.get_or_insert_default()))
    }
}

/// A tag to stay on, with the reason and, if it is not to last for ever, its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    tag: String,
    reason: String,
    until: Option<Timestamp>,
}

impl Hold {
    /// Holds on to `tag`; the reason is for those who read the decision.
    pub fn new(tag: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { tag: tag.into(), reason: reason.into(), until: None }
    }

    /// Ends the hold at this moment. The evaluation then needs the time: see
    /// [`Selector::at`](crate::Selector::at).
    #[must_use]
    pub fn until(mut self, end: Timestamp) -> Self {
        self.until = Some(end);
        self
    }

    /// The tag.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// Why.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Until when; `None` for ever.
    pub fn end(&self) -> Option<Timestamp> {
        self.until
    }
}

/// Everything that can keep a tag out besides filter and rule.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guards {
    pub(crate) exclusions: Option<ExclusionList>,
    pub(crate) required: Vec<Pattern>,
    pub(crate) denied: BTreeSet<String>,
    pub(crate) hold: Option<Hold>,
    pub(crate) minimum_age_millis: Option<i64>,
    unknown_push_times: bool,
    pub(crate) grouping: Option<Grouping>,
}

/// The groups of the filter whose text tells groups of tags apart, the first that took part; and how many there may be.
#[derive(Clone, Debug)]
pub(crate) struct Grouping {
    name: String,
    indices: Vec<usize>,
    pub(crate) cap: usize,
}

impl Grouping {
    fn new(name: &str, cap: usize, filter: Option<&TagFilter>) -> Self {
        let indices = filter.map(|filter| filter.groups_named(name)).unwrap_or_default();
        Self { name: name.to_owned(), indices, cap }
    }

    /// The same with the groups of another filter.
    pub(crate) fn on(&self, filter: &TagFilter) -> Self {
        Self::new(&self.name, self.cap, Some(filter))
    }

    fn check(&self) -> Result<(), Error> {
        if !self.indices.is_empty() {
            return Ok(());
        }
        let text = format!("group {}: the filter has no group of this name", quoted(&self.name));
        let error = Error::new(ErrorKind::InvalidPolicy, text);
        Err(error.with_hint("Set the filter first, and name the group in it, as in (?P<line>…)."))
    }
}

/// Scratch space for the patterns of [`Guards`].
#[derive(Debug, Default)]
pub(crate) struct GuardMatchers {
    exclusions: Vec<Matcher>,
    required: Vec<Matcher>,
}

impl Guards {
    pub(crate) fn matchers(&self) -> GuardMatchers {
        GuardMatchers {
            exclusions: self.exclusions.as_ref().map(ExclusionList::matchers).unwrap_or_default(),
            required: self.required.iter().map(|pattern| pattern.matcher(0)).collect(),
        }
    }

    /// Whether a judgement depends on the current time.
    pub(crate) fn needs_now(&self) -> bool {
        self.minimum_age_millis.is_some() || self.hold.as_ref().is_some_and(|hold| hold.until.is_some())
    }

    /// Whether the filter has the group by which there is to be a winner each.
    pub(crate) fn check_grouping(&self) -> Result<(), Error> {
        self.grouping.as_ref().map_or(Ok(()), Grouping::check)
    }

    /// How many groups of the filter a search has to report.
    pub(crate) fn groups_needed(&self) -> usize {
        let indices = self.grouping.iter().flat_map(|grouping| &grouping.indices);
        indices.max().map_or(0, |index| index + 1)
    }

    /// What is decided by the tag alone, before the filter.
    pub(crate) fn before_filter(&self, tag: &str, matchers: &mut GuardMatchers) -> Result<(), Rejection> {
        if let Some(exclusions) = &self.exclusions
            && let Some(pattern) = exclusions.first_match(tag, &mut matchers.exclusions)
        {
            return Err(Rejection::Excluded { pattern });
        }
        let mut required = self.required.iter().zip(&mut matchers.required);
        match required.position(|(pattern, matcher)| !pattern.find(tag, matcher)) {
            Some(pattern) => Err(Rejection::RequiredPatternDoesNotMatch { pattern }),
            None => Ok(()),
        }
    }

    /// What only matters for a tag that passed the rule.
    pub(crate) fn after_rule(
        &self,
        candidate: &Candidate<'_>,
        now: Option<Timestamp>,
    ) -> Result<(), Rejection> {
        if self.denied.contains(candidate.tag()) {
            return Err(Rejection::Denied);
        }
        if let Some(hold) = &self.hold {
            let over = hold.until.zip(now).is_some_and(|(end, now)| now >= end);
            if !over && hold.tag != candidate.tag() {
                return Err(Rejection::Held);
            }
        }
        let Some((minimum, now)) = self.minimum_age_millis.zip(now) else { return Ok(()) };
        match candidate.pushed_at() {
            None if self.unknown_push_times => Ok(()),
            None => Err(Rejection::PushTimeUnknown),
            Some(pushed_at) => {
                let missing_millis = minimum.saturating_sub(now.millis_since(pushed_at));
                if missing_millis > 0 { Err(Rejection::TooYoung { missing_millis }) } else { Ok(()) }
            }
        }
    }

    /// The name of the group a tag belongs to, from the last match of the filter.
    pub(crate) fn group<'t>(&self, tag: &'t str, matcher: &Matcher) -> Option<&'t str> {
        let grouping = self.grouping.as_ref()?;
        let span = grouping.indices.iter().find_map(|&index| matcher.group(index));
        Some(span.map_or("", |(start, end)| &tag[start..end]))
    }
}
