//! No rule allocates per tag.
#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]

use flux_policy::{Candidate, ExclusionList, Order, Policy, Selector, TagFilter};

/// Pushes tags once to warm up, then again while counting.
#[track_caller]
fn allocates_nothing(policy: &Policy, tag: impl Fn(usize) -> String) {
    let tags: Vec<String> = (0..2000).map(tag).collect();
    let push = |selector: &mut Selector| {
        for tag in &tags {
            selector.push(&Candidate::new(tag).with_digest("sha256:0a1b"));
        }
    };
    let mut selector = policy.selector();
    push(&mut selector);
    let counted = allocation_counter::measure(|| push(&mut selector));
    assert_eq!(counted.count_total, 0, "{policy}");
    assert!(selector.finish().unwrap().winner().is_some());
}

fn filter(pattern: &str, extract: &str) -> TagFilter {
    TagFilter::new(pattern, extract).unwrap()
}

#[test]
fn pushing_a_tag_allocates_nothing() {
    let version = |i: usize| format!("{}.{}.{i}{}", i % 5, i % 7, ["", "-rc.1", "-alpine3.18"][i % 3]);
    allocates_nothing(&Policy::semver(">=1.0.0 <3 || ~4.1-0").unwrap(), version);
    allocates_nothing(&Policy::semver("*").unwrap().with_exclusion_list(ExclusionList::default()), version);
    let alpine = filter(r"^v?(?P<v>[0-9]+\.[0-9]+\.[0-9]+)-alpine[0-9.]+$", "$v");
    allocates_nothing(&Policy::semver("*").unwrap().with_filter(alpine), version);
    let joined = filter(r"(\d+)\.(\d+)\.(?:\d+)", "$2.$1.0");
    allocates_nothing(&Policy::semver("*").unwrap().with_filter(joined), version);

    let release = |i: usize| format!("RELEASE.20{:02}-{:02}-01T00-00-00Z", i % 40, i % 12);
    let stamp = filter(r"^RELEASE\.(?P<timestamp>.*)Z$", "$timestamp");
    allocates_nothing(&Policy::alphabetical(Order::Asc).with_filter(stamp), release);

    let build = |i: usize| format!("main-{:07x}-{}", i * 7919, 1_600_000_000 + i * 11);
    let number = filter("^main-[a-f0-9]+-(?P<ts>[0-9]+)", "$ts");
    allocates_nothing(&Policy::numerical(Order::Desc).with_filter(number), build);
    allocates_nothing(&Policy::numerical(Order::Asc), |i| format!("{}.5e{}", i, i % 9));
    allocates_nothing(&Policy::numerical(Order::Asc), |i| format!("{i}_000"));
    // In ascending order every tag is a new leader.
    allocates_nothing(&Policy::alphabetical(Order::Asc), |i| format!("{i:08}"));
}
