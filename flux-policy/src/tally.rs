//! How many tags went which way, with a few examples of each.

use crate::reason::Reason;

/// How many tags are kept as examples per reason.
pub(crate) const EXAMPLES: usize = 5;

/// Counts, and the first few tags of each reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) eligible: u64,
    rejected: [Rejected; Reason::ALL.len()],
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rejected {
    count: u64,
    examples: Vec<String>,
}

impl Tally {
    #[inline]
    pub(crate) fn eligible(&mut self) {
        self.eligible += 1;
    }

    #[inline]
    pub(crate) fn rejected(&mut self, tag: &str, reason: Reason) {
        let rejected = &mut self.rejected[reason as usize];
        rejected.count += 1;
        if rejected.examples.len() < EXAMPLES {
            rejected.keep_example(tag);
        }
    }

    pub(crate) fn count(&self, reason: Reason) -> u64 {
        self.rejected[reason as usize].count
    }

    pub(crate) fn examples(&self, reason: Reason) -> &[String] {
        &self.rejected[reason as usize].examples
    }

    pub(crate) fn total(&self) -> u64 {
        self.eligible + self.rejected.iter().map(|rejected| rejected.count).sum::<u64>()
    }
}

impl Rejected {
    #[cold]
    fn keep_example(&mut self, tag: &str) {
        self.examples.push(tag.to_owned());
    }
}
