//! Blobs: the registry sends the client on to where they are kept, with a link that needs no login.
//!
//! Source: <https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-setting-up-s3-gateway>.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use crate::clock::unix;
use crate::cloud::Cloud;
use crate::distribution::{Place, Registry};
use crate::wire::Rejection;

const LINK_SECONDS: u64 = 3600;

/// Answers a request for a blob that there is with the place to get it from.
pub(crate) fn redirect(place: Place<'_>, digest: &str) -> Response {
    let Place { cloud, registry, name, .. } = place;
    let bucket = bucket(registry);
    let signature = cloud.layer_links.close(&purpose(bucket, name, digest), unix(cloud.now()) + LINK_SECONDS);
    cloud.ledger.record(&signature);
    let layers = &cloud.endpoints.layers;
    let location = format!("{layers}/{bucket}/{digest}?repository={name}&signature={signature}");
    (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response()
}

/// The place where blobs are kept.
pub(crate) fn router(cloud: Arc<Cloud>) -> Router {
    Router::new().route("/{bucket}/{digest}", get(serve)).with_state(cloud)
}

/// There is one operation, and its path is a digest in a bucket.
pub(crate) fn operation(request: &Parts, _: &Bytes) -> Option<Cow<'static, str>> {
    (request.uri.path().len() > 1).then_some(Cow::Borrowed("Get"))
}

#[derive(Deserialize)]
struct Link {
    repository: String,
    signature: String,
}

async fn serve(
    State(cloud): State<Arc<Cloud>>,
    Path((bucket, digest)): Path<(String, String)>,
    Query(link): Query<Link>,
    headers: HeaderMap,
) -> Response {
    // A signed link and a login together are refused, so a client that carries its login over is found out.
    if headers.contains_key(header::AUTHORIZATION) {
        let message =
            "Only one auth mechanism allowed: the signature in the link or the Authorization header";
        return Rejection::bad_request("InvalidArgument", message).into_xml();
    }
    let expires = cloud.layer_links.open(&purpose(&bucket, &link.repository, &digest), &link.signature);
    if expires.is_none_or(|expires| expires <= unix(cloud.now())) {
        return Rejection::forbidden("AccessDenied", "Request has expired").into_xml();
    }
    let registry = Registry::ALL.into_iter().find(|registry| self::bucket(*registry) == bucket);
    let repository = registry.and_then(|registry| registry.find(&cloud, &link.repository));
    match repository.and_then(|repository| repository.blob(&digest)) {
        Some(blob) => {
            let content_type = [(header::CONTENT_TYPE, "application/octet-stream")];
            (StatusCode::OK, content_type, blob).into_response()
        }
        None => {
            Rejection::new(StatusCode::NOT_FOUND, "NoSuchKey", "The specified key does not exist.").into_xml()
        }
    }
}

/// Where a registry keeps its blobs.
fn bucket(registry: Registry) -> &'static str {
    match registry {
        Registry::Private => "private",
        Registry::Public => "public",
        Registry::Generic => "generic",
    }
}

fn purpose(bucket: &str, repository: &str, digest: &str) -> String {
    format!("layer {bucket} {repository} {digest}")
}
