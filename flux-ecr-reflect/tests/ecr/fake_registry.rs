//! The registry that is given to users for their tests, by what it promises.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::time::Duration;

use flux_ecr_reflect::test_util::{FakeRegistry, Fault, ManualClock, fake_denial, fake_error};
use flux_ecr_reflect::{
    Cursor, Denial, Detail, Error, ErrorKind, ImageName, ImageRef, ImageTask, Reflector, TagEntry,
};
use flux_policy::Policy;
use proptest::prelude::*;

fn image(repository: &str) -> ImageName {
    format!("registry.example.com/{repository}").parse().expect("valid")
}

fn over(registry: &FakeRegistry) -> Reflector {
    Reflector::builder().tag_source(registry.clone()).build().expect("complete")
}

async fn tags(registry: &FakeRegistry, image: &ImageName) -> Vec<String> {
    let scan = over(registry).scan(image).await.expect("complete");
    scan.tags().map(|tag| tag.to_string()).collect()
}

async fn digest(registry: &FakeRegistry, image: &ImageName, tag: &str) -> Option<String> {
    let image = image.clone().with_tag(tag.parse().expect("a tag"));
    over(registry).digest(&image).await.expect("an answer").map(|digest| digest.to_string())
}

proptest! {
    #[test]
    fn every_tag_is_listed_once_however_pages_are_cut(
        tags in prop::collection::btree_set("[a-c]{1,3}", 0..30),
        page_size in 0_usize..10,
    ) {
        let (registry, image) = (FakeRegistry::new().with_page_size(page_size), image("app"));
        registry.push_all(&image, &tags).expect("tags");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let scan = runtime.block_on(over(&registry).scan(&image)).expect("complete");
        let listed: BTreeSet<_> = scan.tags().map(|tag| tag.to_string()).collect();
        prop_assert_eq!(&listed, &tags);
        let pages = tags.len().div_ceil(page_size.max(1)).max(1);
        prop_assert_eq!(scan.listing().pages(), pages as u64);
        prop_assert_eq!(registry.requests().len(), pages);
    }
}

#[tokio::test]
async fn tags_are_pushed_moved_and_deleted() {
    let (registry, image) = (FakeRegistry::new(), image("app"));
    registry.push_all(&image, ["1.0.0", "latest"]).expect("tags");
    let pushed = registry.push(&image, "1.1.0").expect("a tag").to_string();
    registry.retag(&image, "1.1.0", "latest").expect("both");
    registry.delete(&image, "1.0.0");
    assert_eq!(tags(&registry, &image).await, ["1.1.0", "latest"]);
    assert_eq!(digest(&registry, &image, "latest").await, Some(pushed.clone()));
    assert_eq!(digest(&registry, &image, "1.0.0").await, None);

    registry.push(&image, "latest").expect("a tag");
    assert_ne!(digest(&registry, &image, "latest").await, Some(pushed.clone()));
    assert_eq!(digest(&registry, &image, "1.1.0").await, Some(pushed));

    let missing = registry.retag(&image, "1.0.0", "latest").expect_err("deleted");
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert_eq!(registry.push(&image, "no tag").expect_err("a blank").kind(), ErrorKind::Configuration);
    registry.delete_repository(&image);
    assert_eq!(over(&registry).scan(&image).await.expect_err("deleted").kind(), ErrorKind::NotFound);
    registry.push_all(&image, [""; 0]).expect("no tag");
    assert!(over(&registry).scan(&image).await.expect("empty").is_empty());
}

/// As a registry goes on from the last tag, and not from a number of tags.
#[tokio::test]
async fn a_change_between_two_pages_neither_hides_nor_repeats_what_stays() {
    let (registry, image) = (FakeRegistry::new().with_page_size(2), image("app"));
    registry.push_all(&image, ["a", "c", "e", "g"]).expect("tags");
    let change = registry.clone();
    let (reflector, of) = (Reflector::builder().tag_source(registry.clone()), image.clone());
    let reflector = reflector.on_page(move |progress| {
        if progress.pages == 1 {
            change.delete(&of, "a");
            change.push_all(&of, ["b", "f"]).expect("tags");
        }
    });
    let scan = reflector.build().expect("complete").scan(&image).await.expect("complete");
    let tags: Vec<_> = scan.tags().map(|tag| tag.to_string()).collect();
    assert_eq!(tags, ["a", "c", "e", "f", "g"]);
    assert_eq!(scan.listing().tags(), 5);
}

#[tokio::test]
async fn it_tells_what_it_is_asked_for() {
    let clock = ManualClock::new();
    let (registry, image) = (FakeRegistry::new().with_clock(&clock), image("app"));
    clock.advance(Duration::from_mins(1));
    let digest = registry.push(&image, "1.0.0").expect("a tag");
    let known = fake_digest(7);
    let long_ago = clock.now() - Duration::from_hours(1);
    let entry = TagEntry::new("0.9.0".parse().expect("a tag")).with_pushed_at(long_ago);
    registry.push_entry(&image, &entry.with_digest(known.clone())).expect("an entry");
    let told = async |registry: &FakeRegistry, detail| {
        let reflector = over(registry);
        let page = reflector.pages(&image).with_detail(detail).next().await;
        let entries = page.expect("complete").expect("a page").into_entries();
        entries.into_iter().map(|entry| (entry.digest().cloned(), entry.pushed_at())).collect::<Vec<_>>()
    };
    let dated = vec![(Some(known.clone()), Some(long_ago)), (Some(digest.clone()), Some(clock.now()))];
    assert_eq!(told(&registry, Detail::Images).await, dated);
    assert_eq!(told(&registry, Detail::Digests).await, [(Some(known), None), (Some(digest), None)]);
    let plain = registry.clone().without_digests();
    assert_eq!(told(&plain, Detail::Images).await, [(None, None), (None, None)]);
}

