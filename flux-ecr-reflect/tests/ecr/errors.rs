//! What a failure is called, what it says, and what it keeps.

use std::error::Error as _;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_smithy_http_client::test_util::NeverClient;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use flux_ecr_reflect::{Cursor, Error, ErrorKind, Reflector};
use flux_policy::{Order, Policy};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::fake::{self, failure, page};

const ARN: &str = "arn:aws:ecr:eu-west-1:123456789012:repository/apps/mainapp";

fn sources(error: &Error) -> Vec<String> {
    let mut next = error.source();
    std::iter::from_fn(|| {
        let source = next?;
        next = source.source();
        Some(source.to_string())
    })
    .collect()
}

async fn failed(answer: impl Fn(&Value) -> (u16, Value) + Send + Sync + 'static) -> (Error, usize) {
    let (client, log) = fake::ecr(answer);
    let error = fake::reflector(client).scan(&fake::image()).await.expect_err("a failure");
    (error, log.all().len())
}

#[tokio::test(start_paused = true)]
async fn what_aws_answers_by_what_the_caller_can_do() {
    for (status, code, kind, requests) in [
        (400, "AccessDeniedException", ErrorKind::AccessDenied, 1),
        (403, "SomethingNew", ErrorKind::AccessDenied, 1),
        (400, "RepositoryNotFoundException", ErrorKind::NotFound, 1),
        (400, "UnrecognizedClientException", ErrorKind::Credentials, 1),
        (400, "ExpiredTokenException", ErrorKind::Credentials, 1),
        (400, "InvalidSignatureException", ErrorKind::Credentials, 1),
        (403, "MissingAuthenticationTokenException", ErrorKind::Credentials, 1),
        (400, "ThrottlingException", ErrorKind::Throttled, 5),
        (429, "SomethingNew", ErrorKind::Throttled, 1),
        (400, "InvalidParameterException", ErrorKind::Configuration, 1),
        (500, "ServerException", ErrorKind::Unavailable, 5),
        (503, "SomethingNew", ErrorKind::Unavailable, 5),
        (418, "SomethingNew", ErrorKind::Response, 1),
    ] {
        let (error, asked) = failed(move |_| failure(status, code, "in AWS's words")).await;
        assert_eq!((error.kind(), asked), (kind, requests), "{status} {code}: {error}");
        assert_eq!(error.is_retryable(), matches!(kind, ErrorKind::Throttled | ErrorKind::Unavailable));
        let page = (kind != ErrorKind::Configuration).then_some(1);
        assert_eq!((error.page(), error.cursor()), (page, None));
        assert_eq!(sources(&error), [format!("{code}: in AWS's words (request request-1)")]);
        assert!(!error.to_string().contains('\n') && !error.to_string().contains("AWS's words"), "{error}");
    }
}

#[tokio::test]
async fn denied_names_action_resource_and_remedy() {
    let (error, _) = failed(|_| failure(400, "AccessDeniedException", "User is not authorized")).await;
    assert_eq!(error.to_string(), format!("ecr:ListImages on {ARN} is denied (page 1 of the listing)"));
    let hint = error.hint().expect("a remedy");
    assert!(
        hint.contains("allow ecr:ListImages") && hint.contains("another account than 123456789012"),
        "{hint}"
    );
}

#[tokio::test]
async fn not_found_names_account_repository_and_region() {
    let (error, _) = failed(|_| failure(400, "RepositoryNotFoundException", "")).await;
    assert_eq!(
        error.to_string(),
        "account 123456789012 has no repository \"apps/mainapp\" in eu-west-1 (page 1 of the listing)"
    );
}

#[tokio::test]
async fn a_listing_that_breaks_off_is_no_listing() {
    let answer = |body: &Value| match body["nextToken"].as_str() {
        None => page([(1, "1.0.0".into())], Some("token-2")),
        Some(_) => failure(400, "AccessDeniedException", "the policy changed meanwhile"),
    };
    let (client, _) = fake::ecr(answer);
    let reflector = fake::reflector(client);
    let policy = Policy::semver("*").expect("a range");
    for error in [
        reflector.scan(&fake::image()).await.expect_err("page 2 fails"),
        reflector.latest_image(&fake::image(), &policy).await.expect_err("page 2 fails"),
        reflector.reflect(&fake::image(), &policy).await.expect_err("page 2 fails"),
    ] {
        assert_eq!((error.page(), error.cursor().map(Cursor::as_str)), (Some(2), Some("token-2")));
    }
}

#[tokio::test]
async fn a_token_that_comes_back_ends_the_listing_with_an_error() {
    let (error, asked) = failed(|_| page([(1, "1.0.0".into())], Some("again"))).await;
    assert_eq!((error.kind(), asked), (ErrorKind::Response, 2));
}

