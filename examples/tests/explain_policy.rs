//! `explain_policy` as a process, on the sample files it ships with.
#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Runs the example on sample files; with tags, on standard input.
fn explain(words: &[&str], tags: Option<&str>) -> Output {
    // Cargo builds a package's examples before it runs its tests, into the folder beside theirs.
    let tests: PathBuf = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let name = format!("explain_policy{}", std::env::consts::EXE_SUFFIX);
    let mut child = Command::new(tests.parent().unwrap().join("examples").join(name))
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
fn bad_input_is_named() {
    expect(&["missing.yaml"], None, 2, &[], "missing.yaml: ");
    expect(&["podinfo.txt"], Some(""), 2, &[], "podinfo.txt: no document has kind ImagePolicy");
    expect(&["builds.yaml", "missing.txt"], None, 2, &[], "missing.txt: ");
}
