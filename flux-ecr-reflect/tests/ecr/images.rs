//! What is known of the images behind the tags: push time, size, media and artifact type.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use flux_ecr_reflect::test_util::{FakeRegistry, ManualClock};
use flux_ecr_reflect::{Cursor, Detail, ErrorKind, ImageFacts, Reflection, Reflector, Scan, Tag, TagEntry};
use flux_policy::Policy;
use serde_json::{Value, json};

use crate::fake::{self, digest};

/// Two pages: an image with two tags and one that is archived; then a signature of the first.
fn images(body: &Value) -> (u16, Value) {
    let detail = |i: usize, tags: &[&str], second: f64| {
        json!({
            "registryId": "123456789012",
            "repositoryName": "apps/mainapp",
            "imageDigest": digest(i),
            "imageTags": tags,
            "imageSizeInBytes": 1_000 + i,
            "imagePushedAt": second,
            "imageManifestMediaType": "application/vnd.oci.image.manifest.v1+json",
            "artifactMediaType": "application/vnd.oci.image.config.v1+json",
            "imageStatus": "ACTIVE",
        })
    };
    if body["nextToken"].is_null() {
        let mut archived = detail(2, &["0.9.0"], 1_000.0);
        archived["imageStatus"] = "ARCHIVED".into();
        let images = [detail(1, &["1.0.0", "latest"], 2_000.25), archived];
        return (200, json!({ "imageDetails": images, "nextToken": "token-2" }));
    }
    let mut signature = detail(3, &["sha256-01.sig"], 3_000.0);
    signature["subjectManifestDigest"] = digest(1).into();
    (200, json!({ "imageDetails": [signature] }))
}

#[tokio::test]
async fn images_are_described_where_more_than_digests_is_wanted() {
    let (client, log) = fake::ecr(images);
    let latest = fake::reflector(client).latest_image(&fake::image(), &Policy::newest_push()).await;
    let latest = latest.expect("complete");
    let body = |token: Option<&str>| {
        let mut body = json!({
            "registryId": "123456789012",
            "repositoryName": "apps/mainapp",
            "filter": { "tagStatus": "TAGGED" },
            "maxResults": 1000,
        });
        if let Some(token) = token {
            body["nextToken"] = token.into();
        }
        body
    };
    let asked = log.all();
    assert!(asked.iter().all(|asked| asked.operation == "DescribeImages"));
    assert_eq!(
        asked.iter().map(|asked| &asked.body).collect::<Vec<_>>(),
        [&body(None), &body(Some("token-2"))]
    );
    // Both tags of the image were pushed at once, as far as ECR tells: the byte-greatest wins.
    assert_eq!(
        latest.image_ref().expect("a winner").to_string(),
        format!("{}:latest@{}", fake::image(), digest(1))
    );
    assert_eq!((latest.listing().tags(), latest.listing().excluded()), (3, 1));
}

