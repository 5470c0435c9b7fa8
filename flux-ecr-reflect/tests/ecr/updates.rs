//! Images kept up to date, one and many.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_smithy_async::rt::sleep::{AsyncSleep, TokioSleep};
use aws_smithy_async::time::TimeSource;
use flux_ecr_reflect::test_util::{FakeRegistry, ManualClock};
use flux_ecr_reflect::{
    Access, Caller, Cursor, Digest, DigestReflection, Error, ErrorKind, ImageName, ImageRef, ImageStatus,
    ImageTask, PageRequest, Reflector, RegistryApi, TagEntry, TagPage, TagSource,
};
use flux_policy::{ExclusionList, Order, Policy};
use futures_util::FutureExt;
use serde_json::json;

use crate::fake;

const ALWAYS: DigestReflection = DigestReflection::Always { interval: Duration::from_mins(1) };

fn digest(i: u64) -> Digest {
    format!("sha256:{i:064x}").parse().expect("valid")
}

fn image(repository: &str) -> ImageName {
    format!("registry.example.com/{repository}").parse().expect("valid")
}

fn task(repository: &str) -> ImageTask {
    ImageTask::new(image(repository), Policy::semver("1.x").expect("a range"))
}

/// A registry whose pages tell tags alone.
#[derive(Debug, Default)]
struct Plain {
    tags: Mutex<Vec<&'static str>>,
    digest: Mutex<Option<Digest>>,
    asked_for_digest: AtomicUsize,
}

