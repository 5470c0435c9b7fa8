//! The registry: the distribution API under a password from `GetAuthorizationToken`.
//!
//! Source: <https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html>.

mod layers;
mod login;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Response};

pub(crate) use self::layers::{
    operation as layers_operation, redirect as redirect_to_layer, router as layers_router,
};
use self::login::LoginFault;
pub(crate) use self::login::{Logins, USER_NAME, basic_credentials};
use crate::cloud::Cloud;
use crate::distribution::{Call, Place, Registry, Target, name_unknown, response};
use crate::iam::Caller;
use crate::repository::Catalog;
use crate::wire::{Rejection, read_body};

/// The service.
pub(crate) fn router(cloud: Arc<Cloud>) -> Router {
    Router::new().fallback(serve).with_state(cloud)
}

async fn serve(State(cloud): State<Arc<Cloud>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    response(read_body(body).await.and_then(|body| answer(&cloud, &parts, &body)))
}

fn answer(cloud: &Cloud, request: &Parts, body: &Bytes) -> Result<Response, Rejection> {
    let target = Target::parse(&request.method, request.uri.path())?;
    let caller = match cloud.logins.caller(&request.headers, cloud.now()) {
        Ok(caller) => caller,
        Err(LoginFault::Unauthorized) => return Ok(unauthorized(cloud)),
        Err(LoginFault::Expired) => {
            let message = "Your authorization token has expired. Reauthenticate and try again.";
            return Err(Rejection::forbidden("DENIED", message));
        }
    };
    let Target::Repository { name, call } = target else { return Ok(StatusCode::OK.into_response()) };
    let repository = open(cloud, &caller, call, name)?;
    let place = Place { cloud, registry: Registry::Private, name, repository };
    // What a blob is mounted from must let it be pulled.
    let readable = |from: &str| open(cloud, &caller, Call::GetBlob { digest: "" }, from).ok();
    place.perform(&call, request, body, readable)
}

/// The repository `name` of this account's registry, if the password's owner may do what is asked of it.
fn open<'a>(cloud: &'a Cloud, caller: &Caller, call: Call<'_>, name: &str) -> Result<&'a Catalog, Rejection> {
    let account = &cloud.account;
    let found = Registry::Private.find(cloud, name);
    let action = format!("ecr:{}", call.ecr_action());
    let arn = format!("arn:aws:ecr:{}:{account}:repository/{name}", cloud.region);
    let policy = found.and_then(|repository| repository.policy.as_ref());
    cloud
        .authorize(caller, &action, &arn, account, policy)
        .map_err(|refusal| Rejection::forbidden("DENIED", refusal.to_string()))?;
    found.ok_or_else(|| name_unknown(name, &format!("the registry with id '{account}'")))
}

fn unauthorized(cloud: &Cloud) -> Response {
    let challenge = format!("Basic realm=\"{}/\",service=\"ecr.amazonaws.com\"", cloud.endpoints.registry);
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)], "Not Authorized\n").into_response()
}
