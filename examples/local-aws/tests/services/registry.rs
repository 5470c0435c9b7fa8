//! The registry: a login from the ECR API, tags by `Link`, manifests and blobs.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use local_aws::{LocalAws, Service};
use reqwest::header::{HeaderMap, LINK, LOCATION, WWW_AUTHENTICATE};
use reqwest::{Client, Method, redirect};
use serde_json::{Value, json};

use crate::scenario::{HOUR, bot, builder, clock, ecr, now, start};
use crate::signed::Signer;

/// What a registry answered.
#[derive(Debug)]
struct Reply {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    #[track_caller]
    fn is_fault(&self, status: u16, code: &str, message: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.json(), json!({ "errors": [{ "code": code, "message": message }] }));
    }
}

/// A client with a user name and password, that stays where it is sent.
struct Session<'a> {
    aws: &'a LocalAws,
    user: &'a str,
    password: String,
}

impl Session<'_> {
    async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, &format!("{}{path}", self.aws.registry_url())).await
    }

    async fn send(&self, method: Method, url: &str) -> Reply {
        let client = Client::builder().redirect(redirect::Policy::none()).build().expect("a client");
        let request = client.request(method, url).basic_auth(self.user, Some(&self.password));
        let response = request.send().await.expect("an answer");
        Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.text().await.expect("a body"),
        }
    }
}

async fn password(aws: &LocalAws, signer: &Signer) -> String {
    let answer = signer.ecr(aws.ecr_url(), "GetAuthorizationToken", &json!({})).await.json();
    let token = answer["authorizationData"][0]["authorizationToken"].as_str().expect("a token").to_owned();
    let decoded = STANDARD.decode(token).expect("base64");
    let decoded = String::from_utf8(decoded).expect("text");
    decoded.strip_prefix("AWS:").expect("the user name").to_owned()
}

async fn log_in(aws: &LocalAws) -> Session<'_> {
    Session { aws, user: "AWS", password: password(aws, &ecr(aws).await).await }
}

fn next(reply: &Reply) -> Option<String> {
    let link = reply.headers.get(LINK)?.to_str().expect("text");
    let (url, relation) = link.strip_prefix('<').expect("a link").split_once('>').expect("a link");
    assert_eq!(relation, "; rel=\"next\"");
    Some(url.to_owned())
}

#[tokio::test]
async fn logins() {
    let aws = start().await;
    let session = log_in(&aws).await;
    let base = session.get("/v2/").await;
    assert_eq!(base.status, 200);
    assert_eq!(base.headers["docker-distribution-api-version"], "registry/2.0");

    let wrong_password = Session { aws: &aws, user: "AWS", password: "guessed".to_owned() };
    let wrong_user = Session { aws: &aws, user: "aws", password: session.password.clone() };
    for stranger in [wrong_password, wrong_user] {
        for path in ["/v2/", "/v2/apps/small/tags/list", "/v2/apps/small/manifests/1.0.0"] {
            let reply = stranger.get(path).await;
            assert_eq!((reply.status, reply.body.as_str()), (401, "Not Authorized\n"));
            let challenge = format!("Basic realm=\"{}/\",service=\"ecr.amazonaws.com\"", aws.registry_url());
            assert_eq!(reply.headers[WWW_AUTHENTICATE], challenge);
        }
    }
    let anonymous = reqwest::get(format!("{}/v2/", aws.registry_url())).await.expect("an answer");
    assert_eq!(anonymous.status().as_u16(), 401);
}

#[tokio::test]
async fn a_login_ends_after_twelve_hours() {
    let clock = clock();
    let aws = builder().clock(clock.clone()).start().await.expect("a valid set-up");
    let session = log_in(&aws).await;
    clock.advance(11 * HOUR);
    assert_eq!(session.get("/v2/").await.status, 200, "it outlives the session that asked for it");
    clock.advance(HOUR);
    let message = "Your authorization token has expired. Reauthenticate and try again.";
    session.get("/v2/").await.is_fault(403, "DENIED", message);
}

#[tokio::test]
async fn a_password_that_is_revoked_is_none() {
    let aws = start().await;
    let session = log_in(&aws).await;
    aws.revoke_logins(Service::PublicRegistry);
    assert_eq!(session.get("/v2/").await.status, 200);
    aws.revoke_logins(Service::Registry);
    assert_eq!(session.get("/v2/").await.status, 401);
    assert_eq!(log_in(&aws).await.get("/v2/").await.status, 200);
}

#[tokio::test]
async fn tags_by_link() {
    let aws = start().await;
    let session = log_in(&aws).await;
    for (query, pages) in [("", 3), ("?n=100", 3), ("?n=249", 2), ("?n=1000", 1)] {
        let mut url = format!("{}/v2/apps/mainapp/tags/list{query}", aws.registry_url());
        let mut tags = BTreeSet::new();
        for page in 1.. {
            let reply = session.send(Method::GET, &url).await;
            assert_eq!(reply.json()["name"], "apps/mainapp");
            let body = reply.json();
            tags.extend(
                body["tags"].as_array().expect("a list").iter().filter_map(Value::as_str).map(str::to_owned),
            );
            let Some(next) = next(&reply) else {
                assert_eq!(page, pages, "{query}");
                break;
            };
            assert!(next.starts_with(aws.registry_url()), "{next} is absolute");
            let last = next.split_once("last=").expect("where to go on").1.split('&').next();
            assert!(!tags.contains(last.unwrap_or_default()), "{next} is opaque");
            url = next;
        }
        assert_eq!(tags.len(), 250);
    }
}

