//! The instance metadata service, version 2 only.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::cloud::Cloud;
use crate::credentials::Credentials;
use crate::iam::{Assumer, CompiledRole, RequestContext, SessionAttributes, trusts};
use crate::meter::lock;
use crate::random;
use crate::wire::timestamp;

const INSTANCE_ID: &str = "i-0a1b2c3d4e5f60718";
const TOKEN_PATH: &str = "/latest/api/token";
const TOKEN: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");
const TOKEN_TTL: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const CREDENTIALS: &str = "/latest/meta-data/iam/security-credentials";
const SESSION_LIFETIME: Duration = Duration::from_secs(6 * 3600);

/// How the node's metadata service is set up. Version 1, without a token, is never answered.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-options.html>.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImdsMode {
    /// It answers.
    #[default]
    Normal,
    /// The response hop limit is one, and the client is in a pod: a connection is made, but the answer to the request
    /// for a token never arrives.
    HopLimitOne,
    /// It is turned off: every request is refused with 403.
    Disabled,
}

/// The node whose metadata is served.
pub(crate) struct Node {
    /// The ARN of its role.
    role: Option<String>,
    mode: ImdsMode,
    tokens: Mutex<HashMap<String, SystemTime>>,
}

impl Node {
    pub(crate) fn new(role: Option<String>, mode: ImdsMode) -> Self {
        Self { role, mode, tokens: Mutex::default() }
    }
}

/// The service.
pub(crate) fn router(cloud: Arc<Cloud>) -> Router {
    Router::new().fallback(serve).with_state(cloud)
}

async fn serve(State(cloud): State<Arc<Cloud>>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let wants_token = uri.path() == TOKEN_PATH;
    if cloud.node.mode == ImdsMode::Disabled {
        return page(StatusCode::FORBIDDEN);
    }
    match (method, wants_token) {
        (Method::PUT, true) => put_token(&cloud, &headers).await,
        (Method::GET | Method::HEAD, false) => get(&cloud, uri.path(), &headers),
        _ => page(StatusCode::METHOD_NOT_ALLOWED),
    }
}

/// What a request below the one version there is asks for.
pub(crate) fn operation(request: &Parts, _: &Bytes) -> Option<Cow<'static, str>> {
    let path = request.uri.path();
    let operation = match path.strip_prefix(CREDENTIALS) {
        _ if path == TOKEN_PATH && request.method == Method::PUT => "PutToken",
        Some("" | "/") => "ListCredentials",
        Some(_) => "GetCredentials",
        None => "GetMetadata",
    };
    path.starts_with("/latest/").then_some(Cow::Borrowed(operation))
}

/// A session: a token for one second to six hours, never through a proxy.
async fn put_token(cloud: &Cloud, headers: &HeaderMap) -> Response {
    if cloud.node.mode == ImdsMode::HopLimitOne {
        // Ends with the services, so that nothing outlives them.
        let _ = cloud.running.clone().changed().await;
        return page(StatusCode::SERVICE_UNAVAILABLE);
    }
    if headers.contains_key(FORWARDED_FOR) {
        return page(StatusCode::FORBIDDEN);
    }
    let seconds = headers.get(TOKEN_TTL).and_then(|value| value.to_str().ok()?.parse().ok());
    let Some(seconds @ 1..=21600) = seconds else { return page(StatusCode::BAD_REQUEST) };

    let token = random::metadata_token();
    cloud.ledger.record(&token);
    lock(&cloud.node.tokens).insert(token.clone(), cloud.now() + Duration::from_secs(seconds));
    let headers = [(header::CONTENT_TYPE, "text/plain".to_owned()), (TOKEN_TTL, seconds.to_string())];
    (StatusCode::OK, headers, token).into_response()
}

fn get(cloud: &Cloud, path: &str, headers: &HeaderMap) -> Response {
    let token = headers.get(TOKEN).and_then(|token| token.to_str().ok());
    let expires = token.and_then(|token| lock(&cloud.node.tokens).get(token).copied());
    if expires.is_none_or(|expires| expires <= cloud.now()) {
        return page(StatusCode::UNAUTHORIZED);
    }
    let found = match path.strip_prefix(CREDENTIALS) {
        Some("" | "/") => role(cloud).map(|role| role.name.clone()),
        Some(name) => credentials(cloud, name.trim_start_matches('/')),
        None => metadata(cloud, path),
    };
    match found {
        Some(text) => (StatusCode::OK, [(header::CONTENT_TYPE, "text/plain")], text).into_response(),
        None => page(StatusCode::NOT_FOUND),
    }
}

fn metadata(cloud: &Cloud, path: &str) -> Option<String> {
    match path {
        "/latest/meta-data/instance-id" => Some(INSTANCE_ID.to_owned()),
        "/latest/meta-data/placement/region" => Some(cloud.region.clone()),
        "/latest/meta-data/placement/availability-zone" => Some(format!("{}a", cloud.region)),
        "/latest/dynamic/instance-identity/document" => Some(identity_document(cloud)),
        _ => None,
    }
}

/// The credentials of the node's role, or why it has none, as the service tells it: under status 200.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html>.
fn credentials(cloud: &Cloud, name: &str) -> Option<String> {
    let role = role(cloud).filter(|role| role.name == name)?;
    let now = cloud.now();
    let ec2 = Assumer::Service("ec2.amazonaws.com");
    if !role.trust.as_ref().is_some_and(|trust| trusts(trust, &ec2, "sts:AssumeRole", &RequestContext::new()))
    {
        return Some(pretty(&json!({
            "Code": "AssumeRoleUnauthorizedAccess",
            "Message": format!("EC2 cannot assume the role {name}. Please see documentation at \
                                https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html."),
            "LastUpdated": timestamp(now),
        })));
    }
    let session = || Cloud::role_session(role, INSTANCE_ID, SessionAttributes::default());
    Some(credentials_document(&cloud.keys.held_session("node", now, SESSION_LIFETIME, session)))
}

fn credentials_document(credentials: &Credentials) -> String {
    pretty(&json!({
        "Code": "Success",
        "LastUpdated": credentials.session.as_ref().map(|session| timestamp(session.issued)),
        "Type": "AWS-HMAC",
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "Token": credentials.token(),
        "Expiration": credentials.expires().map(timestamp),
    }))
}

/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-identity-documents.html>.
fn identity_document(cloud: &Cloud) -> String {
    pretty(&json!({
        "accountId": cloud.account,
        "architecture": "x86_64",
        "availabilityZone": format!("{}a", cloud.region),
        "imageId": "ami-0a1b2c3d4e5f60718",
        "instanceId": INSTANCE_ID,
        "instanceType": "m7i.large",
        "pendingTime": "2024-01-01T00:00:00Z",
        "privateIp": "10.0.0.10",
        "region": cloud.region,
        "version": "2017-09-30",
    }))
}

fn role(cloud: &Cloud) -> Option<&CompiledRole> {
    cloud.node.role.as_ref().and_then(|arn| cloud.roles.get(arn))
}

fn pretty(document: &serde_json::Value) -> String {
    format!("{document:#}")
}

/// An error, which this service tells in a page for browsers.
pub(crate) fn page(status: StatusCode) -> Response {
    let title = format!("{} - {}", status.as_u16(), status.canonical_reason().unwrap_or_default());
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n<html xmlns=\"http://www.w3.org/1999/xhtml\">\n\
         <head><title>{title}</title></head>\n<body><h1>{title}</h1></body>\n</html>\n"
    );
    (status, [(header::CONTENT_TYPE, "text/html")], body).into_response()
}
