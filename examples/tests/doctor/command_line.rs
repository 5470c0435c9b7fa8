//! The example as a process: exit codes, and which stream says what.

use std::path::PathBuf;
use std::process::Command;

#[track_caller]
fn expect(words: &[&str], code: i32, out: &str, err: &str) {
    // Cargo builds a package's examples before it runs its tests, into the folder beside theirs.
    let tests: PathBuf = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let program =
        tests.parent().unwrap().join("examples").join(format!("doctor{}", std::env::consts::EXE_SUFFIX));
    let output = Command::new(program).args(words).output().unwrap();
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
    expect(&["--explain-order"], 0, "Both come to the same source.", "");
    expect(&["--image", "ghcr.io/stefanprodan/podinfo"], 2, "", "ghcr.io");
    expect(&["--permissions", "no/such/file.json"], 2, "", "no/such/file.json cannot be read");
    expect(&["--permissions", "Cargo.toml"], 2, "", "error: ");
    expect(&["--live", "--setup", "node"], 2, "", "--live");
    expect(&["--explain-order", "--ask"], 2, "", "--ask");
}
