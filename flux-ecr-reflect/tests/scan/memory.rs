//! What a scan of a million tags takes while it is made, and when it is there. Without optimisation, of fewer tags, which share
//! less with each other.

use flux_ecr_reflect::Scan;

use crate::fake;
use crate::sets::{MAIN, SEMVER, SEMVER_ALPINE, Set};

const TAGS: u64 = if cfg!(debug_assertions) { FEWER } else { 1_000_000 };
const FEWER: u64 = 200_000;
/// The most that a tag may take of any set.
const LIMIT: u64 = 20;

struct Taken {
    /// Bytes of all tags, end to end.
    raw: u64,
    /// Bytes in use at most while the scan was made, with the page that was being read.
    peak: u64,
    /// Bytes in use when it was there.
    kept: u64,
    scan: Scan,
}

fn taken(tags: Vec<String>, track_moves: bool) -> Taken {
    let raw = tags.iter().map(|tag| tag.len() as u64).sum();
    let builder = fake::builder(tags, track_moves.then_some(0));
    let builder = if track_moves { builder.track_moves() } else { builder };
    let reflector = builder.build().expect("complete");
    let mut scan = None;
    let used = allocation_counter::measure(|| scan = Some(fake::scan_by(&reflector)));
    let kept = u64::try_from(used.bytes_current).expect("nothing is let go that was there before");
    Taken { raw, peak: used.bytes_max, kept, scan: scan.expect("made") }
}

#[track_caller]
fn assert_small(set: Set, at_most: u64) {
    let Taken { raw, peak, kept, scan } = taken(set.tags(TAGS), false);
    assert_eq!(scan.len() as u64, TAGS);
    let at_most = if TAGS == 1_000_000 { at_most } else { LIMIT };
    assert!(kept <= at_most * TAGS, "{kept} bytes are kept");
    assert!(peak <= 2 * raw, "{peak} bytes at most, of {raw}");

    // Marks cost the same each, however many there are.
    let tags = set.tags(FEWER);
    let (plain, tracking) = (taken(tags.clone(), false), taken(tags, true));
    let more = tracking.kept - plain.kept;
    assert!(more <= 8 * FEWER, "{more} bytes more are kept");
    assert!(tracking.peak <= 2 * tracking.raw, "{} bytes at most, of {}", tracking.peak, tracking.raw);
    assert!(tracking.scan == plain.scan && tracking.scan.tracks_moves());
}

#[test]
fn a_million_versions_take_seven_bytes_each() {
    assert_small(SEMVER, 7);
}

#[test]
fn a_million_versions_with_variants_take_fourteen_bytes_each() {
    assert_small(SEMVER_ALPINE, 14);
}

#[test]
fn a_million_commits_take_eighteen_bytes_each() {
    assert_small(MAIN, 18);
}

#[test]
fn tags_that_come_in_order_take_no_more() {
    let mut tags = SEMVER.tags(FEWER);
    let shuffled = taken(tags.clone(), false);
    tags.sort_unstable();
    let sorted = taken(tags, false);
    assert!(sorted.kept <= shuffled.kept && sorted.peak <= 2 * sorted.raw);
}
