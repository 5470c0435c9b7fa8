//! ECR Public: its API in us-east-1, and a registry with tokens for everybody.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use local_aws::{Clock, LocalAws, Repository, Service, TagStyle, User};
use reqwest::header::{LINK, WWW_AUTHENTICATE};
use serde_json::{Value, json};

use crate::client::{Login, Reply};
use crate::scenario::{HOUR, allows, builder, clock, now, user};
use crate::signed::{Answer, Signer};

const LIST: &str = "/v2/docker/library/alpine/tags/list";

async fn start(clock: Clock) -> LocalAws {
    let reader =
        User::new("reader").permissions(allows(&json!(["ecr-public:*", "sts:GetServiceBearerToken"]), "*"));
    let half = User::new("half").permissions(allows(&json!("ecr-public:*"), "*"));
    let own = User::new("own").permissions(allows(
        &json!("ecr-public:DescribeImageTags"),
        "arn:aws:ecr-public::111122223333:repository/library/alpine",
    ));
    let aws = builder().clock(clock).user(reader).user(half).user(own);
    aws.public_repository("docker", Repository::generated("library/alpine", 250, TagStyle::Semver))
        .public_repository("team", Repository::with_tags("app", ["1.0.0"]).also_tagged("1.0.0", "latest"))
        .start()
        .await
        .expect("a valid set-up")
}

fn signer(aws: &LocalAws, who: &str) -> Signer {
    let mut signer = Signer::new(&user(aws, who), "ecr-public", now());
    "us-east-1".clone_into(&mut signer.region);
    signer
}

async fn call(aws: &LocalAws, signer: &Signer, operation: &str, input: &Value) -> Answer {
    signer.json(aws.ecr_public_url(), &format!("SpencerFrontendService.{operation}"), input).await
}

async fn authorization_token(aws: &LocalAws) -> String {
    let answer = call(aws, &signer(aws, "reader"), "GetAuthorizationToken", &json!({})).await.json();
    answer["authorizationData"]["authorizationToken"].as_str().expect("a token").to_owned()
}

async fn get(aws: &LocalAws, path: &str, authorization: Option<&str>) -> Reply {
    let url =
        if path.starts_with('/') { format!("{}{path}", aws.public_registry_url()) } else { path.to_owned() };
    Login(authorization.unwrap_or_default().to_owned()).get(&url).await
}

/// The token that the endpoint gives, as an `Authorization` header.
async fn bearer(aws: &LocalAws, authorization: Option<&str>) -> String {
    let reply = get(aws, "/token/?service=public.ecr.aws&scope=aws", authorization).await;
    format!("Bearer {}", reply.json()["token"].as_str().expect("a token"))
}

fn denied(message: &str) -> Value {
    json!({ "errors": [{ "code": "DENIED", "message": message }] })
}

#[tokio::test]
async fn an_authorization_token_is_one_object_good_for_twelve_hours() {
    let aws = start(clock()).await;
    let answer = call(&aws, &signer(&aws, "reader"), "GetAuthorizationToken", &json!({})).await.json();
    let data = &answer["authorizationData"];
    assert_eq!(data["expiresAt"], 1_767_323_045.0 + 12.0 * 3600.0);
    let token = data["authorizationToken"].as_str().expect("a token");
    assert!(STANDARD.decode(token).expect("base64").starts_with(b"AWS:"));
    assert!(aws.secrets_issued().iter().any(|issued| issued == token));
    assert_eq!(aws.requests()["ecr-public:GetAuthorizationToken"], 1);
}

#[tokio::test]
async fn an_authorization_token_needs_two_permissions() {
    let aws = start(clock()).await;
    for (who, action) in [("half", "sts:GetServiceBearerToken"), ("own", "ecr-public:GetAuthorizationToken")]
    {
        let answer = call(&aws, &signer(&aws, who), "GetAuthorizationToken", &json!({})).await;
        let message = format!(
            "User: arn:aws:iam::111122223333:user/{who} is not authorized to perform: {action} on resource: * because \
             no identity-based policy allows the {action} action"
        );
        answer.is_json_fault("AccessDeniedException", &message);
    }
}

#[tokio::test]
async fn a_signature_for_another_region_or_service_is_refused() {
    let aws = start(clock()).await;
    let mut elsewhere = signer(&aws, "reader");
    aws.region().clone_into(&mut elsewhere.region);
    let answer = call(&aws, &elsewhere, "GetAuthorizationToken", &json!({})).await;
    answer.is_json_fault("InvalidSignatureException", "Credential should be scoped to a valid region.");
    let mut private = signer(&aws, "reader");
    "ecr".clone_into(&mut private.service);
    let answer = call(&aws, &private, "GetAuthorizationToken", &json!({})).await;
    let message = "Credential should be scoped to correct service: 'ecr-public'.";
    answer.is_json_fault("InvalidSignatureException", message);
}

