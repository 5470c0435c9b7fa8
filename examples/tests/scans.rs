//! End to end: scans through the ECR API of the embedded AWS, whose listings are as odd as ECR's may be.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use aws_credential_types::Credentials;
use flux_aws_auth::http_client;
use flux_ecr_reflect::{Accessory, Cursor, Detail, ErrorKind, ImageName, Reflector, Scan, Throttle};
use flux_policy::Policy;
use local_aws::{Artifact, Fault, Listing, LocalAws, Repository, Service, TagStyle, User};

const TAGS: u64 = 3_000;

async fn aws(repository: Repository) -> LocalAws {
    let user = User::new("flux").permissions(
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}}"#,
    );
    LocalAws::builder().user(user).repository(repository).start().await.unwrap()
}

fn reflector(aws: &LocalAws) -> Reflector {
    let key = aws.access_key("flux").unwrap();
    let credentials = Credentials::new(key.id(), key.secret(), None, None, "test");
    let builder = Reflector::builder().credentials(credentials).http_client(http_client());
    builder.endpoint_url(aws.ecr_url()).throttle(Throttle::new()).build().unwrap()
}

fn image() -> ImageName {
    "111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp".parse().unwrap()
}

fn generated() -> Repository {
    Repository::generated("apps/mainapp", TAGS, TagStyle::Semver)
}

/// The tags by a listing that asks for `detail`, each as often as it came.
async fn listed(reflector: &Reflector, detail: Detail) -> Vec<String> {
    let image = image();
    let mut pages = reflector.pages(&image).with_detail(detail);
    let mut tags = Vec::new();
    while let Some(page) = pages.next().await.unwrap() {
        tags.extend(page.entries().iter().map(|entry| entry.tag().to_string()));
    }
    tags.sort_unstable();
    tags
}

fn tags(scan: &Scan) -> Vec<String> {
    scan.tags().map(|tag| tag.to_string()).collect()
}

#[tokio::test]
async fn however_a_listing_is_dealt_out_the_scan_is_the_same() {
    let whole = aws(generated()).await;
    let expected = reflector(&whole).scan(&image()).await.unwrap();
    assert_eq!((expected.len() as u64, expected.listing().requests()), (TAGS, 3));
    for listing in [
        Listing::new().at_most(70),
        Listing::new().empty_pages(),
        Listing::new().repeating(300),
        Listing::new().at_most(70).empty_pages().repeating(3),
    ] {
        let aws = aws(generated().listing(listing.clone())).await;
        let reflector = reflector(&aws);
        let scan = reflector.scan(&image()).await.unwrap();
        assert_eq!(scan, expected, "{listing:?}");
        assert_eq!(scan.revision(), expected.revision());
        assert!(scan.listing().pages() > 3 && scan.listing().requests() == scan.listing().pages());
        let mut described = listed(&reflector, Detail::Images).await;
        described.dedup();
        assert_eq!(described, tags(&expected), "{listing:?}");
    }
}

#[tokio::test]
async fn a_listing_that_leads_back_to_its_beginning_is_an_error() {
    let aws = aws(generated().listing(Listing::new().endless())).await;
    let error = reflector(&aws).scan(&image()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{error:?}");
    assert!(error.to_string().contains("would never be complete"), "{error}");
}

#[tokio::test]
async fn tagged_images_that_are_not_archived_are_candidates_under_each_tag_whatever_is_asked_for() {
    let repository = Repository::with_tags("apps/mainapp", ["1.0.0", "1.1.0", "1.2.0"]);
    let repository = repository.also_tagged("1.0.0", "stable").also_tagged("1.2.0", "latest");
    let aws = aws(repository.archived("1.1.0").untagged(5)).await;
    let reflector = reflector(&aws);
    let expected = ["1.0.0", "1.2.0", "latest", "stable"];
    assert_eq!(listed(&reflector, Detail::Digests).await, expected);
    assert_eq!(listed(&reflector, Detail::Images).await, expected);

    let latest = reflector.latest_image(&image(), &Policy::newest_push()).await.unwrap();
    let newest = latest.image_ref().unwrap();
    // Pushed last, under two tags: the byte-greatest of them.
    assert_eq!(newest.tag().unwrap().as_str(), "latest");
    let by_tag = reflector.latest_image(&image(), &Policy::semver("*").unwrap()).await.unwrap();
    assert_eq!(by_tag.image_ref().unwrap().tag().unwrap().as_str(), "1.2.0");
    assert_eq!(newest.digest(), by_tag.image_ref().unwrap().digest());
}

#[tokio::test]
async fn what_is_no_image_is_known_by_its_type() {
    let sbom =
        Artifact::new("application/vnd.oci.empty.v1+json", "{}").artifact_type("application/spdx+json");
    let aws = aws(Repository::with_tags("apps/mainapp", ["1.0.0"]).artifact("1.0.0-sbom", sbom)).await;
    let (reflector, image) = (reflector(&aws), image());
    let mut pages = reflector.pages(&image).with_detail(Detail::Images);
    let page = pages.next().await.unwrap().unwrap();
    let known: Vec<_> =
        page.entries().iter().map(|entry| (entry.tag().as_str(), Accessory::of(entry))).collect();
    assert!(
        known.contains(&("1.0.0", None)) && known.contains(&("1.0.0-sbom", Some(Accessory::Sbom))),
        "{known:?}"
    );
}

#[tokio::test]
async fn a_listing_that_fails_in_the_middle_goes_on_from_its_cursor() {
    let aws = aws(generated().listing(Listing::new().at_most(100))).await;
    let (reflector, image) = (reflector(&aws), image());
    let expected = reflector.scan(&image).await.unwrap();
    for fault in [Fault::garbage(), Fault::status(404)] {
        let injected = aws.inject(Service::Ecr, fault.on("ListImages").after(17).once());
        let mut pages = reflector.pages(&image);
        let mut seen = Vec::new();
        let error = loop {
            match pages.next().await {
                Ok(page) => {
                    seen.extend(page.expect("a fault").entries().iter().map(|entry| entry.tag().to_string()));
                }
                Err(error) => break error,
            }
        };
        assert_eq!((error.page(), seen.len(), injected.hits()), (Some(18), 1_700, 1), "{error:?}");
        let cursor: Cursor = error.cursor().cloned().unwrap();
        let mut rest = reflector.pages_from(&image, cursor);
        while let Some(page) = rest.next().await.unwrap() {
            seen.extend(page.entries().iter().map(|entry| entry.tag().to_string()));
        }
        seen.sort_unstable();
        assert_eq!(seen, tags(&expected));
    }
    // What passes by itself is not even seen.
    for fault in [Fault::reset(), Fault::cut_body(), Fault::status(500)] {
        aws.inject(Service::Ecr, fault.on("ListImages").after(17).once());
        let scan = reflector.scan(&image).await.unwrap();
        assert_eq!((&scan, scan.listing().pages()), (&expected, 30));
        assert_eq!(scan.listing().requests(), 31);
    }
}
