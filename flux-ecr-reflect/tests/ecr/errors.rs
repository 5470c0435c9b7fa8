//! What a failure is called, what it says, and what it keeps.

use std::error::Error as _;
use std::time::Duration;

use aws_smithy_http_client::test_util::NeverClient;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use flux_ecr_reflect::test_util::FakeRegistry;
use flux_ecr_reflect::{Cursor, Error, ErrorKind, Reflector};
use flux_policy::{Order, Policy};
use serde_json::Value;
use tokio::time::timeout;

use crate::fake::{self, failure, page};

const ARN: &str = "arn:aws:ecr:eu-west-1:123456789012:repository/apps/mainapp";

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
        (429, "SomethingNew", ErrorKind::Throttled, 5),
        (400, "InvalidParameterException", ErrorKind::Configuration, 1),
        (500, "ServerException", ErrorKind::Unavailable, 5),
        (503, "SomethingNew", ErrorKind::Unavailable, 5),
        (418, "SomethingNew", ErrorKind::InvalidResponse, 1),
    ] {
        let (error, asked) = failed(move |_| failure(status, code, "in AWS's words")).await;
        assert_eq!((error.kind(), asked), (kind, requests), "{status} {code}: {error}");
        assert_eq!(error.is_retryable(), matches!(kind, ErrorKind::Throttled | ErrorKind::Unavailable));
        let page = (kind != ErrorKind::Configuration).then_some(1);
        assert_eq!((error.page(), error.cursor()), (page, None));
        assert_eq!((error.http_status(), error.aws_code()), (Some(status), Some(code)));
        assert_eq!(error.request_id(), Some("request-1"));
        assert_eq!(fake::sources(&error), [format!("{code}: in AWS's words (request request-1)")]);
        assert!(!error.to_string().contains('\n') && !error.to_string().contains("AWS's words"), "{error}");
    }
}

#[tokio::test]
async fn denied_names_action_resource_and_remedy() {
    let (error, _) = failed(|_| failure(400, "AccessDeniedException", "User is not authorized")).await;
    assert_eq!(error.to_string(), format!("ecr:ListImages on {ARN} is denied"));
    let hint = error.hint().expect("a remedy");
    assert!(
        hint.contains("Allow ecr:ListImages") && hint.contains("another account than 123456789012"),
        "{hint}"
    );
}

#[tokio::test]
async fn not_found_names_account_repository_and_region() {
    let (error, _) = failed(|_| failure(400, "RepositoryNotFoundException", "")).await;
    assert_eq!(error.to_string(), "account 123456789012 has no repository \"apps/mainapp\" in eu-west-1");
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
        assert!(error.to_string().ends_with("is denied (page 2 of the listing)"), "{error}");
    }
}

#[tokio::test]
async fn a_token_that_comes_back_ends_the_listing_with_an_error() {
    let (error, asked) = failed(|_| page([(1, "1.0.0".into())], Some("again"))).await;
    assert_eq!((error.kind(), asked), (ErrorKind::InvalidResponse, 2));
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

/// An HTTP client that gives every request the same error.
#[derive(Debug, Clone)]
struct Unreachable(fn() -> ConnectorError);

impl HttpConnector for Unreachable {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(Err(self.0()))
    }
}

impl HttpClient for Unreachable {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// An error with a cause, as those of HTTP clients.
#[derive(Debug)]
struct Layer(&'static str, Option<Box<Self>>);

impl std::fmt::Display for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Layer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.1.as_deref().map(|layer| layer as _)
    }
}

async fn failed_with(error: fn() -> ConnectorError) -> Error {
    let reflector = Reflector::builder().credentials(fake::credentials()).http_client(Unreachable(error));
    reflector.build().expect("complete").scan(&fake::image()).await.expect_err("unreachable")
}

#[tokio::test(start_paused = true)]
async fn a_network_that_fails_is_unavailable_and_its_causes_begin_with_the_first_that_says_something() {
    let error = failed_with(|| {
        let lookup = Layer("no such name", None);
        let layers =
            Layer("client error (Connect)", Some(Box::new(Layer("dns error", Some(Box::new(lookup))))));
        ConnectorError::io(layers.into())
    })
    .await;
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, true));
    assert_eq!(error.to_string(), "the ECR API of eu-west-1 could not be reached");
    assert_eq!(fake::sources(&error), ["dns error", "no such name"]);
    assert!(error.source().is_some_and(<dyn std::error::Error>::is::<Layer>), "still its own type");
    let hint = error.hint().expect("a remedy");
    assert!(hint.contains("spelling of the region eu-west-1") && hint.contains("the proxy"), "{hint}");
    assert_eq!((error.http_status(), error.aws_code(), error.request_id()), (None, None, None));
}

#[tokio::test]
async fn what_the_http_client_lacks_is_for_its_user_to_give() {
    let error = failed_with(|| ConnectorError::user("no root certificates".into())).await;
    assert_eq!((error.kind(), error.is_retryable(), error.hint()), (ErrorKind::Configuration, false, None));
    assert_eq!(fake::sources(&error), ["no root certificates"]);
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
fn an_endpoint_that_may_not_be_called_is_refused() {
    for url in [
        "ftp://host",
        "host:80",
        "http://ecr.example.com",
        "http://10.0.0.1",
        "https://user:secret@host",
        "https://user:secret#@host",
        "https://host/?token=secret",
        "https://host:99999",
        "not a url",
    ] {
        let (client, _) = fake::ecr(|_| page([], None));
        let error = fake::builder(client).endpoint_url(url).build().expect_err("refused");
        assert_eq!((error.kind(), error.page()), (ErrorKind::Configuration, None));
        let text = error.to_string();
        assert!(text.contains("endpoint_url") && !text.contains("secret"), "{text}");
    }
}

#[test]
fn settings_of_registries_do_not_go_with_another_source() {
    let builder = || Reflector::builder().tag_source(FakeRegistry::new());
    builder().build().expect("complete");
    for (setting, builder) in [
        ("credentials", builder().credentials(fake::credentials())),
        ("http_client", builder().http_client(NeverClient::new())),
        ("endpoint_url", builder().endpoint_url("https://ecr.internal.example")),
    ] {
        let error = builder.build().expect_err(setting);
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().starts_with(setting), "{error}");
    }
}
