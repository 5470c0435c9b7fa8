//! What an evaluation came to, and why.

use std::fmt;

use crate::candidate::Timestamp;
use crate::judge::Value;
use crate::policy::Terms;
use crate::reason::Reason;
use crate::standing::{Leader, Standing};
use crate::tally::Tally;
use crate::version::Version;

/// The outcome of an evaluation: the winner if there is one, the next best, and what became of the other tags.
///
/// Winner, runner-up and counts are the same for every order of the tags; only which tags serve as
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
    tally: Tally,
}

impl Decision {
    pub(crate) fn new(terms: &Terms, standing: Standing, tally: Tally) -> Self {
        let (first, second) = standing.into_leaders();
        let select = |leader: Option<Leader>| leader.as_ref().map(Selected::new);
        Self { policy: terms.to_string(), winner: select(first), runner_up: select(second), tally }
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
            Value::Text | Value::Number(_) => None,
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
            Some(winner) => write!(f, "{} is the {}", winner.tag, self.policy)?,
            None => write!(f, "no tag is the {}", self.policy)?,
        }
        for (name, selected) in [("compared", &self.winner), ("next", &self.runner_up)] {
            let Some(selected) = selected else { continue };
            let shown = if name == "next" { &selected.tag } else { &selected.key };
            if name == "next" || selected.key != selected.tag {
                write!(f, "\n  {name}: {shown}")?;
            }
        }
        if let Some(winner) = &self.winner {
            write_shared(f, winner)?;
        }
        let left_out = self.total() - self.eligible();
        write!(f, "\n  {}: {} eligible, {left_out} left out", Counted(self.total(), "tag"), self.eligible())?;
        for reason in Reason::ALL {
            let (count, examples) = (self.count(reason), self.examples(reason));
            if count > 0 {
                let more = if count > examples.len() as u64 { ", …" } else { "" };
                write!(f, "\n    {count} {reason}: {}{more}", examples.join(", "))?;
            }
        }
        Ok(())
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
