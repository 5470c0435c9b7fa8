//! ECR Public: with an identity, and as nobody.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_smithy_types::base64;
use flux_aws_auth::test_util::FakeCredentialSource;
use flux_aws_auth::{Chain, Environment, Principal, SourceKind};
use flux_ecr_reflect::{ErrorKind, LoginKind, LoginSource};
use serde_json::json;

use super::fake_login::{Clock, Fake, builder, image, nobody};
use super::{EU, login};
use crate::fake::failure;

const PUBLIC: &str = "public.ecr.aws/docker/library/redis";
const DUAL_STACK: &str = "ecr-public.aws.com/docker/library/redis";

/// The ECR Public API, which gives one token and not a list.
fn public(clock: &Clock) -> Fake {
    let expiry = clock.in_hours(12).duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
    Fake::answering(clock, move |i| {
        let token = base64::encode(format!("AWS:public-{i}"));
        let data = json!({"authorizationData": {"authorizationToken": token, "expiresAt": expiry}});
        (200, data.to_string())
    })
}

#[tokio::test(start_paused = true)]
async fn an_identity_logs_in_at_the_public_api_in_us_east_1() {
    let clock = Clock::default();
    let fake = public(&clock);
    let logins = fake.logins();
    let first = login(&logins, PUBLIC).await;
    assert_eq!((first.kind(), first.user(), first.secret()), (LoginKind::Basic, "AWS", "public-0"));
    assert_eq!(first.endpoint(), Some("https://public.ecr.aws"));
    assert_eq!(first.expiry(), Some(clock.in_hours(12)));
    let dual_stack = login(&logins, DUAL_STACK).await;
    assert_eq!(dual_stack.endpoint(), Some("https://ecr-public.aws.com"));
    assert!(Arc::ptr_eq(&first, &login(&logins, "public.ecr.aws/other/app").await));
    let asked = fake.asked();
    let uris: Vec<_> = asked.iter().map(|asked| asked.uri.as_str()).collect();
    assert_eq!(
        uris,
        ["https://api.ecr-public.us-east-1.amazonaws.com/", "https://ecr-public.us-east-1.api.aws/"]
    );
    for asked in asked {
        assert_eq!(asked.target, "SpencerFrontendService.GetAuthorizationToken");
        assert!(asked.authorization.contains("/us-east-1/ecr-public/aws4_request"), "{asked:?}");
        assert!(asked.authorization.contains("x-amz-target"), "the target is signed: {asked:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_credentials_it_is_nobody_s_and_says_so() {
    let fake = public(&Clock::default());
    let logins = nobody(&fake).build().expect("complete");
    for name in [PUBLIC, DUAL_STACK] {
        let login = login(&logins, name).await;
        assert_eq!((login.kind(), login.user(), login.secret()), (LoginKind::Anonymous, "", ""));
        assert!(login.note().is_some_and(|note| note.contains("no credentials are configured")), "{login:?}");
        assert!(!logins.forget(&image(name), &login));
    }
    let error = logins.login(&image(EU)).await.expect_err("private");
    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert!(error.hint().is_some());
    assert!(fake.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_chain_in_which_nothing_is_set_up_is_nobody() {
    let fake = public(&Clock::default());
    let chain = Chain::builder()
        .environment(Environment::empty())
        .http_client(fake.client.clone())
        .time_source(fake.clock.clone())
        .without(SourceKind::InstanceMetadata)
        .build();
    let logins = nobody(&fake).credentials(chain).build().expect("complete");
    let login = login(&logins, PUBLIC).await;
    assert_eq!(login.kind(), LoginKind::Anonymous);
    assert!(
        login.note().is_some_and(|note| note.contains("no source of credentials is set up")),
        "{login:?}"
    );
    let error = logins.login(&image(EU)).await.expect_err("private");
    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert!(fake.asked().is_empty());
}

#[derive(Debug)]
struct Broken;

impl ProvideCredentials for Broken {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("none")))
    }
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_fails_is_never_turned_into_nobody() {
    let fake = public(&Clock::default());
    let access_key = Environment::empty().with_var("AWS_ACCESS_KEY_ID", "AKIA");
    let half_a_key = Chain::builder()
        .environment(access_key)
        .http_client(fake.client.clone())
        .time_source(fake.clock.clone())
        .without(SourceKind::InstanceMetadata)
        .build();
    for logins in [nobody(&fake).credentials(half_a_key), nobody(&fake).credentials(Broken)] {
        let error = logins.build().expect("complete").login(&image(PUBLIC)).await.expect_err("it fails");
        assert_eq!(error.kind(), ErrorKind::Credentials, "{error:?}");
    }
    assert!(fake.asked().is_empty());

    let denying = Fake::answering(&fake.clock, |_| {
        let (status, body) =
            failure(400, "AccessDeniedException", "not authorized to perform: sts:GetServiceBearerToken");
        (status, body.to_string())
    });
    let error = builder(&denying).build().expect("complete").login(&image(PUBLIC)).await.expect_err("denied");
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    let told = format!("{error} {}", error.hint().expect("a hint"));
    assert!(told.contains("sts:GetServiceBearerToken") && told.contains("ecr-public:"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn another_partition_has_no_logins_to_ecr_public() {
    let fake = public(&Clock::default());
    let role = "arn:aws-cn:iam::123456789012:role/flux".parse().expect("a role");
    let chain = Chain::builder()
        .environment(Environment::empty())
        .http_client(fake.client.clone())
        .time_source(fake.clock.clone())
        .only(FakeCredentialSource::new().with_principal(Principal::assumed_role(role, "session")))
        .build();
    let logins = nobody(&fake).credentials(chain).build().expect("complete");
    let error = logins.login(&image(PUBLIC)).await.expect_err("another partition");
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("aws-cn"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("anonymously")), "{error:?}");
    assert!(fake.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_configured_endpoint_is_asked_in_place_of_aws_s_own() {
    let fake = public(&Clock::default());
    let logins = builder(&fake)
        .endpoint_url("https://ecr.internal.example")
        .public_endpoint_url("http://127.0.0.1:8080")
        .build()
        .expect("allowed");
    login(&logins, PUBLIC).await;
    login(&logins, EU).await;
    let uris: Vec<_> = fake.asked().into_iter().map(|asked| asked.uri).collect();
    assert_eq!(uris, ["http://127.0.0.1:8080/", "https://ecr.internal.example/"]);
    for url in ["http://ecr.internal.example", "https://user:pw@ecr.internal.example", "ecr.internal.example"]
    {
        let error = builder(&fake).public_endpoint_url(url).build().expect_err(url);
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains("public_endpoint_url"), "{error}");
    }
}
