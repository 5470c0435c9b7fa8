//! The example as a process: signals and exit codes.

use std::path::Path;
use std::process::{ExitStatus, Stdio};

use local_aws::{Fault, GenericRegistry, Injection, LocalAws, Repository, Service, User};
use tokio::process::{Child, Command};

use crate::files;

const MANIFESTS: &str = "
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: app, namespace: apps}
spec: {image: 111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/app, interval: 1h, provider: aws}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: app, namespace: apps}
spec: {imageRepositoryRef: {name: app}, policy: {semver: {range: 1.x}}}
";

/// An account whose ECR keeps everybody waiting.
async fn account() -> LocalAws {
    let user = User::new("flux").permissions(
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}}"#,
    );
    LocalAws::builder()
        .user(user)
        .repository(Repository::with_tags("apps/app", ["1.0.0"]))
        .start()
        .await
        .unwrap()
}

fn watch(aws: &LocalAws, folder: &Path, words: &[&str]) -> Child {
    let manifests = folder.join("manifests.yaml");
    files::replace(&manifests, MANIFESTS).unwrap();
    let key = aws.access_key("flux").unwrap();
    Command::new(env!("CARGO_BIN_EXE_image_watch"))
        .arg("--live")
        .arg(manifests)
        .args(words)
        .env_clear()
        .env("AWS_ACCESS_KEY_ID", key.id())
        .env("AWS_SECRET_ACCESS_KEY", key.secret())
        .env("AWS_ENDPOINT_URL_ECR", aws.ecr_url())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Waits until the child asks for what is held.
async fn asks(child: &mut Child, held: &Injection) {
    tokio::select! {
        () = held.reached(1) => {}
        status = child.wait() => panic!("it has ended: {status:?}"),
    }
}

/// Sends a signal to this child, and to nobody else.
async fn send(signal: &str, child: &Child) {
    let pid = child.id().expect("it runs").to_string();
    let command = format!("kill -{signal} {pid}");
    assert!(Command::new("sh").args(["-c", &command]).status().await.unwrap().success());
}

async fn output(child: Child) -> (ExitStatus, String, String) {
    let output = child.wait_with_output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status, text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn a_signal_ends_it_within_the_grace_though_a_scan_hangs() {
    for (signal, reason) in [("INT", "ctrl-c"), ("TERM", "SIGTERM")] {
        let (aws, folder) = (account().await, tempfile::tempdir().unwrap());
        let held = aws.inject(Service::Ecr, Fault::hold());
        let mut child = watch(&aws, folder.path(), &["--grace", "10ms"]);
        asks(&mut child, &held).await;
        send(signal, &child).await;
        let (status, out, err) = output(child).await;
        assert_eq!((status.code(), &*err), (Some(0), ""), "{out}");
        assert!(out.contains(&format!("stopped    {reason}")), "{out}");
        assert!(out.contains("1 abandoned"), "{out}");
    }
}

#[tokio::test]
async fn a_second_ctrl_c_ends_it_at_once() {
    let (aws, folder) = (account().await, tempfile::tempdir().unwrap());
    let held = aws.inject(Service::Ecr, Fault::hold());
    let mut child = watch(&aws, folder.path(), &["--grace", "60m"]);
    asks(&mut child, &held).await;
    let mut out = tokio::io::BufReader::new(child.stdout.take().unwrap());
    send("INT", &child).await;
    let mut line = String::new();
    while !line.contains("stopping") {
        line.clear();
        assert!(tokio::io::AsyncBufReadExt::read_line(&mut out, &mut line).await.unwrap() > 0);
    }
    send("INT", &child).await;
    assert_eq!(child.wait().await.unwrap().code(), Some(130));
}

#[tokio::test]
async fn live_asks_as_the_process_s_environment_says_and_keeps_what_it_found() {
    let (aws, folder) = (account().await, tempfile::tempdir().unwrap());
    let state = folder.path().join("state");
    let words = ["--rounds", "1", "--state", state.to_str().unwrap()];
    let (status, out, err) = output(watch(&aws, folder.path(), &words)).await;
    assert_eq!((status.code(), &*err), (Some(0), ""), "{out}");
    assert!(out.contains("nothing → 1.0.0"), "{out}");
    assert!(state.join("apps_app.scan").exists() && state.join("apps_app.json").exists());
    let secret = aws.access_key("flux").unwrap().secret().to_owned();
    assert!(!out.contains(&secret) && !err.contains(&secret));
}

#[tokio::test]
async fn a_registry_without_tls_is_asked_as_nobody_if_its_manifest_says_so() {
    let registry = GenericRegistry::open().repository(Repository::with_tags("apps/app", ["1.0.0"]));
    let aws = LocalAws::builder().generic_registry(registry).start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let image = format!("{}/apps/app", aws.generic_registry_host());
    let insecure = MANIFESTS.replace("111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/app", &image);
    let manifests = folder.path().join("manifests.yaml");
    files::replace(&manifests, &insecure.replace("provider: aws", "insecure: true")).unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_image_watch"));
    let program = program.arg("--live").arg(manifests).args(["--rounds", "1"]).env_clear();
    let output = program.output().await.unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && out.contains("nothing → 1.0.0"), "{out}");
}

#[tokio::test]
async fn an_address_that_credentials_must_not_go_to_ends_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let manifests = folder.path().join("manifests.yaml");
    files::replace(&manifests, MANIFESTS).unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_image_watch"));
    let program = program
        .arg("--live")
        .arg(manifests)
        .env_clear()
        .env("AWS_ENDPOINT_URL_ECR", "http://ecr.example.com");
    let output = program.output().await.unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{err}");
    assert!(err.starts_with("repository apps/app: ") && err.contains("http://ecr.example.com"), "{err}");
}

#[tokio::test]
async fn bad_input_is_two() {
    for (words, part) in [
        (&["no/such/file.yaml"][..], "no/such/file.yaml cannot be read"),
        (&["--live"], "MANIFESTS"),
        (&["--metrics", "everywhere"], "127.0.0.1:9090"),
        (&["--rounds", "0"], "--rounds"),
        (&["--state", "Cargo.toml"], "The folder Cargo.toml cannot be used"),
    ] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_image_watch"));
        let output = program.args(words).output().await.unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?} {err}");
        assert!(err.contains(part), "{part} is not in {err}");
    }
    let output =
        Command::new(env!("CARGO_BIN_EXE_image_watch")).args(["--json", "no/such/file.yaml"]).output();
    let output = output.await.unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let error: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((output.status.code(), out.lines().count()), (Some(2), 1));
    assert_eq!(error["error"]["what"], "no/such/file.yaml cannot be read");
}
