//! A layer's bytes: whole and checked, or an error and nothing left behind.

use std::time::Duration;

use bytes::Bytes;
use flux_ecr_reflect::ErrorKind;
use flux_ecr_reflect::artifact::Limits;
use futures_util::FutureExt;

use crate::fake::{Pieces, Registry, digest, names_in, streamed};

const CONTENT: &str = "the content of a layer";

fn content() -> Vec<u8> {
    CONTENT.repeat(1000).into_bytes()
}

#[tokio::test]
async fn a_layer_is_streamed_to_a_writer() {
    let mut registry = Registry::default();
    registry.flux_artifact("latest", content());
    let artifact = registry.latest().await;
    let mut written = Vec::new();
    let bytes = artifact.write_to(artifact.layer(None).expect("a layer"), &mut written).await.expect("whole");
    assert_eq!((bytes, written), (22_000, content()));
}

#[tokio::test]
async fn a_layer_of_sha_512_is_checked_too() {
    let sha512 = "sha512:3c9909afec25354d551dae21590bb26e38d53f2173b8d3dc3eee4c047e7ab1c1eb8b85103e3be7ba613b31bb5c9c36214dc9f14a42fd7a2fdb84856bca5c44c2";
    let layer = serde_json::json!({ "mediaType": "text/plain", "digest": sha512, "size": 3 });
    let mut registry = Registry::default();
    registry.manifest("latest", &crate::fake::manifest(&[layer], "main"));
    for (content, fine) in [("123", true), ("124", false)] {
        let registry = registry.clone().with_blob_as(sha512, content);
        let artifact = registry.latest().await;
        let outcome = artifact.write_to(artifact.layer(None).expect("a layer"), Vec::new()).await;
        assert_eq!(outcome.is_ok(), fine, "{content}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_file_takes_another_s_place_when_it_is_whole() {
    let mut registry = Registry::default();
    registry.flux_artifact("latest", content());
    let artifact = registry.latest().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("layer.tgz");
    tokio::fs::write(&path, "old").await.expect("written");
    artifact.copy_to(artifact.layer(None).expect("a layer"), &path).await.expect("whole");
    assert_eq!(names_in(folder.path()), ["layer.tgz"]);
    assert_eq!(bytes_at(&path), content());
}

#[tokio::test]
async fn a_layer_that_is_not_what_it_is_to_be_leaves_nothing_behind() {
    let mut whole = Registry::default();
    whole.flux_artifact("latest", content());
    let of = digest(&content());
    let mut longer = content();
    longer.extend_from_slice(b"more");
    let mut other = content();
    if let Some(byte) = other.first_mut() {
        *byte ^= 1;
    }
    let cut = content().split_off(1000);
    let endless = |_: &str| Some(streamed(Pieces::of(&Bytes::from(vec![0; 50_000_000]))));
    for (what, registry, says, retryable) in [
        ("other bytes", whole.clone().with_blob_as(&of, other), "does not have its digest", false),
        ("cut", whole.clone().with_blob_as(&of, cut), "is cut short", true),
        ("empty", whole.clone().with_blob_as(&of, ""), "is cut short after 0 of 22000 bytes", true),
        ("longer", whole.clone().with_blob_as(&of, longer), "is longer", false),
        ("endless", whole.clone().with_elsewhere(endless), "is longer", false),
    ] {
        let artifact = registry.latest().await;
        let layer = artifact.layer(None).expect("a layer");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("layer.tgz");
        tokio::fs::write(&path, "old").await.expect("written");
        let error = artifact.copy_to(layer, &path).await.expect_err(what);
        assert_eq!(
            (error.kind(), error.is_retryable()),
            (ErrorKind::InvalidResponse, retryable),
            "{what}: {error:?}"
        );
        assert!(error.to_string().contains(says), "{what}: {error}");
        assert_eq!(
            (names_in(folder.path()), bytes_at(&path)),
            (vec!["layer.tgz".to_owned()], b"old".to_vec())
        );

        let error = artifact.extract_to(layer, folder.path().join("files")).await.expect_err(what);
        assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{what}: {error:?}");
        assert_eq!(names_in(folder.path()), ["layer.tgz"], "{what}");
    }
}

#[tokio::test]
async fn a_layer_above_the_limit_is_not_even_asked_for() {
    let mut registry = Registry::default();
    registry.flux_artifact("latest", content());
    let limited = registry.latest().await.with_limits(Limits::default().with_layer_bytes(21_999));
    let before = registry.asked().len();
    let error =
        limited.write_to(limited.layer(None).expect("a layer"), Vec::new()).await.expect_err("too long");
    assert_eq!((error.kind(), registry.asked().len()), (ErrorKind::Configuration, before));
    assert!(error.hint().expect("a remedy").contains("with_layer_bytes"));
    let just = limited.with_limits(Limits::default().with_layer_bytes(22_000));
    just.write_to(just.layer(None).expect("a layer"), Vec::new()).await.expect("within the limit");
}

#[tokio::test]
async fn what_cannot_be_written_is_said_with_its_cause() {
    let mut registry = Registry::default();
    registry.flux_artifact("latest", content());
    let artifact = registry.latest().await;
    let layer = artifact.layer(None).expect("a layer");
    let folder = tempfile::tempdir().expect("a folder");
    let nowhere = folder.path().join("missing").join("layer.tgz");
    for error in [
        artifact.copy_to(layer, &nowhere).await.expect_err("no folder"),
        artifact.extract_to(layer, &nowhere).await.expect_err("no folder"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error:?}");
        assert!(std::error::Error::source(&error).is_some(), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_falls_silent_is_given_up_and_nothing_is_left_behind() {
    let mut registry = Registry::default();
    registry.flux_artifact("latest", content());
    let begun = Bytes::from(content().split_off(12_000));
    let registry = registry.with_elsewhere(move |_| Some(streamed(Pieces::and_then_silence(&begun))));
    let artifact = registry.latest().await;
    let error = artifact
        .write_to(artifact.layer(None).expect("a layer"), Vec::new())
        .await
        .expect_err("no more comes");
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, true), "{error:?}");
}

#[tokio::test]
async fn a_pull_that_is_dropped_leaves_nothing_behind() {
    let mut registry = Registry::default();
    registry.flux_artifact("latest", content());
    let begun = Bytes::from(content().split_off(12_000));
    let registry = registry.with_elsewhere(move |_| Some(streamed(Pieces::and_then_silence(&begun))));
    let artifact = registry.latest().await;
    let layer = artifact.layer(None).expect("a layer");
    let folder = tempfile::tempdir().expect("a folder");
    let mut copying = Box::pin(artifact.copy_to(layer, folder.path().join("layer.tgz")));
    let mut extracting = Box::pin(artifact.extract_to(layer, folder.path().join("files")));
    for _ in 0..100 {
        assert!(copying.as_mut().now_or_never().is_none());
        assert!(extracting.as_mut().now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    assert_eq!(names_in(folder.path()).len(), 2, "both have begun");
    drop((copying, extracting));
    assert!(names_in(folder.path()).is_empty());
}

#[tokio::test]
async fn pulls_run_on_any_thread() {
    let mut registry = Registry::default();
    registry.flux_artifact("latest", content());
    let artifact = registry.latest().await;
    let pull = async move {
        let layer = artifact.layer(None).expect("a layer").clone();
        artifact.write_to(&layer, Vec::new()).await.expect("whole")
    };
    let pulled = tokio::time::timeout(Duration::from_secs(60), tokio::spawn(pull)).await.expect("in time");
    assert_eq!(pulled.expect("no panic"), 22_000);
}

#[expect(clippy::disallowed_methods, reason = "what was written")]
fn bytes_at(path: &std::path::Path) -> Vec<u8> {
    std::fs::read(path).expect("a file")
}