#[tokio::test]
async fn tags_are_described_in_pages_by_who_may() {
    let aws = start(clock()).await;
    let own = signer(&aws, "own");
    let mut input = json!({ "repositoryName": "library/alpine", "maxResults": 100 });
    let mut tags = BTreeSet::new();
    for size in [100, 100, 50] {
        let page = call(&aws, &own, "DescribeImageTags", &input).await.json();
        let details = page["imageTagDetails"].as_array().expect("a list");
        assert_eq!(details.len(), size);
        for detail in details {
            assert_eq!(detail["createdAt"], detail["imageDetail"]["imagePushedAt"]);
            assert!(
                detail["imageDetail"]["imageDigest"].as_str().is_some_and(|it| it.starts_with("sha256:"))
            );
            tags.insert(detail["imageTag"].as_str().expect("a tag").to_owned());
        }
        input["nextToken"] = page["nextToken"].clone();
    }
    assert_eq!((tags.len(), &input["nextToken"]), (250, &Value::Null));

    let other = call(&aws, &own, "DescribeImageTags", &json!({ "repositoryName": "app" })).await.json();
    assert_eq!(other["__type"], "AccessDeniedException");
    let reader = signer(&aws, "reader");
    let app = call(&aws, &reader, "DescribeImages", &json!({ "repositoryName": "app" })).await.json();
    assert_eq!(app["imageDetails"][0]["imageTags"], json!(["1.0.0", "latest"]));
    let none = call(&aws, &reader, "DescribeImages", &json!({ "repositoryName": "none" })).await.json();
    assert_eq!(none["__type"], "RepositoryNotFoundException");
}

#[tokio::test]
async fn the_challenge_names_the_token_endpoint() {
    let aws = start(clock()).await;
    for path in ["/v2/", LIST] {
        let reply = get(&aws, path, None).await;
        assert_eq!((reply.status, reply.json()), (401, denied("Not Authorized")));
        let challenge = format!(
            "Bearer realm=\"{}/token/\",service=\"public.ecr.aws\",scope=\"aws\"",
            aws.public_registry_url()
        );
        assert_eq!(reply.headers[WWW_AUTHENTICATE], challenge);
        assert_eq!(reply.headers["docker-distribution-api-version"], "registry/2.0");
    }
}

#[tokio::test]
async fn anybody_reads_with_a_token() {
    let aws = start(clock()).await;
    let login = authorization_token(&aws).await;
    let tokens = [
        bearer(&aws, None).await,
        bearer(&aws, Some(&format!("Basic {login}"))).await,
        format!("Bearer {login}"),
    ];
    for token in tokens {
        assert_eq!(get(&aws, "/v2/", Some(&token)).await.status, 200);
        let (mut path, mut tags) = (format!("{LIST}?n=200"), BTreeSet::new());
        for size in [200, 50] {
            let reply = get(&aws, &path, Some(&token)).await;
            assert_eq!(reply.json()["name"], "docker/library/alpine");
            assert_eq!(reply.tags().len(), size);
            tags.extend(reply.tags());
            let link = reply.headers.get(LINK).map(|link| link.to_str().expect("text"));
            path =
                link.map(|link| link[1..].split('>').next().expect("a URL").to_owned()).unwrap_or_default();
        }
        assert_eq!((tags.len(), path.as_str()), (250, ""));

        let manifest = get(&aws, "/v2/team/app/manifests/latest", Some(&token)).await;
        let layer = manifest.json()["layers"][0]["digest"].as_str().expect("a digest").to_owned();
        let blob = get(&aws, &format!("/v2/team/app/blobs/{layer}"), Some(&token)).await;
        assert_eq!(blob.status, 307);
        let location = blob.headers["location"].to_str().expect("text");
        let blob = reqwest::get(location).await.expect("an answer").bytes().await.expect("a body");
        assert_eq!(manifest.json()["layers"][0]["size"], blob.len());
        assert_eq!(get(&aws, "/v2/docker/none/tags/list", Some(&token)).await.status, 404);
    }
}

#[tokio::test]
async fn a_token_that_is_none_is_refused_without_a_challenge() {
    let aws = start(clock()).await;
    let login = authorization_token(&aws).await;
    for authorization in ["Bearer guessed", &format!("Basic {login}"), "Bearer"] {
        let reply = get(&aws, LIST, Some(authorization)).await;
        assert_eq!((reply.status, reply.json()), (400, denied("Your Authorization Token is invalid.")));
        assert!(!reply.headers.contains_key(WWW_AUTHENTICATE));
    }
    let guessed = format!("Basic {}", STANDARD.encode("AWS:guessed"));
    for authorization in [guessed.as_str(), "Bearer x"] {
        let reply = get(&aws, "/token/", Some(authorization)).await;
        assert_eq!((reply.status, reply.json()), (403, denied("Your Authorization Token is invalid.")));
    }
}

#[tokio::test]
async fn a_token_that_is_revoked_is_none() {
    let aws = start(clock()).await;
    let token = bearer(&aws, None).await;
    assert_eq!(get(&aws, LIST, Some(&token)).await.status, 200);
    aws.revoke_logins(Service::PublicRegistry);
    assert_eq!(get(&aws, LIST, Some(&token)).await.status, 400);
}

#[tokio::test]
async fn tokens_end_after_twelve_hours_and_with_the_login_they_came_from() {
    let clock = clock();
    let aws = start(clock.clone()).await;
    let login = format!("Basic {}", authorization_token(&aws).await);
    let anonymous = bearer(&aws, None).await;
    clock.advance(11 * HOUR);
    let late = bearer(&aws, Some(&login)).await;
    assert_eq!(get(&aws, LIST, Some(&anonymous)).await.status, 200);
    clock.advance(HOUR);
    let expired = denied("Your authorization token has expired. Reauthenticate and try again.");
    for token in [anonymous, late] {
        let reply = get(&aws, LIST, Some(&token)).await;
        assert_eq!((reply.status, &reply.json()), (400, &expired));
    }
    let reply = get(&aws, "/token/", Some(&login)).await;
    assert_eq!((reply.status, &reply.json()), (403, &expired));
    assert_eq!(aws.requests()["public-registry:Token"], 3);
}
