//! The part of a Kubernetes API server that gives out ServiceAccount tokens.
//!
//! Every request needs a bearer token of a ServiceAccount of the cluster, for the API server as its audience; what that
//! ServiceAccount may do, its [`Rbac`] says. All else is refused with a `Status`, in the API server's words.
//!
//! Sources: <https://kubernetes.io/docs/reference/access-authn-authz/authentication/>,
//! <https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/>,
//! <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/>.

mod attributes;
mod cluster;
mod service_account;
mod status;
mod token_request;

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use self::attributes::{Attributes, Wanted};
pub(crate) use self::cluster::Cluster;
pub use self::cluster::Kubernetes;
pub use self::service_account::{Rbac, ServiceAccount};
pub(crate) use self::status::Status;
use crate::clock::unix;
use crate::cloud::Cloud;
use crate::random;
use crate::wire::json_text;

const AUDIT_ID: HeaderName = HeaderName::from_static("audit-id");
const JSON: &str = "application/json";
/// As much as the API server takes of a request.
const MAX_BODY: usize = 3 * 1024 * 1024;

/// The service.
pub(crate) fn router(cloud: Arc<Cloud>) -> Router {
    Router::new().fallback(serve).with_state(cloud)
}

/// What a request is for, of the two things that there are.
pub(crate) fn operation(request: &Parts, _: &Bytes) -> Option<Cow<'static, str>> {
    let name = match Attributes::of(&request.method, &request.uri).wanted()? {
        Wanted::ServiceAccount { .. } => "GetServiceAccount",
        Wanted::Token { .. } => "CreateToken",
    };
    Some(Cow::Borrowed(name))
}

async fn serve(State(cloud): State<Arc<Cloud>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let mut response = match to_bytes(body, MAX_BODY).await {
        Ok(body) => answer(&cloud, &parts, &body).unwrap_or_else(Status::into_response),
        Err(_) => Status::too_large().into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    if let Ok(id) = HeaderValue::from_str(&random::uuid().to_string()) {
        headers.insert(AUDIT_ID, id);
    }
    response
}

fn answer(cloud: &Cloud, request: &Parts, body: &Bytes) -> Result<Response, Status> {
    let user = authenticate(cloud, request)?;
    let attributes = Attributes::of(&request.method, &request.uri);
    let wanted = attributes.wanted().filter(|wanted| cloud.cluster.allows(&user, wanted));
    let wanted = wanted.ok_or_else(|| Status::forbidden(&user.name(), &attributes))?;
    accepts_json(request)?;
    match wanted {
        Wanted::ServiceAccount { namespace, name } => {
            Ok(json(StatusCode::OK, &cloud.cluster.get(namespace, name)?.document()))
        }
        Wanted::Token { namespace, name } => {
            let content_type = text(request, &header::CONTENT_TYPE).unwrap_or(JSON);
            if !media_types(content_type).any(|found| found == JSON) {
                return Err(Status::unsupported_media_type());
            }
            token_request::create(cloud, namespace, name, body)
        }
    }
}

/// A ServiceAccount that sends a request.
pub(crate) struct User {
    pub(crate) namespace: String,
    pub(crate) service_account: String,
}

impl User {
    fn name(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.service_account)
    }
}

/// Whose token the request has: valid, for this server, and of a ServiceAccount that is there and the same one still.
///
/// Nobody is let in without a token.
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions-standard.html>.
fn authenticate(cloud: &Cloud, request: &Parts) -> Result<User, Status> {
    let value = text(request, &header::AUTHORIZATION).unwrap_or_default();
    let (scheme, token) = value.split_once(' ').unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(Status::unauthorized());
    }
    let verified = cloud.oidc_provider.verify(token.trim(), &[cloud.issuer.url()], unix(cloud.now()));
    let bound = verified.ok().and_then(|verified| verified.kubernetes).ok_or_else(Status::unauthorized)?;
    let uid = cloud.cluster.uid(&bound.namespace, &bound.serviceaccount.name);
    if uid.as_ref() != Some(&bound.serviceaccount.uid) {
        return Err(Status::unauthorized());
    }
    Ok(User { namespace: bound.namespace, service_account: bound.serviceaccount.name })
}

fn accepts_json(request: &Parts) -> Result<(), Status> {
    let accept = text(request, &header::ACCEPT).unwrap_or("*/*");
    if media_types(accept).any(|found| matches!(found, JSON | "application/*" | "*/*")) {
        return Ok(());
    }
    Err(Status::not_acceptable())
}

/// The media types of a header, without their parameters.
fn media_types(header: &str) -> impl Iterator<Item = &str> {
    header.split(',').map(|part| part.split(';').next().unwrap_or_default().trim())
}

fn text<'a>(request: &'a Parts, name: &HeaderName) -> Option<&'a str> {
    request.headers.get(name)?.to_str().ok()
}

fn json(status: StatusCode, body: &impl Serialize) -> Response {
    (status, [(header::CONTENT_TYPE, JSON)], json_text(body)).into_response()
}
