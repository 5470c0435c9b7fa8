//! The instance metadata service: sessions first, and the ways it refuses.

use local_aws::{ImdsMode, LocalAws, Role};
use reqwest::{Client, Method};
use serde_json::Value;

use crate::scenario::{HOUR, ROLE, builder, clock, document, now, start, trusts_service};
use crate::signed::{Answer, Keys, Signer, answer};

const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const TOKEN: &str = "x-aws-ec2-metadata-token";
const CREDENTIALS: &str = "/latest/meta-data/iam/security-credentials/";

async fn request(aws: &LocalAws, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Client::new().request(method, format!("{}{path}", aws.imds_url()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    answer(request).await
}

async fn token(aws: &LocalAws) -> String {
    let answer = request(aws, Method::PUT, "/latest/api/token", &[(TTL, "21600")]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

async fn get(aws: &LocalAws, token: &str, path: &str) -> Answer {
    request(aws, Method::GET, path, &[(TOKEN, token)]).await
}

#[tokio::test]
async fn the_node_has_its_role() {
    let aws = start().await;
    let token = token(&aws).await;
    assert_eq!(get(&aws, &token, CREDENTIALS).await.body, ROLE);
    assert_eq!(get(&aws, &token, "/latest/meta-data/placement/region").await.body, "eu-west-1");
    let document = get(&aws, &token, "/latest/dynamic/instance-identity/document").await.json();
    assert_eq!((&document["region"], &document["accountId"]), (&"eu-west-1".into(), &"111122223333".into()));

    let role = get(&aws, &token, &format!("{CREDENTIALS}{ROLE}")).await.json();
    assert_eq!((&role["Code"], &role["Type"]), (&"Success".into(), &"AWS-HMAC".into()));
    assert_eq!(role["Expiration"], "2026-01-02T09:04:05Z");
    let text = |name: &str| role[name].as_str().expect("text").to_owned();
    let keys = Keys {
        access_key_id: text("AccessKeyId"),
        secret_access_key: text("SecretAccessKey"),
        session_token: Some(text("Token")),
    };
    let who = "Action=GetCallerIdentity&Version=2011-06-15";
    let caller = Signer::new(&keys, "sts", now()).sts(aws.sts_url(), who).await;
    assert_eq!(caller.element("Arn"), "arn:aws:sts::111122223333:assumed-role/reflector/i-0a1b2c3d4e5f60718");
}

#[tokio::test]
async fn credentials_stay_until_half_their_life_is_over() {
    let clock = clock();
    let aws = builder().clock(clock.clone()).start().await.expect("a valid set-up");
    let token = token(&aws).await;
    let path = format!("{CREDENTIALS}{ROLE}");
    let key = |answer: &Answer| -> Value { answer.json()["AccessKeyId"].clone() };
    let first = key(&get(&aws, &token, &path).await);
    clock.advance(2 * HOUR);
    assert_eq!(key(&get(&aws, &token, &path).await), first);
    clock.advance(HOUR);
    assert_ne!(key(&get(&aws, &token, &path).await), first);
}

#[tokio::test]
async fn without_a_session_nothing_is_told() {
    let clock = clock();
    let aws = builder().clock(clock.clone()).start().await.expect("a valid set-up");
    for path in [CREDENTIALS, "/latest/meta-data/placement/region", "/latest/meta-data/"] {
        assert_eq!(request(&aws, Method::GET, path, &[]).await.status, 401, "version 1: {path}");
        assert_eq!(get(&aws, "guessed", path).await.status, 401);
    }
    let short = request(&aws, Method::PUT, "/latest/api/token", &[(TTL, "1")]).await.body;
    assert_eq!(get(&aws, &short, CREDENTIALS).await.status, 200);
    clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(get(&aws, &short, CREDENTIALS).await.status, 401);
}

#[tokio::test]
async fn sessions_that_are_refused() {
    let aws = start().await;
    let put = async |headers: &[(&str, &str)]| {
        request(&aws, Method::PUT, "/latest/api/token", headers).await.status
    };
    assert_eq!(put(&[]).await, 400);
    for ttl in ["0", "21601", "-1", "soon", ""] {
        assert_eq!(put(&[(TTL, ttl)]).await, 400, "{ttl}");
    }
    assert_eq!(put(&[(TTL, "60"), ("x-forwarded-for", "10.0.0.1")]).await, 403);
    assert_eq!(put(&[(TTL, "60")]).await, 200);
    assert_eq!(request(&aws, Method::GET, "/latest/api/token", &[]).await.status, 405);
    assert_eq!(request(&aws, Method::POST, CREDENTIALS, &[]).await.status, 405);
}

#[tokio::test]
async fn a_node_without_a_role_and_a_role_that_is_not_the_nodes() {
    let plain = LocalAws::builder().clock(clock()).start().await.expect("a valid set-up");
    let session = token(&plain).await;
    assert_eq!(get(&plain, &session, CREDENTIALS).await.status, 404);

    let aws = start().await;
    let session = token(&aws).await;
    assert_eq!(get(&aws, &session, &format!("{CREDENTIALS}other")).await.status, 404);
    assert_eq!(get(&aws, &session, "/latest/meta-data/nothing").await.status, 404);
}

#[tokio::test]
async fn a_role_that_does_not_trust_ec2_is_told_under_status_200() {
    let pods_only = Role::new("pods-only").trust(document(&trusts_service("pods.eks.amazonaws.com")));
    let aws =
        LocalAws::builder().role(pods_only).node_role("pods-only").start().await.expect("a valid set-up");
    let answer = get(&aws, &token(&aws).await, &format!("{CREDENTIALS}pods-only")).await;
    assert_eq!((answer.status, &answer.json()["Code"]), (200, &"AssumeRoleUnauthorizedAccess".into()));
    assert!(answer.json().get("AccessKeyId").is_none());
}

#[tokio::test]
async fn turned_off() {
    let aws = builder().imds(ImdsMode::Disabled).start().await.expect("a valid set-up");
    assert_eq!(request(&aws, Method::PUT, "/latest/api/token", &[(TTL, "60")]).await.status, 403);
    assert_eq!(request(&aws, Method::GET, CREDENTIALS, &[]).await.status, 403);
}

#[tokio::test]
async fn a_hop_limit_of_one_answers_no_put_while_it_runs() {
    let aws = builder().imds(ImdsMode::HopLimitOne).start().await.expect("a valid set-up");
    let url = format!("{}/latest/api/token", aws.imds_url());
    let put = tokio::spawn(Client::new().put(url).header(TTL, "60").send());
    assert_eq!(
        request(&aws, Method::GET, CREDENTIALS, &[]).await.status,
        401,
        "version 1 is told no all the same"
    );
    while !aws.requests().contains_key("imds:PutToken") {
        tokio::task::yield_now().await;
    }
    assert!(!put.is_finished());
    aws.stop().await;
    let ended = put.await.expect("the task ends with the service");
    assert!(ended.is_err() || ended.is_ok_and(|answer| answer.status().as_u16() == 503));
}
