//! The public registry: the distribution API for everybody, under a token that anybody may have.
//!
//! Source: <https://docs.aws.amazon.com/AmazonECR/latest/public/public-registries.html#public-registry-auth>.

mod logins;

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::json;

pub(crate) use self::logins::PublicLogins;
use self::logins::TokenFault;
use crate::cloud::Cloud;
use crate::distribution::{
    Place, Registry, Target, get_manifest, list_tags, no_such_path, response, unsupported,
};
use crate::error::Error;
use crate::registry::{basic_credentials, redirect};
use crate::repository::valid_name;
use crate::wire::Rejection;

/// What the challenge calls the service.
const SERVICE: &str = "public.ecr.aws";

/// The service.
pub(crate) fn router(cloud: Arc<Cloud>) -> Router {
    Router::new().fallback(serve).with_state(cloud)
}

async fn serve(State(cloud): State<Arc<Cloud>>, request: Request<Body>) -> Response {
    let (parts, _) = request.into_parts();
    response(if is_token_endpoint(&parts) { token(&cloud, &parts) } else { answer(&cloud, &parts) })
}

/// `Token`, or the operation a path of the distribution API stands for.
pub(crate) fn operation(request: &Parts, _: &Bytes) -> Option<Cow<'static, str>> {
    if is_token_endpoint(request) {
        return Some(Cow::Borrowed("Token"));
    }
    Target::parse(request.uri.path()).map(|target| Cow::Borrowed(target.operation()))
}

fn is_token_endpoint(request: &Parts) -> bool {
    matches!(request.uri.path(), "/token" | "/token/")
}

/// A token: with a login its owner's, without one nobody's.
fn token(cloud: &Cloud, request: &Parts) -> Result<Response, Rejection> {
    if request.method != Method::GET {
        return Err(unsupported("The operation is unsupported."));
    }
    let (logins, now) = (&cloud.public_logins, cloud.now());
    let token = match basic_credentials(&request.headers) {
        Some(login) => logins.exchange(&login, now).map_err(|fault| refused(StatusCode::FORBIDDEN, fault))?,
        None if request.headers.contains_key(header::AUTHORIZATION) => {
            return Err(refused(StatusCode::FORBIDDEN, TokenFault::Invalid));
        }
        None => logins.issue_anonymous(now),
    };
    cloud.ledger.record(&token);
    Ok(Json(json!({ "token": token })).into_response())
}

/// A token that is expired, or never was one, is refused without a challenge.
///
/// Source: <https://github.com/aws/containers-roadmap/issues/2835>.
fn answer(cloud: &Cloud, request: &Parts) -> Result<Response, Rejection> {
    let target = Target::parse(request.uri.path()).ok_or_else(no_such_path)?;
    if !request.headers.contains_key(header::AUTHORIZATION) {
        return Ok(unauthorized(cloud));
    }
    cloud
        .public_logins
        .check(&request.headers, cloud.now())
        .map_err(|fault| refused(StatusCode::BAD_REQUEST, fault))?;
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return Err(unsupported("The operation is unsupported."));
    }
    match target {
        Target::Base => Ok(StatusCode::OK.into_response()),
        Target::Tags { name } => list_tags(find(cloud, name)?, request.uri.query()),
        Target::Manifest { name, reference } => get_manifest(find(cloud, name)?, reference),
        Target::Blob { name, digest } => redirect(find(cloud, name)?, digest),
    }
}

fn find<'a>(cloud: &'a Cloud, name: &'a str) -> Result<Place<'a>, Rejection> {
    let repository = Registry::Public.find(cloud, name).ok_or_else(|| {
        let message = format!("The repository with name '{name}' does not exist in the registry");
        Rejection::new(StatusCode::NOT_FOUND, "NAME_UNKNOWN", message)
    })?;
    Ok(Place { cloud, registry: Registry::Public, name, repository })
}

fn unauthorized(cloud: &Cloud) -> Response {
    let realm = format!("{}/token/", cloud.endpoints.public_registry);
    let challenge = format!("Bearer realm=\"{realm}\",service=\"{SERVICE}\",scope=\"aws\"");
    let rejection = Rejection::new(StatusCode::UNAUTHORIZED, "DENIED", "Not Authorized");
    ([(header::WWW_AUTHENTICATE, challenge)], rejection.into_registry()).into_response()
}

fn refused(status: StatusCode, fault: TokenFault) -> Rejection {
    let message = match fault {
        TokenFault::Invalid => "Your Authorization Token is invalid.",
        TokenFault::Expired => "Your authorization token has expired. Reauthenticate and try again.",
    };
    Rejection::new(status, "DENIED", message)
}

/// That an alias, the first part of a public repository's path, can be one.
///
/// Source: <https://docs.aws.amazon.com/AmazonECRPublic/latest/APIReference/API_RegistryAlias.html>.
pub(crate) fn valid_alias(alias: &str) -> Result<(), Error> {
    let starts_right = alias.starts_with(|first: char| first.is_ascii_lowercase());
    if starts_right && alias.len() <= 50 && !alias.contains('/') && valid_name(alias) {
        return Ok(());
    }
    Err(Error::Invalid {
        field: "public_repository",
        value: alias.to_owned(),
        expected: "an alias of 2 to 50 lower-case letters, digits and inner separators, with a letter first",
    })
}