#[tokio::test]
async fn nonsense_is_not_taken_for_tags() {
    for body in [
        json!("not an object"),
        json!({ "imageIds": [{ "imageTag": "no/tag", "imageDigest": fake::digest(1) }] }),
        json!({ "imageIds": [{ "imageTag": "1.0.0", "imageDigest": "sha256:short" }] }),
        json!({ "imageIds": "not a list" }),
    ] {
        let (error, _) = failed(move |_| (200, body.clone())).await;
        assert_eq!(error.kind(), ErrorKind::Response, "{error:?}");
        assert!(!sources(&error).is_empty(), "{error:?}");
    }
}

#[tokio::test]
async fn a_tag_the_policy_cannot_judge_is_a_policy_error() {
    let (client, _) = fake::ecr(|_| page([(1, "7".into()), (2, "latest".into())], None));
    let policy = Policy::numerical(Order::Asc);
    let error =
        fake::reflector(client).latest_image(&fake::image(), &policy).await.expect_err("not a number");
    assert_eq!(error.kind(), ErrorKind::Policy);
    let source =
        error.source().expect("kept").downcast_ref::<flux_policy::Error>().expect("flux_policy's own");
    assert_eq!(source.kind(), flux_policy::ErrorKind::InvalidTag);
}

#[derive(Debug)]
struct NoIdentity;

impl std::fmt::Display for NoIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("four sources, none configured")
    }
}

impl std::error::Error for NoIdentity {}

#[derive(Debug)]
enum Provider {
    Fails,
    Hangs,
}

impl ProvideCredentials for Provider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        match self {
            Self::Fails => future::ProvideCredentials::ready(Err(CredentialsError::not_loaded(NoIdentity))),
            Self::Hangs => future::ProvideCredentials::new(std::future::pending()),
        }
    }
}

async fn failed_for(provider: Provider) -> Error {
    let (client, log) = fake::ecr(|_| page([], None));
    let reflector = Reflector::builder().credentials(provider).http_client(client).build().expect("complete");
    let error = reflector.scan(&fake::image()).await.expect_err("no credentials");
    assert!(log.all().is_empty());
    error
}

#[tokio::test(start_paused = true)]
async fn the_provider_s_own_error_is_among_the_sources() {
    let error = failed_for(Provider::Fails).await;
    assert_eq!(error.kind(), ErrorKind::Credentials);
    let mut next = error.source();
    while let Some(source) = next {
        if source.is::<NoIdentity>() {
            return;
        }
        next = source.source();
    }
    panic!("the provider's error is lost: {error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_hangs_is_a_credentials_error_in_time() {
    let error = timeout(Duration::from_secs(21), failed_for(Provider::Hangs)).await.expect("in time");
    assert_eq!(error.kind(), ErrorKind::Credentials, "{error:?}");
}

#[derive(Debug, Clone)]
struct Unreachable;

impl HttpConnector for Unreachable {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(Err(ConnectorError::io("connection refused".into())))
    }
}

impl HttpClient for Unreachable {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

#[tokio::test(start_paused = true)]
async fn a_network_that_fails_is_unavailable() {
    let reflector = Reflector::builder().credentials(fake::credentials()).http_client(Unreachable);
    let error = reflector.build().expect("complete").scan(&fake::image()).await.expect_err("unreachable");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().starts_with("the ECR API of eu-west-1 could not be reached"), "{error}");
    assert!(sources(&error).iter().any(|source| source.contains("connection refused")), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_is_unavailable_within_the_limits() {
    let reflector = Reflector::builder()
        .credentials(fake::credentials())
        .http_client(NeverClient::new())
        .endpoint_url("https://ecr.internal.example");
    let reflector = reflector.build().expect("complete");
    let image = fake::image();
    let scan = timeout(Duration::from_secs(91), reflector.scan(&image)).await.expect("in time");
    let error = scan.expect_err("hangs");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.to_string().contains("did not answer in time"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("https://ecr.internal.example")));
}

#[test]
fn a_reflector_needs_credentials_or_a_source() {
    let missing = |builder: flux_ecr_reflect::ReflectorBuilder| {
        let error = builder.build().expect_err("incomplete");
        assert_eq!((error.kind(), error.page()), (ErrorKind::Configuration, None));
        error.to_string()
    };
    assert!(missing(Reflector::builder()).contains("no credentials"));
    for url in
        ["ftp://host", "host:80", "https://user:secret@host", "https://host/?token=secret", "not a url"]
    {
        let (client, _) = fake::ecr(|_| page([], None));
        let text = missing(fake::builder(client).endpoint_url(url));
        assert!(text.contains("endpoint_url") && !text.contains("secret"), "{text}");
    }
}
