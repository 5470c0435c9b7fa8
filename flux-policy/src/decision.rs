//! What an evaluation came to, and why.

use std::fmt;

use crate::advice;
use crate::candidate::Timestamp;
use crate::judge::Value;
use crate::lint::{self, Lint};
use crate::podium::Podium;
use crate::policy::Terms;
use crate::reason::Reason;
use crate::standing::{Leader, Standing};
use crate::tally::Tally;
use crate::version::Version;

/// The outcome of an evaluation: the winner if there is one, the next best, and what became of the other tags.
///
/// Winner, runner-up and counts are the same for every order of distinct tags; only which tags serve as
/// [`examples`](Self::examples) depends on it. `Display` is several short lines for people, without a final line
/// break.
///
/// ```
/// use flux_policy::Policy;
///
/// let tags = ["1.0.0", "1.1.0", "1.2.0-rc.1", "2.0.0", "latest"];
/// let decision = Policy::semver("^1.0.0")?.latest(tags)?;
/// assert_eq!(decision.winner().unwrap().tag(), "1.1.0");
/// assert_eq!(
///     decision.to_string(),
///     r#"1.1.0 is the highest version in "^1.0.0"
///   next: 1.0.0
///   5 tags: 2 eligible, 3 left out
///     1 not a version: latest
///     1 prerelease, which the range does not admit: 1.2.0-rc.1
///     1 outside the range: 2.0.0"#
/// );
/// # Ok::<(), flux_policy::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    policy: String,
    winner: Option<Selected>,
    runner_up: Option<Selected>,
    groups: Vec<GroupDecision>,
    tally: Tally,
    lints: Vec<Lint>,
    advice: Vec<String>,
}

impl Decision {
    pub(crate) fn new(terms: &Terms, podium: Podium, tally: Tally) -> Self {
        let (first, second) = podium.overall.into_leaders();
        let winner = first.as_ref().map(Selected::new);
        let lints = lint::of_outcome(terms, first.as_ref().zip(winner.as_ref()), &tally);
        let advice = if winner.is_none() { advice::on(terms, &tally) } else { Vec::new() };
        let groups =
            podium.groups.into_iter().filter_map(|(name, standing)| GroupDecision::new(name, standing));
        Self {
            policy: terms.to_string(),
            winner,
            runner_up: second.as_ref().map(Selected::new),
            groups: groups.collect(),
            tally,
            lints,
            advice,
        }
    }

    /// The latest tag, `None` if no tag is eligible.
    pub fn winner(&self) -> Option<&Selected> {
        self.winner.as_ref()
    }

    /// The tag that would win if the winner were not there.
    pub fn runner_up(&self) -> Option<&Selected> {
        self.runner_up.as_ref()
    }

    /// How many tags were judged.
    pub fn total(&self) -> u64 {
        self.tally.total()
    }

    /// How many tags could have won.
    pub fn eligible(&self) -> u64 {
        self.tally.eligible
    }

    /// How many tags were left out for this reason.
    pub fn count(&self, reason: Reason) -> u64 {
        self.tally.count(reason)
    }

    /// The first few tags that were left out for this reason, at most five, in the order in which they came.
    pub fn examples(&self, reason: Reason) -> &[String] {
        self.tally.examples(reason)
    }

    /// The winner of each group in byte order of their names, where the policy asks for that.
    pub fn groups(&self) -> impl Iterator<Item = &GroupDecision> {
        self.groups.iter()
    }

    /// What is questionable about the policy, and about what it selected.
    pub fn lints(&self) -> &[Lint] {
        &self.lints
    }

    /// What to change where no tag is eligible; empty if there is a winner.
    pub fn advice(&self) -> &[String] {
        &self.advice
    }

    /// What the policy asks for, in a line.
    pub fn policy(&self) -> &str {
        &self.policy
    }
}

/// The winner of one group; see [`Policy::with_winner_per_group`](crate::Policy::with_winner_per_group).
#[derive(Clone, Debug, PartialEq)]
pub struct GroupDecision {
    name: String,
    winner: Selected,
    runner_up: Option<Selected>,
}

