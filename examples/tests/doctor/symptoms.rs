//! Symptom, cause, remedy: what people meet with Flux on EKS and ECR. Each is produced on the embedded AWS, told, and mended as
//! the remedy says.

use std::time::Duration;

use async_trait::async_trait;
use flux_aws_auth::doctor::{Area, Doctor, Examination, Finding, Severity};
use flux_aws_auth::iam::{PermissionPolicy, ResourcePolicy, lint};
use flux_aws_auth::{
    Chain, ChainBuilder, Environment, Error, ROLE_ARN_ANNOTATION, Reason, RoleArn, ServiceAccountRef,
    ServiceAccountRole, ServiceAccountToken, ServiceAccountTokens, TokenRequest,
};
use flux_ecr_reflect::{Denial, Reflector};
use local_aws::{Builder, ImdsMode, LocalAws, Repository, Role};

const NAMESPACE: &str = "flux-system";
const CONTROLLER: &str = "image-reflector-controller";
const TOKEN_FILE: &str = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token";
const REGISTRY: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
const HOUR: Duration = Duration::from_secs(3600);

fn controller() -> ServiceAccountRef {
    ServiceAccountRef::new(NAMESPACE, CONTROLLER)
}

/// A document that allows the login on `login`, and reading on `repositories`.
fn permissions(login: &str, repositories: &str) -> String {
    format!(
        r#"{{"Version": "2012-10-17", "Statement": [
            {{"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "{login}"}},
            {{"Effect": "Allow", "Action": ["ecr:ListImages", "ecr:BatchGetImage", "ecr:DescribeImages",
              "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"], "Resource": "{repositories}"}}]}}"#
    )
}

fn repository(pattern: &str) -> String {
    format!("arn:aws:ecr:eu-west-1:111122223333:repository/{pattern}")
}

/// An account whose role trusts the controller and has these permissions, with the repository zenler/mainapp.
fn account(permissions: &str) -> Builder {
    LocalAws::builder()
        .role(Role::new("flux").assumed_by_service_account(NAMESPACE, CONTROLLER).permissions(permissions))
        .repository(Repository::with_tags("zenler/mainapp", ["1.0.0", "1.1.0"]))
}

/// A pod of the controller before EKS has set anything up in it.
fn bare_pod(aws: &LocalAws) -> Environment {
    Environment::empty()
        .with_var("AWS_ENDPOINT_URL_STS", aws.sts_url())
        .with_var("AWS_EC2_METADATA_SERVICE_ENDPOINT", aws.imds_url())
}

