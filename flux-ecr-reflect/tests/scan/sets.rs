//! Tags as large repositories have them, made from a seed.

/// `1.12.345-rc.3`
pub(crate) const SEMVER: Set = Set { seed: 1, make: semver };
/// `1.12.345-alpine3.18`, among plain versions, variants and signatures
pub(crate) const SEMVER_ALPINE: Set = Set { seed: 2, make: semver_alpine };
/// `main-1a2b3c4-1606364286`, among pull requests
pub(crate) const MAIN: Set = Set { seed: 4, make: main };

#[derive(Clone, Copy)]
pub(crate) struct Set {
    seed: u64,
    make: fn(&mut Draw, u64) -> String,
}

impl Set {
    /// The first `count` tags, in no order.
    pub(crate) fn tags(self, count: u64) -> Vec<String> {
        let mut draw = Draw { state: self.seed };
        (0..count).map(|index| (self.make)(&mut draw, index)).collect()
    }
}

/// A linear congruential generator.
struct Draw {
    state: u64,
}

impl Draw {
    fn next(&mut self, below: u64) -> u64 {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % below
    }
}

/// A number that is another for each index.
fn distinct(index: u64) -> u64 {
    (index * 7919 + 12_345) % 1_048_583
}

fn semver(draw: &mut Draw, index: u64) -> String {
    let v = if draw.next(4) == 0 { "v" } else { "" };
    let (major, minor, patch) = (draw.next(4), draw.next(50), distinct(index));
    match draw.next(5) {
        0 => format!("{v}{major}.{minor}.{patch}-rc.{}", draw.next(20)),
        _ => format!("{v}{major}.{minor}.{patch}"),
    }
}

fn semver_alpine(draw: &mut Draw, index: u64) -> String {
    let (kind, major, minor, alpine) = (draw.next(10), draw.next(4), draw.next(50), draw.next(20));
    let patch = distinct(index);
    match kind {
        0..=5 => format!("{major}.{minor}.{patch}-alpine3.{alpine}"),
        6 | 7 => format!("{major}.{minor}.{patch}"),
        8 => format!("{major}.{minor}.{patch}-slim"),
        _ => format!("sha256-{:016x}.sig", patch.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
    }
}

fn main(draw: &mut Draw, index: u64) -> String {
    let (kind, commit) = (draw.next(10), draw.next(1 << 28));
    let at = 1_600_000_000 + 11 * distinct(index);
    match kind {
        0..=7 => format!("main-{commit:07x}-{at}"),
        _ => format!("pr-{}-{commit:07x}-{at}", index % 5000),
    }
}
