//! The example as a process: exit codes, and which stream says what.

use std::process::Command;

use examples::program::of_example;

#[track_caller]
fn expect(words: &[&str], code: i32, out: &str, err: &str) {
    let output = Command::new(of_example("doctor")).args(words).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{words:?}\n{stdout}\n{stderr}");
    assert!(stdout.contains(out), "{words:?}: {out:?} is not in\n{stdout}");
    assert!(stderr.contains(err), "{words:?}: {err:?} is not in\n{stderr}");
    assert_eq!(stderr.is_empty(), err.is_empty(), "{words:?}\n{stderr}");
}

#[test]
fn the_exit_code_tells_well_from_a_problem_and_bad_input() {
    expect(&[], 0, "Nothing wrong was found.", "");
    expect(
        &["--ask"],
        0,
        "AWS knows the caller as arn:aws:sts::111122223333:assumed-role/flux-image-reflector/",
        "",
    );
    expect(&["--setup", "nothing"], 1, "PROBLEM", "");
    expect(&["--setup", "nothing", "--json"], 1, "\"reason\": \"WebIdentityNotActive\"", "");
    expect(&["--explain-order", "--json"], 0, "\"differs\": false", "");
    expect(&["--json", "--image", "ghcr.io/stefanprodan/podinfo"], 2, "\"error\": {", "");
    expect(&["--explain-order"], 0, "Both come to the same source.", "");
    expect(&["--image", "ghcr.io/stefanprodan/podinfo"], 2, "", "ghcr.io");
    expect(&["--permissions", "no/such/file.json"], 2, "", "no/such/file.json: ");
    expect(&["--permissions", "Cargo.toml"], 2, "", "Cargo.toml: ");
    expect(&["--live", "--setup", "node"], 2, "", "--live");
    expect(&["--explain-order", "--ask"], 2, "", "--ask");
}
