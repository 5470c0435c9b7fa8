//! What is asked of ECR, and what is made of its pages.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::{ProvideCredentials, future};
use aws_smithy_async::time::StaticTimeSource;
use flux_ecr_reflect::{ImageName, Reflection, Reflector, TagPage};
use flux_policy::{Policy, TagFilter};
use serde_json::{Value, json};

use crate::fake::{self, digest, page};

/// Three pages, the second empty, out of order, with a signature and a tag that is listed twice.
fn three_pages(body: &Value) -> (u16, Value) {
    let tags = |range: &[usize]| range.iter().map(|&i| (i, format!("1.{i}.0"))).collect::<Vec<_>>();
    match body["nextToken"].as_str() {
        None => page(tags(&[3, 11, 1]), Some("token-2")),
        Some("token-2") => page([], Some("token-3")),
        Some("token-3") => {
            page([tags(&[2, 1]), vec![(90, "latest".into()), (91, "sha256-0f.sig".into())]].concat(), None)
        }
        Some(other) => panic!("a token ECR never gave: {other}"),
    }
}

#[tokio::test]
async fn the_request_is_what_ecr_documents() {
    let (client, log) = fake::ecr(three_pages);
    fake::reflector(client).scan(&fake::image()).await.expect("complete");

    let asked = log.all();
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
    assert_eq!(
        asked.iter().map(|asked| &asked.body).collect::<Vec<_>>(),
        [&body(None), &body(Some("token-2")), &body(Some("token-3"))]
    );
    assert!(asked.iter().all(|asked| asked.operation == "ListImages"));
    assert!(asked.iter().all(|asked| asked.authorization.contains("/eu-west-1/ecr/aws4_request")));
}

#[tokio::test]
async fn a_scan_holds_every_page() {
    let (client, _) = fake::ecr(three_pages);
    let scan = fake::reflector(client).scan(&fake::image()).await.expect("complete");
    assert_eq!(
        scan.tags().map(|tag| tag.to_string()).collect::<Vec<_>>(),
        ["1.1.0", "1.11.0", "1.2.0", "1.3.0", "latest"]
    );
    assert_eq!(scan.image(), &fake::image());
    let listing = scan.listing();
    assert_eq!((listing.pages(), listing.requests(), listing.tags(), listing.excluded()), (3, 3, 7, 1));
    assert!(scan.to_string().starts_with("successful scan: found 5 tags with checksum "));
}

#[tokio::test]
async fn one_listing_serves_scan_and_policy() {
    let (client, log) = fake::ecr(three_pages);
    let reflector = fake::reflector(client);
    let policy = Policy::semver("^1.0.0").expect("a range");

    let Reflection { scan, latest, .. } = reflector.reflect(&fake::image(), &policy).await.expect("complete");
    assert_eq!(log.all().len(), 3);
    assert_eq!(
        latest.image_ref().expect("a winner").to_string(),
        format!("{}:1.11.0@{}", fake::image(), digest(11))
    );
    assert_eq!(latest.listing(), scan.listing());

    let alone = reflector.latest_image(&fake::image(), &policy).await.expect("complete");
    assert_eq!((alone.image_ref(), alone.decision()), (latest.image_ref(), latest.decision()));
    assert_eq!(reflector.scan(&fake::image()).await.expect("complete"), scan);
}

#[tokio::test]
async fn no_matching_tag_is_an_answer() {
    let (client, _) = fake::ecr(three_pages);
    let policy = Policy::semver(">=2.0.0").expect("a range");
    let latest = fake::reflector(client).latest_image(&fake::image(), &policy).await.expect("complete");
    assert_eq!(latest.image_ref(), None);
    assert!(latest.decision().winner().is_none());
    assert_eq!((latest.name(), latest.listing().tags()), (&fake::image(), 7));
}

#[tokio::test]
async fn signatures_take_no_part_in_the_decision() {
    let (client, _) = fake::ecr(three_pages);
    let policy = Policy::alphabetical(flux_policy::Order::Asc)
        .with_filter(TagFilter::new("^sha256-", "").expect("a pattern"));
    let latest = fake::reflector(client).latest_image(&fake::image(), &policy).await.expect("complete");
    assert_eq!(latest.image_ref(), None);
}

