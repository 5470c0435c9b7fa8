//! What to change when no tag is eligible.

use crate::policy::{Rule, Terms};
use crate::reason::Reason;
use crate::tally::Tally;

/// One line for each reason that stands in the way, the one closest to success first.
pub(crate) fn on(terms: &Terms, tally: &Tally) -> Vec<String> {
    if tally.total() == 0 {
        return vec!["pass in some tags: there were none".to_owned()];
    }
    let reasons = Reason::ALL.iter().copied().rev().filter(|&reason| tally.count(reason) > 0);
    reasons.filter_map(|reason| against(reason, terms, tally)).collect()
}

fn against(reason: Reason, terms: &Terms, tally: &Tally) -> Option<String> {
    // Whether nothing that got this far got further.
    let earlier: u64 =
        Reason::ALL.iter().take_while(|&&other| other != reason).map(|&other| tally.count(other)).sum();
    let all = earlier + tally.count(reason) == tally.total();
    let advice = match reason {
        Reason::PrereleaseNotAdmitted => {
            let Rule::Semver(range) = &terms.rule else { return None };
            format!("{:?} to admit prereleases", range.with_prereleases())
        }
        Reason::OutsideRange => "a wider range".to_owned(),
        Reason::NotAVersion if all && terms.filter.is_none() => {
            "a filter that extracts the version, or another rule".to_owned()
        }
        Reason::NotAVersion if all => {
            "another extract: what the filter hands on is not a version of three parts".to_owned()
        }
        Reason::NotANumber if all => "a filter that extracts the number".to_owned(),
        Reason::ExtractIsEmpty => "another extract: no group it names took part in the match".to_owned(),
        Reason::FilterDoesNotMatch if all => "another pattern: this one matches none of the tags".to_owned(),
        Reason::RequiredPatternDoesNotMatch if all => "fewer required patterns".to_owned(),
        Reason::Excluded if all => "a shorter exclusion list".to_owned(),
        Reason::Denied => "a shorter list of denied tags".to_owned(),
        Reason::Held => {
            let hold = terms.guards.as_ref()?.hold.as_ref()?;
            format!("ending the hold on {}, which is not eligible itself ({})", hold.tag(), hold.reason())
        }
        Reason::PushTimeUnknown => "passing in push times".to_owned(),
        Reason::TooYoung => "waiting, or a shorter minimum age".to_owned(),
        Reason::Downgrade => "dropping the floor of the previous choice".to_owned(),
        _ => return None,
    };
    Some(advice)
}
