//! The Security Token Service: the query protocol, answered in XML.
//!
//! Source: <https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html>.

mod assume_role;
mod caller_identity;
mod parameters;
mod role_session;
mod session_tags;
mod web_identity;

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{Method, Request};
use axum::response::Response;

use self::parameters::Parameters;
use crate::cloud::Cloud;
use crate::wire::Rejection;

/// The service.
pub(crate) fn router(cloud: Arc<Cloud>) -> Router {
    Router::new().fallback(serve).with_state(cloud)
}

async fn serve(State(cloud): State<Arc<Cloud>>, request: Request<axum::body::Body>) -> Response {
    let (parts, body) = request.into_parts();
    match axum::body::to_bytes(body, MAX_BODY).await {
        Ok(body) => answer(&cloud, &parts, &body).unwrap_or_else(Rejection::into_xml),
        Err(_) => Rejection::bad_request("MalformedInput", "The request body could not be read.").into_xml(),
    }
}

/// A web identity token has at most 20000 characters; the rest of a request is small.
const MAX_BODY: usize = 64 * 1024;
const VERSION: &str = "2011-06-15";

/// The action a request of the one version names.
pub(crate) fn operation(request: &Parts, body: &Bytes) -> Option<Cow<'static, str>> {
    let parameters = parameters(request, body);
    let action = parameters.get("Action").filter(|_| parameters.get("Version") == Some(VERSION))?;
    Some(Cow::Owned(action.to_owned()))
}

fn parameters(request: &Parts, body: &Bytes) -> Parameters {
    match request.method {
        Method::POST => Parameters::parse(body),
        _ => Parameters::parse(request.uri.query().unwrap_or_default().as_bytes()),
    }
}

fn answer(cloud: &Cloud, request: &Parts, body: &Bytes) -> Result<Response, Rejection> {
    let parameters = parameters(request, body);
    let action = parameters.get("Action").ok_or_else(|| {
        Rejection::bad_request(
            "MissingAction",
            "Request must contain either a valid action parameter or certificate.",
        )
    })?;
    let version = parameters.get("Version").unwrap_or_default();
    if version == VERSION {
        match action {
            "AssumeRole" => return assume_role::assume_role(cloud, request, body, &parameters),
            "AssumeRoleWithWebIdentity" => return web_identity::assume_role(cloud, &parameters),
            "GetCallerIdentity" => return caller_identity::describe(cloud, request, body),
            _ => {}
        }
    }
    let message = format!("Could not find operation {action} for version {version}");
    Err(Rejection::bad_request("InvalidAction", message))
}
