//! What an identity may not do is told apart by whose policy is to be changed.

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use flux_aws_auth::doctor::{Finding, Severity};
use flux_ecr_reflect::test_util::FakeRegistry;
use flux_ecr_reflect::{Denial, Error, ErrorKind, ImageName, Preflight, Reflector};
use flux_policy::Policy;
use serde_json::{Value, json};

use crate::fake::{self, by_operation, failure, page};

/// `AWS:canary-password` in base64.
pub(crate) const TOKEN: &str = "QVdTOmNhbmFyeS1wYXNzd29yZA==";

pub(crate) fn token() -> (u16, Value) {
    (
        200,
        json!({"authorizationData": [
            {"authorizationToken": TOKEN, "expiresAt": 2e9, "proxyEndpoint": "https://registry.example"}
        ]}),
    )
}

/// A refusal by ECR of this action, in AWS's words.
fn denied(action: &str, why: &str) -> (u16, Value) {
    let message = format!(
        "User: arn:aws:sts::123456789012:assumed-role/flux/s is not authorized to perform: {action} on resource: x{why}"
    );
    failure(400, "AccessDeniedException", &message)
}

async fn preflight(client: SharedHttpClient) -> Preflight {
    fake::reflector(client).preflight(&fake::image()).await.expect("asked")
}

#[tokio::test]
async fn an_identity_that_may_do_both_is_fine() {
    let client = by_operation(|operation| match operation {
        "GetAuthorizationToken" => token(),
        _ => page([(0, "1.0.0".to_owned())], Some("next")),
    });
    let preflight = preflight(client).await;
    assert!(preflight.is_ok());
    assert!(preflight.findings().iter().all(|finding| finding.severity() == Severity::Ok));
    let policy = preflight.permission_policy().expect("a policy").to_json();
    for part in ["ecr:GetAuthorizationToken", "arn:aws:ecr:eu-west-1:123456789012:repository/apps/mainapp"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!format!("{preflight:?}").contains("canary"));
}

#[tokio::test]
async fn each_denial_names_the_policy_to_change() {
    let no_identity = |action| format!(" because no identity-based policy allows the {action} action");
    let cases = [
        (
            "GetAuthorizationToken",
            no_identity("ecr:GetAuthorizationToken"),
            Denial::NoTokenPermission,
            "with the resource `*`",
        ),
        (
            "GetAuthorizationToken",
            " with an explicit deny in an identity-based policy".to_owned(),
            Denial::NoTokenPermission,
            "denies ecr:GetAuthorizationToken explicitly",
        ),
        (
            "GetAuthorizationToken",
            " because no permissions boundary allows the ecr:GetAuthorizationToken action".to_owned(),
            Denial::Limit,
            "in the permissions boundary too",
        ),
        ("ListImages", no_identity("ecr:ListImages"), Denial::NoRepositoryPermission, "part by part"),
        (
            "ListImages",
            " because no resource-based policy allows the ecr:ListImages action".to_owned(),
            Denial::RepositoryPolicy,
            "Change the repository's own policy",
        ),
        (
            "ListImages",
            " with an explicit deny in a service control policy".to_owned(),
            Denial::Limit,
            "service control policy denies ecr:ListImages",
        ),
    ];
    for (operation, why, denial, remedy) in cases {
        let client = by_operation(move |asked| match asked {
            _ if asked == operation => denied(&format!("ecr:{operation}"), &why),
            "GetAuthorizationToken" => token(),
            _ => page([], None),
        });
        let preflight = preflight(client).await;
        let (failed, other) = match operation {
            "ListImages" => (preflight.listing(), preflight.login()),
            _ => (preflight.login(), preflight.listing()),
        };
        let error = failed.expect_err("denied");
        assert!(other.is_ok(), "{operation}: {other:?}");
        assert_eq!((error.kind(), error.denial()), (ErrorKind::AccessDenied, Some(denial)), "{error:?}");
        let findings = preflight.findings();
        let problems: Vec<&Finding> =
            findings.iter().filter(|finding| finding.severity() == Severity::Problem).collect();
        let [problem] = problems[..] else { panic!("one problem: {findings:?}") };
        assert!(problem.text().starts_with(&denial.to_string()), "{problem}");
        assert!(problem.hint().is_some_and(|told| told.contains(remedy)), "{problem:?}");
    }
}

/// Who may list tags may still not learn when they were pushed.
#[tokio::test]
async fn a_policy_that_needs_push_times_is_tried_with_the_permission_for_them() {
    let client = by_operation(|operation| match operation {
        "GetAuthorizationToken" => token(),
        "ListImages" => page([], None),
        _ => denied(
            "ecr:DescribeImages",
            " because no identity-based policy allows the ecr:DescribeImages action",
        ),
    });
    let reflector = fake::reflector(client);
    let of = |policy| {
        let reflector = &reflector;
        async move { reflector.preflight_for(&fake::image(), &policy).await.expect("asked") }
    };
    assert!(of(Policy::semver("*").expect("a range")).await.is_ok());
    let newest = of(Policy::newest_push()).await;
    assert_eq!(newest.listing().map_err(Error::denial), Err(Some(Denial::NoRepositoryPermission)));
    let findings = newest.findings();
    let [_, listing] = findings.as_slice() else { panic!("{findings:?}") };
    assert_eq!((listing.severity(), listing.subject()), (Severity::Problem, "ecr:DescribeImages"));
    assert!(newest.permission_policy().expect("a policy").to_json().contains("ecr:DescribeImages"));
}

#[tokio::test]
async fn what_is_no_denial_is_told_for_what_it_is() {
    let client = by_operation(|operation| match operation {
        "GetAuthorizationToken" => {
            failure(400, "ExpiredTokenException", "The security token included in the request is expired")
        }
        _ => failure(400, "RepositoryNotFoundException", "no such repository"),
    });
    let preflight = preflight(client).await;
    let (login, listing) = (preflight.login().unwrap_err(), preflight.listing().unwrap_err());
    assert_eq!((login.kind(), login.denial()), (ErrorKind::Credentials, None));
    assert_eq!((listing.kind(), listing.denial()), (ErrorKind::NotFound, None));
    assert!(login.hint().is_some_and(|hint| hint.contains("expired")), "{login:?}");
}

#[tokio::test]
async fn an_image_that_is_not_in_ecr_is_refused_before_anything_is_sent() {
    let image: ImageName = "ghcr.io/stefanprodan/podinfo".parse().expect("valid");
    let reflector = fake::reflector(by_operation(|_| panic!("nothing is sent")));
    let error = reflector.preflight(&image).await.expect_err("not ECR");
    assert_eq!(error.kind(), ErrorKind::Configuration);
}

#[tokio::test]
async fn a_tag_source_of_one_s_own_has_no_preflight() {
    let reflector = Reflector::builder().tag_source(FakeRegistry::new()).build().expect("complete");
    let error = reflector.preflight(&fake::image()).await.expect_err("no ECR");
    assert_eq!(error.kind(), ErrorKind::Configuration);
}