#[tokio::test]
async fn an_empty_repository_is_an_empty_scan() {
    let (client, _) = fake::ecr(|_| page([], None));
    let scan = fake::reflector(client).scan(&fake::image()).await.expect("complete");
    assert!(scan.is_empty());
    assert_eq!(scan.to_string(), "successful scan: found 0 tags with checksum 18153657");
}

#[tokio::test]
async fn the_host_says_which_endpoint_is_called() {
    for (host, endpoint, region) in [
        ("dkr.ecr.eu-west-1.amazonaws.com", "https://api.ecr.eu-west-1.amazonaws.com/", "eu-west-1"),
        (
            "dkr.ecr-fips.us-east-1.amazonaws.com",
            "https://api.ecr-fips.us-east-1.amazonaws.com/",
            "us-east-1",
        ),
        ("dkr-ecr.us-west-2.on.aws", "https://ecr.us-west-2.api.aws/", "us-west-2"),
        ("dkr-ecr-fips.us-gov-west-1.on.aws", "https://ecr-fips.us-gov-west-1.api.aws/", "us-gov-west-1"),
        ("dkr.ecr.cn-north-1.amazonaws.com.cn", "https://api.ecr.cn-north-1.amazonaws.com.cn/", "cn-north-1"),
        (
            "dkr-ecr.cn-north-1.on.amazonwebservices.com.cn",
            "https://ecr.cn-north-1.api.amazonwebservices.com.cn/",
            "cn-north-1",
        ),
        (
            "dkr.ecr.eusc-de-east-1.amazonaws.eu",
            "https://api.ecr.eusc-de-east-1.amazonaws.eu/",
            "eusc-de-east-1",
        ),
        ("dkr.ecr.us-iso-east-1.c2s.ic.gov", "https://api.ecr.us-iso-east-1.c2s.ic.gov/", "us-iso-east-1"),
    ] {
        let (client, log) = fake::ecr(|_| page([], None));
        let image: ImageName = format!("210987654321.{host}/app").parse().expect("valid");
        fake::reflector(client).scan(&image).await.expect(host);
        let asked = log.all().remove(0);
        assert_eq!((asked.uri.as_str(), &asked.body["registryId"]), (endpoint, &json!("210987654321")));
        assert!(asked.authorization.contains(&format!("/{region}/ecr/")), "{}", asked.authorization);
    }
}

/// Counts how often it is asked.
#[derive(Debug, Clone, Default)]
struct Counted {
    asked: Arc<AtomicUsize>,
}

impl ProvideCredentials for Counted {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        self.asked.fetch_add(1, Ordering::Relaxed);
        future::ProvideCredentials::ready(Ok(fake::credentials()))
    }
}

#[tokio::test]
async fn credentials_are_loaded_once_for_all_pages_accounts_and_regions() {
    let provider = Counted::default();
    let (client, log) = fake::ecr(three_pages);
    let reflector =
        Reflector::builder().credentials(provider.clone()).http_client(client).build().expect("complete");
    for registry in ["123456789012.dkr.ecr.eu-west-1", "210987654321.dkr.ecr.us-east-2"] {
        let image = format!("{registry}.amazonaws.com/app").parse().expect("valid");
        reflector.scan(&image).await.expect("complete");
    }
    assert_eq!((log.all().len(), provider.asked.load(Ordering::Relaxed)), (6, 1));
}

#[tokio::test]
async fn signatures_are_dated_by_the_clock_given() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160);
    let (client, log) = fake::ecr(three_pages);
    let reflector = fake::builder(client).time_source(StaticTimeSource::new(now)).build().expect("complete");
    reflector.scan(&fake::image()).await.expect("complete");
    assert!(log.all().iter().all(|asked| asked.headers["x-amz-date"] == "20150830T123600Z"));
}

