//! Decisions and explanations for machines (feature `serde`).

use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

use crate::candidate::Timestamp;
use crate::decision::{Decision, GroupDecision, Selected};
use crate::explain::{Explanation, Loss, Ruling, Verdict};
use crate::reason::{Reason, Rejection};

/// As RFC 3339 in UTC.
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Selected {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("tag", self.tag())?;
        map.serialize_entry("key", self.key())?;
        if let Some(version) = self.version() {
            map.serialize_entry("version", &Shown(version))?;
        }
        if let Some(digest) = self.digest() {
            map.serialize_entry("digest", digest)?;
        }
        if let Some(pushed_at) = self.pushed_at() {
            map.serialize_entry("pushedAt", &pushed_at)?;
        }
        map.serialize_entry("ties", &self.ties())?;
        map.serialize_entry("collisions", &self.collisions())?;
        map.end()
    }
}

/// `policy`, `winner`, `runnerUp`, `total`, `eligible`, `leftOut` (`reason`, `count`, `examples`), `groups`, `advice` and
/// `lints`.
impl Serialize for Decision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Decision", 9)?;
        fields.serialize_field("policy", self.policy())?;
        fields.serialize_field("winner", &self.winner())?;
        fields.serialize_field("runnerUp", &self.runner_up())?;
        fields.serialize_field("total", &self.total())?;
        fields.serialize_field("eligible", &self.eligible())?;
        let reasons = Reason::ALL.iter().copied().filter(|&reason| self.count(reason) > 0);
        let left_out: Vec<LeftOut<'_>> = reasons
            .map(|reason| LeftOut { reason, count: self.count(reason), examples: self.examples(reason) })
            .collect();
        fields.serialize_field("leftOut", &left_out)?;
        fields.serialize_field("groups", &self.groups().collect::<Vec<_>>())?;
        fields.serialize_field("advice", self.advice())?;
        let lints: Vec<String> = self.lints().iter().map(ToString::to_string).collect();
        fields.serialize_field("lints", &lints)?;
        fields.end()
    }
}

#[derive(serde::Serialize)]
struct LeftOut<'a> {
    reason: Reason,
    count: u64,
    examples: &'a [String],
}

impl Serialize for GroupDecision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("GroupDecision", 3)?;
        fields.serialize_field("name", self.name())?;
        fields.serialize_field("winner", self.winner())?;
        fields.serialize_field("runnerUp", &self.runner_up())?;
        fields.end()
    }
}

/// `decision` or `error`, and `verdicts`.
impl Serialize for Explanation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Explanation", 2)?;
        match self.decision() {
            Ok(decision) => fields.serialize_field("decision", decision)?,
            Err(error) => fields.serialize_field("error", &Shown(error))?,
        }
        fields.serialize_field("verdicts", self.verdicts())?;
        fields.end()
    }
}

/// `tag`, `verdict` (`wins`, `loses`, `eligible`, `leftOut`), what belongs to that, and `text` for people.
impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("tag", self.tag())?;
        match self.ruling() {
            Ruling::Wins => map.serialize_entry("verdict", "wins")?,
            Ruling::Undecided => map.serialize_entry("verdict", "eligible")?,
            Ruling::Loses { to, by } => {
                map.serialize_entry("verdict", "loses")?;
                map.serialize_entry("to", to)?;
                let by = match by {
                    Loss::Value => "value",
                    Loss::Tie => "tie",
                    Loss::Collision => "collision",
                };
                map.serialize_entry("by", by)?;
            }
            Ruling::LeftOut(rejection) => {
                map.serialize_entry("verdict", "leftOut")?;
                map.serialize_entry("reason", &rejection.reason())?;
                match rejection {
                    Rejection::NotAVersion(fault) => map.serialize_entry("at", &fault.at())?,
                    Rejection::Excluded { pattern } | Rejection::RequiredPatternDoesNotMatch { pattern } => {
                        map.serialize_entry("pattern", pattern)?;
                    }
                    Rejection::TooYoung { missing_millis } => {
                        map.serialize_entry("missingMillis", missing_millis)?;
                    }
                    _ => {}
                }
            }
        }
        if let Some(range) = self.admitted_by() {
            map.serialize_entry("admittedBy", range)?;
        }
        map.serialize_entry("text", &Shown(self))?;
        map.end()
    }
}

/// Serializes as what it displays.
struct Shown<T>(T);

impl<T: std::fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
