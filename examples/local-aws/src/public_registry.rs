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
use crate::distribution::{self, Call, Place, Registry, Target, name_unknown, response, unsupported};
use crate::ecr_public;
use crate::error::Error;
use crate::iam::Caller;
use crate::registry::basic_credentials;
use crate::repository::{Catalog, valid_name};
use crate::wire::{Rejection, read_body};

/// What the challenge calls the service.
const SERVICE: &str = "public.ecr.aws";

/// The service.
pub(crate) fn router(cloud: Arc<Cloud>) -> Router {
    Router::new().fallback(serve).with_state(cloud)
}

async fn serve(State(cloud): State<Arc<Cloud>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    response(read_body(body).await.and_then(|body| {
        if is_token_endpoint(&parts) { token(&cloud, &parts) } else { answer(&cloud, &parts, &body) }
    }))
}

/// `Token`, or the operation a path of the distribution API stands for.
pub(crate) fn operation(request: &Parts, body: &Bytes) -> Option<Cow<'static, str>> {
    if is_token_endpoint(request) {
        return Some(Cow::Borrowed("Token"));
    }
    distribution::operation(request, body)
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
fn answer(cloud: &Cloud, request: &Parts, body: &Bytes) -> Result<Response, Rejection> {
    let target = Target::parse(&request.method, request.uri.path())?;
    if !request.headers.contains_key(header::AUTHORIZATION) {
        return Ok(unauthorized(cloud));
    }
    let caller = cloud
        .public_logins
        .check(&request.headers, cloud.now())
        .map_err(|fault| refused(StatusCode::BAD_REQUEST, fault))?;
    let Target::Repository { name, call } = target else { return Ok(StatusCode::OK.into_response()) };
    let repository = open(cloud, caller.as_ref(), call, name)?;
    let place = Place { cloud, registry: Registry::Public, name, repository };
    place.perform(&call, request, body, |from| Registry::Public.find(cloud, from))
}

/// The repository, which anybody may read and who has the permission may write.
fn open<'a>(
    cloud: &'a Cloud,
    caller: Option<&Caller>,
    call: Call<'_>,
    name: &str,
) -> Result<&'a Catalog, Rejection> {
    let repository = Registry::Public.find(cloud, name).ok_or_else(|| name_unknown(name, "the registry"))?;
    if !call.is_pull() {
        let caller = caller.ok_or_else(|| Rejection::forbidden("DENIED", "Not Authorized"))?;
        let action = format!("ecr-public:{}", call.ecr_action());
        ecr_public::authorize_on(caller, &action, repository)
            .map_err(|refusal| Rejection::forbidden("DENIED", refusal.to_string()))?;
    }
    Ok(repository)
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
