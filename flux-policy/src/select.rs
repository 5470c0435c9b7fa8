//! Evaluation, one candidate at a time.

use std::sync::Arc;

use crate::candidate::Candidate;
use crate::decision::Decision;
use crate::error::{Error, ErrorKind, quoted};
use crate::judge::{self, Scratch};
use crate::policy::Terms;
use crate::reason::Rejection;
use crate::standing::Standing;
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
    scratch: Scratch,
    standing: Standing,
    tally: Tally,
    /// The smallest tag with a key that is no number, where that fails the policy.
    not_a_number: Option<(String, String)>,
}

impl Selector {
    pub(crate) fn new(terms: Arc<Terms>) -> Self {
        Self {
            scratch: Scratch::new(&terms),
            terms,
            standing: Standing::default(),
            tally: Tally::default(),
            not_a_number: None,
        }
    }

    /// Judges one candidate.
    ///
    /// The same tag pushed twice is counted twice and changes nothing else.
    pub fn push(&mut self, candidate: &Candidate<'_>) {
        match judge::judge(&self.terms, candidate, &mut self.scratch) {
            Ok(judged) => {
                self.tally.eligible();
                self.standing.enter(&self.terms.rule, &judged);
            }
            Err(rejection) => {
                self.tally.rejected(candidate.tag(), rejection.reason());
                if rejection == Rejection::NotANumber {
                    self.remember_not_a_number(candidate.tag());
                }
            }
        }
    }

    /// Ends the evaluation.
    ///
    /// # Errors
    ///
    /// [`InvalidTag`](ErrorKind::InvalidTag) if the rule is numerical and a tag that passed the filter is no number. Of
    /// several such tags the byte-smallest is named.
    pub fn finish(self) -> Result<Decision, Error> {
        if let Some((tag, key)) = &self.not_a_number {
            let text = if tag == key {
                format!("tag {} is not a number", quoted(tag))
            } else {
                format!("tag {}: the filter extracts {}, which is not a number", quoted(tag), quoted(key))
            };
            return Err(Error::new(ErrorKind::InvalidTag, text).with_hint(
                "under the numerical rule one such tag fails the policy; let the filter keep it out",
            ));
        }
        Ok(Decision::new(&self.terms, self.standing, self.tally))
    }

    fn remember_not_a_number(&mut self, tag: &str) {
        if self.not_a_number.as_ref().is_some_and(|(smallest, _)| smallest.as_str() <= tag) {
            return;
        }
        let key = self.terms.filter.as_ref().and_then(|filter| filter.key(tag));
        self.not_a_number = Some((tag.to_owned(), key.unwrap_or_else(|| tag.to_owned())));
    }
}
