//! The example as a process: exit codes, and which stream says what.

use std::process::{Command, Output};

use examples::program::of_example;

fn reflect(words: &[&str]) -> Output {
    Command::new(of_example("reflect")).args(words).output().unwrap()
}

#[track_caller]
fn expect(words: &[&str], code: i32, out: &str, err: &str) {
    let output = reflect(words);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{words:?}\n{stdout}\n{stderr}");
    assert!(stdout.contains(out), "{words:?}: {out:?} is not in\n{stdout}");
    assert!(stderr.contains(err), "{words:?}: {err:?} is not in\n{stderr}");
    assert_eq!(stderr.is_empty(), err.is_empty(), "{words:?}\n{stderr}");
}

#[test]
fn the_exit_code_tells_found_from_nothing_and_failure() {
    expect(&[], 0, "successful scan: found 2375 tags with checksum", "");
    expect(&["--tags", "20"], 1, "Latest image\n  none", "");
    expect(&["--json", "--tags", "20"], 1, "\"latestImage\": null", "");
    expect(&["--setup", "nothing"], 2, "Set-up", "No AWS credentials");
    expect(&["--setup", "nothing", "--json"], 2, "\"what\": \"credentials\"", "");
    expect(&["--oci", "--json"], 0, "the distribution API, with a user and a password", "");
    expect(&["--newest-push", "--json"], 0, "\"policy\": \"most recent push\"", "");
    expect(&["--newest-push", "--min-age", "999999h"], 1, "Latest image\n  none", "");
    expect(&["--policy", "no/such/file.yaml"], 2, "", "The policy file no/such/file.yaml cannot be read");
    expect(&["--policy", "Cargo.toml"], 2, "", "The policy file Cargo.toml cannot be used");
    expect(&["--policy", "data/explain/minio.yaml", "--json"], 0, "latestImage", "");
    expect(&["--policy", "data/explain/podinfo.yaml"], 2, "", "ImagePolicies, but one is evaluated");
    expect(
        &["--image", "111122223333.dkr.ecr.us-east-1.amazonaws.com/apps/mainapp"],
        2,
        "",
        "plays eu-west-1 alone",
    );
    expect(&["--live"], 2, "", "--image");
    expect(&["--image", "ghcr.io/stefanprodan/podinfo"], 2, "", "The image cannot be used");
    expect(&["--image", "111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp:1.0.0"], 2, "", "1.0.0");
    expect(&["--image", "111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/other"], 2, "", "apps/other");
    expect(&["--setup", "by-magic"], 2, "", "by-magic");
    expect(&["--tags", "1000001"], 2, "", "1000001");
    expect(&["--live", "--setup", "node"], 2, "", "--live");
}
