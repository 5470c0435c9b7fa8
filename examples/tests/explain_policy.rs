//! `explain_policy` as a process, on the sample files it ships with.
#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

use examples::program::of_example;

/// Runs the example on sample files; with tags, on standard input.
fn explain(words: &[&str], tags: Option<&str>) -> Output {
    let mut child = Command::new(of_example("explain_policy"))
        .args(words)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/data/explain"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It may have ended without reading.
    let _ = stdin.write_all(tags.unwrap_or_default().as_bytes());
    drop(stdin);
    child.wait_with_output().unwrap()
}

#[track_caller]
fn expect(words: &[&str], tags: Option<&str>, code: i32, out: &[&str], err: &str) {
    let output = explain(words, tags);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{words:?}\n{stdout}\n{stderr}");
    for out in out {
        assert!(stdout.contains(out), "{out:?} is not in\n{stdout}");
    }
    assert!(stderr.contains(err), "{err:?} is not in\n{stderr}");
    assert_eq!(stderr.is_empty(), err.is_empty(), "{stderr}");
}

#[test]
fn sample_files_are_explained() {
    let builds = [
        "main-0c0ffee-1718003600 is the greatest number",
        "main-9f8e7d6-1718003600\tthe same after extraction as main-0c0ffee-1718003600",
        "pr-412-1a2b3c4-1718001000\ton the exclusion list (pattern 2)",
        "1.4.1-alpine3.18 is the highest version",
    ];
    expect(&["builds.yaml", "builds.txt"], None, 0, &builds, "");
    expect(&["minio.yaml", "minio.txt"], None, 0, &["RELEASE.2024-06-13T22-53-53Z\twins"], "");
}

#[test]
fn a_policy_that_matches_nothing_says_what_to_try() {
    let out = [
        "ImagePolicy podinfo-stable\n6.7.1 is the highest version in \"6.x\"",
        "try: \">=6.0.0-0\" to admit prereleases",
        "the filter lets only prereleases through and the range admits none",
    ];
    expect(&["podinfo.yaml", "podinfo.txt"], None, 1, &out, "");
}

#[test]
fn tags_come_from_standard_input_too() {
    expect(
        &["minio.yaml"],
        Some("RELEASE.2024-01-01T00-00-00Z\n\n latest \n"),
        0,
        &["2 tags: 1 eligible"],
        "",
    );
    expect(&["minio.yaml"], Some(""), 1, &["try: pass in some tags"], "");
}

#[test]
fn json_holds_decision_and_verdicts() {
    let output = explain(&["podinfo.yaml", "podinfo.txt", "--json"], None);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(json[0]["explanation"]["decision"]["winner"]["tag"], "6.7.1");
    assert_eq!(json[2]["explanation"]["decision"]["winner"], serde_json::Value::Null);
    assert_eq!(json[1]["explanation"]["verdicts"].as_array().unwrap().len(), 14);
}

#[test]
fn what_a_tag_would_do_to_a_terminal_is_written_out() {
    let output =
        explain(&["minio.yaml"], Some("RELEASE.2024-01-01T00-00-00Z\n\u{1b}]0;title\u{7}\u{1b}[2J\n"));
    let text = String::from_utf8(output.stdout).unwrap();
    let shown = "\\u{1b}]0;title\\u{7}\\u{1b}[2J";
    assert!(text.contains(&format!("1 not matched by the filter: {shown}\n")), "{text}");
    assert!(text.contains(&format!("{shown}\tnot matched by the filter\n")), "{text}");
    assert!(!text.contains(['\u{1b}', '\u{7}']), "{text:?}");

    let tag = "\u{9b}2J\u{7f}";
    let output = explain(&["minio.yaml", "--json"], Some(tag));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains(['\u{9b}', '\u{7f}']), "{text:?}");
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document[0]["explanation"]["verdicts"][0]["tag"], tag);
}

#[test]
fn every_policy_that_cannot_be_evaluated_is_named_and_the_others_are_evaluated() {
    let words = ["wrong.yaml", "podinfo.txt"];
    expect(&words, None, 2, &["ImagePolicy right\n7.0.0-rc10 is the"], "range: ");
    let told = String::from_utf8(explain(&words, None).stderr).unwrap();
    for policy in
        ["\"wrong-range\": spec.policy.semver.range: ", "\"wrong-pattern\": spec.filterTags.pattern: "]
    {
        assert_eq!(told.matches(policy).count(), 1, "{told}");
    }
    let output = explain(&[words[0], words[1], "--json"], None);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(2), 0));
    for (index, is_right) in [(0, false), (1, true), (2, false)] {
        assert_eq!(document[index]["explanation"].is_object(), is_right, "{document:#}");
        assert_eq!(document[index]["error"]["message"].is_string(), !is_right, "{document:#}");
    }
}

#[test]
fn bad_input_is_named() {
    expect(&["missing.yaml"], None, 2, &[], "missing.yaml: ");
    expect(&["podinfo.txt"], Some(""), 2, &[], "podinfo.txt: no document has kind ImagePolicy");
    expect(&["builds.yaml", "missing.txt"], None, 2, &[], "missing.txt: ");
    expect(&["missing.yaml", "--json"], None, 2, &["\"what\": \"missing.yaml\""], "");
}