#[tokio::test]
async fn pages_that_are_refused() {
    let aws = start().await;
    let session = log_in(&aws).await;
    let limit = "Invalid parameter at 'maxResults' failed to satisfy constraint: 'Member must have value less than or \
                 equal to 1000'";
    session.get("/v2/apps/mainapp/tags/list?n=1001").await.is_fault(405, "UNSUPPORTED", limit);

    let first = session.get("/v2/apps/mainapp/tags/list?n=10").await;
    let token = next(&first).expect("more pages");
    let token = token.split_once("last=").expect("a token").1;
    let foreign =
        "Invalid parameter at 'nextToken' failed to satisfy constraint: 'must be a token of this listing'";
    for path in [
        format!("/v2/apps/small/tags/list?last={token}"),
        format!("/v2/apps/mainapp/tags/list?last=A{token}"),
        "/v2/apps/mainapp/tags/list?last=0.0.1".to_owned(),
    ] {
        session.get(&path).await.is_fault(405, "UNSUPPORTED", foreign);
    }
}

#[tokio::test]
async fn manifests_and_blobs() {
    let aws = start().await;
    let session = log_in(&aws).await;
    let by_tag = session.get("/v2/apps/small/manifests/latest").await;
    assert_eq!(by_tag.headers["content-type"], "application/vnd.oci.image.manifest.v1+json");
    let digest = by_tag.headers["docker-content-digest"].to_str().expect("text");
    let by_digest = session.get(&format!("/v2/apps/small/manifests/{digest}")).await;
    assert_eq!(by_digest.body, by_tag.body);

    let url = format!("{}/v2/apps/small/manifests/latest", aws.registry_url());
    let head = session.send(Method::HEAD, &url).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.headers["docker-content-digest"], digest);
    assert_eq!(head.headers["content-length"], by_tag.body.len().to_string());

    for part in [&by_tag.json()["config"], &by_tag.json()["layers"][0]] {
        let digest = part["digest"].as_str().expect("a digest");
        let reply = session.get(&format!("/v2/apps/small/blobs/{digest}")).await;
        assert_eq!(reply.status, 307);
        let location = reply.headers[LOCATION].to_str().expect("text");
        assert!(!location.starts_with(aws.registry_url()), "blobs are kept elsewhere");

        let blob = reqwest::get(location).await.expect("an answer").bytes().await.expect("a body");
        assert_eq!(part["size"], blob.len());
        assert_eq!(
            session.send(Method::GET, location).await.status,
            400,
            "a login is not to be carried over"
        );
        let tampered = reqwest::get(format!("{location}A")).await.expect("an answer");
        assert_eq!(tampered.status().as_u16(), 403);
    }
}

#[tokio::test]
async fn a_link_to_a_blob_ends_after_an_hour() {
    let clock = clock();
    let aws = builder().clock(clock.clone()).start().await.expect("a valid set-up");
    let session = log_in(&aws).await;
    let manifest = session.get("/v2/apps/small/manifests/latest").await.json();
    let digest = manifest["config"]["digest"].as_str().expect("a digest");
    let reply = session.get(&format!("/v2/apps/small/blobs/{digest}")).await;
    let location = reply.headers[LOCATION].to_str().expect("text");

    let status = async || reqwest::get(location).await.expect("an answer").status().as_u16();
    assert_eq!(status().await, 200);
    clock.advance(HOUR);
    assert_eq!(status().await, 403);
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_allowed() {
    let aws = start().await;
    let session = log_in(&aws).await;
    let nothing = format!("sha256:{:064}", 0);
    for reference in ["9.9.9", &nothing] {
        let reply = session.get(&format!("/v2/apps/small/manifests/{reference}")).await;
        reply.is_fault(404, "MANIFEST_UNKNOWN", "Requested image not found");
    }
    let reply = session.get(&format!("/v2/apps/small/blobs/{nothing}")).await;
    reply.is_fault(404, "BLOB_UNKNOWN", "Requested layer not found");
    session.get("/v2/apps/none/tags/list").await.is_fault(
        404,
        "NAME_UNKNOWN",
        "The repository with name 'apps/none' does not exist in the registry with id '111122223333'",
    );
    session.get("/v2/secret/app/manifests/1.0.0").await.is_fault(
        403,
        "DENIED",
        "User: arn:aws:sts::111122223333:assumed-role/reflector/flux is not authorized to perform: ecr:BatchGetImage \
         on resource: arn:aws:ecr:eu-west-1:111122223333:repository/secret/app because no identity-based policy allows \
         the ecr:BatchGetImage action",
    );
    assert_eq!(session.get("/v1/").await.status, 404);
    let url = format!("{}/v2/apps/small/manifests/1.0.0", aws.registry_url());
    session.send(Method::DELETE, &url).await.is_fault(405, "UNSUPPORTED", "The operation is unsupported.");
}

#[tokio::test]
async fn every_login_has_the_permissions_of_who_asked_for_it() {
    let aws = start().await;
    let bot = Signer::new(&bot(&aws), "ecr", now());
    let session = Session { aws: &aws, user: "AWS", password: password(&aws, &bot).await };
    assert_eq!(session.get("/v2/secret/app/tags/list").await.json()["tags"], json!(["1.0.0"]));
}
