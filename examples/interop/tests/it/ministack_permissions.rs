//! What an identity may do, before an evaluator of IAM policies nobody here wrote.

use aws_credential_types::provider::ProvideCredentials;
use flux_aws_auth::iam::PermissionPolicy;
use flux_aws_auth::{Chain, http_client};
use flux_ecr_reflect::{Denial, Error, ErrorKind, LoginSource, RegistryLogin};
use flux_policy::Policy;
use interop::{Caller, Refusal};
use serde_json::{Value, json};

use crate::account::{Account, image};

const REPOSITORY: &str = "arn:aws:ecr:eu-west-1:111122223333:repository/apps/mainapp";

/// All that reading takes but the login.
const READING: [&str; 4] =
    ["ecr:ListImages", "ecr:DescribeImages", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];

/// Scan, newest push, digest and login by our crates; what a registry judges a pull by, by boto3 with the same credentials.
struct Reader<'a> {
    account: &'a Account,
    chain: Chain,
}

impl Reader<'_> {
    /// The actions without which something failed, in the order of the policy.
    async fn missing(&self) -> Vec<&'static str> {
        let reflector = self.account.reflector(&self.chain);
        let mainapp = image("apps/mainapp");
        let login = RegistryLogin::builder().credentials(self.chain.clone()).http_client(http_client());
        let login = login.endpoint_url(self.account.aws.url()).build().unwrap();

        let scanned = reflector.scan(&mainapp).await.map(|scan| assert_eq!(scan.len(), 3));
        let semver = reflector.latest_image(&mainapp, &Policy::semver(">=1.0.0").unwrap()).await;
        let newest = reflector.latest_image(&mainapp, &Policy::newest_push()).await;
        let logged_in = login.login(&mainapp).await.map(|login| assert_eq!(login.unwrap().user(), "AWS"));
        let semver = semver.map(|latest| {
            let chosen = latest.image_ref().unwrap();
            assert_eq!((chosen.tag().unwrap().as_str(), chosen.digest().is_some()), ("1.10.0", true));
        });
        assert_eq!(scanned.is_ok(), semver.is_ok(), "one listing serves both");

        let mut missing = Vec::new();
        for (action, outcome) in [
            ("ecr:GetAuthorizationToken", logged_in),
            ("ecr:ListImages", scanned),
            ("ecr:DescribeImages", newest.map(drop)),
        ] {
            if let Err(error) = outcome {
                assert_denied(&error, action);
                missing.push(action);
            }
        }
        let tag = json!({ "repositoryName": "apps/mainapp", "imageIds": [{ "imageTag": "1.0.0" }] });
        let layer = json!({ "repositoryName": "apps/mainapp", "layerDigest": format!("sha256:{:064}", 0) });
        for (action, operation, parameters) in [
            ("ecr:BatchGetImage", "batch_get_image", tag),
            ("ecr:GetDownloadUrlForLayer", "get_download_url_for_layer", layer),
        ] {
            if self.is_refused(operation, &parameters).await {
                missing.push(action);
            }
        }
        missing
    }

    async fn is_refused(&self, operation: &str, parameters: &Value) -> bool {
        let caller = Caller::With(self.chain.provide_credentials().await.unwrap());
        let refused = self.account.aws.boto3().call(&caller, "ecr", operation, parameters).err();
        let refused = refused.map(|error| error.downcast::<Refusal>().unwrap());
        refused.is_some_and(|refusal| refusal.code().starts_with("AccessDenied"))
    }
}

/// The error names the action, the resource and what to do.
#[track_caller]
fn assert_denied(error: &Error, action: &str) {
    assert_eq!(error.kind(), ErrorKind::AccessDenied, "{error:?}");
    let denial = if action == "ecr:GetAuthorizationToken" {
        Denial::NoTokenPermission
    } else {
        Denial::NoRepositoryPermission
    };
    assert_eq!(error.denial(), Some(denial), "{error:?}");
    let told = format!("{error}\n{}", error.hint().unwrap_or_default());
    assert!(told.contains(action), "{action}: {told}");
    if denial == Denial::NoRepositoryPermission {
        assert!(told.contains(REPOSITORY), "{told}");
    }
}

/// The document without one action.
fn without(document: &str, action: &str) -> String {
    let mut document: Value = serde_json::from_str(document).unwrap();
    let statements = document["Statement"].as_array_mut().unwrap();
    for statement in statements.iter_mut() {
        let actions: Vec<Value> = match &statement["Action"] {
            Value::Array(actions) => actions.clone(),
            one => vec![one.clone()],
        };
        statement["Action"] = actions.into_iter().filter(|one| *one != action).collect();
    }
    statements.retain(|statement| statement["Action"].as_array().is_some_and(|actions| !actions.is_empty()));
    document.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_minimal_policy_is_enough_and_each_of_its_actions_needed() {
    let account = Account::start().await;
    account.repository("apps/mainapp", &["1.0.0", "1.9.0", "1.10.0"]);
    let minimal = PermissionPolicy::ecr([REPOSITORY.parse().unwrap()]).unwrap().minimal().to_json();
    let all = Reader { account: &account, chain: account.reader("all", &[&minimal]) };
    assert_eq!(all.missing().await, Vec::<&str>::new());
    for action in [
        "ecr:GetAuthorizationToken",
        "ecr:ListImages",
        "ecr:DescribeImages",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
    ] {
        assert!(minimal.contains(action), "{minimal}");
        let role = action.replace(':', "-");
        let chain = account.reader(&role, &[&without(&minimal, action)]);
        assert_eq!(Reader { account: &account, chain }.missing().await, [action]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pattern_that_matches_lets_the_scan_work_and_another_names_the_remedy() {
    let account = Account::start().await;
    account.repository("apps/mainapp", &["1.0.0"]);
    let prefix = "arn:aws:ecr:eu-west-1:111122223333:";
    let cases = [
        ("repository/*", true),
        ("repository/apps/*", true),
        ("repository/apps*", true),
        ("repository/apps/mainapp", true),
        ("repository/apps/mainap?", true),
        ("repository/*/mainapp", true),
        ("repository/apps", false),
        ("repository/apps/", false),
        ("repository/mainapp", false),
        ("repository/Apps/*", false),
        ("repository/apps/mainapp/*", false),
        ("repository/apps/mainapp:1.0.0", false),
        ("apps/mainapp", false),
    ];
    for (index, (pattern, matches)) in cases.into_iter().enumerate() {
        let reading =
            json!({ "Effect": "Allow", "Action": READING, "Resource": format!("{prefix}{pattern}") });
        let login = json!({ "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*" });
        let policy = json!({ "Version": "2012-10-17", "Statement": [login, reading] }).to_string();
        let chain = account.reader(&format!("reader-{index}"), &[&policy]);
        let reflector = account.reflector(&chain);
        match reflector.scan(&image("apps/mainapp")).await {
            Ok(scan) => assert_eq!((scan.len(), matches), (1, true), "{pattern}"),
            Err(error) => {
                assert!(!matches, "{pattern}: {error:?}");
                assert_denied(&error, "ecr:ListImages");
            }
        }
        // The lint tells the same beforehand, and what is wrong.
        let repository = REPOSITORY.parse().unwrap();
        let findings = flux_aws_auth::iam::lint::policy(&policy, &repository).unwrap();
        assert_eq!(findings.is_empty(), matches, "{pattern}: {findings:?}");
    }
}
