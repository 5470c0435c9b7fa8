use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::build::ScanBuilder;
use super::*;
use crate::tags::TagEntry;

fn scan(tags: &[&str]) -> Scan {
    let entries = tags.iter().map(|tag| TagEntry::new(tag.parse().expect(tag)));
    scan_of("ghcr.io/org/app", entries, false, Listing::default())
}

fn scan_of(
    image: &str,
    entries: impl IntoIterator<Item = TagEntry>,
    track_moves: bool,
    listing: Listing,
) -> Scan {
    let mut builder = ScanBuilder::tracking_moves(track_moves);
    for entry in entries {
        builder.push(&entry);
    }
    builder.finish(image.parse().expect("valid"), listing)
}

/// A tag that points to image `i`.
fn pointing(tag: &str, i: u64) -> TagEntry {
    let digest = format!("sha256:{i:016x}{i:048x}").parse().expect("a digest");
    TagEntry::new(tag.parse().expect(tag)).with_digest(digest)
}

// Known answers: Adler-32 of the JSON text by zlib, for lists already in Flux's order.
#[test]
fn revision_is_flux_s() {
    for (tags, revision) in [
        (&[][..], "18153657"),
        (&["v0.0.2", "v0.0.1", "latest"], "1593509681"),
        (&["v3.0.0", "v2.0.0", "v1.0.0"], "1503856137"),
    ] {
        assert_eq!(scan(tags).revision(), revision);
        let reversed: Vec<_> = tags.iter().rev().copied().collect();
        assert_eq!(scan(&reversed), scan(tags), "the order of arrival does not matter");
    }
}

#[test]
fn scans_are_equal_by_image_and_tags_whatever_they_took() {
    let with = |image: &str, tag: &str, image_behind, listing| {
        scan_of(image, [pointing(tag, image_behind)], true, listing)
    };
    let (took_nothing, took_more) = (Listing::default(), Listing::default().with_requests(7));
    let first = with("ghcr.io/org/app", "1.0.0", 1, took_nothing);
    assert_eq!(first, with("ghcr.io/org/app", "1.0.0", 2, took_more));
    assert_eq!(first, scan(&["1.0.0"]));
    assert_ne!(first, with("ghcr.io/org/app", "1.0.1", 1, took_nothing));
    assert_ne!(first, with("ghcr.io/org/other", "1.0.0", 1, took_nothing));
    assert_ne!(first, scan(&["1.0.0", "1.0.1"]));
}

#[test]
fn message_is_flux_s() {
    assert_eq!(
        scan(&["v1.0.0", "v2.0.0", "v3.0.0", "v2.0.0"]).to_string(),
        "successful scan: found 3 tags with checksum 1503856137"
    );
}

