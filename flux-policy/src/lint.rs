//! What is questionable about a policy although it works.

use std::fmt;

use crate::decision::Selected;
use crate::error::quoted;
use crate::judge::Value;
use crate::policy::{Rule, Terms};
use crate::reason::Reason;
use crate::standing::Leader;
use crate::tally::Tally;

/// Something that works and is probably not meant. `Display` says what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lint {
    /// A filter pattern that is not anchored at both ends also matches in the middle of other tags.
    UnanchoredPattern {
        /// The pattern.
        pattern: String,
    },
    /// The template refers to a group that the pattern does not have, which always expands to nothing.
    UnknownGroup {
        /// The reference, such as `major_` in `$major_$minor`.
        name: String,
    },
    /// The extracted key ends within a number of the tag, so that 1606 and 16069 cannot be told apart.
    CutNumber {
        /// The winner.
        tag: String,
        /// What was extracted from it.
        key: String,
    },
    /// A prerelease part such as `rc9` compares as text, where `rc10` is lower.
    NumberInText {
        /// The winner.
        tag: String,
        /// The part.
        part: String,
    },
    /// The winner is a tag without a digit, which looks like one that is moved from image to image.
    FloatingTag {
        /// The winner.
        tag: String,
    },
    /// The filter lets only prereleases through, and the range admits none.
    OnlyPrereleases {
        /// The range that would admit them.
        range: String,
    },
    /// Several candidates are equal only because 64-bit floats cannot tell integers above 2^53 apart.
    BeyondFloatPrecision {
        /// The winner's key.
        key: String,
    },
}

/// The lints that need no tags.
pub(crate) fn of_terms(terms: &Terms) -> Vec<Lint> {
    let Some(filter) = &terms.filter else { return Vec::new() };
    let mut lints = Vec::new();
    if !filter.is_anchored() && !filter.pattern().is_empty() {
        lints.push(Lint::UnanchoredPattern { pattern: filter.pattern().to_owned() });
    }
    lints.extend(filter.unknown_groups().map(|name| Lint::UnknownGroup { name: name.to_owned() }));
    lints
}

/// The lints that an evaluation brings to light.
pub(crate) fn of_outcome(terms: &Terms, winner: Option<(&Leader, &Selected)>, tally: &Tally) -> Vec<Lint> {
    let mut lints = of_terms(terms);
    if let (Rule::Semver(range), Some(_)) = (&terms.rule, &terms.filter) {
        let before = [Reason::Excluded, Reason::RequiredPatternDoesNotMatch, Reason::FilterDoesNotMatch];
        let matched = tally.total() - before.map(|reason| tally.count(reason)).iter().sum::<u64>();
        if matched > 0 && matched == tally.count(Reason::PrereleaseNotAdmitted) {
            lints.push(Lint::OnlyPrereleases { range: range.with_prereleases() });
        }
    }
    let Some((leader, selected)) = winner else { return lints };
    let (tag, key) = (selected.tag(), selected.key());
    if terms.filter.as_ref().is_some_and(|filter| filter.cuts_a_number(tag)) {
        lints.push(Lint::CutNumber { tag: tag.to_owned(), key: key.to_owned() });
    }
    match leader.judged().value {
        Value::Version(version) => {
            if let Some(part) = version.prerelease().split('.').find(|part| is_numbered_text(part)) {
                lints.push(Lint::NumberInText { tag: tag.to_owned(), part: part.to_owned() });
            }
        }
        Value::Number(number) => {
            if selected.ties() > 0 && number.is_finite() && number.abs() >= TWO_TO_THE_53RD {
                lints.push(Lint::BeyondFloatPrecision { key: key.to_owned() });
            }
        }
        Value::Text | Value::Pushed(_) => {}
    }
    if !tag.bytes().any(|byte| byte.is_ascii_digit()) {
        lints.push(Lint::FloatingTag { tag: tag.to_owned() });
    }
    lints
}

const TWO_TO_THE_53RD: f64 = 9_007_199_254_740_992.0;

