//! What each remote says when it is well, and how it refuses.

use std::sync::atomic::{AtomicU64, Ordering};

use http::Request;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::remote::Remote;

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: vec![], body: body.into() }
    }

    pub(crate) fn with(mut self, header: &'static str, value: &str) -> Self {
        self.headers.push((header, value.to_owned()));
        self
    }

    /// The beginning, in which something that matters is lacking.
    pub(crate) fn beginning(mut self) -> Self {
        self.body.truncate(self.body.len() / 3);
        self
    }

    fn json(body: &Value) -> Self {
        Self::new(200, body.to_string()).with("content-type", "application/json")
    }

    fn xml(body: String) -> Self {
        Self::new(200, body).with("content-type", "text/xml")
    }
}

/// Of no answer may anything with this in it be shown.
pub(crate) const CANARY: &str = "canary";

pub(crate) const OF_THE_NODE: &str = "ASIATHENODE";
pub(crate) const OF_THE_POD: &str = "ASIATHEPOD";
pub(crate) const OF_THE_ROLE: &str = "ASIATHEROLE";

/// How long the credentials and tokens are good, in seconds.
const NODE_LIFE: i64 = 6 * 3600;
const POD_LIFE: i64 = 6 * 3600;
const ROLE_LIFE: i64 = 3600;
const TOKEN_LIFE: i64 = 600;

pub(crate) fn good(remote: Remote, request: &Request<String>, clock: &Clock) -> Answer {
    match remote {
        Remote::InstanceMetadata => instance_metadata(request, clock, NODE_LIFE),
        Remote::PodIdentityAgent => agent(clock, POD_LIFE),
        Remote::Sts => sts(clock, ROLE_LIFE),
        Remote::KubernetesApi => kubernetes(request, clock, TOKEN_LIFE),
        Remote::EcrApi => ecr(request, clock),
        Remote::OciRegistry => oci(request),
    }
}

/// As `good`, but its time is over.
pub(crate) fn expired(remote: Remote, request: &Request<String>, clock: &Clock) -> Answer {
    match remote {
        Remote::InstanceMetadata => instance_metadata(request, clock, -600),
        Remote::PodIdentityAgent => agent(clock, -600),
        Remote::Sts => sts(clock, -600),
        Remote::KubernetesApi => kubernetes(request, clock, -600),
        Remote::EcrApi => {
            ecr_error(400, "ExpiredTokenException", "The security token included in the request is expired")
        }
        Remote::OciRegistry => unauthorized(),
    }
}

/// A refusal of this status, as the remote writes it.
pub(crate) fn error(remote: Remote, status: u16) -> Answer {
    let word = match status {
        400 => "ValidationError",
        401 => "InvalidClientTokenId",
        403 => "AccessDenied",
        429 => "Throttling",
        503 => "ServiceUnavailable",
        _ => "InternalFailure",
    };
    match remote {
        Remote::InstanceMetadata => Answer::new(status, format!("<html><title>{status}</title></html>")),
        Remote::PodIdentityAgent => Answer::new(status, format!("{{\"message\": \"{word}\"}}")),
        // That there is nothing at an address, another says.
        Remote::Sts if status == 404 => Answer::new(404, "<html><title>Not Found</title></html>"),
        Remote::Sts => Answer {
            status,
            ..Answer::xml(format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{word}</Code><Message>It is refused</Message></Error>\
                 <RequestId>0f1e2d3c</RequestId></ErrorResponse>"
            ))
        },
        Remote::KubernetesApi => {
            let reason = match status {
                400 => "BadRequest",
                401 => "Unauthorized",
                403 => "Forbidden",
                404 => "NotFound",
                429 => "TooManyRequests",
                503 => "ServiceUnavailable",
                _ => "InternalError",
            };
            Answer {
                status,
                ..Answer::json(&json!({
                    "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                    "message": "it is refused", "reason": reason, "code": status,
                    "details": { "name": "reader", "kind": "serviceaccounts" },
                }))
            }
        }
        Remote::EcrApi => {
            let word = match status {
                400 => "InvalidParameterException",
                401 => "UnrecognizedClientException",
                403 => "AccessDeniedException",
                404 => "RepositoryNotFoundException",
                429 => "ThrottlingException",
                503 => "ServiceUnavailableException",
                _ => "ServerException",
            };
            ecr_error(status, word, "It is refused")
        }
        Remote::OciRegistry => {
            let word = match status {
                400 => "UNSUPPORTED",
                401 => return unauthorized(),
                403 => "DENIED",
                404 => "NAME_UNKNOWN",
                429 => "TOOMANYREQUESTS",
                _ => "UNKNOWN",
            };
            Answer {
                status,
                ..Answer::json(&json!({ "errors": [{ "code": word, "message": "it is refused" }] }))
            }
        }
    }
}