impl Plain {
    fn new(tags: &[&'static str], digest: Option<Digest>) -> Arc<Self> {
        let (tags, digest) = (Mutex::new(tags.to_vec()), Mutex::new(digest));
        Arc::new(Self { tags, digest, asked_for_digest: AtomicUsize::new(0) })
    }

    fn asked_for_digest(&self) -> usize {
        self.asked_for_digest.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
struct Shared(Arc<Plain>);

#[async_trait]
impl TagSource for Shared {
    async fn page(&self, _: &PageRequest<'_>) -> Result<TagPage, Error> {
        let tags = self.0.tags.lock().expect("not poisoned").clone();
        let entries: Result<_, Error> = tags.iter().map(|tag| Ok(TagEntry::new(tag.parse()?))).collect();
        let access = Access::new(RegistryApi::Distribution, Caller::Anonymous);
        Ok(TagPage::new(entries?).with_requests(3).with_access(access))
    }

    async fn digest(&self, image: &ImageRef) -> Result<Option<Digest>, Error> {
        assert!(image.tag().is_some() && image.digest().is_none());
        self.0.asked_for_digest.fetch_add(1, Ordering::Relaxed);
        Ok(self.0.digest.lock().expect("not poisoned").clone())
    }
}

fn over(registry: &Arc<Plain>) -> Reflector {
    Reflector::builder().tag_source(Shared(registry.clone())).build().expect("complete")
}

#[tokio::test]
async fn a_digest_that_the_listing_does_not_tell_is_asked_for() {
    let registry = Plain::new(&["1.0.0", "1.1.0", "2.0.0"], Some(digest(7)));
    let policy = Policy::semver("1.x").expect("a range");
    let latest = over(&registry).latest_image(&image("app"), &policy).await.expect("complete");
    assert_eq!(latest.tag().map(ToString::to_string).as_deref(), Some("1.1.0"));
    assert_eq!((latest.digest(), registry.asked_for_digest()), (Some(&digest(7)), 1));
    assert!(latest.report().asked_for_digest());

    let none = Plain::new(&["2.0.0"], Some(digest(7)));
    let latest = over(&none).latest_image(&image("app"), &policy).await.expect("complete");
    assert_eq!((latest.image_ref(), none.asked_for_digest()), (None, 0));

    let untold = Plain::new(&["1.0.0"], None);
    let latest = over(&untold).latest_image(&image("app"), &policy).await.expect("complete");
    assert_eq!((latest.tag().is_some(), latest.digest()), (true, None));
    assert!(!latest.report().asked_for_digest());
}

#[tokio::test]
async fn digests_are_recorded_as_the_task_says() {
    let chosen = |i: Option<u64>| {
        let tagged = image("app").with_tag("1.1.0".parse().expect("valid"));
        i.map_or(tagged.clone(), |i| tagged.with_digest(digest(i)))
    };
    // Digests, what was recorded, what is recorded now, and how often the registry was asked.
    for (digests, recorded, expected, asked) in [
        (DigestReflection::Never, None, chosen(None), 0),
        (DigestReflection::Never, Some(chosen(Some(1))), chosen(None), 0),
        (DigestReflection::IfNotPresent, None, chosen(Some(7)), 1),
        (DigestReflection::IfNotPresent, Some(chosen(None)), chosen(Some(7)), 1),
        (DigestReflection::IfNotPresent, Some(chosen(Some(1))), chosen(Some(1)), 0),
        (ALWAYS, Some(chosen(Some(1))), chosen(Some(7)), 1),
    ] {
        let registry = Plain::new(&["1.0.0", "1.1.0"], Some(digest(7)));
        let status = ImageStatus::new(recorded.clone(), None);
        let task = task("app").with_digest_reflection(digests).with_status(status);
        let update = over(&registry).update(&task).await.expect("complete");
        assert_eq!(update.status().latest(), Some(&expected), "{digests:?} after {recorded:?}");
        assert_eq!(registry.asked_for_digest(), asked, "{digests:?} after {recorded:?}");
        assert_eq!(update.is_new(), recorded.as_ref() != Some(&expected));
        let previous = recorded.filter(|recorded| *recorded != expected);
        assert_eq!(update.status().previous(), previous.as_ref());
        assert_eq!(update.requeue_after(), (digests == ALWAYS).then_some(Duration::from_mins(1)));
    }
}

#[tokio::test]
async fn a_digest_that_nobody_tells_is_an_error() {
    let registry = Plain::new(&["1.0.0"], None);
    let error = over(&registry).update(&task("app").with_digest_reflection(ALWAYS)).await.expect_err("none");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.to_string(), "the registry gives no digest for registry.example.com/app:1.0.0");
}

#[tokio::test]
async fn a_choice_moves_on_and_no_choice_leaves_it() {
    let registry = Plain::new(&["1.0.0"], None);
    let reflector = over(&registry);
    let mut task = task("app");
    let mut said = Vec::new();
    for tags in [vec!["1.0.0"], vec!["1.0.0", "1.1.0"], vec!["1.1.0"], vec!["2.0.0"], vec![]] {
        *registry.tags.lock().expect("not poisoned") = tags;
        let update = reflector.update(&task).await.expect("complete");
        said.push((update.is_new(), update.status().ready_message().expect("a choice")));
        task = task.with_status(update.into_status());
    }
    let first = "Latest image tag for registry.example.com/app resolved to 1.0.0".to_owned();
    let second = "Latest image tag for registry.example.com/app resolved to 1.1.0 (previously registry.example.com/app:1.0.0)";
    let second = |is_new| (is_new, second.to_owned());
    assert_eq!(said, [(true, first), second(true), second(false), second(false), second(false)]);
}

#[tokio::test]
async fn a_task_has_an_exclusion_list_of_its_own() {
    let registry = Plain::new(&["1.0.0", "1.1.0"], None);
    let exclude = |pattern| ExclusionList::new([pattern]).expect("a pattern");
    let source = Shared(registry.clone());
    let reflector =
        Reflector::builder().tag_source(source).exclusion_list(exclude("^1\\.0")).build().expect("complete");
    for (task, expected) in
        [(task("app"), "1.1.0"), (task("app").with_exclusion_list(exclude("^1\\.1")), "1.0.0")]
    {
        let update = reflector.update(&task).await.expect("complete");
        assert_eq!(update.latest().tag().map(ToString::to_string).as_deref(), Some(expected));
        assert_eq!(update.latest().listing().excluded(), 1);
    }
}

/// Says one second later at every look.
#[derive(Debug, Default)]
struct Ticking(AtomicUsize);

impl TimeSource for Ticking {
    fn now(&self) -> SystemTime {
        let seconds = 1_000_000 + self.0.fetch_add(1, Ordering::Relaxed) as u64;
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }
}

#[tokio::test]
async fn a_report_tells_requests_time_and_who_asked() {
    let registry = Plain::new(&["1.0.0"], Some(digest(7)));
    let source = Shared(registry.clone());
    let builder = Reflector::builder().tag_source(source).time_source(Ticking::default());
    let policy = Policy::semver("1.x").expect("a range");
    let latest = builder.build().expect("complete").latest_image(&image("app"), &policy).await;
    let report = latest.expect("complete").report();
    assert_eq!((report.listing().requests(), report.extra_requests()), (3, 2));
    assert_eq!(
        report.to_string(),
        "1 tag in 1 page, 3 requests and one for the digest, 2000 ms, through the distribution API, without a login"
    );

    let (client, _) = fake::ecr(|_| fake::page([(1, "1.0.0".to_owned())], None));
    let latest = fake::reflector(client).latest_image(&fake::image(), &policy).await.expect("complete");
    let told = latest.report().access().map(|access| access.to_string());
    assert_eq!(told.as_deref(), Some("the ECR API, with AWS credentials from credentials provider"));
}

#[tokio::test]
async fn ages_are_told_by_the_reflector_s_clock() {
    let (clock, image) = (ManualClock::new(), image("app"));
    let registry = FakeRegistry::new().with_clock(&clock);
    registry.push(&image, "1.0.0").expect("a tag");
    let pushed_at = clock.now();
    clock.advance(Duration::from_secs(90));
    registry.push(&image, "1.1.0").expect("a tag");
    clock.advance(Duration::from_secs(30));
    let reflector = Reflector::builder().tag_source(registry).time_source(clock).build().expect("complete");
    let policy = Policy::semver("1.x").expect("a range").with_minimum_age(Duration::from_mins(1));
    let latest = reflector.latest_image(&image, &policy).await.expect("complete");
    assert_eq!(latest.tag().map(ToString::to_string).as_deref(), Some("1.0.0"));
    assert_eq!(latest.pushed_at(), Some(pushed_at));
}

#[tokio::test]
async fn the_digest_of_a_tag_is_asked_of_ecr() {
    let client = fake::by_operation(|operation| {
        assert_eq!(operation, "DescribeImages");
        (
            200,
            json!({ "imageDetails": [{ "imageDigest": fake::digest(9), "imageTags": ["1.0.0", "latest"] }] }),
        )
    });
    let latest = fake::image().with_tag("latest".parse().expect("valid"));
    let told = fake::reflector(client).digest(&latest).await.expect("an answer");
    assert_eq!(told.map(|digest| digest.to_string()), Some(fake::digest(9)));

    let gone = fake::by_operation(|_| fake::failure(400, "ImageNotFoundException", "no such image"));
    assert_eq!(fake::reflector(gone).digest(&latest).await.expect("an answer"), None);

    let denied = fake::by_operation(|_| fake::failure(400, "AccessDeniedException", "no"));
    let error = fake::reflector(denied).digest(&latest).await.expect_err("denied");
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert!(error.to_string().starts_with("ecr:DescribeImages on arn:aws:ecr:eu-west-1:"), "{error}");
}

/// Repositories `app-N`, which take N seconds each; those of a prime N fail.
#[derive(Debug, Default)]
struct Slow(Arc<Running>);

#[derive(Debug, Default)]
struct Running {
    now: AtomicUsize,
    most: AtomicUsize,
    begun: AtomicUsize,
}

struct Guard(Arc<Running>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl TagSource for Slow {
    async fn page(&self, request: &PageRequest<'_>) -> Result<TagPage, Error> {
        let number = request.image().repository().trim_start_matches("app-");
        let number: u64 = number.parse().expect("a number");
        if request.cursor().is_none() {
            self.0.begun.fetch_add(1, Ordering::Relaxed);
        }
        let now = self.0.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.0.most.fetch_max(now, Ordering::Relaxed);
        let _guard = Guard(self.0.clone());
        TokioSleep::new().sleep(Duration::from_millis(number * 500)).await;
        if matches!(number, 2 | 3 | 5 | 7) {
            return Err(Error::new(ErrorKind::AccessDenied, format!("app-{number} is denied")));
        }
        let page = TagPage::new(vec![TagEntry::new("1.0.0".parse()?)]);
        Ok(if request.cursor().is_none() { page.with_next(Cursor::new("second")) } else { page })
    }
}

fn slow() -> (Reflector, Arc<Running>) {
    let running = Arc::new(Running::default());
    let reflector = Reflector::builder().tag_source(Slow(running.clone())).build().expect("complete");
    (reflector, running)
}

fn slow_tasks(
    numbers: impl IntoIterator<Item = u64, IntoIter: Send>,
) -> impl Iterator<Item = ImageTask> + Send {
    numbers.into_iter().map(|number| task(&format!("app-{number}")))
}

#[tokio::test(start_paused = true)]
async fn updates_come_as_they_are_done_and_one_failure_stops_no_other() {
    let (reflector, running) = slow();
    let mut updates = reflector.update_all(slow_tasks([9, 7, 1, 4, 2, 6])).with_concurrency(3);
    let mut done = Vec::new();
    while let Some((task, update)) = updates.next().await {
        let number = task.image().repository().trim_start_matches("app-").to_owned();
        done.push((number, update.map_err(|error| error.kind()).map(|update| update.is_new())));
    }
    let failed = Err(ErrorKind::AccessDenied);
    // Three at once: 9, 7 (fails at 3.5 s) and 1 (1 s); 4 from 1 s to 5 s; 2 from 3.5 s to 4.5 s; 6 from 4.5 s to 10.5 s.
    let expected =
        [("1", Ok(true)), ("7", failed), ("2", failed), ("4", Ok(true)), ("9", Ok(true)), ("6", Ok(true))];
    assert_eq!(done, expected.map(|(number, outcome)| (number.to_owned(), outcome)));
    assert_eq!(running.most.load(Ordering::Relaxed), 3);
    assert!(updates.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn dropping_the_updates_ends_all_of_them() {
    let (reflector, running) = slow();
    let mut updates = reflector.update_all(slow_tasks(1..=100));
    let _ = updates.next().await.expect("the first");
    assert_eq!(running.now.load(Ordering::Relaxed), 15);
    drop(updates);
    assert_eq!(running.now.load(Ordering::Relaxed), 0);
    assert_eq!(running.begun.load(Ordering::Relaxed), 16);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_an_update_can_be_given_up_and_taken_up_again() {
    let (reflector, running) = slow();
    let mut updates = reflector.update_all(slow_tasks([4, 6, 8])).with_concurrency(2);
    assert!(updates.next().now_or_never().is_none());
    tokio::time::timeout(Duration::from_secs(1), updates.next()).await.expect_err("nothing is done yet");
    let mut done = Vec::new();
    while let Some((task, _)) = updates.next().await {
        done.push(task.image().repository().to_owned());
    }
    assert_eq!(done, ["app-4", "app-6", "app-8"]);
    assert_eq!(running.begun.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_bounds_the_whole_update() {
    let (reflector, running) = slow();
    let task = task("app-8").with_timeout(Duration::from_secs(6));
    let update = tokio::time::timeout(Duration::from_millis(6001), reflector.update(&task));
    let error = update.await.expect("bounded").expect_err("two pages of four seconds");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.to_string(), "the update of registry.example.com/app-8 took longer than 6s");
    assert_eq!(running.now.load(Ordering::Relaxed), 0);
    let in_time = reflector.update(&task.with_timeout(Duration::from_secs(9))).await;
    assert!(in_time.expect("in time").is_new());
}

#[tokio::test]
async fn one_scan_serves_many_policies_and_the_registry_is_asked_for_digests_alone() {
    let registry = Plain::new(&["1.0.0", "1.1.0", "2.0.0", "pr-7", "v1.sig"], Some(digest(7)));
    let reflector = over(&registry);
    let scan = reflector.scan(&image("app")).await.expect("complete");
    registry.tags.lock().expect("not poisoned").clear();

    let all = ImageTask::new(image("app"), Policy::alphabetical(Order::Asc));
    let without_pulls = all.clone().with_exclusion_list(ExclusionList::new(["^pr-"]).expect("a pattern"));
    for (task, expected, asked) in [
        (task("app"), "1.1.0", 0),
        (all, "pr-7", 0),
        (without_pulls, "2.0.0", 0),
        (task("app").with_digest_reflection(ALWAYS), "1.1.0", 1),
    ] {
        let before = registry.asked_for_digest();
        let update = reflector.update_from(&task, &scan).await.expect("a choice");
        let tagged = image("app").with_tag(expected.parse().expect("valid"));
        let expected = if asked == 0 { tagged } else { tagged.with_digest(digest(7)) };
        assert_eq!(update.status().latest(), Some(&expected));
        assert_eq!(registry.asked_for_digest() - before, asked);
        assert_eq!(update.latest().listing(), scan.listing());
        let again = task.with_status(update.into_status());
        assert!(!reflector.update_from(&again, &scan).await.expect("a choice").is_new());
    }
}

#[tokio::test]
async fn a_scan_that_cannot_tell_what_a_task_needs_is_refused() {
    let reflector = over(&Plain::new(&["1.0.0"], None));
    let scan = reflector.scan(&image("app")).await.expect("complete");
    for (task, part) in [
        (
            task("other"),
            "the scan is of registry.example.com/app, and the task of registry.example.com/other",
        ),
        (ImageTask::new(image("app"), Policy::newest_push()), "the policy needs push times"),
    ] {
        let error = reflector.update_from(&task, &scan).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains(part), "{error}");
    }
}
