//! The documents that `flux-aws-auth` prints are what its chain and the reflector need: the embedded AWS, which checks tokens,
//! trust and permissions as AWS does, lets them through and nobody else.

use std::time::Duration;

use flux_aws_auth::iam::{
    OidcProvider, OidcTrust, PermissionPolicy, PodIdentityTrust, PolicyDocument, RepositoryPattern,
    ResourcePolicy,
};
use flux_aws_auth::{Chain, Environment, ErrorKind, RoleArn, ServiceAccountRef, http_client};
use flux_ecr_reflect::Reflector;
use local_aws::{EXAMPLE_ISSUER, LocalAws, Repository, Role};

const REGISTRY: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
const TOKEN_FILE: &str = "/token";

fn role() -> RoleArn {
    "arn:aws:iam::111122223333:role/reader".parse().unwrap()
}

fn reader() -> ServiceAccountRef {
    ServiceAccountRef::new("tenant", "reader")
}

fn oidc() -> PolicyDocument {
    let issuer = OidcProvider::for_role(&role(), EXAMPLE_ISSUER).unwrap();
    OidcTrust::new(&issuer, &reader()).unwrap().document()
}

fn apps() -> PermissionPolicy {
    let apps: RepositoryPattern = "arn:aws:ecr:eu-west-1:111122223333:repository/apps/*".parse().unwrap();
    PermissionPolicy::ecr([apps]).unwrap()
}

async fn aws(trust: &PolicyDocument, permissions: &PolicyDocument, repository: Repository) -> LocalAws {
    LocalAws::builder()
        .role(Role::new("reader").trust(trust.to_json()).permissions(permissions.to_string()))
        .pod_identity_association("tenant", "reader", "reader")
        .repository(repository)
        .repository(Repository::with_tags("apps-internal/app", ["1.0.0"]))
        .start()
        .await
        .unwrap()
}

fn mainapp() -> Repository {
    Repository::with_tags("apps/mainapp", ["1.0.0", "1.1.0"])
}

fn token(aws: &LocalAws, name: &str, audience: &str) -> String {
    aws.issuer().token("tenant", name, audience, Duration::from_secs(3600))
}

fn irsa(aws: &LocalAws, name: &str) -> Chain {
    let environment = Environment::empty()
        .with_var("AWS_REGION", "eu-west-1")
        .with_var("AWS_ENDPOINT_URL_STS", aws.sts_url())
        .with_var("AWS_ROLE_ARN", role().as_str())
        .with_var("AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_FILE)
        .with_file(TOKEN_FILE, token(aws, name, "sts.amazonaws.com"));
    Chain::builder().environment(environment).build()
}

async fn scan(aws: &LocalAws, chain: Chain, repository: &str) -> Result<usize, flux_ecr_reflect::Error> {
    let reflector = Reflector::builder()
        .credentials(chain)
        .http_client(http_client())
        .endpoint_url(aws.ecr_url())
        .build()?;
    let image = format!("{REGISTRY}/{repository}").parse()?;
    Ok(reflector.scan(&image).await?.len())
}

#[tokio::test]
async fn the_documents_let_the_reflector_in_and_to_its_repositories_alone() {
    for permissions in [apps().minimal(), apps().flux_documented()] {
        let aws = aws(&oidc(), permissions, mainapp()).await;
        assert_eq!(scan(&aws, irsa(&aws, "reader"), "apps/mainapp").await.unwrap(), 2);
        let other = scan(&aws, irsa(&aws, "reader"), "apps-internal/app").await.unwrap_err();
        assert_eq!(other.kind(), flux_ecr_reflect::ErrorKind::AccessDenied, "{other:?}");
        let neighbour = irsa(&aws, "writer").resolve().await.unwrap_err();
        assert_eq!(neighbour.kind(), ErrorKind::AccessDenied, "{neighbour:?}");
    }
}

#[tokio::test]
async fn pod_identity_gets_in_by_its_own_trust_policy_alone() {
    let only = |name: &str| {
        let account = ServiceAccountRef::new("tenant", name);
        PodIdentityTrust::new().with_service_account(&account).unwrap().document()
    };
    let trusts = [
        (PodIdentityTrust::new().document(), true),
        (only("reader"), true),
        (only("writer"), false),
        (oidc(), false),
    ];
    for (trust, gets_in) in trusts {
        let aws = aws(&trust, apps().minimal(), mainapp()).await;
        let environment = Environment::empty()
            .with_var("AWS_CONTAINER_CREDENTIALS_FULL_URI", aws.pod_identity_url())
            .with_var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", TOKEN_FILE)
            .with_file(TOKEN_FILE, token(&aws, "reader", "pods.eks.amazonaws.com"));
        let chain = Chain::builder().environment(environment).build();
        let scanned = scan(&aws, chain, "apps/mainapp").await;
        assert_eq!(scanned.is_ok(), gets_in, "{scanned:?}");
    }
}

#[tokio::test]
async fn a_repository_s_own_policy_is_enough_for_a_role_that_may_only_log_in() {
    let policy = ResourcePolicy::ecr_repository([role().into()]).unwrap();
    let login = PermissionPolicy::ecr_login();
    let with_policy = mainapp().policy(policy.minimal().to_json());
    for (repository, reached) in [(with_policy, true), (mainapp(), false)] {
        let aws = aws(&oidc(), &login, repository).await;
        let scanned = scan(&aws, irsa(&aws, "reader"), "apps/mainapp").await;
        assert_eq!(scanned.is_ok(), reached, "{scanned:?}");
    }
}