/// The pod with IRSA, and a token for this audience.
fn irsa(aws: &LocalAws, audience: &str) -> Environment {
    bare_pod(aws)
        .with_var("AWS_REGION", aws.region())
        .with_var("AWS_ROLE_ARN", aws.role_arn("flux"))
        .with_var("AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_FILE)
        .with_file(TOKEN_FILE, aws.issuer().token(NAMESPACE, CONTROLLER, audience, HOUR))
}

fn chain(environment: Environment) -> ChainBuilder {
    Chain::builder().environment(environment)
}

/// Looks, asks AWS, and asks ECR for the image.
async fn examine(aws: &LocalAws, environment: Environment, image: &str) -> Examination {
    let chain = chain(environment).build();
    let mut examination = Doctor::new(&chain).examine_live().await;
    let reflector = Reflector::builder().credentials(chain).endpoint_url(aws.ecr_url()).build().unwrap();
    for finding in reflector.preflight(&image.parse().unwrap()).await.unwrap().findings() {
        examination.add(finding);
    }
    examination
}

/// The image, as a pod with IRSA and these permissions finds it.
async fn read_with(permissions: &str) -> Examination {
    let aws = account(permissions).start().await.unwrap();
    examine(&aws, irsa(&aws, "sts.amazonaws.com"), &format!("{REGISTRY}/zenler/mainapp")).await
}

#[track_caller]
fn problem(examination: &Examination, text: &str) -> Finding {
    let found = examination.problems().find(|problem| problem.to_string().contains(text));
    found.unwrap_or_else(|| panic!("{text:?} is no problem of\n{examination}")).clone()
}

#[track_caller]
fn remedied(finding: &Finding, parts: &[&str]) {
    let remedy = finding.hint().unwrap_or_default();
    for part in parts {
        assert!(remedy.contains(part), "{part:?} is not in the remedy of {finding}: {remedy}");
    }
}

/// "no EC2 IMDS role found": IRSA is not active. Annotate the ServiceAccount and restart the pod.
#[tokio::test]
async fn no_ec2_imds_role_found() {
    use local_aws::ServiceAccount as InCluster;
    for imds in [ImdsMode::HopLimitOne, ImdsMode::Disabled, ImdsMode::Normal] {
        let aws = account(&permissions("*", "*"))
            .imds(imds)
            .service_account(InCluster::new(NAMESPACE, CONTROLLER).role("flux"))
            .start()
            .await
            .unwrap();
        let chain = chain(bare_pod(&aws)).build();
        let annotated = flux_aws_auth::ServiceAccount::new([(ROLE_ARN_ANNOTATION, aws.role_arn("flux"))]);
        let doctor = Doctor::new(&chain).with_service_account(controller(), annotated);
        let examination = doctor.examine_live().await;

        let cause = problem(&examination, "but the pod has no AWS_ROLE_ARN");
        assert_eq!(cause.reason(), Some(Reason::WebIdentityNotActive));
        remedied(&cause, &["Restart the pod"]);
        let symptom = problem(&examination, "none of the 4 sources is set up");
        assert_eq!(symptom.reason(), Some(Reason::NoIdentity), "{imds:?}");
        assert!(examination.to_string().contains("annotate the ServiceAccount"), "{examination}");

        // Restarted, the pod has what the annotation says.
        let mended = Doctor::new(&self::chain(irsa(&aws, "sts.amazonaws.com")).build()).examine_live().await;
        assert_eq!(mended.problems().count(), 0, "{mended}");
    }
}

/// "Only the token file exists": normal. What counts is its audience.
#[tokio::test]
async fn only_the_token_file_exists() {
    let aws = account(&permissions("*", "*")).start().await.unwrap();
    let normal = Doctor::new(&chain(irsa(&aws, "sts.amazonaws.com")).build()).examine_live().await;
    assert_eq!(normal.problems().count(), 0, "{normal}");
    for text in [
        "/serviceaccount/token, readable; it is all that is mounted there",
        "token's audience (aud): sts.amazonaws.com",
        "token's subject (sub): system:serviceaccount:flux-system:image-reflector-controller",
    ] {
        let told = normal.findings().find(|finding| finding.to_string().contains(text));
        assert_eq!(told.map(Finding::severity), Some(Severity::Ok), "{text}\n{normal}");
    }

    let wrong =
        Doctor::new(&chain(irsa(&aws, "https://kubernetes.default.svc")).build()).examine_live().await;
    let told_before = problem(&wrong, "but it must be sts.amazonaws.com");
    let told_by_aws = wrong.problems().find(|problem| problem.area() == Area::Live).unwrap();
    for told in [&told_before, told_by_aws] {
        assert_eq!(told.reason(), Some(Reason::WrongAudience), "{told}");
        remedied(told, &["sts.amazonaws.com"]);
    }
}

/// "AccessDenied: ecr:GetAuthorizationToken": the token permission is missing, or not on `*`.
#[tokio::test]
async fn access_denied_for_the_token() {
    let everything = repository("*");
    for login in [everything.clone(), "arn:aws:ecr:us-east-1:111122223333:repository/*".to_owned()] {
        let policy = permissions(&login, &everything);
        let examination = read_with(&policy).await;
        let denied = problem(&examination, &Denial::NoTokenPermission.to_string());
        assert_eq!(denied.reason(), Some(Reason::AccessDenied));
        remedied(&denied, &["Allow ecr:GetAuthorizationToken", "the resource `*`"]);
        assert_eq!(examination.problems().count(), 1, "the repository itself may be read: {examination}");
        let lint = lint::policy(&policy, &repository("zenler/mainapp").parse().unwrap()).unwrap();
        assert!(
            lint.iter().any(|finding| finding.to_string().contains("action without resources")),
            "{lint:?}"
        );
    }
    let mended = read_with(&permissions("*", &everything)).await;
    assert_eq!(mended.problems().count(), 0, "{mended}");
}

/// "AccessDenied" on reading the repository: the ARN pattern is wrong.
#[tokio::test]
async fn access_denied_for_the_repository() {
    for wrong in ["mainapp", "zenler", "zenler/main", "apps/*"] {
        let policy = permissions("*", &repository(wrong));
        let examination = read_with(&policy).await;
        let denied = problem(&examination, &Denial::NoRepositoryPermission.to_string());
        assert!(denied.text().contains(&repository("zenler/mainapp")), "{denied}");
        remedied(&denied, &["Allow ecr:ListImages", "part by part"]);
        assert_eq!(examination.problems().count(), 1, "the login is allowed: {examination}");
        let lint = lint::policy(&policy, &repository("zenler/mainapp").parse().unwrap()).unwrap();
        assert!(!lint.is_empty(), "{wrong}");
    }
    // `*` crosses slashes, so the last one does too, whatever people say.
    for right in ["zenler/mainapp", "*", "zenler/*"] {
        let mended = read_with(&permissions("*", &repository(right))).await;
        assert_eq!(mended.problems().count(), 0, "{right}: {mended}");
    }
}

/// "AccessDenied" on another account's repository: its own policy keeps the identity out.
#[tokio::test]
async fn access_denied_by_the_repository_of_another_account() {
    let role: RoleArn = "arn:aws:iam::111122223333:role/flux".parse().unwrap();
    let opened = ResourcePolicy::ecr_repository([role.into()]).unwrap().minimal().to_json();
    let shared = || Repository::with_tags("shared/app", ["1.0.0"]).in_account("444455556666");
    for (theirs, is_open) in [(shared(), false), (shared().policy(opened), true)] {
        let aws = account(&permissions("*", "*")).repository(theirs).start().await.unwrap();
        let image = "444455556666.dkr.ecr.eu-west-1.amazonaws.com/shared/app";
        let examination = examine(&aws, irsa(&aws, "sts.amazonaws.com"), image).await;
        if is_open {
            assert_eq!(examination.problems().count(), 0, "{examination}");
        } else {
            let denied = problem(&examination, &Denial::RepositoryPolicy.to_string());
            remedied(&denied, &["Change the repository's own policy, in its account"]);
        }
    }
}

/// "The annotation is missing": what manages the ServiceAccount did not write it. At the level of the controller, and of an
/// object.
#[tokio::test]
async fn the_service_account_has_no_annotation() {
    let aws = account(&permissions("*", "*")).start().await.unwrap();
    let chain = chain(bare_pod(&aws)).build();
    let bare = flux_aws_auth::ServiceAccount::default();
    let examination = Doctor::new(&chain).with_service_account(controller(), bare).examine();
    let missing = problem(&examination, "annotation eks.amazonaws.com/role-arn");
    assert_eq!(missing.reason(), Some(Reason::RoleNotNamed));
    remedied(
        &missing,
        &[
            "kubectl annotate serviceaccount -n flux-system image-reflector-controller",
            "then restart the pod",
            "whatever manages the ServiceAccount keeps the annotation",
        ],
    );

    let object = ServiceAccountRole::new(ServiceAccountRef::new("team-a", "reader"), NotAnnotated);
    let chain = self::chain(bare_pod(&aws)).service_account(object).region(aws.region()).build();
    let examination = Doctor::new(&chain).examine_live().await;
    assert_eq!(problem(&examination, "credentials").reason(), Some(Reason::RoleNotNamed), "{examination}");
    assert_eq!(aws.requests().len(), 0, "nobody else's identity was taken instead");
}

/// A cluster whose ServiceAccounts nobody has annotated.
#[derive(Debug)]
struct NotAnnotated;

#[async_trait]
impl ServiceAccountTokens for NotAnnotated {
    async fn service_account(&self, _: &ServiceAccountRef) -> Result<flux_aws_auth::ServiceAccount, Error> {
        Ok(flux_aws_auth::ServiceAccount::default())
    }

    async fn create_token(&self, _: &TokenRequest<'_>) -> Result<ServiceAccountToken, Error> {
        panic!("without a role no token is asked for")
    }
}

/// The last line of the checklist: with the documents that these crates print, the scan succeeds.
#[tokio::test]
async fn all_is_well_with_the_documents_as_printed() {
    let pattern = repository("zenler/mainapp").parse().unwrap();
    let permissions = PermissionPolicy::ecr([pattern]).unwrap().minimal().to_json();
    let aws = account(&permissions).start().await.unwrap();
    let printed = Doctor::new(&chain(irsa(&aws, "sts.amazonaws.com")).build()).examine();
    let trust = printed.trust_policy().unwrap().to_json();
    let aws = LocalAws::builder()
        .role(Role::new("flux").trust(trust).permissions(permissions))
        .repository(Repository::with_tags("zenler/mainapp", ["1.0.0", "1.1.0"]))
        .start()
        .await
        .unwrap();
    let image = format!("{REGISTRY}/zenler/mainapp");
    let examination = examine(&aws, irsa(&aws, "sts.amazonaws.com"), &image).await;
    assert_eq!(examination.problems().count(), 0, "{examination}");
    let reflector = Reflector::builder()
        .credentials(chain(irsa(&aws, "sts.amazonaws.com")).build())
        .endpoint_url(aws.ecr_url())
        .build()
        .unwrap();
    let scan = reflector.scan(&image.parse().unwrap()).await.unwrap();
    assert!(scan.to_string().starts_with("successful scan: found 2 tags"), "{scan}");
}
