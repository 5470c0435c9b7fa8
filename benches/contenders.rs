//! Who is measured. Each compiles its range and pattern, looks at every tag once and returns the winner.

use flux_policy::{Candidate, Order, Policy, TagFilter};
use regex::Regex;

use crate::tag_sets::{Set, Tags};

const RANGE: &str = ">=1.0.0 <2.0.0";
const ALPINE: &str = r"^v?(?P<v>[0-9]+\.[0-9]+\.[0-9]+)-alpine[0-9.]+$";
const RELEASE: &str = r"^RELEASE\.(?P<timestamp>.*)Z$";
const MAIN: &str = r"^main-[a-f0-9]+-(?P<ts>[0-9]+)";

/// A contender by name.
pub type Contender = (&'static str, fn(Set, &Tags) -> Option<String>);

/// Those that can evaluate this set.
pub fn of(set: Set) -> Vec<Contender> {
    let mut contenders: Vec<Contender> = vec![("flux-policy", ours), ("straightforward", straightforward)];
    if set == Set::Semver {
        contenders.push(("nodejs-semver", nodejs));
    }
    contenders
}

/// `flux-policy`, through its streaming interface. `None` also for a policy that cannot be made.
pub fn ours(set: Set, tags: &Tags) -> Option<String> {
    let policy = match set {
        Set::Semver => Policy::semver(RANGE),
        Set::SemverAlpine => TagFilter::new(ALPINE, "$v")
            .and_then(|filter| Policy::semver(RANGE).map(|policy| policy.with_filter(filter))),
        Set::Release => TagFilter::new(RELEASE, "$timestamp")
            .map(|filter| Policy::alphabetical(Order::Asc).with_filter(filter)),
        Set::Main => {
            TagFilter::new(MAIN, "$ts").map(|filter| Policy::numerical(Order::Asc).with_filter(filter))
        }
    };
    let mut selector = policy.ok()?.selector();
    for tag in tags.iter() {
        selector.push(&Candidate::new(tag));
    }
    Some(selector.finish().ok()?.winner()?.tag().to_owned())
}

/// What one writes first: the `semver` and `regex` crates in a single pass that keeps the best.
///
/// It knows nothing of ties, counts and reasons, and reads ranges and patterns as Cargo and Rust do.
pub fn straightforward(set: Set, tags: &Tags) -> Option<String> {
    match set {
        Set::Semver => {
            let range = semver::VersionReq::parse(">=1.0.0, <2.0.0").ok()?;
            best(tags.iter().filter_map(|tag| version(tag, &range).map(|version| (version, tag))))
        }
        Set::SemverAlpine => {
            let range = semver::VersionReq::parse(">=1.0.0, <2.0.0").ok()?;
            let pattern = Regex::new(ALPINE).ok()?;
            best(tags.iter().filter_map(|tag| {
                let captures = pattern.captures(tag)?;
                version(captures.name("v")?.as_str(), &range).map(|version| (version, tag))
            }))
        }
        Set::Release => {
            let pattern = Regex::new(RELEASE).ok()?;
            best(
                tags.iter().filter_map(|tag| Some((pattern.captures(tag)?.name("timestamp")?.as_str(), tag))),
            )
        }
        Set::Main => {
            let pattern = Regex::new(MAIN).ok()?;
            best(tags.iter().filter_map(|tag| {
                let number: f64 = pattern.captures(tag)?.name("ts")?.as_str().parse().ok()?;
                Some((number, tag))
            }))
        }
    }
}

/// `nodejs-semver`, whose ranges come closest to those Flux reads.
pub fn nodejs(_: Set, tags: &Tags) -> Option<String> {
    let range = nodejs_semver::Range::parse(RANGE).ok()?;
    best(tags.iter().filter_map(|tag| {
        let version = nodejs_semver::Version::parse(tag).ok()?;
        range.satisfies(&version).then_some((version, tag))
    }))
}

fn version(text: &str, range: &semver::VersionReq) -> Option<semver::Version> {
    let version = semver::Version::parse(text.strip_prefix('v').unwrap_or(text)).ok()?;
    range.matches(&version).then_some(version)
}

fn best<'t, V: PartialOrd>(candidates: impl Iterator<Item = (V, &'t str)>) -> Option<String> {
    let better = |best: (V, &'t str), next: (V, &'t str)| if next.0 > best.0 { next } else { best };
    candidates.reduce(better).map(|(_, tag)| tag.to_owned())
}
