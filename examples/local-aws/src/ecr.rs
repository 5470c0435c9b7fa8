//! The ECR API: JSON 1.1.
//!
//! Source: <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/Welcome.html>.

mod authorization_token;
mod batch_get_image;
mod describe_images;
mod list_images;
mod page;
mod parameters;

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{Method, Request, StatusCode};
use axum::response::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use self::page::Page;
use crate::cloud::Cloud;
use crate::iam::Caller;
use crate::sigv4::{self, AuthFault};
use crate::wire::{Rejection, aws_json};

/// The service.
pub(crate) fn router(cloud: Arc<Cloud>) -> Router {
    Router::new().fallback(serve).with_state(cloud)
}

async fn serve(State(cloud): State<Arc<Cloud>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    match axum::body::to_bytes(body, MAX_BODY).await {
        Ok(body) => answer(&cloud, &parts, &body).unwrap_or_else(Rejection::into_json),
        Err(_) => Rejection::bad_request("SerializationException", "The request body could not be read.")
            .into_json(),
    }
}

const MAX_BODY: usize = 1024 * 1024;
const TARGET_PREFIX: &str = "AmazonEC2ContainerRegistry_V20150921.";

/// The operation a request names.
pub(crate) fn operation(request: &Parts, _: &Bytes) -> Option<Cow<'static, str>> {
    target(request).map(|operation| Cow::Owned(operation.to_owned()))
}

fn answer(cloud: &Cloud, request: &Parts, body: &Bytes) -> Result<Response, Rejection> {
    let unknown = || Rejection::bad_request("UnknownOperationException", "");
    let operation = target(request).ok_or_else(unknown)?;
    let caller = sigv4::verify(cloud, "ecr", request, body).map_err(AuthFault::for_json)?;
    match operation {
        "GetAuthorizationToken" => run(cloud, &caller, body, authorization_token::get),
        "ListImages" => run(cloud, &caller, body, list_images::list),
        "DescribeImages" => run(cloud, &caller, body, describe_images::describe),
        "BatchGetImage" => run(cloud, &caller, body, batch_get_image::get),
        _ => Err(unknown()),
    }
}

fn target(request: &Parts) -> Option<&str> {
    let target = request.headers.get("x-amz-target")?.to_str().ok()?;
    target.strip_prefix(TARGET_PREFIX).filter(|_| is_call(request))
}

fn is_call(request: &Parts) -> bool {
    let content_type = request.headers.get("content-type").and_then(|value| value.to_str().ok());
    request.method == Method::POST
        && request.uri.path() == "/"
        && content_type.is_some_and(|found| found.starts_with("application/x-amz-json-1.1"))
}

fn run<I: DeserializeOwned, O: Serialize>(
    cloud: &Cloud,
    caller: &Caller,
    body: &Bytes,
    operation: impl Fn(&Cloud, &Caller, &I) -> Result<O, Rejection>,
) -> Result<Response, Rejection> {
    let input = serde_json::from_slice(body)
        .map_err(|error| Rejection::bad_request("SerializationException", error.to_string()))?;
    Ok(aws_json(StatusCode::OK, &operation(cloud, caller, &input)?))
}
