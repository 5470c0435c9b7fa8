//! What the embedded AWS refuses arrives as an error that names the cause and the remedy.

use std::time::Duration;

use flux_aws_auth::{Chain, Environment, Error, ErrorKind, http_client};
use flux_ecr_reflect::Reflector;
use local_aws::{EXAMPLE_ISSUER, LocalAws, Repository, Role};

const TOKEN_FILE: &str = "/token";
const IMAGE: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp";

/// An account with a role that trusts `flux-system/reflector` and may do what `permissions` says.
async fn aws(permissions: &str) -> LocalAws {
    let issuer = EXAMPLE_ISSUER.trim_start_matches("https://");
    let trust = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow",
            "Principal": {{"Federated": "arn:aws:iam::111122223333:oidc-provider/{issuer}"}},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {{"StringEquals": {{"{issuer}:aud": "sts.amazonaws.com",
                "{issuer}:sub": "system:serviceaccount:flux-system:reflector"}}}}}}}}"#
    );
    LocalAws::builder()
        .role(Role::new("flux").trust(trust).permissions(permissions))
        .repository(Repository::with_tags("apps/mainapp", ["1.0.0", "1.1.0"]))
        .start()
        .await
        .unwrap()
}

const MAY_LIST: &str = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ecr:ListImages",
    "Resource": "arn:aws:ecr:eu-west-1:111122223333:repository/apps/*"}}"#;

fn pod(aws: &LocalAws, token: String) -> Environment {
    Environment::empty()
        .with_var("AWS_REGION", "eu-west-1")
        .with_var("AWS_ENDPOINT_URL_STS", aws.sts_url())
        .with_var("AWS_ROLE_ARN", aws.role_arn("flux"))
        .with_var("AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_FILE)
        .with_file(TOKEN_FILE, token)
}

fn chain(environment: Environment) -> Chain {
    Chain::builder().environment(environment).build()
}

async fn refused(environment: Environment) -> Error {
    chain(environment).resolve().await.unwrap_err()
}

#[tokio::test]
async fn sts_refuses_what_it_should_and_the_hint_says_why() {
    let aws = aws(MAY_LIST).await;
    let token = |namespace: &str, name: &str| {
        aws.issuer().service_account_token(namespace, name).audience("sts.amazonaws.com")
    };
    let hour = Duration::from_secs(3600);
    let good = pod(&aws, token("flux-system", "reflector").sign());
    let identity = chain(good.clone()).caller_identity().await.unwrap();
    assert_eq!(
        identity.arn,
        "arn:aws:sts::111122223333:assumed-role/flux/reflector.flux-system.eu-west-1.fluxcd.io"
    );

    let cases = [
        (
            "another subject",
            token("tenant", "reader").sign(),
            ErrorKind::AccessDenied,
            "system:serviceaccount:tenant:reader",
        ),
        (
            "another audience",
            aws.issuer().token("flux-system", "reflector", "vault", hour),
            ErrorKind::InvalidToken,
            "audience sts.amazonaws.com",
        ),
        (
            "expired",
            token("flux-system", "reflector").issued_ago(2 * hour).ttl(hour).sign(),
            ErrorKind::InvalidToken,
            "The token has expired",
        ),
        ("another key", token("flux-system", "reflector").forged().sign(), ErrorKind::InvalidToken, "issuer"),
        (
            "another issuer",
            token("flux-system", "reflector").issuer("https://issuer.example").sign(),
            ErrorKind::InvalidToken,
            "https://issuer.example",
        ),
        (
            "no token",
            "not-a-token".to_owned(),
            ErrorKind::Configuration,
            "does not hold a ServiceAccount token",
        ),
    ];
    for (name, token, kind, hint) in cases {
        let error = refused(pod(&aws, token)).await;
        assert_eq!(error.kind(), kind, "{name}: {error:?}");
        assert!(error.hint().unwrap().contains(hint), "{name}: {:?}", error.hint());
        assert!(error.aws_code().is_some() && error.request_id().is_some(), "{name}: {error:?}");
    }
    let no_such_role = refused(good.with_var("AWS_ROLE_ARN", aws.role_arn("other"))).await;
    assert_eq!(no_such_role.kind(), ErrorKind::AccessDenied);
}

async fn list(aws: &LocalAws, image: &str) -> Result<usize, flux_ecr_reflect::Error> {
    let token =
        aws.issuer().token("flux-system", "reflector", "sts.amazonaws.com", Duration::from_secs(3600));
    let reflector = Reflector::builder()
        .credentials(chain(pod(aws, token)))
        .http_client(http_client())
        .endpoint_url(aws.ecr_url())
        .build()?;
    Ok(reflector.scan(&image.parse()?).await?.len())
}

#[tokio::test]
async fn ecr_refuses_what_it_should_and_the_hint_says_why() {
    let aws_with_permission = aws(MAY_LIST).await;
    assert_eq!(list(&aws_with_permission, IMAGE).await.unwrap(), 2);

    let missing = list(&aws_with_permission, &IMAGE.replace("mainapp", "missing")).await.unwrap_err();
    assert_eq!(missing.kind(), flux_ecr_reflect::ErrorKind::NotFound, "{missing:?}");
    assert!(missing.to_string().contains("apps/missing"), "{missing}");

    let other = MAY_LIST.replace("repository/apps/*", "repository/other/*");
    let denied = list(&aws(&other).await, IMAGE).await.unwrap_err();
    assert_eq!(denied.kind(), flux_ecr_reflect::ErrorKind::AccessDenied, "{denied:?}");
    let story = format!("{denied} {}", denied.hint().unwrap_or_default());
    for part in ["ecr:ListImages", "arn:aws:ecr:eu-west-1:111122223333:repository/apps/mainapp"] {
        assert!(story.contains(part), "{part} is not in: {story}");
    }
}
