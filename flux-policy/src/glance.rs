//! What can be told of most tags at a glance.

use crate::policy::{Rule, Terms};
use crate::version::{Plain, Rank};

/// Foretells the full judgement of plain versions, for ranges that are one interval of releases.
///
/// Nearly all tags are outside the range or far behind those that lead, and to see that it is enough to compare ranks.
#[derive(Debug)]
pub(crate) struct Glance {
    lowest: Rank,
    highest: Rank,
    /// An eligible version below this is behind all that lead.
    reach: Rank,
}

/// What is foretold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Foretold {
    /// Eligible, and out of reach of those that lead.
    Behind,
    OutsideRange,
    PrereleaseNotAdmitted,
}

impl Glance {
    /// `None` if every tag needs the full judgement.
    pub(crate) fn new(terms: &Terms) -> Option<Self> {
        let Terms { rule: Rule::Semver(range), filter: None, guards: None, .. } = terms else { return None };
        let (lowest, highest) = range.bounds()?;
        Some(Self { lowest: Rank::of(lowest), highest: Rank::of(highest), reach: Rank::LOWEST })
    }

    /// From now on, eligible versions with lower numbers than these are known to be behind.
    pub(crate) fn set_reach(&mut self, numbers: [u64; 3]) {
        self.reach = Rank::of(numbers);
    }

    /// `None` if the full judgement has to be made.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "what is read stays in registers, or nothing is gained")]
    pub(crate) fn at(&self, key: &str) -> Option<Foretold> {
        let Plain { rank, is_prerelease } = Plain::read(key)?;
        // The range needs not be asked for its end: those that lead are in it.
        if rank >= self.lowest && rank < self.reach && !is_prerelease {
            Some(Foretold::Behind)
        } else if rank < self.lowest || rank > self.highest {
            Some(Foretold::OutsideRange)
        } else if is_prerelease {
            Some(Foretold::PrereleaseNotAdmitted)
        } else {
            None
        }
    }
}