#[test]
fn latest_tags_are_the_ten_byte_greatest() {
    let tags: Vec<String> = (1..=12).map(|minor| format!("1.{minor}.0")).collect();
    let scan = scan(&tags.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(
        scan.latest_tags().iter().map(Tag::as_str).collect::<Vec<_>>(),
        ["1.9.0", "1.8.0", "1.7.0", "1.6.0", "1.5.0", "1.4.0", "1.3.0", "1.2.0", "1.12.0", "1.11.0"]
    );
    assert_eq!(self::scan(&["a"]).latest_tags().iter().map(Tag::as_str).collect::<Vec<_>>(), ["a"]);
}

// Known answers: `printf 'v3.0.0\nv2.0.0\nv1.0.0\n' | sha256sum`, and of nothing.
#[test]
fn the_revision_of_flux_storage_is_that_of_its_file() {
    let revision = |tags: &[&str]| scan(tags).revision_in(TagStorage::Files);
    assert_eq!(
        revision(&["v1.0.0", "v3.0.0", "v2.0.0"]),
        "sha256:b425e4419989a4ddabc4e8bcb3aa21b757d6aa29d13b3838e37980e7476b2fba"
    );
    assert_eq!(revision(&[]), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    let scan = scan(&["v1.0.0"]);
    assert_eq!(
        scan.message_in(TagStorage::Files),
        format!("successful scan: found 1 tags with checksum {}", scan.revision_in(TagStorage::Files))
    );
    assert_eq!(scan.message_in(TagStorage::Badger), scan.to_string());
}

#[test]
fn a_move_is_told_where_both_scans_track_moves_and_both_digests_are_known() {
    let unknown = |tag: &str| TagEntry::new(tag.parse().expect(tag));
    let of = |entries: Vec<TagEntry>, track| scan_of("ghcr.io/org/app", entries, track, Listing::default());
    let before = || vec![pointing("latest", 1), pointing("1.0.0", 1), pointing("old", 1), unknown("odd")];
    let after = || vec![pointing("latest", 2), pointing("1.0.0", 1), pointing("new", 2), pointing("odd", 3)];
    let changes = |before: &Scan, after: &Scan| -> Vec<String> {
        after.changes_since(before).map(|change| change.to_string()).collect()
    };
    assert_eq!(changes(&of(before(), true), &of(after(), true)), ["~latest", "+new", "-old"]);
    for (one, other) in [(false, true), (true, false), (false, false)] {
        assert_eq!(changes(&of(before(), one), &of(after(), other)), ["+new", "-old"]);
    }
    assert!(of(vec![], true).tracks_moves() && !of(before(), false).tracks_moves());
}

#[test]
fn of_a_tag_that_is_listed_twice_the_first_digest_stays_however_far_apart() {
    let filler = |from: u32| (from..from + 30_000).map(|i| pointing(&format!("filler-{i:08}"), 9));
    let twice = |first, second| {
        let entries = [pointing("latest", first)].into_iter().chain(filler(0));
        let entries = entries.chain([pointing("latest", second)]).chain(filler(1_000_000));
        scan_of("ghcr.io/org/app", entries, true, Listing::default())
    };
    let (before, same, moved) = (twice(1, 2), twice(1, 3), twice(2, 1));
    assert_eq!(before.len(), 60_001);
    assert_eq!(same.changes_since(&before).count(), 0);
    let changes: Vec<_> = moved.changes_since(&before).collect();
    assert_eq!(changes, [Change::Moved("latest".parse().expect("valid"))]);
}

#[test]
fn tags_of_every_length_are_kept() {
    let longest = "x".repeat(Tag::MAX_LEN);
    let tags: Vec<&str> = (1..=Tag::MAX_LEN).filter_map(|length| longest.get(..length)).collect();
    let scan = scan(&tags);
    assert!(scan.tags().map(|tag| tag.to_string()).eq(tags.iter().map(ToString::to_string)));
    assert!(tags.iter().all(|tag| scan.contains(tag)));
    for absent in ["", "w", "y", "xy", "xw", &format!("{longest}x"), "\u{e9}"] {
        assert!(!scan.contains(absent), "{absent}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_scan_is_a_sorted_set(tags in prop::collection::vec("[a-c0-2_][a-c0-2._-]{0,3}", 0..60), probe in "[a-c0-2]{1,3}") {
        let scan = scan(&tags.iter().map(String::as_str).collect::<Vec<_>>());
        let set: BTreeSet<&str> = tags.iter().map(String::as_str).collect();
        prop_assert_eq!(scan.len(), set.len());
        prop_assert_eq!(scan.is_empty(), set.is_empty());
        prop_assert!(scan.tags().map(|tag| tag.to_string()).eq(set.iter().copied()));
        prop_assert_eq!(scan.tags().len(), set.len());
        prop_assert!(scan.tags().rev().map(|tag| tag.to_string()).eq(set.iter().rev().copied()));
        let mut shown = Vec::new();
        scan.for_each_tag(|tag| shown.push(tag.to_owned()));
        prop_assert!(shown.iter().eq(set.iter().copied()));
        prop_assert!(set.iter().all(|tag| scan.contains(tag)));
        prop_assert_eq!(scan.contains(&probe), set.contains(probe.as_str()));
        let json = format!("[{}]", set.iter().rev().map(|tag| format!("\"{tag}\"")).collect::<Vec<_>>().join(","));
        prop_assert_eq!(scan.revision(), adler2::adler32_slice(json.as_bytes()).to_string());
    }

    // More tags than a block holds, from both ends at once.
    #[test]
    fn tags_come_from_both_ends(numbers in prop::collection::btree_set(0..5000u32, 0..300), steps in prop::collection::vec(any::<bool>(), 310)) {
        let tags: Vec<String> = numbers.iter().map(|number| format!("1.{number}")).collect();
        let scan = scan(&tags.iter().map(String::as_str).collect::<Vec<_>>());
        let mut expected: std::collections::VecDeque<&str> = scan_order(&tags).into();
        let mut tags = scan.tags();
        for from_behind in steps {
            prop_assert_eq!(tags.len(), expected.len());
            let (tag, wanted) = if from_behind {
                (tags.next_back(), expected.pop_back())
            } else {
                (tags.next(), expected.pop_front())
            };
            prop_assert_eq!(tag.as_ref().map(Tag::as_str), wanted);
        }
    }

    #[test]
    fn changes_lead_from_one_scan_to_the_other(
        before in prop::collection::btree_map(0..400u32, 0..3u64, 0..200),
        after in prop::collection::btree_map(0..400u32, 0..3u64, 0..200),
    ) {
        let of = |tags: &BTreeMap<u32, u64>| {
            let entries = tags.iter().map(|(number, image)| pointing(&format!("1.{number}"), image + 1));
            scan_of("ghcr.io/org/app", entries, true, Listing::default())
        };
        let expected: BTreeSet<String> = (0..400)
            .filter_map(|number| match (before.get(&number), after.get(&number)) {
                (Some(before), Some(after)) if before != after => Some(format!("~1.{number}")),
                (Some(_), None) => Some(format!("-1.{number}")),
                (None, Some(_)) => Some(format!("+1.{number}")),
                _ => None,
            })
            .collect();
        let (before, after) = (of(&before), of(&after));
        let changes: Vec<Change> = after.changes_since(&before).collect();
        prop_assert!(changes.is_sorted_by(|a, b| a.tag() < b.tag()));
        prop_assert_eq!(changes.iter().map(ToString::to_string).collect::<BTreeSet<_>>(), expected);
    }
}

fn scan_order(tags: &[String]) -> Vec<&str> {
    let mut sorted: Vec<&str> = tags.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    sorted
}