#[tokio::test]
async fn pages_have_every_tag_and_digest_and_can_be_resumed() {
    let (client, log) = fake::ecr(three_pages);
    let reflector = fake::reflector(client);
    let image = fake::image();
    let listed = |page: TagPage| {
        let texts = page
            .entries()
            .iter()
            .map(|entry| (entry.tag().to_string(), entry.digest().expect("ECR tells it").to_string()));
        texts.collect::<Vec<_>>()
    };
    let mut pages = reflector.pages(&image);
    let mut whole = Vec::new();
    let mut cursors = Vec::new();
    while let Some(page) = pages.next().await.expect("complete") {
        cursors.extend(page.next().cloned());
        whole.extend(listed(page));
    }
    assert!(pages.next().await.expect("complete").is_none(), "the end is final");
    assert_eq!((whole.len(), pages.listing().tags(), pages.listing().pages()), (7, 7, 3));
    assert!(whole.contains(&("sha256-0f.sig".to_owned(), digest(91))), "before exclusion");

    let mut rest = reflector.pages_from(&image, cursors.remove(1));
    assert_eq!(listed(rest.next().await.expect("a page").expect("the last")), whole[3..]);
    assert!(rest.next().await.expect("complete").is_none());
    assert_eq!((rest.listing().pages(), log.all().len()), (1, 4));
}

#[tokio::test]
async fn a_tag_that_moves_while_it_is_listed_counts_twice_and_keeps_its_first_digest() {
    let (client, _) = fake::ecr(|body| match body["nextToken"].as_str() {
        None => page([(1, "1.0.0".to_owned())], Some("2")),
        Some(_) => page([(2, "1.0.0".to_owned())], None),
    });
    let policy = Policy::semver("*").expect("a range");
    let Reflection { scan, latest, .. } =
        fake::reflector(client).reflect(&fake::image(), &policy).await.expect("complete");
    assert_eq!((scan.len(), latest.decision().total()), (1, 2));
    let winner = latest.image_ref().expect("a winner");
    assert_eq!(winner.digest().map(ToString::to_string), Some(digest(1)));
}

#[tokio::test(start_paused = true)]
async fn retries_are_counted_as_requests_and_lose_nothing() {
    let tries = AtomicUsize::new(0);
    let (client, log) = fake::ecr(move |body| match tries.fetch_add(1, Ordering::Relaxed) {
        1 => fake::failure(400, "ThrottlingException", "Rate exceeded"),
        2 => fake::failure(500, "ServerException", ""),
        _ => three_pages(body),
    });
    let scan = fake::reflector(client).scan(&fake::image()).await.expect("complete");
    assert_eq!((scan.len(), scan.listing().pages(), scan.listing().requests()), (5, 3, 5));
    assert_eq!(log.all().len(), 5);
}

#[tokio::test]
async fn an_endpoint_of_ones_own_replaces_the_host_and_nothing_else() {
    let (client, log) = fake::ecr(|_| page([], None));
    let reflector = fake::builder(client).endpoint_url("http://127.0.0.1:4566").build().expect("complete");
    for host in ["dkr.ecr.eu-west-1.amazonaws.com", "dkr-ecr-fips.us-west-2.on.aws"] {
        let image: ImageName = format!("123456789012.{host}/app").parse().expect("valid");
        reflector.scan(&image).await.expect(host);
    }
    let asked = log.all();
    assert!(asked.iter().all(|asked| asked.uri == "http://127.0.0.1:4566/"));
    assert!(
        asked[0].authorization.contains("/eu-west-1/ecr/")
            && asked[1].authorization.contains("/us-west-2/ecr/")
    );
}

#[tokio::test]
async fn hosts_that_resemble_ecr_are_refused_before_any_request() {
    let (client, log) = fake::ecr(|_| page([], None));
    let reflector = fake::reflector(client);
    for image in
        ["123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example/app", "public.ecr.aws.evil.example/app"]
    {
        let error = reflector.scan(&image.parse().expect("valid")).await.expect_err(image);
        assert_eq!((error.kind(), error.page()), (flux_ecr_reflect::ErrorKind::Configuration, None));
    }
    assert!(log.all().is_empty());
}

#[tokio::test]
async fn pages_are_told_as_they_come() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let (client, _) = fake::ecr(three_pages);
    let hook = {
        let told = told.clone();
        move |progress: flux_ecr_reflect::PageProgress<'_>| {
            told.lock().expect("not poisoned").push((progress.pages, progress.tags, progress.more));
        }
    };
    let reflector = fake::builder(client).on_page(hook).build().expect("complete");
    reflector.scan(&fake::image()).await.expect("complete");
    assert_eq!(*told.lock().expect("not poisoned"), [(1, 3, true), (2, 3, true), (3, 7, false)]);
}
