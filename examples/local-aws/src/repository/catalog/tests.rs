use std::collections::BTreeSet;

use super::super::TagStyle;
use super::super::changes::CAPACITY;
use super::super::image::digest_of;
use super::listings::Entry;
use super::*;

const HOME: &str = "111122223333";
const NOW: SystemTime = SystemTime::UNIX_EPOCH;

fn catalog(repository: Repository) -> Catalog {
    Catalog::new(repository, HOME).expect("a valid repository")
}

fn which(listed: Listed) -> Which {
    Which { listed, status: Status::Active }
}

fn tags(catalog: &Catalog, listed: Listed) -> Vec<Option<String>> {
    entries(catalog, which(listed)).into_iter().map(|entry| entry.tag).collect()
}

fn entries(catalog: &Catalog, which: Which) -> Vec<Entry> {
    catalog.entries(which, 0..catalog.entry_count(which))
}

/// The tags of the images that a listing by images has, in order.
fn images(catalog: &Catalog, which: Which) -> Vec<Vec<String>> {
    let images = catalog.images(which, 0..catalog.image_count(which));
    let mut tags: Vec<_> = images.into_iter().map(|image| image.tags).collect();
    tags.sort();
    tags
}

fn manifest(text: &str) -> Manifest {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    Manifest { digest: digest_of(&bytes), media_type: IMAGE_MANIFEST.to_owned(), bytes }
}

fn push(catalog: &Catalog, tag: Option<&str>, text: &str) {
    catalog.push(tag, manifest(text), Description::default(), NOW).expect("room");
}

#[test]
fn every_tag_is_listed_once_and_not_in_order() {
    for count in [0, 1, 2, 3, 10, 12, 100, 997, 1000, 4096] {
        let catalog = catalog(Repository::generated("apps/web", count, TagStyle::BuildNumber));
        let listed = tags(&catalog, Listed::Tagged);
        let distinct: BTreeSet<_> = listed.iter().collect();
        assert_eq!(distinct.len() as u64, count);
        let sorted = (1..=count).map(|tag| Some(tag.to_string())).collect::<Vec<_>>();
        assert_eq!(listed == sorted, count < 2, "{count}: {listed:?}");
    }
}

#[test]
fn aliases_and_untagged_images() {
    let catalog = catalog(
        Repository::with_tags("apps/api", ["1.0.0", "1.1.0"])
            .also_tagged("1.1.0", "latest")
            .also_tagged("latest", "stable")
            .untagged(2),
    );
    let tagged: BTreeSet<_> = tags(&catalog, Listed::Tagged).into_iter().flatten().collect();
    assert_eq!(tagged, BTreeSet::from(["1.0.0", "1.1.0", "latest", "stable"].map(str::to_owned)));
    assert_eq!(tags(&catalog, Listed::Untagged), [None, None]);
    assert_eq!(tags(&catalog, Listed::Any).len(), 6);

    let tags_of = |image| catalog.image(image).expect("an image").tags;
    assert_eq!(tags_of(1), ["1.1.0", "latest", "stable"]);
    assert_eq!(tags_of(2), Vec::<String>::new());
    assert_eq!(catalog.image_by_tag("stable"), Some(1));
    assert_eq!(catalog.image_by_tag("2.0.0"), None);

    let counts = [Listed::Tagged, Listed::Untagged, Listed::Any].map(|it| images(&catalog, which(it)).len());
    assert_eq!(counts, [2, 2, 4]);
    let untagged: BTreeSet<u64> =
        entries(&catalog, which(Listed::Untagged)).into_iter().map(|entry| entry.image).collect();
    assert_eq!(untagged, BTreeSet::from([2, 3]));
}