/// Letters and then digits, such as `rc9`.
fn is_numbered_text(part: &str) -> bool {
    let word = part.trim_end_matches(|char: char| char.is_ascii_digit());
    !word.is_empty() && word.len() < part.len() && word.bytes().all(|byte| byte.is_ascii_alphabetic())
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnanchoredPattern { pattern } => {
                write!(
                    f,
                    "pattern {} also matches within longer tags: put ^ before it and $ behind it",
                    quoted(pattern)
                )
            }
            Self::UnknownGroup { name } => {
                write!(
                    f,
                    "the pattern has no group {name:?}, so it expands to nothing: write ${{…}} around names"
                )
            }
            Self::CutNumber { tag, key } => {
                write!(f, "{key:?} ends within a number of {tag}: let the group take all of its digits")
            }
            Self::NumberInText { tag, part } => {
                let word = part.trim_end_matches(|char: char| char.is_ascii_digit());
                write!(
                    f,
                    "{part:?} in {tag} compares as text, which puts {word}10 below {word}9: write {word}.10"
                )
            }
            Self::FloatingTag { tag } => {
                write!(
                    f,
                    "{tag} looks like a tag that is moved: follow its digest (digestReflectionPolicy: Always)"
                )
            }
            Self::OnlyPrereleases { range } => {
                write!(f, "the filter lets only prereleases through and the range admits none: use {range:?}")
            }
            Self::BeyondFloatPrecision { key } => {
                write!(f, "{key} exceeds 2^53, where neighbouring numbers are equal: compare fewer digits")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Order, Policy, TagFilter};

    #[track_caller]
    fn finds(policy: &Policy, tags: &[&str], expected: &[&str]) {
        let decision = policy.latest(tags).unwrap();
        let found: Vec<String> = decision.lints().iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
    }

    fn filtered(policy: Policy, pattern: &str, extract: &str) -> Policy {
        policy.with_filter(TagFilter::new(pattern, extract).unwrap())
    }

    #[test]
    fn a_sound_policy_has_none() {
        let policy = filtered(Policy::semver("*-0").unwrap(), r"^v(\d+\.\d+\.\d+(-rc\.\d+)?)$", "$1");
        finds(&policy, &["v1.2.3", "v1.2.4-rc.10"], &[]);
    }

    #[test]
    fn patterns_and_templates() {
        finds(
            &filtered(Policy::alphabetical(Order::Asc), r"^v(?P<a>\d)(?P<b>\d)", "$a_$b"),
            &["v12"],
            &[
                r#"pattern "^v(?P<a>\d)(?P<b>\d)" also matches within longer tags: put ^ before it and $ behind it"#,
                r#"the pattern has no group "a_", so it expands to nothing: write ${…} around names"#,
            ],
        );
        finds(
            &filtered(Policy::numerical(Order::Asc), r"^main-(\d{1,4}).*$", "$1"),
            &["main-16061"],
            &[r#""1606" ends within a number of main-16061: let the group take all of its digits"#],
        );
    }

    #[test]
    fn outcomes() {
        finds(
            &Policy::semver("*-0").unwrap(),
            &["1.0.0-rc9", "1.0.0-rc10"],
            &[r#""rc9" in 1.0.0-rc9 compares as text, which puts rc10 below rc9: write rc.10"#],
        );
        finds(
            &Policy::numerical(Order::Asc),
            &["9007199254740993", "9007199254740992"],
            &["9007199254740992 exceeds 2^53, where neighbouring numbers are equal: compare fewer digits"],
        );
        finds(
            &Policy::alphabetical(Order::Asc),
            &["latest"],
            &["latest looks like a tag that is moved: follow its digest (digestReflectionPolicy: Always)"],
        );
        finds(
            &filtered(Policy::semver("1.x").unwrap(), "^.*-rc.*$", ""),
            &["1.0.0-rc.1", "1.0.0"],
            &[r#"the filter lets only prereleases through and the range admits none: use "1-0""#],
        );
    }
}
