//! Which registry is asked through which API, and as whom.

use std::sync::{Arc, Mutex};

use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use flux_ecr_reflect::{
    Caller, DockerConfig, Error, ErrorKind, ImageName, LatestImage, LoginKind, OciRegistry, Reflector,
    ReflectorBuilder, RegistryApi, Throttle,
};
use flux_policy::Policy;
use http::Response;

use crate::fake;

const PRIVATE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp";

/// Plays ECR, ECR Public and every other registry; logs method, host, path or operation, and the scheme of the authorization.
fn world() -> (SharedHttpClient, Arc<Mutex<Vec<String>>>) {
    let log = Arc::new(Mutex::new(Vec::new()));
    let asked = log.clone();
    let client = infallible_client_fn(move |request: http::Request<_>| {
        let header = |name: &str| {
            let value = request.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let (uri, target) = (request.uri().clone(), header("x-amz-target"));
        let host = uri.host().unwrap_or_default().to_owned();
        let what = target.split_once('.').map_or_else(|| uri.path().to_owned(), |(_, name)| name.to_owned());
        let authorization = header("authorization");
        let scheme = authorization.split(' ').next().unwrap_or_default();
        let line = format!("{} {host} {what} {scheme}", request.method());
        asked.lock().expect("not poisoned").push(line.trim_end().to_owned());

        let answer = |status: u16| Response::builder().status(status);
        let tags = r#"{"tags":["1.0.0","1.1.0"]}"#.to_owned();
        let token = r#"{"authorizationToken":"QVdTOnBhc3N3b3Jk","expiresAt":4102444800}"#;
        let response = match what.as_str() {
            "ListImages" => answer(200).body(fake::page([(7, "1.1.0".to_owned())], None).1.to_string()),
            "GetAuthorizationToken" if host.contains("public") => {
                answer(200).body(format!(r#"{{"authorizationData":{token}}}"#))
            }
            "GetAuthorizationToken" => answer(200).body(format!(r#"{{"authorizationData":[{token}]}}"#)),
            path if path.ends_with("/tags/list") => answer(200).body(tags),
            path if path.contains("/manifests/") => {
                answer(200).header("docker-content-digest", fake::digest(9)).body(String::new())
            }
            _ => answer(200).body("{}".to_owned()),
        };
        response.expect("a response")
    });
    (client, log)
}

async fn latest_of(
    image: &str,
    with: impl FnOnce(ReflectorBuilder) -> ReflectorBuilder,
) -> (Result<LatestImage, Error>, Vec<String>) {
    let (client, log) = world();
    let builder = with(Reflector::builder().http_client(client).throttle(Throttle::new()));
    let reflector = builder.build().expect("complete");
    let image: ImageName = image.parse().expect("valid");
    let latest = reflector.latest_image(&image, &Policy::semver("1.x").expect("a range")).await;
    let asked = log.lock().expect("not poisoned").clone();
    (latest, asked)
}

fn docker_config(host: &str) -> DockerConfig {
    let config = format!(r#"{{"auths":{{"{host}":{{"username":"user","password":"secret"}}}}}}"#);
    DockerConfig::from_json(config).expect("valid")
}

#[track_caller]
fn check(latest: &LatestImage, api: RegistryApi, caller: Caller, digest: usize) {
    let access = latest.report().access().expect("told");
    assert_eq!((access.api(), access.caller()), (api, caller));
    assert_eq!(latest.image_ref().expect("a winner").to_string(), {
        format!("{}:1.1.0@{}", latest.name(), fake::digest(digest))
    });
}

#[tokio::test]
async fn private_ecr_is_asked_through_its_api() {
    let (latest, asked) = latest_of(PRIVATE, |builder| builder.credentials(fake::credentials())).await;
    let latest = latest.expect("complete");
    assert!(matches!(latest.report().access().expect("told").caller(), Caller::Aws(Some(_))));
    assert_eq!(latest.digest().map(ToString::to_string), Some(fake::digest(7)));
    assert_eq!(asked, ["POST api.ecr.eu-west-1.amazonaws.com ListImages AWS4-HMAC-SHA256"]);
}

#[tokio::test]
async fn private_ecr_is_asked_through_the_distribution_api_where_that_is_wanted() {
    let (latest, asked) =
        latest_of(PRIVATE, |builder| builder.credentials(fake::credentials()).distribution_api()).await;
    check(&latest.expect("complete"), RegistryApi::Distribution, Caller::Login(LoginKind::Basic), 9);
    let host = PRIVATE.split('/').next().expect("a host");
    assert_eq!(
        asked,
        [
            "POST api.ecr.eu-west-1.amazonaws.com GetAuthorizationToken AWS4-HMAC-SHA256",
            &format!("GET {host} /v2/apps/mainapp/tags/list Basic"),
            &format!("HEAD {host} /v2/apps/mainapp/manifests/1.1.0 Basic"),
        ]
    );
}

#[tokio::test]
async fn private_ecr_is_asked_with_a_login_where_there_are_no_credentials() {
    let host = PRIVATE.split('/').next().expect("a host");
    let (latest, asked) = latest_of(PRIVATE, |builder| builder.login(docker_config(host))).await;
    check(&latest.expect("complete"), RegistryApi::Distribution, Caller::Login(LoginKind::Basic), 9);
    assert!(asked.iter().all(|line| line.contains(host)), "{asked:?}");
}

#[tokio::test]
async fn private_ecr_is_not_asked_by_nobody() {
    let (latest, asked) = latest_of(PRIVATE, |builder| builder).await;
    let error = latest.expect_err("private");
    assert_eq!((error.kind(), error.page()), (ErrorKind::Configuration, None));
    assert_eq!(
        error.to_string(),
        "the reflector has no credentials, and 123456789012.dkr.ecr.eu-west-1.amazonaws.com is a private registry"
    );
    assert!(error.hint().is_some_and(|hint| hint.contains(".credentials(provider)")));
    assert_eq!(asked, [""; 0]);
}

#[tokio::test]
async fn ecr_public_is_asked_with_a_login_of_the_identity_or_by_nobody() {
    const IMAGE: &str = "public.ecr.aws/docker/library/alpine";
    let (latest, asked) = latest_of(IMAGE, |builder| builder.credentials(fake::credentials())).await;
    check(&latest.expect("complete"), RegistryApi::Distribution, Caller::Login(LoginKind::Basic), 9);
    assert_eq!(
        asked[0],
        "POST api.ecr-public.us-east-1.amazonaws.com GetAuthorizationToken AWS4-HMAC-SHA256"
    );

    let (latest, asked) = latest_of(IMAGE, |builder| builder).await;
    check(&latest.expect("complete"), RegistryApi::Distribution, Caller::Anonymous, 9);
    assert!(asked.iter().all(|line| line.contains("public.ecr.aws")), "{asked:?}");
}

#[tokio::test]
async fn other_registries_learn_nothing_of_the_aws_identity() {
    const IMAGE: &str = "ghcr.io/org/app";
    let (latest, asked) = latest_of(IMAGE, |builder| builder.credentials(fake::credentials())).await;
    check(&latest.expect("complete"), RegistryApi::Distribution, Caller::Anonymous, 9);
    assert_eq!(asked, ["GET ghcr.io /v2/org/app/tags/list", "HEAD ghcr.io /v2/org/app/manifests/1.1.0"]);

    let with =
        |builder: ReflectorBuilder| builder.credentials(fake::credentials()).login(docker_config("ghcr.io"));
    let (latest, asked) = latest_of(IMAGE, with).await;
    check(&latest.expect("complete"), RegistryApi::Distribution, Caller::Login(LoginKind::Basic), 9);
    assert!(asked.iter().all(|line| line.contains("ghcr.io")), "{asked:?}");
}

#[tokio::test]
async fn a_host_that_only_looks_like_ecr_is_sent_nothing() {
    for host in ["123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example", "public.ecr.aws.evil.example"] {
        let with =
            |builder: ReflectorBuilder| builder.credentials(fake::credentials()).login(docker_config(host));
        let (latest, asked) = latest_of(&format!("{host}/apps/mainapp"), with).await;
        assert_eq!(latest.expect_err("refused").kind(), ErrorKind::Configuration);
        assert_eq!(asked, [""; 0], "{host}");
    }
}

#[tokio::test]
async fn a_registry_client_of_one_s_own_is_asked_for_what_is_not_private_ecr() {
    let (others, asked_of_others) = world();
    let registry = OciRegistry::builder().http_client(others).build().expect("complete");
    let with =
        |builder: ReflectorBuilder| builder.credentials(fake::credentials()).oci_registry(registry.clone());
    let (latest, asked) = latest_of("ghcr.io/org/app", with).await;
    check(&latest.expect("complete"), RegistryApi::Distribution, Caller::Anonymous, 9);
    assert_eq!((asked.len(), asked_of_others.lock().expect("not poisoned").len()), (0, 2));
    let (latest, asked) = latest_of(PRIVATE, with).await;
    assert_eq!((latest.expect("complete").tag().is_some(), asked.len()), (true, 1));
}

#[test]
fn settings_that_replace_each_other_are_refused() {
    let registry = OciRegistry::builder().http_client(world().0).build().expect("complete");
    let error = Reflector::builder().login(docker_config("ghcr.io")).oci_registry(registry).build();
    assert_eq!(
        error.expect_err("both").to_string(),
        "login is for registries, which oci_registry replaces; set one of the two"
    );
}
