//! The example as a process. It takes `python3` with `venv`, and PyPI at the first run.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_s3_and_kms");

#[test]
fn the_example_prints_what_its_documentation_says() {
    examples::shown::check(include_str!("../main.rs"), Path::new(PROGRAM));
}

#[test]
fn a_machine_reads_one_document() {
    let output = Command::new(PROGRAM).arg("--json").output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |field: &str| {
        document.as_array().unwrap().iter().map(|object| object[field].clone()).collect::<Value>()
    };
    let (file, key) = ("kind: ConfigMap", "the data key of a file");
    assert_eq!(of("content"), json!([file, file, key, null, null]));
    assert_eq!(of("refused"), json!([null, null, null, "refused, AccessDeniedException", null]));
    assert_eq!(document[4]["noCredentials"]["reason"], "NotTrusted");
    let code = |words: &[&str]| Command::new(PROGRAM).args(words).output().unwrap().status.code();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(code(&["--live"]), Some(2));
}