fn fake_digest(i: u64) -> flux_ecr_reflect::Digest {
    format!("sha256:{i:064x}").parse().expect("valid")
}

#[tokio::test]
async fn a_digest_that_pages_do_not_tell_takes_a_request() {
    let (registry, image) = (FakeRegistry::new().without_digests(), image("app"));
    let digest = registry.push(&image, "1.0.0").expect("a tag");
    let policy = Policy::semver("1.x").expect("a range");
    let latest = over(&registry).latest_image(&image, &policy).await.expect("complete");
    assert_eq!(latest.digest(), Some(&digest));
    assert_eq!(
        registry.requests(),
        ["tags of registry.example.com/app, page 1", "digest of registry.example.com/app:1.0.0"]
    );
}

/// The kind of the failure of a listing and its page, or the number of tags.
async fn scanned(registry: &FakeRegistry, image: &ImageName) -> Result<usize, (ErrorKind, Option<u64>)> {
    let scan = over(registry).scan(image).await;
    scan.map(|scan| scan.len()).map_err(|error| (error.kind(), error.page()))
}

#[tokio::test]
async fn a_fault_meets_the_requests_that_it_is_for() {
    use ErrorKind::{AccessDenied, Throttled, Unavailable};
    let (registry, app, other) = (FakeRegistry::new().with_page_size(1), image("app"), image("other"));
    for image in [&app, &other] {
        registry.push_all(image, ["1.0.0", "1.1.0"]).expect("tags");
    }
    registry.fail(Fault::error(AccessDenied).of(&app));
    for _ in 0..3 {
        assert_eq!(scanned(&registry, &app).await, Err((AccessDenied, Some(1))));
    }
    assert_eq!(scanned(&registry, &other).await, Ok(2));
    let tagged: ImageRef = app.clone().with_tag("1.0.0".parse().expect("a tag"));
    assert_eq!(over(&registry).digest(&tagged).await.expect_err("denied").kind(), AccessDenied);
    registry.recover();
    assert_eq!(scanned(&registry, &app).await, Ok(2));

    registry.fail(Fault::error(Throttled).on_page(2).times(2));
    over(&registry).digest(&tagged).await.expect("no page");
    assert_eq!(scanned(&registry, &app).await, Err((Throttled, Some(2))));
    assert_eq!(scanned(&registry, &other).await, Err((Throttled, Some(2))));
    assert_eq!(scanned(&registry, &app).await, Ok(2));

    registry.fail(Fault::error(Throttled).times(1));
    registry.fail(Fault::error(Unavailable).times(1));
    assert_eq!(scanned(&registry, &app).await, Err((Throttled, Some(1))));
    assert_eq!(scanned(&registry, &app).await, Err((Unavailable, Some(1))), "each has its turn");
    assert_eq!(scanned(&registry, &app).await, Ok(2));
}

#[tokio::test]
async fn slow_requests_take_the_clock_s_time() {
    let clock = ManualClock::new();
    let (registry, app) = (FakeRegistry::new().with_clock(&clock).with_page_size(1), image("app"));
    registry.push_all(&app, ["1.0.0", "1.1.0"]).expect("tags");
    registry.fail(Fault::delay(Duration::from_secs(3)));
    registry.fail(Fault::delay(Duration::from_secs(4)).on_page(2));
    let reflector = Reflector::builder().tag_source(registry.clone());
    let reflector = reflector.time_source(clock.clone()).sleep_impl(clock.clone()).build().expect("complete");
    clock.run(reflector.scan(&app)).await.expect("complete");
    assert_eq!(clock.elapsed(), Duration::from_secs(10));

    let task = ImageTask::new(app, Policy::semver("1.x").expect("a range"));
    let hurried = task.with_timeout(Duration::from_secs(9));
    let error = clock.run(reflector.update(&hurried)).await.expect_err("too slow");
    assert_eq!((error.kind(), clock.elapsed()), (ErrorKind::Unavailable, Duration::from_secs(19)));
}

#[tokio::test]
async fn a_cursor_of_another_registry_is_refused() {
    let (registry, app) = (FakeRegistry::new(), image("app"));
    registry.push(&app, "1.0.0").expect("a tag");
    for cursor in ["", "2", "x 1.0.0", "2 no tag"] {
        let reflector = over(&registry);
        let error = reflector.pages_from(&app, Cursor::new(cursor)).next().await.expect_err(cursor);
        assert_eq!(error.kind(), ErrorKind::Configuration);
    }
}

#[test]
fn errors_are_as_ecr_s() {
    for (kind, code, is_retryable) in [
        (ErrorKind::AccessDenied, Some("AccessDeniedException"), false),
        (ErrorKind::NotFound, Some("RepositoryNotFoundException"), false),
        (ErrorKind::Throttled, Some("ThrottlingException"), true),
        (ErrorKind::Unavailable, Some("ServerException"), true),
        (ErrorKind::Credentials, Some("UnrecognizedClientException"), false),
        (ErrorKind::Damaged, None, false),
    ] {
        let error = fake_error(kind);
        assert_eq!((error.kind(), error.aws_code(), error.is_retryable()), (kind, code, is_retryable));
        assert_eq!(error.http_status().is_some(), code.is_some());
        assert!(error.source().is_none());
    }
    let denied: Error = fake_denial(Denial::Limit);
    assert_eq!((denied.kind(), denied.denial()), (ErrorKind::AccessDenied, Some(Denial::Limit)));
}
