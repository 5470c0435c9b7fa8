//! What people and machines read.

use flux_policy::{ErrorKind, Order, Policy, Ruling, TagFilter};

#[test]
fn a_decision_reads_without_documentation() {
    let filter =
        TagFilter::new(r"^v?(?P<version>[0-9]+\.[0-9]+\.[0-9]+)-alpine[0-9.]+$", "$version").unwrap();
    let policy = Policy::semver("^1.2").unwrap().with_filter(filter);
    let tags = [
        "1.2.3-alpine3.18",
        "1.2.3-alpine3.19",
        "1.3.0-alpine3.18",
        "1.3.0-alpine3.19",
        "2.0.0-alpine3.19",
        "1.4.0",
    ];
    let expected = r#"1.3.0-alpine3.18 is the highest version in "^1.2" among tags matching "^v?(?P<version>[0-9]+\.[0-9]+\.[0-9]+)-alpine[0-9.]+$", comparing "$version"
  compared as 1.3.0
  1 more tag with the same "1.3.0"; the byte-smallest tag wins
  next: 1.3.0-alpine3.19
  6 tags: 4 eligible, 2 left out
    1 not matched by the filter: 1.4.0
    1 outside the range: 2.0.0-alpine3.19"#;
    assert_eq!(policy.latest(tags).unwrap().to_string(), expected);
}

#[test]
fn nothing_matched_says_what_to_change() {
    let decision =
        Policy::semver(">=1.0.0 <2.0.0").unwrap().latest(["1.4.0-rc.1", "2.0.0", "latest"]).unwrap();
    let expected = r#"no tag qualifies as the highest version in ">=1.0.0 <2.0.0"
  3 tags: 0 eligible, 3 left out
    1 not a version: latest
    1 prerelease, which the range does not admit: 1.4.0-rc.1
    1 outside the range: 2.0.0
  try: a wider range
  try: ">=1.0.0-0 <2.0.0-0" to admit prereleases"#;
    assert_eq!(decision.to_string(), expected);
    let nothing = Policy::alphabetical(Order::Asc).latest([""; 0]).unwrap();
    assert_eq!(nothing.advice(), ["pass in some tags: there were none"]);
}

#[test]
fn verdicts_survive_a_failed_policy() {
    let explanation = Policy::numerical(Order::Asc).explain(["7", "latest", "beta"]);
    let error = explanation.decision().unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::InvalidTag, r#"tag "beta" is not a number"#)
    );
    assert!(error.hint().is_some());
    assert_eq!(explanation.verdicts()[0].ruling(), &Ruling::Undecided);
    assert_eq!(explanation.to_string(), "7       eligible\nlatest  not a number\nbeta    not a number");
}

#[test]
#[cfg(feature = "serde")]
fn machines_read_the_same() {
    let explanation =
        Policy::semver("^1.0.0").unwrap().explain(["1.0.0", "v1.1.0", "1.1.0", "latest", "1.2.0-rc.1"]);
    let expected = serde_json::json!({
        "decision": {
            "policy": "highest version in \"^1.0.0\"",
            "winner": {"tag": "v1.1.0", "key": "v1.1.0", "version": "1.1.0", "ties": 1, "collisions": 0},
            "runnerUp": {"tag": "1.1.0", "key": "1.1.0", "version": "1.1.0", "ties": 1, "collisions": 0},
            "total": 5,
            "eligible": 3,
            "leftOut": [
                {"reason": "notAVersion", "count": 1, "examples": ["latest"]},
                {"reason": "prereleaseNotAdmitted", "count": 1, "examples": ["1.2.0-rc.1"]},
            ],
            "groups": [],
            "advice": [],
            "lints": [],
        },
        "verdicts": [
            {"tag": "1.0.0", "verdict": "loses", "to": "v1.1.0", "by": "value", "text": "loses to v1.1.0"},
            {"tag": "v1.1.0", "verdict": "wins", "text": "wins"},
            {"tag": "1.1.0", "verdict": "loses", "to": "v1.1.0", "by": "tie",
             "text": "equal to v1.1.0, which is preferred for its spelling"},
            {"tag": "latest", "verdict": "leftOut", "reason": "notAVersion", "at": 0,
             "text": "not a version: expected a number (at byte 0)"},
            {"tag": "1.2.0-rc.1", "verdict": "leftOut", "reason": "prereleaseNotAdmitted", "admittedBy": "^1.0.0-0",
             "text": "prerelease, which the range does not admit; \"^1.0.0-0\" would"},
        ],
    });
    assert_eq!(serde_json::to_value(&explanation).unwrap(), expected);
}

#[test]
fn advice_looks_at_what_got_as_far_as_the_obstacle() {
    let policy = Policy::semver("*").unwrap().with_filter(TagFilter::new("^rel-.*$", "").unwrap());
    let decision = policy.latest(["rel-1.2.3", "latest"]).unwrap();
    assert!(decision.to_string().contains("try: another extract"), "{decision}");
    let numbers = Policy::numerical(Order::Asc).without_non_numbers();
    let decision = numbers.latest(["latest", "edge"]).unwrap();
    assert!(decision.to_string().contains("try: a filter that extracts the number"), "{decision}");
}
