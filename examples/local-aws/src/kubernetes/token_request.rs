//! TokenRequest: a token of a ServiceAccount for somebody who may have it.
//!
//! Source: <https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/>.

use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::status::Status;
use crate::cloud::Cloud;
use crate::wire::timestamp;

const GROUP: &str = "authentication.k8s.io";
const VERSION: &str = "authentication.k8s.io/v1";
const KIND: &str = "TokenRequest";
const DEFAULT_SECONDS: i64 = 3600;
const MIN_SECONDS: i64 = 600;
const MAX_SECONDS: i64 = 1 << 32;
/// What the server shortens longer requests to: a day.
const CAP_SECONDS: i64 = 86400;
const WARNING: HeaderName = HeaderName::from_static("warning");

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenRequest {
    api_version: Option<String>,
    kind: Option<String>,
    metadata: Option<Metadata>,
    spec: Option<Spec>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    audiences: Option<Vec<String>>,
    expiration_seconds: Option<i64>,
    bound_object_ref: Option<BoundObject>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BoundObject {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    name: String,
}

/// Answers with the request and its status, the token.
pub(super) fn create(cloud: &Cloud, namespace: &str, name: &str, body: &Bytes) -> Result<Response, Status> {
    let request = read(body)?;
    let (given, spec) = (request.metadata.unwrap_or_default(), request.spec.unwrap_or_default());
    is_same(
        "metadata.name",
        given.name.as_deref(),
        name,
        name,
        "must match the service account name if specified",
    )?;
    is_same(
        "metadata.namespace",
        given.namespace.as_deref(),
        namespace,
        name,
        "must match the service account namespace if specified",
    )?;
    let object = cloud.cluster.get(namespace, name)?;
    if let Some(uid) = given.uid.as_deref().filter(|uid| !uid.is_empty() && *uid != object.uid) {
        let problem = format!(
            "the UID in the token request ({uid}) does not match the UID of the service account ({})",
            object.uid
        );
        return Err(Status::conflict(GROUP, KIND, name, &problem));
    }
    let (seconds, warning) = expiration(spec.expiration_seconds)?;
    if let Some(bound) = &spec.bound_object_ref {
        return Err(unbindable(bound));
    }
    let audiences = spec.audiences.filter(|audiences| !audiences.is_empty());
    let audiences = audiences.unwrap_or_else(|| vec![cloud.issuer.url().to_owned()]);

    let now = cloud.now();
    let lifetime = std::time::Duration::from_secs(seconds);
    let token = cloud
        .issuer
        .service_account_token(namespace, name)
        .audiences(audiences.clone())
        .unbound()
        .issued_at(now)
        .ttl(lifetime)
        .sign();
    let answer = json!({
        "kind": KIND,
        "apiVersion": VERSION,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": object.uid,
            "creationTimestamp": timestamp(now),
        },
        "spec": { "audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": null },
        "status": { "token": token, "expirationTimestamp": timestamp(now + lifetime) },
    });
    let mut response = super::json(StatusCode::CREATED, &answer);
    if let Some(warning) = warning.and_then(|text| HeaderValue::from_str(&format!("299 - \"{text}\"")).ok()) {
        response.headers_mut().insert(WARNING, warning);
    }
    Ok(response)
}

/// The request, if it is of this kind; a body that does not say is taken for one.
fn read(body: &Bytes) -> Result<TokenRequest, Status> {
    let request: TokenRequest = serde_json::from_slice(body).map_err(|error| {
        Status::bad_request(format!("couldn't get version/kind; json parse error: {error}"))
    })?;
    let version = request.api_version.as_deref().unwrap_or_default();
    if !version.is_empty() && version != VERSION {
        return Err(Status::bad_request(format!(
            "the API version in the data ({version}) does not match the expected API version ({VERSION})"
        )));
    }
    let kind = request.kind.as_deref().unwrap_or_default();
    if !kind.is_empty() && kind != KIND {
        return Err(Status::bad_request(format!(
            "{kind} in version \"v1\" cannot be handled as a {KIND}: no kind \"{kind}\" is registered for version \
             \"{VERSION}\""
        )));
    }
    Ok(request)
}

fn is_same(
    field: &str,
    given: Option<&str>,
    expected: &str,
    name: &str,
    problem: &str,
) -> Result<(), Status> {
    match given {
        Some(given) if !given.is_empty() && given != expected => {
            Err(Status::invalid(GROUP, KIND, name, field, &format!("\"{given}\""), problem))
        }
        _ => Ok(()),
    }
}

/// For how many seconds the token is good, and what the caller is told if that is less than was asked for.
fn expiration(asked: Option<i64>) -> Result<(u64, Option<String>), Status> {
    let asked = asked.unwrap_or(DEFAULT_SECONDS);
    let invalid =
        |problem| Status::invalid(GROUP, KIND, "", "spec.expirationSeconds", &asked.to_string(), problem);
    if asked < MIN_SECONDS {
        return Err(invalid("may not specify a duration less than 10 minutes"));
    }
    if asked > MAX_SECONDS {
        return Err(invalid("may not specify a duration larger than 2^32 seconds"));
    }
    let given = asked.min(CAP_SECONDS);
    let warning = (given < asked)
        .then(|| format!("requested expiration of {asked} seconds shortened to {given} seconds"));
    Ok((given.unsigned_abs(), warning))
}

/// There is nothing in this cluster that a token could be bound to.
fn unbindable(bound: &BoundObject) -> Status {
    match (bound.api_version.as_str(), bound.kind.as_str()) {
        ("v1", "Pod") => Status::not_found("pods", &bound.name),
        ("v1", "Secret") => Status::not_found("secrets", &bound.name),
        ("v1", "Node") => Status::not_found("nodes", &bound.name),
        (version, kind) => {
            let (group, version) = version.split_once('/').unwrap_or(("", version));
            Status::bad_request(format!("cannot bind token to object of type {group}/{version}, Kind={kind}"))
        }
    }
}
