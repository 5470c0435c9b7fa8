//! The example as a process, and pulls from an embedded ECR over real connections.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

#[path = "../args.rs"]
#[allow(dead_code, reason = "shared with the example, which uses more of it")]
mod args;
#[path = "../fleet.rs"]
#[allow(dead_code, reason = "shared with the example, which uses more of it")]
mod fleet;

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use flux_ecr_reflect::artifact::{Artifact, ArtifactRef};
use flux_ecr_reflect::{ErrorKind, OciRegistry};
use local_aws::{Fault, Service};
use serde_json::{Value, json};

use crate::fleet::{Fleet, IMAGE};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

fn program(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pull_artifact")).args(words).output().unwrap()
}

#[track_caller]
fn printed(words: &[&str]) -> String {
    let output = program(words);
    assert!(output.status.success(), "{words:?}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_example_prints_what_its_documentation_says() {
    examples::shown::check(include_str!("../main.rs"), Path::new(env!("CARGO_BIN_EXE_pull_artifact")));
}

#[test]
fn a_machine_reads_one_document() {
    let document = |words: &[&str]| -> Value { serde_json::from_slice(&program(words).stdout).unwrap() };
    let pulled = document(&["--json"]);
    assert_eq!(pulled["image"], IMAGE);
    assert_eq!(pulled["sourceRevision"], "v6.2.0@sha1:0123456789abcdef0123456789abcdef01234567");
    assert_eq!(pulled["revision"], format!("6.2.0@{}", pulled["digest"].as_str().unwrap()));
    assert_eq!(pulled["files"], json!(["deploy/deployment.yaml", "deploy/kustomization.yaml"]));
    assert!(pulled["layer"]["size"].as_u64().unwrap() > 100 && pulled["copiedTo"].is_null());
    let failed = document(&["--json", "--tag", "missing"]);
    assert!(failed["error"]["message"].as_str().unwrap().contains("missing"), "{failed}");
}

#[test]
fn the_options_are_those_of_an_oci_repository() {
    let revision = |words: &[&str]| {
        let text = printed(words);
        let line = text.lines().find_map(|line| line.strip_prefix("  revision  ")).unwrap();
        line.to_owned()
    };
    assert!(revision(&["--tag", "stable"]).starts_with("stable@sha256:"));
    assert!(revision(&["--semver", "<6.2.0"]).starts_with("6.1.0@sha256:"));
    let candidates = ["--semver", ">=6.0.0-0", "--semver-filter", "rc"];
    let of_candidate = revision(&candidates);
    assert!(of_candidate.starts_with("6.3.0-rc.1@sha256:"));
    let (_, digest) = of_candidate.split_once('@').unwrap();
    assert_eq!(revision(&["--tag", "stable", "--digest", digest]), digest);

    let folder = tempfile::tempdir().unwrap();
    let (file, files) = (folder.path().join("layer.tgz"), folder.path().join("files"));
    printed(&["--operation", "copy", "--out", file.to_str().unwrap()]);
    printed(&["--out", files.to_str().unwrap()]);
    assert!(file.metadata().unwrap().len() > 100 && files.join("deploy/deployment.yaml").exists());
    let again = program(&["--out", files.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(2));
    for wrong in [&["--tag", "missing"][..], &["--semver", ">=7"], &["--media-type", "text/plain"]] {
        let output = program(wrong);
        assert_eq!(output.status.code(), Some(1), "{wrong:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{wrong:?}");
    }
    assert_eq!(program(&["--live"]).status.code(), Some(2));
}

async fn newest(registry: &OciRegistry) -> Result<Artifact, flux_ecr_reflect::Error> {
    Artifact::resolve(registry, &IMAGE.parse()?, &ArtifactRef::semver("*")?).await
}

fn is_empty(folder: &Path) -> bool {
    folder.read_dir().unwrap().next().is_none()
}

/// The place where blobs are kept refuses a request with a login, as S3 does.
#[tokio::test]
async fn a_pull_costs_one_login_one_page_one_manifest_and_one_layer() {
    let fleet = Fleet::start().await.unwrap();
    let registry = fleet.registry().unwrap();
    let artifact = newest(&registry).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    artifact.extract_to(artifact.layer(None).unwrap(), folder.path().join("files")).await.unwrap();
    let requests = fleet.aws.requests();
    assert_eq!(requests.values().sum::<u64>(), 1 + 1 + 1 + 2, "{requests:?}");
    assert_eq!(requests.iter().filter(|(name, _)| name.starts_with("layers:")).count(), 1, "{requests:?}");
    fleet.aws.stop().await;
}

#[tokio::test]
async fn a_body_that_is_cut_replaced_or_endless_leaves_nothing_behind() {
    let fleet = Fleet::start().await.unwrap();
    let registry = fleet.registry().unwrap();
    let artifact = newest(&registry).await.unwrap();
    let layer = artifact.layer(None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (what, fault) in [
        ("cut", Fault::cut_body()),
        ("garbage", Fault::garbage()),
        ("endless", Fault::huge(1 << 40)),
        ("reset", Fault::reset().times(10)),
        ("redirect", Fault::redirect("http://169.254.169.254/latest/meta-data/")),
    ] {
        let injection = fleet.aws.inject(Service::Layers, fault);
        let error = artifact.copy_to(layer, folder.path().join("layer.tgz")).await.expect_err(what);
        assert!(
            matches!(error.kind(), ErrorKind::InvalidResponse | ErrorKind::Unavailable),
            "{what}: {error:?}"
        );
        assert!(injection.hits() > 0 && is_empty(folder.path()), "{what}");
        injection.remove();
    }
    artifact.copy_to(layer, folder.path().join("layer.tgz")).await.unwrap();
    fleet.aws.stop().await;
}

#[tokio::test]
async fn a_pull_that_is_given_up_leaves_nothing_behind() {
    let fleet = Fleet::start().await.unwrap();
    let registry = fleet.registry().unwrap();
    let artifact = newest(&registry).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for service in [Service::Registry, Service::Layers] {
        let injection = fleet.aws.inject(service, Fault::hold());
        let pull = artifact.extract_to(artifact.layer(None).unwrap(), folder.path().join("files"));
        assert!(tokio::time::timeout(Duration::from_millis(300), pull).await.is_err());
        assert!(injection.hits() > 0 && is_empty(folder.path()), "{service:?}");
        injection.remove();
    }
    fleet.aws.stop().await;
}

#[tokio::test]
async fn a_login_that_dies_before_the_layer_is_replaced() {
    let fleet = Fleet::start().await.unwrap();
    let registry = fleet.registry().unwrap();
    let artifact = newest(&registry).await.unwrap();
    fleet.aws.revoke_logins(Service::Registry);
    artifact.write_to(artifact.layer(None).unwrap(), tokio::io::sink()).await.unwrap();
    let requests = fleet.aws.requests();
    assert_eq!(requests.get("ecr:GetAuthorizationToken"), Some(&2), "{requests:?}");
    fleet.aws.stop().await;
}
