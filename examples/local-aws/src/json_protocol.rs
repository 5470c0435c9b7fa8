//! The JSON 1.1 protocol: which operation a request names, its input, and its output.
//!
//! Source: <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>.

use axum::body::{Body, Bytes, to_bytes};
use axum::http::request::Parts;
use axum::http::{Method, Request, StatusCode};
use axum::response::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cloud::Cloud;
use crate::iam::Caller;
use crate::wire::{Rejection, aws_json};

const MAX_BODY: usize = 1024 * 1024;

/// Answers a request with what `answer` makes of it.
pub(crate) async fn serve(
    cloud: &Cloud,
    request: Request<Body>,
    answer: impl Fn(&Cloud, &Parts, &Bytes) -> Result<Response, Rejection>,
) -> Response {
    let (parts, body) = request.into_parts();
    match to_bytes(body, MAX_BODY).await {
        Ok(body) => answer(cloud, &parts, &body).unwrap_or_else(Rejection::into_json),
        Err(_) => Rejection::bad_request("SerializationException", "The request body could not be read.")
            .into_json(),
    }
}

/// The operation of `service`, as `X-Amz-Target` writes its name, that a request is a call of.
pub(crate) fn operation<'a>(request: &'a Parts, service: &str) -> Option<&'a str> {
    let target = request.headers.get("x-amz-target")?.to_str().ok()?;
    target.strip_prefix(service)?.strip_prefix('.').filter(|_| is_call(request))
}

fn is_call(request: &Parts) -> bool {
    let content_type = request.headers.get("content-type").and_then(|value| value.to_str().ok());
    request.method == Method::POST
        && request.uri.path() == "/"
        && content_type.is_some_and(|found| found.starts_with("application/x-amz-json-1.1"))
}

/// The answer to a request that is no call of the service.
pub(crate) fn unknown_operation() -> Rejection {
    Rejection::bad_request("UnknownOperationException", "")
}

/// Runs `operation` on the input that `body` has.
pub(crate) fn run<I: DeserializeOwned, O: Serialize>(
    cloud: &Cloud,
    caller: &Caller,
    body: &Bytes,
    operation: impl Fn(&Cloud, &Caller, &I) -> Result<O, Rejection>,
) -> Result<Response, Rejection> {
    let input = serde_json::from_slice(body)
        .map_err(|error| Rejection::bad_request("SerializationException", error.to_string()))?;
    Ok(aws_json(StatusCode::OK, &operation(cloud, caller, &input)?))
}
