//! The registry: the distribution API under a password from `GetAuthorizationToken`.
//!
//! Source: <https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html>.

mod layers;
mod login;

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};

pub(crate) use self::layers::{operation as layers_operation, redirect, router as layers_router};
use self::login::LoginFault;
pub(crate) use self::login::{Logins, USER_NAME, basic_credentials};
use crate::cloud::Cloud;
use crate::distribution::{
    Place, Registry, Target, get_manifest, list_tags, no_such_path, response, unsupported,
};
use crate::iam::Caller;
use crate::wire::Rejection;

/// The service.
pub(crate) fn router(cloud: Arc<Cloud>) -> Router {
    Router::new().fallback(serve).with_state(cloud)
}

async fn serve(State(cloud): State<Arc<Cloud>>, request: Request<Body>) -> Response {
    let (parts, _) = request.into_parts();
    response(answer(&cloud, &parts))
}

/// The operation a path of the distribution API stands for.
pub(crate) fn operation(request: &Parts, _: &Bytes) -> Option<Cow<'static, str>> {
    Target::parse(request.uri.path()).map(|target| Cow::Borrowed(target.operation()))
}

fn answer(cloud: &Cloud, request: &Parts) -> Result<Response, Rejection> {
    let target = Target::parse(request.uri.path()).ok_or_else(no_such_path)?;
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return Err(unsupported("The operation is unsupported."));
    }
    let caller = match cloud.logins.caller(&request.headers, cloud.now()) {
        Ok(caller) => caller,
        Err(LoginFault::Unauthorized) => return Ok(unauthorized(cloud)),
        Err(LoginFault::Expired) => {
            let message = "Your authorization token has expired. Reauthenticate and try again.";
            return Err(Rejection::forbidden("DENIED", message));
        }
    };
    match target {
        Target::Base => Ok(StatusCode::OK.into_response()),
        Target::Tags { name } => {
            list_tags(open(cloud, &caller, "ecr:ListImages", name)?, request.uri.query())
        }
        Target::Manifest { name, reference } => {
            get_manifest(open(cloud, &caller, "ecr:BatchGetImage", name)?, reference)
        }
        Target::Blob { name, digest } => {
            redirect(open(cloud, &caller, "ecr:GetDownloadUrlForLayer", name)?, digest)
        }
    }
}

/// The repository `name` of this account's registry, if the password's owner may perform `action` on it.
fn open<'a>(cloud: &'a Cloud, caller: &Caller, action: &str, name: &'a str) -> Result<Place<'a>, Rejection> {
    let account = &cloud.account;
    let found = Registry::Private.find(cloud, name);
    let arn = format!("arn:aws:ecr:{}:{account}:repository/{name}", cloud.region);
    let policy = found.and_then(|repository| repository.policy.as_ref());
    cloud
        .authorize(caller, action, &arn, account, policy)
        .map_err(|refusal| Rejection::forbidden("DENIED", refusal.to_string()))?;
    let repository = found.ok_or_else(|| {
        let message =
            format!("The repository with name '{name}' does not exist in the registry with id '{account}'");
        Rejection::new(StatusCode::NOT_FOUND, "NAME_UNKNOWN", message)
    })?;
    Ok(Place { cloud, registry: Registry::Private, name, repository })
}

fn unauthorized(cloud: &Cloud) -> Response {
    let challenge = format!("Basic realm=\"{}/\",service=\"ecr.amazonaws.com\"", cloud.endpoints.registry);
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)], "Not Authorized\n").into_response()
}