#[test]
fn pushed_images_are_listed_after_those_of_the_set_up() {
    let catalog = catalog(Repository::with_tags("apps/api", ["1.0.0"]));
    push(&catalog, Some("2.0.0"), "{}");
    push(&catalog, Some("latest"), "{}");
    push(&catalog, None, "[]");
    let mut listed = tags(&catalog, Listed::Any);
    listed.sort();
    let text = |tag: &str| Some(tag.to_owned());
    assert_eq!(listed, [None, text("1.0.0"), text("2.0.0"), text("latest")]);
    assert_eq!(tags(&catalog, Listed::Untagged), [None]);
    assert_eq!(images(&catalog, which(Listed::Tagged)), [vec!["1.0.0"], vec!["2.0.0", "latest"]]);

    let image = catalog.image_by_tag("latest").expect("an image");
    assert_eq!(catalog.image_by_digest(&manifest("{}").digest), Some(image));
    assert_eq!(catalog.image(image).map(|image| image.pushed_at), Some(NOW));
    assert_eq!(catalog.manifest(image).map(|manifest| manifest.bytes), Some(Bytes::from_static(b"{}")));
}

#[test]
fn artifacts_of_the_set_up_are_images_with_their_blobs() {
    let flux = Artifact::flux("tarball").annotation("org.opencontainers.image.revision", "main@sha1:0");
    let catalog =
        catalog(Repository::with_tags("apps/api", ["1.0.0"]).artifact("manifests", flux).untagged(1));
    let image = catalog.image_by_tag("manifests").expect("the artifact");
    let manifest = catalog.manifest(image).expect("a manifest");
    let text: serde_json::Value = serde_json::from_slice(&manifest.bytes).expect("JSON");
    assert_eq!(text["annotations"]["org.opencontainers.image.revision"], "main@sha1:0");
    let layer = text["layers"][0]["digest"].as_str().expect("a digest");
    assert_eq!(catalog.blob(layer), Some(Bytes::from_static(b"tarball")));
    let image = catalog.image(image).expect("the artifact");
    let config = Some("application/vnd.cncf.flux.config.v1+json".to_owned());
    assert_eq!((image.artifact_media_type, image.pushed_at), (config, time_of(2)));
    assert_eq!(image.size, manifest.bytes.len() as u64 + 2 + 7);
}

#[test]
fn a_tag_that_moves_or_goes_keeps_every_other_in_its_place() {
    let catalog = catalog(
        Repository::generated("apps/web", 100, TagStyle::BuildNumber).also_tagged("7", "stable").untagged(1),
    );
    let before = tags(&catalog, Listed::Tagged);
    catalog.tag("stable", 41);
    assert!(catalog.untag("9") && !catalog.untag("9") && !catalog.untag("1000"));
    assert_eq!(catalog.image_by_tag("9"), None);
    assert_eq!(catalog.image_by_tag("stable"), Some(41));

    let moved = [Some("9".to_owned()), Some("stable".to_owned())];
    let kept: Vec<_> = before.iter().filter(|tag| !moved.contains(tag)).cloned().collect();
    let after = tags(&catalog, Listed::Tagged);
    assert_eq!(after[..kept.len()], kept);
    assert_eq!(after[kept.len()..], moved[1..]);
    assert_eq!(images(&catalog, which(Listed::Tagged)).len(), 99);
    assert_eq!(tags(&catalog, Listed::Untagged), [None, None]);
    assert_eq!(images(&catalog, which(Listed::Untagged)).len(), 2);
    assert_eq!(images(&catalog, which(Listed::Any)).len(), 101);

    catalog.tag("9", 8);
    catalog.tag("new", 100);
    assert_eq!(images(&catalog, which(Listed::Tagged)).len(), 101);
    assert_eq!(tags(&catalog, Listed::Untagged), []);
    assert_eq!(tags(&catalog, Listed::Any).len(), 102);
}

#[test]
fn archived_images_are_listed_to_who_asks_for_them_and_not_pulled() {
    let catalog =
        catalog(Repository::with_tags("apps/api", ["1.0.0", "1.1.0"]).archived("1.0.0").untagged(1));
    let of = |status| images(&catalog, Which { listed: Listed::Any, status }).len();
    assert_eq!([Status::Active, Status::Archived, Status::Any].map(of), [2, 1, 3]);
    assert_eq!(tags(&catalog, Listed::Tagged), [Some("1.1.0".to_owned())]);
    assert!(catalog.manifest(0).is_none() && catalog.manifest(1).is_some());
    assert_eq!(catalog.image(0).map(|image| image.archived), Some(true));
}