fn instance_metadata(request: &Request<String>, clock: &Clock, life: i64) -> Answer {
    match request.uri().path() {
        "/latest/api/token" => Answer::new(200, format!("{CANARY}-session"))
            .with("x-aws-ec2-metadata-token-ttl-seconds", "21600"),
        "/latest/meta-data/iam/security-credentials/" => Answer::new(200, "node-role"),
        _ => Answer::json(&json!({
            "Code": "Success", "Type": "AWS-HMAC", "LastUpdated": clock.rfc3339_in(-60),
            "AccessKeyId": OF_THE_NODE, "SecretAccessKey": CANARY, "Token": CANARY,
            "Expiration": clock.rfc3339_in(life),
        })),
    }
}

fn agent(clock: &Clock, life: i64) -> Answer {
    Answer::json(&json!({
        "AccessKeyId": OF_THE_POD, "SecretAccessKey": CANARY, "Token": CANARY,
        "AccountId": "111122223333", "Expiration": clock.rfc3339_in(life),
    }))
}

fn sts(clock: &Clock, life: i64) -> Answer {
    let expiration = clock.rfc3339_in(life);
    Answer::xml(format!(
        "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>\
         <AccessKeyId>{OF_THE_ROLE}</AccessKeyId><SecretAccessKey>{CANARY}</SecretAccessKey>\
         <SessionToken>{CANARY}</SessionToken><Expiration>{expiration}</Expiration></Credentials>\
         <AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:s</AssumedRoleId>\
         <Arn>arn:aws:sts::111122223333:assumed-role/reader/s</Arn></AssumedRoleUser>\
         </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
    ))
}

fn kubernetes(request: &Request<String>, clock: &Clock, life: i64) -> Answer {
    const UID: &str = "6b7d4e31-0000-4000-8000-000000000001";
    let metadata = json!({ "name": "reader", "namespace": "tenant", "uid": UID });
    if request.method() == http::Method::GET {
        let mut metadata = metadata;
        metadata["annotations"] = json!({ flux_aws_auth::ROLE_ARN_ANNOTATION: crate::cell::ROLE });
        return Answer::json(&json!({ "kind": "ServiceAccount", "apiVersion": "v1", "metadata": metadata }));
    }
    let created = Answer::json(&json!({
        "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "metadata": metadata,
        "spec": { "audiences": ["sts.amazonaws.com"], "expirationSeconds": TOKEN_LIFE },
        "status": { "token": crate::cell::TOKEN, "expirationTimestamp": clock.rfc3339_in(life) },
    }));
    Answer { status: 201, ..created }
}

/// Three pages of a tag each.
fn ecr(request: &Request<String>, clock: &Clock) -> Answer {
    let date = request.headers()["x-amz-date"].to_str().unwrap();
    // To the hour is enough: the clocks here are an hour off, or not at all.
    if date.get(..11) != clock.amz_date().get(..11) {
        let message = format!("Signature not current: {date} is not near {}", clock.amz_date());
        return ecr_error(403, "InvalidSignatureException", &message);
    }
    let asked: Value = serde_json::from_str(request.body()).unwrap();
    let page: u64 = asked["nextToken"].as_str().map_or(1, |token| token.parse().unwrap());
    let digest = format!("sha256:{page:064x}");
    let ids = json!([{ "imageTag": format!("1.{page}.0"), "imageDigest": digest }]);
    Answer::json(&match page {
        3 => json!({ "imageIds": ids }),
        page => json!({ "imageIds": ids, "nextToken": (page + 1).to_string() }),
    })
}

fn ecr_error(status: u16, word: &str, message: &str) -> Answer {
    let body = json!({ "__type": word, "message": message });
    Answer { status, ..Answer::json(&body) }.with("x-amzn-requestid", "0f1e2d3c")
}

/// Three pages of a tag each, for whoever has a token.
fn oci(request: &Request<String>) -> Answer {
    if request.uri().path() == "/token" {
        // Each is another: one that was refused is not tried again.
        static GIVEN: AtomicU64 = AtomicU64::new(0);
        let token = format!("{CANARY}-{}", GIVEN.fetch_add(1, Ordering::Relaxed));
        return Answer::json(&json!({ "token": token, "expires_in": 300 }));
    }
    if !request.headers().contains_key("authorization") {
        return unauthorized();
    }
    let page: u64 = request
        .uri()
        .query()
        .and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("last=")))
        .map_or(1, |last| last.parse().unwrap());
    let answer = Answer::json(&json!({ "name": "apps/app", "tags": [format!("1.{page}.0")] }));
    match page {
        3 => answer,
        page => {
            answer.with("link", &format!("</v2/apps/app/tags/list?last={}&n=1000>; rel=\"next\"", page + 1))
        }
    }
}

fn unauthorized() -> Answer {
    let challenge = "Bearer realm=\"https://registry.example/token\",service=\"registry.example\"";
    let body = json!({ "errors": [{ "code": "UNAUTHORIZED", "message": "authentication required" }] });
    Answer { status: 401, ..Answer::json(&body) }.with("www-authenticate", challenge)
}
