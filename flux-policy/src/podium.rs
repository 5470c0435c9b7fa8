//! Everyone who leads: overall, in each group, and the choice that must not be undercut.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::judge::{Gap, Judged, Value};
use crate::policy::Terms;
use crate::reason::Rejection;
use crate::standing::{Leader, Standing};

/// What the eligible candidates of an evaluation are measured against.
#[derive(Debug, Default)]
pub(crate) struct Podium {
    pub(crate) overall: Standing,
    pub(crate) groups: BTreeMap<String, Standing>,
    /// Whether there were more groups than the policy admits.
    pub(crate) too_many_groups: bool,
    /// The previous choice, below which nothing is eligible.
    pub(crate) floor: Option<Leader>,
}

impl Podium {
    /// Whether a value is plainly worse than all that lead, with no group and no floor to consider.
    #[inline]
    pub(crate) fn is_out_of_reach(
        &self,
        terms: &Terms,
        key: &str,
        value: &Value<'_>,
        group: Option<&str>,
    ) -> bool {
        group.is_none() && self.floor.is_none() && self.overall.is_out_of_reach(&terms.rule, key, value)
    }

    /// Measures a candidate against those that lead.
    pub(crate) fn enter(
        &mut self,
        terms: &Terms,
        candidate: &Judged<'_>,
        group: Option<&str>,
    ) -> Result<(), Rejection> {
        let rule = &terms.rule;
        if let Some(floor) = &self.floor
            && Gap::between(rule, candidate, &floor.judged()) == Gap::Value(Ordering::Less)
        {
            return Err(Rejection::Downgrade);
        }
        self.overall.enter(rule, candidate);
        let Some(group) = group else { return Ok(()) };
        let room = terms.groups_cap() > self.groups.len();
        match self.groups.get_mut(group) {
            Some(standing) => standing.enter(rule, candidate),
            None if room => self.groups.entry(group.to_owned()).or_default().enter(rule, candidate),
            None => self.too_many_groups = true,
        }
        Ok(())
    }
}