#[test]
fn an_upload_becomes_a_blob_of_its_digest() {
    let catalog = catalog(Repository::empty("apps/new"));
    let upload = catalog.start_upload();
    assert_eq!(catalog.append(upload, Some(0), b"one"), Ok(3));
    assert_eq!(catalog.append(upload, Some(2), b"two"), Err(PushFault::OutOfOrder(3)));
    assert_eq!(catalog.append(upload, None, b"two"), Ok(6));
    let digest = digest_of(b"onetwo");
    assert_eq!(catalog.complete(upload, &digest), Ok(()));
    assert_eq!(catalog.blob(&digest), Some(Bytes::from_static(b"onetwo")));
    assert_eq!(catalog.uploaded(upload), Err(PushFault::NoUpload));

    let upload = catalog.start_upload();
    assert_eq!(catalog.complete(upload, &digest), Err(PushFault::OtherDigest));
    let upload = catalog.start_upload();
    assert_eq!(catalog.append(upload, None, &vec![0; CAPACITY - 6]), Ok(CAPACITY - 6));
    assert_eq!(catalog.append(upload, None, b"x"), Err(PushFault::Full));
    assert_eq!(catalog.cancel(upload), Ok(()));
    let upload = catalog.start_upload();
    assert_eq!(catalog.append(upload, None, b"x"), Ok(1), "what was given up leaves room");
}

#[test]
fn an_image_is_found_by_tag_and_by_digest() {
    let styled = catalog(Repository::generated("apps/web", 1_000_000, TagStyle::Semver));
    assert_eq!(styled.image_by_tag(&styled.generated_tag(999_999)), Some(999_999));
    assert_eq!(styled.image_by_tag("1000.0.0"), None);
    assert_eq!(styled.image_by_tag("01.0.0"), None);

    let own = catalog(Repository::generated("apps/worker", 100, |i| format!("build-{i}")));
    assert_eq!(own.image_by_tag("build-99"), Some(99));
    assert_eq!(own.image_by_tag("build-100"), None);
    assert_eq!(own.image_by_digest(&own.images.digest(99)), Some(99));
    assert_eq!(own.image_by_digest(&own.images.digest(100)), None);
}

#[test]
fn names() {
    for valid in ["ab", "apps/mainapp", "a/b", "team-1/app_2.x", "a.b/c-d/e_f"] {
        assert!(valid_name(valid), "{valid}");
    }
    let long = "a".repeat(257);
    for invalid in ["", "a", "Apps/x", "/apps", "apps/", "a//b", "a..b", "-a/b", "a_/b", "a b", long.as_str()]
    {
        assert!(!valid_name(invalid), "{invalid}");
    }
}

#[test]
fn tags_that_are_refused() {
    let small = || Repository::with_tags("apps/api", ["1.0.0", "1.1.0"]);
    let cases = [
        (small().also_tagged("2.0.0", "latest"), "also_tagged `2.0.0` is not valid: a tag of the repository"),
        (small().also_tagged("1.0.0", "1.1.0"), "there are two tags named `1.1.0`"),
        (small().archived("2.0.0"), "archived `2.0.0` is not valid: a tag of the repository"),
        (small().artifact("1.0.0", Artifact::flux("")), "there are two tags named `1.0.0`"),
        (Repository::with_tags("apps/api", ["1", "1"]), "there are two tags named `1`"),
    ];
    for (repository, message) in cases {
        let Err(error) = Catalog::new(repository, HOME) else { panic!("{message}") };
        assert_eq!(error.to_string(), message);
    }
    let long = "1".repeat(129);
    for tag in ["", ".1", "-1", "a b", "a/b", "1+1", long.as_str()] {
        let error = Catalog::new(Repository::with_tags("apps/api", [tag]), HOME).err();
        assert!(matches!(error, Some(Error::Invalid { field: "tag", .. })), "{tag}");
    }
}
