//! Evaluation, one candidate at a time.

use std::sync::Arc;

use crate::candidate::{Candidate, Timestamp};
use crate::decision::Decision;
use crate::error::{Error, ErrorKind, quoted};
use crate::explain::Explainer;
use crate::glance::{Foretold, Glance};
use crate::judge::{self, Judged, Scratch};
use crate::podium::Podium;
use crate::policy::{NonNumbers, Terms};
use crate::reason::{Reason, Rejection};
use crate::standing::Leader;
use crate::tally::Tally;

/// An evaluation in progress.
///
/// Takes candidates in any order and any number, borrows each for the call only, and remembers the best two and some
/// counts: its memory does not grow with the number of tags. It owns what it needs of its policy, is `Send`, and can
/// be kept in a struct or across an `.await`. Dropping it at any time loses nothing but the evaluation.
///
/// ```
/// use flux_policy::{Candidate, Policy};
///
/// let mut selector = Policy::semver(">=1.0.0")?.selector();
/// for page in [["1.0.0", "1.1.0"], ["1.2.0", "latest"]] {
///     for tag in page {
///         selector.push(&Candidate::new(tag));
///     }
/// }
/// assert_eq!(selector.finish()?.winner().unwrap().tag(), "1.2.0");
/// # Ok::<(), flux_policy::Error>(())
/// ```
#[derive(Debug)]
pub struct Selector {
    terms: Arc<Terms>,
    now: Option<Timestamp>,
    /// Whether a candidate was judged before the time was told.
    told_late: bool,
    glance: Option<Glance>,
    scratch: Scratch,
    podium: Podium,
    tally: Tally,
    /// The smallest tag with a key that is not a number, where that fails the policy.
    not_a_number: Option<String>,
}

impl Selector {
    pub(crate) fn new(terms: Arc<Terms>) -> Self {
        Self {
            glance: Glance::new(&terms),
            scratch: Scratch::new(&terms),
            terms,
            now: None,
            told_late: false,
            podium: Podium::default(),
            tally: Tally::default(),
            not_a_number: None,
        }
    }

