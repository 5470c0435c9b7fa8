//! The verdict on every tag.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use crate::candidate::{Candidate, Timestamp};
use crate::decision::{Decision, Selected};
use crate::error::Error;
use crate::judge::{self, Gap, Judged};
use crate::policy::{Rule, Terms};
use crate::reason::Rejection;
use crate::select::Selector;

/// An evaluation that keeps the verdict on every tag; made by [`Selector::explainer`].
///
/// It judges exactly as a [`Selector`] does, and copies every tag: its memory grows with their number.
#[derive(Debug)]
pub struct Explainer {
    selector: Selector,
    seen: Vec<Seen>,
}

#[derive(Debug)]
struct Seen {
    tag: String,
    pushed_at: Option<Timestamp>,
    judgement: Result<(), Rejection>,
}

impl Explainer {
    pub(crate) fn new(selector: Selector) -> Self {
        Self { selector, seen: Vec::new() }
    }

    /// Judges one candidate.
    pub fn push(&mut self, candidate: &Candidate<'_>) {
        let judgement = self.selector.admit(candidate);
        self.seen.push(Seen { tag: candidate.tag().to_owned(), pushed_at: candidate.pushed_at(), judgement });
    }

    /// Ends the evaluation. Where it fails, the verdicts on the tags are there all the same.
    pub fn finish(self) -> Explanation {
        let terms = Arc::clone(self.selector.terms());
        let outcome = self.selector.finish();
        let winner = outcome.as_ref().ok().and_then(Decision::winner);
        let opened: Option<Arc<str>> = match &terms.rule {
            Rule::Semver(range) => Some(range.with_prereleases().into()),
            _ => None,
        };
        let verdict = |seen| Verdict::new(&terms, seen, winner, opened.as_ref());
        let verdicts = self.seen.into_iter().map(verdict).collect();
        Explanation { outcome, verdicts }
    }
}

/// A decision with the verdict on every tag, in the order in which the tags came.
///
/// `Display` is one line per tag; the decision has a `Display` of its own.
///
/// ```
/// use flux_policy::Policy;
///
/// let explanation = Policy::semver("^1.0.0")?.explain(["1.0.0", "v1.1.0", "1.1.0", "1.2.0-rc.1", "latest"]);
/// assert_eq!(explanation.decision().unwrap().winner().unwrap().tag(), "v1.1.0");
/// assert_eq!(
///     explanation.to_string(),
///     "1.0.0       loses to v1.1.0
/// v1.1.0      wins
/// 1.1.0       equal to v1.1.0, which is preferred for its spelling
/// 1.2.0-rc.1  prerelease, which the range does not admit; \"^1.0.0-0\" would
/// latest      not a version: expected a number (at byte 0)"
/// );
/// # Ok::<(), flux_policy::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Explanation {
    outcome: Result<Decision, Error>,
    verdicts: Vec<Verdict>,
}

impl Explanation {
    /// The decision, or the error that [`Selector::finish`] reports.
    ///
    /// # Errors
    ///
    /// Those of [`Selector::finish`].
    pub fn decision(&self) -> Result<&Decision, &Error> {
        self.outcome.as_ref()
    }

    /// The verdicts, in the order in which the tags came.
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }
}

/// What became of one tag. `Display` says it in a line without the tag.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    tag: String,
    ruling: Ruling,
    admitted_by: Option<Arc<str>>,
}

/// What became of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ruling {
    /// It is the latest.
    Wins,
    /// It is eligible, and another tag is preferred.
    Loses {
        /// The winner.
        to: String,
        /// What decides between the two.
        by: Loss,
    },
    /// It is eligible, and the evaluation failed because of something else.
    Undecided,
    /// It is not eligible.
    LeftOut(Rejection),
}

/// What decides between a tag and the winner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Loss {
    /// The winner's value.
    Value,
    /// Both have the same value; the spelling of the key decides, so that the answer does not depend on the order of
    /// the tags.
    Tie,
    /// Both have the same key; the byte-smallest tag wins.
    Collision,
}

impl Verdict {
    fn new(terms: &Terms, seen: Seen, winner: Option<&Selected>, opened: Option<&Arc<str>>) -> Self {
        let ruling = match (seen.judgement, winner) {
            (Err(rejection), _) => Ruling::LeftOut(rejection),
            (Ok(()), None) => Ruling::Undecided,
            (Ok(()), Some(winner)) if winner.tag() == seen.tag => Ruling::Wins,
            (Ok(()), Some(winner)) => {
                Ruling::Loses { to: winner.tag().to_owned(), by: loss(terms, &seen, winner) }
            }
        };
        let shut_out = ruling == Ruling::LeftOut(Rejection::PrereleaseNotAdmitted);
        Self { tag: seen.tag, ruling, admitted_by: opened.filter(|_| shut_out).cloned() }
    }

    /// The tag.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// What became of it.
    pub fn ruling(&self) -> &Ruling {
        &self.ruling
    }

    /// The range that would admit it, for a tag that is left out only for being a prerelease.
    pub fn admitted_by(&self) -> Option<&str> {
        self.admitted_by.as_deref()
    }
}

/// What decides between an eligible tag and the winner.
fn loss(terms: &Terms, seen: &Seen, winner: &Selected) -> Loss {
    let key = terms.filter.as_ref().and_then(|filter| filter.key(&seen.tag));
    let key = key.as_deref().unwrap_or(&seen.tag);
    let valued = |tag, key, pushed_at| {
        let value = judge::value_of(&terms.rule, key, pushed_at).ok()?;
        Some(Judged { tag, key, value, digest: None, pushed_at })
    };
    let sides =
        valued(&seen.tag, key, seen.pushed_at).zip(valued(winner.tag(), winner.key(), winner.pushed_at()));
    match sides.map(|(loser, winner)| Gap::between(&terms.rule, &loser, &winner)) {
        Some(Gap::Key(Ordering::Less | Ordering::Greater)) => Loss::Tie,
        Some(Gap::Tag(_)) => Loss::Collision,
        _ => Loss::Value,
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.verdicts.iter().map(|verdict| verdict.tag.chars().count()).max().unwrap_or(0);
        for (index, verdict) in self.verdicts.iter().enumerate() {
            let line_break = if index == 0 { "" } else { "\n" };
            write!(f, "{line_break}{:width$}  {verdict}", verdict.tag)?;
        }
        Ok(())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.admitted_by {
            Some(range) => write!(f, "{}; {range:?} would", self.ruling),
            None => self.ruling.fmt(f),
        }
    }
}

impl fmt::Display for Ruling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wins => f.write_str("wins"),
            Self::Undecided => f.write_str("eligible"),
            Self::Loses { to, by: Loss::Value } => write!(f, "loses to {to}"),
            Self::Loses { to, by: Loss::Tie } => {
                write!(f, "equal to {to}, which is preferred for its spelling")
            }
            Self::Loses { to, by: Loss::Collision } => {
                write!(f, "the same after extraction as {to}, which is the byte-smallest of these tags")
            }
            Self::LeftOut(rejection) => rejection.fmt(f),
        }
    }
}
