//! What the identity's policy must allow to read a repository, through either API, and what is said where it does not.

use flux_aws_auth::{Chain, Environment, http_client};
use flux_ecr_reflect::{Error, ErrorKind, OciRegistry, Reflector, RegistryApi, RegistryLogin, Throttle};
use local_aws::{LocalAws, Repository, User};

const IMAGE: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp";
const ARN: &str = "arn:aws:ecr:eu-west-1:111122223333:repository/apps/mainapp";

/// An account whose one user may do this.
async fn aws(login: &str, resource: &str) -> LocalAws {
    let policy = format!(
        r#"{{"Version": "2012-10-17", "Statement": [
            {{"Effect": "Allow", "Action": "{login}", "Resource": "*"}},
            {{"Effect": "Allow", "Action": ["ecr:ListImages", "ecr:DescribeImages"], "Resource": "{resource}"}}]}}"#
    );
    LocalAws::builder()
        .user(User::new("flux").permissions(policy))
        .repository(Repository::with_tags("apps/mainapp", ["1.0.0", "1.1.0"]))
        .start()
        .await
        .unwrap()
}

const LOGIN: &str = "ecr:GetAuthorizationToken";

fn resource(rest: &str) -> String {
    format!("arn:aws:ecr:eu-west-1:111122223333:{rest}")
}

/// How many tags the user sees through this API.
async fn scan(aws: &LocalAws, api: RegistryApi) -> Result<usize, Error> {
    let key = aws.access_key("flux").unwrap();
    let environment = Environment::empty()
        .with_var("AWS_ACCESS_KEY_ID", key.id())
        .with_var("AWS_SECRET_ACCESS_KEY", key.secret());
    let chain = Chain::builder().environment(environment).build();
    let reflector = Reflector::builder()
        .credentials(chain.clone())
        .http_client(http_client())
        .endpoint_url(aws.ecr_url())
        .throttle(Throttle::new());
    let reflector = match api {
        RegistryApi::Distribution => {
            let logins = RegistryLogin::builder().credentials(chain).endpoint_url(aws.ecr_url()).build()?;
            let registry = OciRegistry::builder().login(logins).endpoint_url(aws.registry_url()).build()?;
            reflector.oci_registry(registry).distribution_api()
        }
        _ => reflector,
    };
    Ok(reflector.build()?.scan(&IMAGE.parse()?).await?.len())
}

const APIS: [RegistryApi; 2] = [RegistryApi::Ecr, RegistryApi::Distribution];

#[tokio::test]
async fn the_repository_a_folder_or_all_repositories_are_enough() {
    for rest in ["repository/apps/mainapp", "repository/apps/*", "repository/*", "repository/apps/main???"] {
        let aws = aws(LOGIN, &resource(rest)).await;
        for api in APIS {
            assert_eq!(scan(&aws, api).await.unwrap(), 2, "{rest} through {api:?}");
        }
    }
}

#[tokio::test]
async fn a_pattern_that_does_not_match_is_denied_with_action_resource_and_remedy() {
    for rest in [
        "repository/apps",
        "repository/apps/",
        "repository/mainapp",
        "repository/Apps/*",
        "repository/apps/mainapp/*",
        "repository/apps/mainapp:*",
        "repository/?/mainapp",
        "apps/mainapp",
    ] {
        let aws = aws(LOGIN, &resource(rest)).await;
        for api in APIS {
            let denied = scan(&aws, api).await.unwrap_err();
            assert_eq!(denied.kind(), ErrorKind::AccessDenied, "{rest} through {api:?}: {denied:?}");
            let story = format!("{denied}. {}", denied.hint().unwrap_or_default());
            for part in ["ecr:ListImages", ARN, "Allow", "IAM policy"] {
                assert!(story.contains(part), "{rest} through {api:?}: {part} is not in: {story}");
            }
        }
    }
}

#[tokio::test]
async fn without_the_token_permission_there_is_no_login_and_none_is_needed_for_the_ecr_api() {
    let aws = aws("ecr:DescribeRegistry", &resource("repository/*")).await;
    assert_eq!(scan(&aws, RegistryApi::Ecr).await.unwrap(), 2);

    let denied = scan(&aws, RegistryApi::Distribution).await.unwrap_err();
    assert_eq!(denied.kind(), ErrorKind::AccessDenied, "{denied:?}");
    let story = format!("{denied}. {}", denied.hint().unwrap_or_default());
    for part in ["ecr:GetAuthorizationToken", "resource `*`", "IAM policy"] {
        assert!(story.contains(part), "{part} is not in: {story}");
    }
    // A repository's ARN does not do for the login, which is nobody's in particular.
    let scoped = self::aws("ecr:DescribeRegistry", "*").await;
    assert_eq!(scan(&scoped, RegistryApi::Distribution).await.unwrap_err().kind(), ErrorKind::AccessDenied);
}
