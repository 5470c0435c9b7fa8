//! Which artifact it is, and what its manifest says.

use flux_ecr_reflect::artifact::{Artifact, ArtifactRef, FLUX_CONTENT_MEDIA_TYPE, Layer};
use flux_ecr_reflect::{Digest, ErrorKind, Tag};
use serde_json::json;

use crate::fake::{Registry, digest, layer, manifest, name};

fn zeros() -> Digest {
    format!("sha256:{:064}", 0).parse().expect("a digest")
}

/// A repository with these tags, each an artifact of its own.
fn with_tags(tags: &[&str]) -> Registry {
    let mut registry = Registry::default();
    for tag in tags {
        registry.flux_artifact(tag, format!("content of {tag}"));
    }
    registry
}

#[tokio::test]
async fn a_digest_comes_before_a_range_a_range_before_a_tag_and_a_tag_before_latest() {
    let mut registry = with_tags(&["latest", "stable", "6.0.0", "6.1.0", "6.2.0-rc.1", "nightly"]);
    let pinned: Digest = registry.flux_artifact("pinned", "other content").parse().expect("a digest");
    let stable = || ArtifactRef::tag("stable".parse().expect("a tag"));
    for (reference, tag) in [
        (ArtifactRef::latest(), Some("latest")),
        (ArtifactRef::default(), Some("latest")),
        (stable(), Some("stable")),
        (stable().with_semver(">=6.0.0").expect("a range"), Some("6.1.0")),
        (ArtifactRef::semver(">=6.0.0-0").expect("a range"), Some("6.2.0-rc.1")),
        (
            ArtifactRef::semver(">=6.0.0-0")
                .and_then(|reference| reference.with_semver_filter(r"^\d+\.0"))
                .expect("a filter"),
            Some("6.0.0"),
        ),
        // Without a range the filter says nothing.
        (stable().with_semver_filter("nightly").expect("a filter"), Some("stable")),
        (stable().with_semver(">=6.0.0").expect("a range").with_digest(pinned.clone()), None),
        (ArtifactRef::digest(pinned.clone()), None),
    ] {
        let artifact = registry.resolve(&reference).await.expect("an artifact");
        assert_eq!(artifact.tag().map(Tag::as_str), tag, "{reference:?}");
        let expected = match tag {
            Some(tag) => format!("{tag}@{}", artifact.digest()),
            None => pinned.to_string(),
        };
        assert_eq!(artifact.revision(), expected, "{reference:?}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let registry = with_tags(&["1.0.0", "2.0.0"]);
    for reference in [
        ArtifactRef::latest(),
        ArtifactRef::semver(">=3.0.0").expect("a range"),
        ArtifactRef::semver("*").and_then(|it| it.with_semver_filter("rc")).expect("a filter"),
        ArtifactRef::digest(zeros()),
    ] {
        let error = registry.resolve(&reference).await.expect_err("nothing");
        assert_eq!(error.kind(), ErrorKind::NotFound, "{reference:?}: {error:?}");
        assert!(error.hint().is_some(), "{error:?}");
    }
    for wrong in [ArtifactRef::semver("no range"), ArtifactRef::latest().with_semver_filter("(")] {
        assert_eq!(wrong.expect_err("wrong").kind(), ErrorKind::Policy);
    }
}

#[tokio::test]
async fn a_manifest_is_read_with_its_annotations_and_layers() {
    let mut registry = Registry::default();
    let (files, chart) = (b"files".as_slice(), b"chart".as_slice());
    let chart_type = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
    let layers =
        [layer(FLUX_CONTENT_MEDIA_TYPE, files), layer(chart_type, chart), layer(chart_type, b"more")];
    let of_manifest = registry.manifest("latest", &manifest(&layers, "main@sha1:0123"));
    let artifact = registry.latest().await;

    assert_eq!(artifact.digest().to_string(), of_manifest);
    assert_eq!(artifact.source(), Some("https://github.com/org/app"));
    assert_eq!(artifact.source_revision(), Some("main@sha1:0123"));
    assert_eq!(artifact.created(), Some("2026-01-01T00:00:00Z"));
    assert_eq!(artifact.annotations().len(), 3);
    assert!(artifact.is_of_flux());
    assert_eq!(artifact.artifact_type(), "application/vnd.cncf.flux.config.v1+json");

    assert_eq!(artifact.layers().iter().map(Layer::size).collect::<Vec<_>>(), [5, 5, 4]);
    let of = |media_type| artifact.layer(media_type).map(|layer| layer.digest().to_string());
    assert_eq!(of(None).expect("the first"), digest(files));
    assert_eq!(of(Some(chart_type)).expect("the first of its type"), digest(chart));
    let error = of(Some("application/json")).expect_err("none");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.hint().expect("the types").contains(chart_type), "{error:?}");

    registry.manifest("latest", &manifest(&[], "main"));
    let empty = registry.latest().await;
    assert_eq!(empty.layer(None).expect_err("none").kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_manifest_that_is_not_of_its_digest_is_refused() {
    let other = manifest(&[], "main");
    let registry = Registry::default().with_manifest_as(zeros().as_str(), &other);
    let error = registry.resolve(&ArtifactRef::digest(zeros())).await.expect_err("another");
    assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{error:?}");
}

#[tokio::test]
async fn what_is_no_manifest_is_refused() {
    let bad_digest = json!([{ "mediaType": "x", "digest": "md5:00", "size": 1 }]);
    let bad_size = json!([{ "mediaType": "x", "digest": zeros().as_str(), "size": -1 }]);
    let with = |key: &str, value: serde_json::Value| {
        let mut manifest = manifest(&[], "main");
        manifest[key] = value;
        manifest
    };
    for (what, manifest) in [
        ("a list", json!([])),
        ("an object", json!({})),
        ("a version", with("schemaVersion", json!(1))),
        ("a digest", with("layers", bad_digest)),
        ("a size", with("layers", bad_size)),
    ] {
        let registry = Registry::default().with_manifest_as("latest", &manifest);
        let error = registry.resolve(&ArtifactRef::latest()).await.expect_err(what);
        assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{what}: {error:?}");
    }
}

#[tokio::test]
async fn of_a_list_for_platforms_it_is_linux_on_amd64_under_the_list_s_digest() {
    let mut registry = Registry::default();
    let one = registry.manifest("arm", &manifest(&[layer("a", b"arm")], "arm"));
    let other = registry.manifest("amd", &manifest(&[layer("a", b"amd")], "amd"));
    let entry = |digest: &str, architecture: &str| {
        json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 1,
            "platform": { "os": "linux", "architecture": architecture },
        })
    };
    let list = |manifests: Vec<serde_json::Value>| json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests });
    let of_list = registry.manifest("latest", &list(vec![entry(&one, "arm64"), entry(&other, "amd64")]));
    let artifact: Artifact = registry.latest().await;
    assert_eq!(artifact.revision(), format!("latest@{of_list}"));
    assert_eq!(artifact.source_revision(), Some("amd"));

    registry.manifest("latest", &list(vec![entry(&one, "arm64")]));
    let error = registry.resolve(&ArtifactRef::latest()).await.expect_err("none");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
}

#[tokio::test]
async fn the_name_of_an_artifact_is_its_repository_and_digest() {
    let mut registry = Registry::default();
    let digest = registry.flux_artifact("latest", "content");
    let artifact = registry.latest().await;
    assert_eq!(artifact.to_string(), format!("{}@{digest}", name()));
    assert!(!format!("{artifact:?}").contains("canary"), "{artifact:?}");
}
