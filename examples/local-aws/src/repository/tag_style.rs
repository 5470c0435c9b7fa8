//! Rules that give the tag of image `i`.

use time::macros::format_description;
use time::{Duration, OffsetDateTime};

use super::catalog::FIRST_PUSH;

/// A rule from an image's index to its tag. Every `Fn(u64) -> String` is one.
pub trait TagScheme: Send + Sync {
    /// The tag of image `index`, different for every index.
    fn tag(&self, index: u64) -> String;

    /// The only index that can have `tag`, or `None` where the rule cannot be read backwards.
    ///
    /// With `None` a look-up by tag generates tags until it finds the one; with an index it generates one.
    fn index(&self, tag: &str) -> Option<u64> {
        let _ = tag;
        None
    }
}

impl<F: Fn(u64) -> String + Send + Sync> TagScheme for F {
    fn tag(&self, index: u64) -> String {
        self(index)
    }
}

/// The kinds of tags real repositories have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TagStyle {
    /// `0.0.0`, `0.0.1`, … `0.1.0`: twenty patch and fifty minor releases each.
    Semver,
    /// The same with a `v` in front.
    VSemver,
    /// `main-5f0c1a2b-1704067200`: branch, commit and the seconds of the push, as Flux's guide to sortable tags has
    /// them. Source: <https://fluxcd.io/flux/guides/sortable-image-tags/>.
    BranchBuild,
    /// `RELEASE.2024-01-01T00-00-00Z`.
    ReleaseTimestamp,
    /// `3a7c…`: a commit's forty hexadecimal digits, in no order.
    Commit,
    /// `1`, `2`, `3`: a build number.
    BuildNumber,
}

const PATCHES: u64 = 20;
const MINORS: u64 = 50;

impl TagScheme for TagStyle {
    fn tag(&self, index: u64) -> String {
        match self {
            Self::Semver => semver(index),
            Self::VSemver => format!("v{}", semver(index)),
            Self::BranchBuild => {
                format!("main-{:08x}-{}", commit(index) >> 96, pushed_at(index).unix_timestamp())
            }
            Self::ReleaseTimestamp => {
                let format = format_description!("RELEASE.[year]-[month]-[day]T[hour]-[minute]-[second]Z");
                pushed_at(index).format(format).unwrap_or_default()
            }
            Self::Commit => format!("{:032x}{:08x}", commit(index), commit(index) >> 96),
            Self::BuildNumber => (index + 1).to_string(),
        }
    }

    fn index(&self, tag: &str) -> Option<u64> {
        match self {
            Self::Semver => semver_index(tag),
            Self::VSemver => semver_index(tag.strip_prefix('v')?),
            Self::BranchBuild => {
                let seconds: i64 = tag.rsplit('-').next()?.parse().ok()?;
                u64::try_from((seconds - FIRST_PUSH.unix_timestamp()) / 60).ok()
            }
            Self::BuildNumber => tag.parse::<u64>().ok()?.checked_sub(1),
            Self::ReleaseTimestamp | Self::Commit => None,
        }
    }
}

fn semver(index: u64) -> String {
    format!("{}.{}.{}", index / (PATCHES * MINORS), index / PATCHES % MINORS, index % PATCHES)
}

fn semver_index(tag: &str) -> Option<u64> {
    let mut parts = tag.split('.').map(str::parse::<u64>);
    let mut next = || parts.next()?.ok();
    let (major, minor, patch) = (next()?, next()?, next()?);
    major.checked_mul(MINORS)?.checked_add(minor)?.checked_mul(PATCHES)?.checked_add(patch)
}

fn pushed_at(index: u64) -> OffsetDateTime {
    FIRST_PUSH + Duration::minutes(i64::try_from(index).unwrap_or(i64::MAX / 60))
}

/// A number that looks random and is different for every index: an odd factor keeps all indexes apart.
fn commit(index: u64) -> u128 {
    u128::from(index).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn first_tags() {
        let first = |style: TagStyle| [style.tag(0), style.tag(1), style.tag(21)];
        assert_eq!(first(TagStyle::Semver), ["0.0.0", "0.0.1", "0.1.1"]);
        assert_eq!(first(TagStyle::VSemver), ["v0.0.0", "v0.0.1", "v0.1.1"]);
        assert_eq!(first(TagStyle::BuildNumber), ["1", "2", "22"]);
        assert_eq!(TagStyle::ReleaseTimestamp.tag(61), "RELEASE.2024-01-01T01-01-00Z");
        assert_eq!(TagStyle::BranchBuild.tag(1), "main-3c6ef372-1704067260");
        assert_eq!(TagStyle::Commit.tag(0).len(), 40);
    }

    #[test]
    fn every_index_has_its_own_tag_and_is_found_by_it() {
        use TagStyle::{BranchBuild, BuildNumber, Commit, ReleaseTimestamp, Semver, VSemver};
        for style in [Semver, VSemver, BranchBuild, ReleaseTimestamp, Commit, BuildNumber] {
            let tags: HashSet<String> = (0..5_000).map(|index| style.tag(index)).collect();
            assert_eq!(tags.len(), 5_000, "{style:?}");
            for index in [0, 1, 19, 20, 999, 1_000, 999_999] {
                let found = style.index(&style.tag(index));
                assert!(found.is_none_or(|found| found == index), "{style:?} finds {found:?} for {index}");
            }
            assert_eq!(style.index("not-one-of-ours"), None, "{style:?}");
        }
    }
}