#[tokio::test]
async fn every_tag_of_an_image_is_a_candidate_with_the_facts_of_the_image() {
    let (client, _) = fake::ecr(images);
    let (reflector, image) = (fake::reflector(client), fake::image());
    let mut pages = reflector.pages(&image).with_detail(Detail::Images);
    let mut entries = Vec::new();
    while let Some(page) = pages.next().await.expect("complete") {
        entries.extend_from_slice(page.entries());
    }
    let told: Vec<_> = entries
        .iter()
        .map(|entry| {
            let facts = entry.facts().expect("described");
            let pushed_at = entry.pushed_at().and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
            (
                entry.tag().as_str(),
                entry.digest().map(ToString::to_string).expect("a digest"),
                pushed_at.expect("after 1970").as_millis(),
                facts.size,
                facts.subject.as_ref().map(ToString::to_string),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("1.0.0", digest(1), 2_000_250, Some(1_001), None),
            ("latest", digest(1), 2_000_250, Some(1_001), None),
            ("sha256-01.sig", digest(3), 3_000_000, Some(1_003), Some(digest(1))),
        ]
    );
    let facts = entries[0].facts().expect("described");
    assert_eq!(facts.media_type.as_deref(), Some("application/vnd.oci.image.manifest.v1+json"));
    assert_eq!(facts.artifact_type.as_deref(), Some("application/vnd.oci.image.config.v1+json"));
}

#[tokio::test]
async fn nothing_but_a_list_of_images_is_taken_for_a_page() {
    for body in [
        "{}",
        r#"{"imageDetails":null}"#,
        r#"{"imageIds":[]}"#,
        r#"{"imageDetails":[{}]}"#,
        r#"{"imageDetails":[{"imageTags":[]}]}"#,
        r#"{"imageDetails":[{"imageTags":["no/tag"]}]}"#,
        r#"{"imageDetails":[{"imageTags":["1.0.0"],"imageDigest":"sha256:short"}]}"#,
        r#"{"imageDetails":[{"imageTags":["1.0.0"],"subjectManifestDigest":"sha256:short"}]}"#,
        r#"{"imageDetails":[{"imageTags":["1.0.0"],"imagePushedAt":"yesterday"}]}"#,
    ] {
        let first = json!({ "imageDetails": [], "nextToken": "token-2" }).to_string();
        let client =
            fake::anything(move |asked| (200, if asked == 0 { first.clone() } else { body.to_owned() }));
        let failed = fake::reflector(client).latest_image(&fake::image(), &Policy::newest_push()).await;
        let error = failed.expect_err(body);
        assert_eq!((error.kind(), error.page()), (ErrorKind::InvalidResponse, Some(2)), "{body}: {error:?}");
        assert_eq!(error.cursor().map(Cursor::as_str), Some("token-2"));
    }
}

#[tokio::test]
async fn a_denial_names_the_permission_that_describing_takes() {
    let (client, _) = fake::ecr(|_| fake::failure(400, "AccessDeniedException", "not authorized"));
    let failed = fake::reflector(client).latest_image(&fake::image(), &Policy::newest_push()).await;
    let error = failed.expect_err("denied");
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    let arn = "arn:aws:ecr:eu-west-1:123456789012:repository/apps/mainapp";
    assert_eq!(error.to_string(), format!("ecr:DescribeImages on {arn} is denied"));
    assert!(error.hint().is_some_and(|hint| hint.contains("ecr:DescribeImages")), "{error:?}");
}

#[tokio::test]
async fn push_times_are_asked_for_when_the_policy_needs_them_and_reach_it() {
    let (clock, image) = (ManualClock::new(), fake::image());
    let registry = FakeRegistry::new().with_clock(&clock);
    registry.push(&image, "b").expect("a tag");
    clock.advance(Duration::from_secs(1));
    registry.push(&image, "a").expect("a tag");
    let reflector = Reflector::builder().tag_source(registry.clone()).build().expect("complete");
    for (policy, winner) in
        [(Policy::newest_push(), "a"), (Policy::alphabetical(flux_policy::Order::Asc), "b")]
    {
        let latest = reflector.latest_image(&image, &policy).await.expect("complete");
        let tag = latest.image_ref().and_then(|image| image.tag()).expect("a winner");
        assert_eq!(tag.as_str(), winner);
        reflector.reflect(&image, &policy).await.expect("complete");
    }
    reflector.scan(&image).await.expect("complete");
    reflector.pages(&image).next().await.expect("complete");
    reflector.pages(&image).with_detail(Detail::Images).next().await.expect("complete");
    let requests = registry.requests();
    let asked: Vec<_> = requests.iter().filter_map(|request| request.split(' ').next()).collect();
    let (less, more) = ("tags", "images");
    assert_eq!(asked, [more, more, less, less, less, less, more]);
}

#[test]
fn the_tags_of_an_image_share_its_facts_until_one_is_changed() {
    let at = |second| SystemTime::UNIX_EPOCH + Duration::from_secs(second);
    let mut facts = ImageFacts::default();
    facts.size = Some(7);
    facts.pushed_at = Some(at(1));
    let shared = Arc::new(facts);
    let entry = |tag: &str| TagEntry::new(tag.parse().expect(tag)).with_facts(shared.clone());
    let (kept, changed) = (entry("1.0"), entry("latest").with_pushed_at(at(2)));
    assert_eq!((kept.pushed_at(), kept.facts().and_then(|facts| facts.size)), (Some(at(1)), Some(7)));
    assert_eq!((changed.pushed_at(), changed.facts().and_then(|facts| facts.size)), (Some(at(2)), Some(7)));
    assert_eq!(TagEntry::new("1.0".parse().expect("valid")).pushed_at(), None);
}

const REFERRERS: &str = "sha256-01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b";

/// Images and what is beside them; as ECR lists the last one, only its type tells that it is an SBOM.
fn with_accessories(_: &Value) -> (u16, Value) {
    let tags = ["1.0.0", REFERRERS, "sha256-0f.sig", "sha256-0f.att", "sha256-0f.sbom", "1.1.0-sbom"];
    let images = tags.iter().enumerate().map(|(i, tag)| {
        let artifact_type = if i == 5 { "application/spdx+json" } else { "application/vnd.oci.image.config.v1+json" };
        json!({ "imageDigest": digest(i), "imageTags": [tag], "artifactMediaType": artifact_type, "imagePushedAt": i })
    });
    let ids = tags.iter().enumerate().map(|(i, tag)| json!({ "imageDigest": digest(i), "imageTag": tag }));
    (200, json!({ "imageDetails": images.collect::<Vec<_>>(), "imageIds": ids.collect::<Vec<_>>() }))
}

#[tokio::test]
async fn accessories_are_left_out_on_request_and_signatures_by_flux_s_default() {
    let tags = |scan: &Scan| scan.tags().map(|tag| tag.to_string()).collect::<Vec<_>>();
    let (image, newest) = (fake::image(), Policy::newest_push());
    let (client, _) = fake::ecr(with_accessories);
    let as_flux = fake::reflector(client.clone());
    let scan = as_flux.scan(&image).await.expect("complete");
    assert_eq!(tags(&scan), ["1.0.0", "1.1.0-sbom", REFERRERS, "sha256-0f.att", "sha256-0f.sbom"]);
    assert_eq!((scan.listing().tags(), scan.listing().excluded()), (6, 1));

    let without = fake::builder(client).without_accessories().build().expect("complete");
    let scan = without.scan(&image).await.expect("complete");
    assert_eq!(tags(&scan), ["1.0.0", "1.1.0-sbom"], "its type is not listed with the tags");
    assert_eq!((scan.listing().tags(), scan.listing().excluded()), (6, 4));
    let Reflection { scan, latest, .. } = without.reflect(&image, &newest).await.expect("complete");
    assert_eq!(tags(&scan), ["1.0.0"]);
    assert_eq!(latest.image_ref().and_then(|image| image.tag()).map(Tag::as_str), Some("1.0.0"));
    assert_eq!(without.pages(&image).next().await.expect("complete").expect("a page").entries().len(), 6);
}
