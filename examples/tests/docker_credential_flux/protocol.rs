//! What Docker says on standard input, and what it finds on standard output.

use std::io::Write;
use std::process::{Command, Stdio};

use examples::program::of_example;
use serde_json::{Value, json};

const REGISTRY: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

/// The exit code, and what is on standard output.
fn helper(words: &[&str], input: &str) -> (i32, String) {
    let mut child = Command::new(of_example("docker_credential_flux"))
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may be gone already: not every action reads.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let code = output.status.code().unwrap();
    assert!(code == 2 || err.is_empty(), "{words:?}: {err}");
    (code, out)
}

#[track_caller]
fn offline(action: &str, input: &str) -> (i32, String) {
    helper(&["--offline", action], input)
}

#[test]
fn get_answers_with_the_server_as_docker_wrote_it_a_user_and_a_secret() {
    for server in [REGISTRY.to_owned(), format!("https://{REGISTRY}"), format!("https://{REGISTRY}/v2/")] {
        let (code, out) = offline("get", &format!("{server}\n"));
        assert_eq!(code, 0, "{out}");
        let answer: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((&answer["ServerURL"], &answer["Username"]), (&json!(server), &json!("AWS")));
        assert!(answer["Secret"].as_str().is_some_and(|secret| secret.len() > 20));
        assert_eq!(answer.as_object().unwrap().len(), 3, "{answer:?}");
    }
}

#[test]
fn another_account_s_registry_and_ecr_public_have_logins_too() {
    for server in ["444455556666.dkr.ecr.eu-west-1.amazonaws.com", "public.ecr.aws", "ecr-public.aws.com"] {
        let (code, out) = offline("get", server);
        assert_eq!(code, 0, "{server}: {out}");
        assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["Username"], "AWS");
    }
}

#[test]
fn of_other_registries_docker_hears_the_words_upon_which_it_asks_as_nobody() {
    let not_found = (1, "credentials not found in native keychain\n".to_owned());
    for server in ["https://index.docker.io/v1/", "ghcr.io", "localhost:5000", "not a server"] {
        assert_eq!(offline("get", server), not_found, "{server}");
    }
    assert_eq!(helper(&["--offline", "--setup", "nothing", "get"], "public.ecr.aws"), not_found);
}

#[test]
fn what_fails_stops_docker_with_the_reason_in_one_line() {
    let (code, out) = helper(&["--offline", "--setup", "nothing", "get"], REGISTRY);
    assert_eq!((code, out.lines().count()), (1, 1), "{out}");
    assert!(out.starts_with("no AWS credentials to log in"), "{out}");
    for server in
        [format!("{REGISTRY}.evil.example"), format!("{REGISTRY}:443"), "public.ecr.aws:443".to_owned()]
    {
        let (code, out) = offline("get", &server);
        assert_eq!((code, out.lines().count()), (1, 1), "{out}");
        assert!(out.contains("is not a private Amazon ECR registry"), "{out}");
    }
}

#[test]
fn list_names_the_registry_of_the_identity_s_own_account() {
    let (code, out) = offline("list", "");
    assert_eq!(code, 0, "{out}");
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer, json!({ REGISTRY: "AWS", format!("https://{REGISTRY}"): "AWS" }));
    assert_eq!(
        helper(&["--offline", "--setup", "node", "list"], ""),
        (0, "{}\n".to_owned()),
        "it has no region"
    );
}

#[test]
fn nothing_is_stored_and_so_nothing_is_erased() {
    let credentials = json!({ "ServerURL": REGISTRY, "Username": "AWS", "Secret": "canary" }).to_string();
    for (action, input) in [("store", credentials.as_str()), ("erase", REGISTRY)] {
        let (code, out) = offline(action, input);
        assert_eq!(code, 1, "{action}");
        assert!(out.starts_with("not implemented") && !out.contains("canary"), "{out}");
    }
}

#[test]
fn what_docker_forgot_to_say_is_named_in_its_own_words() {
    for (action, input, words) in [
        ("get", " \n", "no credentials server URL\n"),
        ("erase", "", "no credentials server URL\n"),
        ("store", "{", "no credentials server URL\n"),
        ("store", r#"{"ServerURL": "ghcr.io"}"#, "no credentials username\n"),
        ("fetch", "", "Unknown credential action `fetch`\n"),
    ] {
        assert_eq!(offline(action, input), (1, words.to_owned()), "{action}");
    }
    let (code, out) = helper(&[], "");
    assert_eq!((code, out.as_str()), (1, "Usage: docker-credential-flux <store|get|erase|list|version>\n"));
    let (code, out) = offline("version", "");
    assert_eq!((code, out), (0, format!("docker-credential-flux {}\n", env!("CARGO_PKG_VERSION"))));
    assert_eq!(helper(&["--setup", "node", "get"], REGISTRY).0, 2, "a set-up is of the embedded AWS");
}
