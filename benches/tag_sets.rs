//! Tag sets as large registries hold them, made from a seed.

/// Tags in descending byte order, as Flux stores them, in one contiguous buffer.
#[derive(Debug)]
pub struct Tags {
    buffer: String,
    ends: Vec<usize>,
}

impl Tags {
    /// The tags in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.buffer[start..end])
    }

    fn new(mut tags: Vec<String>) -> Self {
        tags.sort_unstable_by(|a, b| b.cmp(a));
        let ends = tags.iter().scan(0, |end, tag| {
            *end += tag.len();
            Some(*end)
        });
        Self { ends: ends.collect(), buffer: tags.concat() }
    }
}

/// The four sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Set {
    /// `v1.12.345-rc.3`
    Semver,
    /// `1.12.345-alpine3.18`, among plain versions, variants and signatures
    SemverAlpine,
    /// `RELEASE.2023-01-31T12-00-00Z`
    Release,
    /// `main-1a2b3c4-1606364286`, among pull requests
    Main,
}

impl Set {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Semver, Self::SemverAlpine, Self::Release, Self::Main];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Semver => "semver",
            Self::SemverAlpine => "semver_alpine",
            Self::Release => "release",
            Self::Main => "main",
        }
    }

    /// Flux's answer, where it is known for this number of tags.
    pub fn answer(self, count: usize) -> Option<&'static str> {
        let (at_100k, at_1m) = match self {
            Self::Semver => ("1.49.1042859", "1.49.1048029"),
            Self::SemverAlpine => ("1.49.1044606-alpine3.15", "1.49.1048261-alpine3.11"),
            Self::Release => ("RELEASE.2018-10-06T03-42-29Z", "RELEASE.2018-10-06T03-45-34Z"),
            Self::Main => ("main-2683557-1611534347", "main-3e90f78-1611534402"),
        };
        match count {
            100_000 => Some(at_100k),
            1_000_000 => Some(at_1m),
            _ => None,
        }
    }

    /// The first `count` tags of the set.
    pub fn tags(self, count: usize) -> Tags {
        let mut draw = Draw { state: self as u64 + 1 };
        let one = match self {
            Self::Semver => semver,
            Self::SemverAlpine => semver_alpine,
            Self::Release => release,
            Self::Main => main,
        };
        Tags::new((0..count as u64).map(|index| one(&mut draw, index)).collect())
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

/// A permutation, so that tags are distinct.
fn scatter(index: u64) -> u64 {
    (index * 7919 + 12345) % 1_048_583
}

fn semver(draw: &mut Draw, index: u64) -> String {
    let (v, major, minor, p) = (draw.next(4), draw.next(4), draw.next(50), draw.next(5));
    let prefix = if v == 0 { "v" } else { "" };
    let version = format!("{prefix}{major}.{minor}.{}", scatter(index));
    if p == 0 { format!("{version}-rc.{}", draw.next(20)) } else { version }
}

fn semver_alpine(draw: &mut Draw, index: u64) -> String {
    let (kind, major, minor, alpine) = (draw.next(10), draw.next(4), draw.next(50), draw.next(20));
    let patch = scatter(index);
    match kind {
        0..=5 => format!("{major}.{minor}.{patch}-alpine3.{alpine}"),
        6 | 7 => format!("{major}.{minor}.{patch}"),
        8 => format!("{major}.{minor}.{patch}-slim"),
        _ => format!("sha256-{:016x}.sig", patch.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
    }
}

fn release(draw: &mut Draw, index: u64) -> String {
    let kind = draw.next(10);
    let seconds = 1_500_000_000 + 37 * scatter(index);
    let stamp =
        flux_policy::Timestamp::from_unix_seconds(seconds.cast_signed()).to_string().replace(':', "-");
    format!("RELEASE.{stamp}{}", if kind == 9 { ".fips" } else { "" })
}

fn main(draw: &mut Draw, index: u64) -> String {
    let (kind, hash) = (draw.next(10), draw.next(1 << 28));
    let stamp = 1_600_000_000 + 11 * scatter(index);
    if kind < 8 {
        format!("main-{hash:07x}-{stamp}")
    } else {
        format!("pr-{}-{hash:07x}-{stamp}", index % 5000)
    }
}