impl GroupDecision {
    fn new(name: String, standing: Standing) -> Option<Self> {
        let (first, second) = standing.into_leaders();
        let runner_up = second.as_ref().map(Selected::new);
        first.map(|first| Self { name, winner: Selected::new(&first), runner_up })
    }

    /// The text of the group, empty if it took no part in the match.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The latest tag of the group.
    pub fn winner(&self) -> &Selected {
        &self.winner
    }

    /// The next best tag of the group.
    pub fn runner_up(&self) -> Option<&Selected> {
        self.runner_up.as_ref()
    }
}

/// A tag that was chosen, with what it was chosen by.
#[derive(Clone, Debug, PartialEq)]
pub struct Selected {
    tag: String,
    key: String,
    version: Option<semver::Version>,
    digest: Option<String>,
    pushed_at: Option<Timestamp>,
    same_key: u64,
    same_value: u64,
}

impl Selected {
    fn new(leader: &Leader) -> Self {
        let judged = leader.judged();
        let version = match judged.value {
            // The key was a version when it was judged; reading it again brings the metadata back.
            Value::Version(_) => Version::parse(judged.key).ok().map(|version| version.to_semver()),
            Value::Text | Value::Number(_) | Value::Pushed(_) => None,
        };
        Self {
            tag: judged.tag.to_owned(),
            key: judged.key.to_owned(),
            version,
            digest: judged.digest.map(str::to_owned),
            pushed_at: judged.pushed_at,
            same_key: leader.same_key - 1,
            same_value: leader.same_value - leader.same_key,
        }
    }

    /// The tag as the registry has it.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// What was compared: what the filter extracted, otherwise the tag.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The key as a version; `None` unless the rule is semver.
    pub fn version(&self) -> Option<&semver::Version> {
        self.version.as_ref()
    }

    /// The digest the candidate came with.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// The push time the candidate came with.
    pub fn pushed_at(&self) -> Option<Timestamp> {
        self.pushed_at
    }

    /// How many other candidates have a different key of equal value, such as `v1.2.3` and `1.2.3`.
    pub fn ties(&self) -> u64 {
        self.same_value
    }

    /// How many other candidates have exactly the same key, which only a filter can bring about.
    pub fn collisions(&self) -> u64 {
        self.same_key
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.winner {
            Some(winner) => {
                write!(f, "{} is the {}", winner.tag, self.policy)?;
                if winner.key != winner.tag {
                    write!(f, "\n  compared as {}", winner.key)?;
                }
                write_shared(f, winner)?;
            }
            None => write!(f, "no tag qualifies as the {}", self.policy)?,
        }
        if let Some(runner_up) = &self.runner_up {
            write!(f, "\n  next: {}", runner_up.tag)?;
        }
        for group in &self.groups {
            write!(f, "\n  {}: {}", group.name, group.winner.tag)?;
        }
        let left_out = self.total() - self.eligible();
        write!(f, "\n  {}: {} eligible, {left_out} left out", Counted(self.total(), "tag"), self.eligible())?;
        for &reason in Reason::ALL {
            let (count, examples) = (self.count(reason), self.examples(reason));
            if count > 0 {
                let more = if count > examples.len() as u64 { ", …" } else { "" };
                write!(f, "\n    {count} {reason}: {}{more}", examples.join(", "))?;
            }
        }
        self.advice.iter().try_for_each(|advice| write!(f, "\n  try: {advice}"))?;
        self.lints.iter().try_for_each(|lint| write!(f, "\n  note: {lint}"))
    }
}

/// Says who else the winner had to be told apart from.
fn write_shared(f: &mut fmt::Formatter<'_>, winner: &Selected) -> fmt::Result {
    if winner.same_value > 0 {
        write!(f, "\n  {} of equal value but written differently", Counted(winner.same_value, "more tag"))?;
    }
    if winner.same_key > 0 {
        let others = Counted(winner.same_key, "more tag");
        write!(f, "\n  {others} with the same {:?}; the byte-smallest tag wins", winner.key)?;
    }
    Ok(())
}

/// A number with its noun.
struct Counted(u64, &'static str);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, noun) = self;
        write!(f, "{count} {noun}{}", if *count == 1 { "" } else { "s" })
    }
}
