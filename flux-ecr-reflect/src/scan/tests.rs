use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn scan(tags: &[&str]) -> Scan {
    let mut builder = ScanBuilder::default();
    for tag in tags {
        builder.push(&tag.parse().expect(tag)).expect("small");
    }
    builder.finish("ghcr.io/org/app".parse().expect("valid"), Listing::default())
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
    let image: ImageName = "ghcr.io/org/app".parse().expect("valid");
    let with = |image: &ImageName, tag: &str, listing: Listing| {
        let mut builder = ScanBuilder::default();
        builder.push(&tag.parse().expect(tag)).expect("small");
        builder.finish(image.clone(), listing)
    };
    let took_more = Listing::default().with_requests(7);
    assert_eq!(with(&image, "1.0.0", Listing::default()), with(&image, "1.0.0", took_more));
    assert_ne!(with(&image, "1.0.0", took_more), with(&image, "1.0.1", took_more));
    let other = "ghcr.io/org/other".parse().expect("valid");
    assert_ne!(with(&image, "1.0.0", took_more), with(&other, "1.0.0", took_more));
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

#[test]
fn a_tag_costs_its_bytes_and_four_more() {
    let tags: Vec<String> = (0..10_000).map(|i| format!("1.0.{i}")).collect();
    let scan = scan(&tags.iter().map(String::as_str).collect::<Vec<_>>());
    let raw: usize = tags.iter().map(String::len).sum();
    assert_eq!(scan.tags.text.capacity() + 4 * scan.tags.ends.capacity(), raw + 4 * tags.len());
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
        let mut shown = Vec::new();
        scan.for_each_tag(|tag| shown.push(tag.to_owned()));
        prop_assert!(shown.iter().eq(set.iter().copied()));
        prop_assert!(set.iter().all(|tag| scan.contains(tag)));
        prop_assert_eq!(scan.contains(&probe), set.contains(probe.as_str()));
        let json = format!("[{}]", set.iter().rev().map(|tag| format!("\"{tag}\"")).collect::<Vec<_>>().join(","));
        prop_assert_eq!(scan.revision(), adler2::adler32_slice(json.as_bytes()).to_string());
    }
}