    /// Says what time it is, for policies with a minimum age or with a hold that ends. To be called before the first
    /// candidate.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        self.now = Some(now);
        self.told_late |= self.tally.total() > 0;
        self
    }

    /// Leaves out what is lower than the previous choice, which Flux never does: there, a deleted tag or a narrowed
    /// range moves an image backwards. To be called before the first candidate.
    ///
    /// The previous choice need not be among the candidates, nor in the range; what is equal to it stays eligible.
    ///
    /// ```
    /// use flux_policy::{Candidate, Policy};
    ///
    /// let mut selector = Policy::semver("*")?.selector().not_below(&Candidate::new("1.4.2"))?;
    /// selector.push(&Candidate::new("1.4.1"));
    /// assert!(selector.finish()?.winner().is_none());
    /// # Ok::<(), flux_policy::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidTag`](ErrorKind::InvalidTag) if the previous choice has no value under this policy, because its filter
    /// does not match or extracts something that the rule cannot read. [`MissingInput`](ErrorKind::MissingInput) after the
    /// first candidate, which was judged without it.
    pub fn not_below(mut self, previous: &Candidate<'_>) -> Result<Self, Error> {
        if self.tally.total() > 0 {
            let text = "candidates were judged without the previous choice: call Selector::not_below before the first";
            return Err(Error::new(ErrorKind::MissingInput, text));
        }
        let key = match &self.terms.filter {
            Some(filter) => filter.key(previous.tag()).ok_or(Rejection::FilterDoesNotMatch),
            None => Ok(previous.tag().to_owned()),
        };
        let floor = key.and_then(|key| {
            let value = judge::value_of(&self.terms.rule, &key, previous.pushed_at())?;
            let (tag, digest, pushed_at) = (previous.tag(), previous.digest(), previous.pushed_at());
            Ok(Leader::new(&Judged { tag, key: &key, value, digest, pushed_at }))
        });
        self.glance = None;
        self.podium.floor = Some(floor.map_err(|rejection| {
            let text = format!("previous choice {} cannot be compared: {rejection}", quoted(previous.tag()));
            Error::new(ErrorKind::InvalidTag, text)
        })?);
        Ok(self)
    }

    /// Judges one candidate.
    ///
    /// The same tag pushed twice is counted twice and changes nothing else.
    #[inline]
    pub fn push(&mut self, candidate: &Candidate<'_>) {
        if self.foretell(candidate.tag()).is_none() {
            self.weigh_alone(*candidate);
        }
    }

    /// Ends the evaluation.
    ///
    /// # Errors
    ///
    /// * [`InvalidTag`](ErrorKind::InvalidTag) if the rule is numerical and a tag that passed the filter is not a number; of
    ///   several such tags the byte-smallest is named. Flux fails there too.
    /// * [`MissingInput`](ErrorKind::MissingInput) if the policy needs the time and [`at`](Self::at) was not called, or only
    ///   after the first candidate.
    /// * [`InvalidPolicy`](ErrorKind::InvalidPolicy) if there is to be a winner per group and the filter has no such group.
    /// * [`TooManyGroups`](ErrorKind::TooManyGroups) if there were more groups than the policy's cap.
    pub fn finish(self) -> Result<Decision, Error> {
        if let Some(tag) = &self.not_a_number {
            let key = self.terms.filter.as_ref().and_then(|filter| filter.key(tag));
            let key = key.as_ref().unwrap_or(tag);
            let text = if tag == key {
                format!("tag {} is not a number", quoted(tag))
            } else {
                format!("tag {}: the filter extracts {}, which is not a number", quoted(tag), quoted(key))
            };
            return Err(Error::new(ErrorKind::InvalidTag, text).with_hint(
                "Under the numerical rule one such tag fails the whole policy: let the filter leave it out.",
            ));
        }
        if let Some(guards) = &self.terms.guards {
            if (self.now.is_none() || self.told_late) && guards.needs_now() {
                let text = "the policy has a minimum age or a hold that ends: call Selector::at before the first candidate";
                return Err(Error::new(ErrorKind::MissingInput, text));
            }
            guards.check_grouping()?;
        }
        if self.podium.too_many_groups {
            let text = format!(
                "more than {} groups: raise the cap or group by something coarser",
                self.podium.groups.len()
            );
            return Err(Error::new(ErrorKind::TooManyGroups, text));
        }
        Ok(Decision::new(&self.terms, self.podium, self.tally))
    }

    /// Continues as an evaluation that keeps the verdict on every tag.
    pub fn explainer(self) -> Explainer {
        Explainer::new(self)
    }

    pub(crate) fn terms(&self) -> &Arc<Terms> {
        &self.terms
    }

    /// The judgement that everything shares: of one tag by itself, and then against those that lead.
    #[inline]
    pub(crate) fn admit(&mut self, candidate: &Candidate<'_>) -> Result<(), Rejection> {
        match self.foretell(candidate.tag()) {
            Some(Foretold::Behind) => Ok(()),
            Some(Foretold::OutsideRange) => Err(Rejection::OutsideRange),
            Some(Foretold::PrereleaseNotAdmitted) => Err(Rejection::PrereleaseNotAdmitted),
            None => self.weigh(candidate),
        }
    }

    /// Judges and counts a tag at a glance, where that is enough.
    #[inline]
    fn foretell(&mut self, tag: &str) -> Option<Foretold> {
        let foretold = self.glance.as_ref()?.at(tag)?;
        match foretold {
            Foretold::Behind => self.tally.eligible(),
            Foretold::OutsideRange => self.tally.rejected(tag, Reason::OutsideRange),
            Foretold::PrereleaseNotAdmitted => self.tally.rejected(tag, Reason::PrereleaseNotAdmitted),
        }
        Some(foretold)
    }

    /// Judges and counts any tag. Takes a copy, so that a candidate that never gets here need not be kept in memory.
    #[inline(never)]
    fn weigh_alone(&mut self, candidate: Candidate<'_>) {
        // What the judgement is good for besides is only looked at by `Explainer`.
        let _ = self.weigh(&candidate);
    }

    #[inline]
    fn weigh(&mut self, candidate: &Candidate<'_>) -> Result<(), Rejection> {
        let outcome = match judge::judge(&self.terms, candidate, self.now, &mut self.scratch) {
            Ok((key, value, group)) if self.podium.is_out_of_reach(&self.terms, key, &value, group) => Ok(()),
            Ok((key, value, group)) => {
                let (tag, digest, pushed_at) = (candidate.tag(), candidate.digest(), candidate.pushed_at());
                self.podium.enter(&self.terms, &Judged { tag, key, value, digest, pushed_at }, group)
            }
            Err(rejection) => Err(rejection),
        };
        if let (Some(glance), Some(numbers)) = (&mut self.glance, self.podium.overall.numbers_in_reach()) {
            glance.set_reach(numbers);
        }
        match outcome {
            Ok(()) => self.tally.eligible(),
            Err(rejection) => self.reject(candidate.tag(), rejection),
        }
        outcome
    }

    #[inline]
    fn reject(&mut self, tag: &str, rejection: Rejection) {
        self.tally.rejected(tag, rejection.reason());
        if rejection == Rejection::NotANumber && self.terms.non_numbers == NonNumbers::Fail {
            self.remember_not_a_number(tag);
        }
    }

    #[cold]
    fn remember_not_a_number(&mut self, tag: &str) {
        let smallest = self.not_a_number.get_or_insert_with(|| tag.to_owned());
        if tag < smallest.as_str() {
            tag.clone_into(smallest);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use crate::policy::Policy;

    proptest! {
        #![proptest_config(ProptestConfig { cases: if cfg!(debug_assertions) { 3000 } else { 100_000 }, ..ProptestConfig::default() })]

        #[test]
        fn a_glance_foretells_the_judgement(
            range in "[<>=!~^]?[0-2](\\.[0-2x]){0,2}( [<>=]{1,2}[0-3](\\.[0-3]){0,2})?",
            tags in vec("v?[0-3]\\.[0-3]\\.[0-3](-[0a.]{0,3})?|[0-9.]{0,12}", 0..12),
        ) {
            if let Ok(policy) = Policy::semver(&range) {
                let (mut quick, mut thorough) = (policy.selector(), policy.selector());
                thorough.glance = None;
                for tag in &tags {
                    prop_assert_eq!(quick.admit(&tag.as_str().into()), thorough.admit(&tag.as_str().into()), "{}", tag);
                }
                prop_assert_eq!(quick.finish().unwrap(), thorough.finish().unwrap());
            }
        }
    }
}
