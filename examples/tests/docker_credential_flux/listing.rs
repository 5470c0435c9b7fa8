//! Listings by the distribution API, with logins that AWS gives.

use std::time::{Duration, SystemTime};

use aws_smithy_runtime_api::client::http::HttpClient;
use flux_aws_auth::http_client;
use flux_ecr_reflect::{ErrorKind, ImageName, OciRegistry, Reflector, RegistryLogin, RegistryLoginBuilder};
use local_aws::{Clock, Fault, LocalAws, Repository, Service, TagStyle, User};

use crate::world::EMBEDDED_IMAGE;

const HOURS: Duration = Duration::from_secs(13 * 3600);
const TAGS: u64 = 1_000;
const PAGES: u64 = 10;

async fn aws(clock: Clock) -> LocalAws {
    let user = User::new("flux").permissions(
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["ecr:*", "ecr-public:*", "sts:*"],
            "Resource": "*"}}"#,
    );
    let repository = || Repository::generated("apps/mainapp", TAGS, TagStyle::Semver);
    let aws = LocalAws::builder().clock(clock).user(user).repository(repository());
    aws.public_repository("flux", repository()).start().await.unwrap()
}

fn logins(aws: &LocalAws, clock: &Clock) -> RegistryLoginBuilder {
    let clock = clock.clone();
    RegistryLogin::builder()
        .http_client(http_client())
        .time_source(At(clock))
        .endpoint_url(aws.ecr_url())
        .public_endpoint_url(aws.ecr_public_url())
}

fn credentials(aws: &LocalAws) -> aws_credential_types::Credentials {
    let key = aws.access_key("flux").unwrap();
    aws_credential_types::Credentials::new(key.id(), key.secret(), None, None, "test")
}

fn reflector(url: &str, logins: RegistryLogin, http_client: impl HttpClient + 'static) -> Reflector {
    let registry = OciRegistry::builder().endpoint_url(url).login(logins).http_client(http_client);
    let registry = registry.page_size(u16::try_from(TAGS / PAGES).unwrap()).build().unwrap();
    Reflector::builder().tag_source(registry).build().unwrap()
}

fn count(aws: &LocalAws, operation: &str) -> u64 {
    let requests = aws.requests().into_iter().filter(|(name, _)| name.ends_with(operation));
    requests.map(|(_, count)| count).sum()
}

#[derive(Debug, Clone)]
struct At(Clock);

impl aws_smithy_async::time::TimeSource for At {
    fn now(&self) -> SystemTime {
        self.0.now()
    }
}

fn image() -> ImageName {
    EMBEDDED_IMAGE.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_outlives_its_login() {
    let clock = Clock::fixed(Clock::system().now());
    let aws = aws(clock.clone()).await;
    let logins = logins(&aws, &clock).credentials(credentials(&aws)).build().unwrap();
    let reflector = reflector(aws.registry_url(), logins, http_client());
    let image = image();
    let (mut pages, mut tags) = (reflector.pages(&image), 0);
    while let Some(page) = pages.next().await.unwrap() {
        tags += page.entries().len();
        if tags as u64 == TAGS / 2 {
            clock.advance(HOURS);
        }
    }
    assert_eq!(tags as u64, TAGS);
    assert_eq!(count(&aws, "GetAuthorizationToken"), 2, "{:?}", aws.requests());
    assert_eq!(count(&aws, "ListTags"), PAGES, "no request is wasted on a login that has ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_rejected_in_the_middle_is_replaced_and_the_page_asked_for_once_more() {
    let clock = Clock::system();
    let aws = aws(clock.clone()).await;
    // As if it had been given more than twelve hours ago.
    let ended =
        aws.inject(Service::Registry, Fault::clock_ahead(HOURS).on("ListTags").after(PAGES / 2).once());
    let logins = logins(&aws, &clock).credentials(credentials(&aws)).build().unwrap();
    let scan = reflector(aws.registry_url(), logins, http_client()).scan(&image()).await.unwrap();
    assert_eq!((scan.len() as u64, ended.hits()), (TAGS, 1));
    assert_eq!(count(&aws, "GetAuthorizationToken"), 2, "{:?}", aws.requests());
    assert_eq!(count(&aws, "ListTags"), PAGES + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_always_rejected_is_an_error_after_one_more_try() {
    let clock = Clock::system();
    let aws = aws(clock.clone()).await;
    aws.inject(Service::Registry, Fault::clock_ahead(HOURS).on("ListTags").after(PAGES / 2));
    let logins = logins(&aws, &clock).credentials(credentials(&aws)).build().unwrap();
    let error = reflector(aws.registry_url(), logins, http_client()).scan(&image()).await.unwrap_err();
    assert_eq!((error.kind(), error.page()), (ErrorKind::Credentials, Some(PAGES / 2 + 1)), "{error:?}");
    assert_eq!(count(&aws, "GetAuthorizationToken"), 2, "{:?}", aws.requests());
    assert_eq!(count(&aws, "ListTags"), PAGES / 2 + 2);
    let told = format!("{error} {error:?}");
    assert!(!aws.secrets_issued().iter().any(|secret| told.contains(secret)), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ecr_public_is_listed_as_the_identity_and_as_nobody() {
    let clock = Clock::system();
    let image: ImageName = "public.ecr.aws/flux/apps/mainapp".parse().unwrap();
    let aws = aws(clock.clone()).await;
    let nobody = logins(&aws, &clock).build().unwrap();
    let scan = reflector(aws.public_registry_url(), nobody, http_client()).scan(&image).await.unwrap();
    assert_eq!((scan.len() as u64, count(&aws, "GetAuthorizationToken")), (TAGS, 0));
    let somebody = logins(&aws, &clock).credentials(credentials(&aws)).build().unwrap();
    let scan = reflector(aws.public_registry_url(), somebody, http_client()).scan(&image).await.unwrap();
    assert_eq!((scan.len() as u64, count(&aws, "GetAuthorizationToken")), (TAGS, 1));
}
