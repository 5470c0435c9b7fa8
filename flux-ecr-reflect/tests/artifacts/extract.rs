//! A layer's files: unpacked inside their folder, or not at all.

use std::path::Path;

use flux_ecr_reflect::artifact::Limits;
use flux_ecr_reflect::{Error, ErrorKind};
use tar::EntryType;

use crate::fake::{Registry, archive, entry, names_in};

async fn extract(content: Vec<u8>, limits: Limits, folder: &Path) -> Result<(), Error> {
    let mut registry = Registry::default();
    registry.flux_artifact("latest", content);
    let artifact = registry.latest().await.with_limits(limits);
    artifact.extract_to(artifact.layer(None)?, folder.join("files")).await
}

#[tokio::test]
async fn files_and_folders_are_unpacked_and_links_left_out() {
    let long = "a-long-name/".repeat(20) + "file";
    let content = archive(|tar| {
        entry(tar, EntryType::Directory, "deploy/", 0o755, b"");
        entry(tar, EntryType::Regular, "deploy/app.yaml", 0o600, b"kind: Deployment");
        entry(tar, EntryType::Regular, "./scripts/run.sh", 0o6755, b"#!/bin/sh");
        entry(tar, EntryType::Symlink, "deploy/link", 0o777, b"");
        entry(tar, EntryType::Regular, "empty", 0o644, b"");
        let mut header = tar::Header::new_gnu();
        header.set_size(4);
        header.set_mode(0o644);
        tar.append_data(&mut header, &long, &b"long"[..]).expect("appended");
    });
    let folder = tempfile::tempdir().expect("a folder");
    extract(content, Limits::default(), folder.path()).await.expect("unpacked");
    let files = folder.path().join("files");
    assert_eq!(names_in(folder.path()), ["files"]);
    assert_eq!(names_in(&files), ["a-long-name", "deploy", "empty", "scripts"]);
    assert_eq!(names_in(&files.join("deploy")), ["app.yaml"]);
    assert_eq!(text_at(&files.join("deploy/app.yaml")), "kind: Deployment");
    assert_eq!(text_at(&files.join(&long)), "long");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &str| std::fs::metadata(files.join(path)).expect("a file").permissions().mode();
        // Nobody becomes another by running a file, whatever the archive says.
        assert_eq!(mode("scripts/run.sh") & 0o7000, 0);
        assert_ne!(mode("scripts/run.sh") & 0o100, 0);
        assert_eq!(mode("deploy/app.yaml") & 0o111, 0);
    }
}

#[tokio::test]
async fn an_archive_that_reaches_out_of_its_folder_is_refused_as_a_whole() {
    for (kind, name, says) in [
        (EntryType::Regular, "../outside", "leads out of it"),
        (EntryType::Regular, "a/../../outside", "leads out of it"),
        (EntryType::Regular, "/outside", "leads out of it"),
        (EntryType::Directory, "../", "leads out of it"),
        (EntryType::Symlink, "../outside", "leads out of it"),
        (EntryType::Link, "passwd", "neither a file nor a folder"),
        (EntryType::Char, "null", "neither a file nor a folder"),
        (EntryType::Fifo, "pipe", "neither a file nor a folder"),
    ] {
        let content = archive(|tar| {
            entry(tar, EntryType::Regular, "inside", 0o644, b"inside");
            entry(tar, kind, name, 0o644, b"");
        });
        refused(content, Limits::default(), says).await;
    }
}

/// A link that is left out is no way out either.
#[tokio::test]
async fn a_file_below_a_link_is_below_a_folder() {
    let content = archive(|tar| {
        entry(tar, EntryType::Symlink, "out", 0o777, b"");
        entry(tar, EntryType::Regular, "out/file", 0o644, b"inside");
    });
    let folder = tempfile::tempdir().expect("a folder");
    extract(content, Limits::default(), folder.path()).await.expect("unpacked");
    assert_eq!(text_at(&folder.path().join("files/out/file")), "inside");
}

#[tokio::test]
async fn a_small_archive_of_very_much_is_given_up() {
    let much = || archive(|tar| entry(tar, EntryType::Regular, "zeros", 0o644, &vec![0; 8_000_000]));
    assert!(much().len() < 100_000);
    refused(much(), Limits::default().with_unpacked_bytes(7_999_999), "more than 7999999 bytes").await;
    let many = archive(|tar| {
        for i in 0..20 {
            entry(tar, EntryType::Regular, &i.to_string(), 0o644, b"");
        }
    });
    refused(many.clone(), Limits::default().with_entries(19), "more than 19 entries").await;
    let folder = tempfile::tempdir().expect("a folder");
    let just = Limits::default().with_entries(20).with_unpacked_bytes(0);
    extract(many, just, folder.path()).await.expect("within the limits");
    let folder = tempfile::tempdir().expect("a folder");
    let just = Limits::default().with_unpacked_bytes(8_000_000).with_entries(1);
    extract(much(), just, folder.path()).await.expect("within the limits");
}

#[tokio::test]
async fn what_is_no_archive_or_is_cut_is_refused() {
    let whole = archive(|tar| entry(tar, EntryType::Regular, "file", 0o644, &vec![7; 100_000]));
    let cut = whole.get(..whole.len() / 2).expect("half").to_vec();
    for content in [b"no gzip".to_vec(), cut] {
        refused(content, Limits::default(), "not a tar archive").await;
    }
}

#[tokio::test]
async fn what_is_there_already_stays_as_it_is() {
    let content = archive(|tar| entry(tar, EntryType::Regular, "file", 0o644, b"new"));
    let folder = tempfile::tempdir().expect("a folder");
    tokio::fs::create_dir(folder.path().join("files")).await.expect("made");
    let error = extract(content, Limits::default(), folder.path()).await.expect_err("there already");
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error:?}");
    assert!(names_in(&folder.path().join("files")).is_empty());
    assert_eq!(names_in(folder.path()), ["files"]);
}

async fn refused(content: Vec<u8>, limits: Limits, says: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let error = extract(content, limits, folder.path()).await.expect_err(says);
    assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{error:?}");
    assert!(error.to_string().contains(says), "{says}: {error}");
    assert!(names_in(folder.path()).is_empty(), "{says}");
}

#[expect(clippy::disallowed_methods, reason = "what was unpacked")]
fn text_at(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a text")
}
