//! The ECR API: JSON 1.1.
//!
//! Source: <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/Welcome.html>.

mod authorization_token;
mod batch_get_image;
pub(crate) mod describe_images;
mod list_images;
mod page;
pub(crate) mod parameters;

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::Request;
use axum::http::request::Parts;
use axum::response::Response;

pub(crate) use self::page::Page;
use crate::cloud::Cloud;
use crate::json_protocol::{self, run, unknown_operation};
use crate::sigv4::{self, AuthFault};
use crate::wire::Rejection;

const NAME: &str = "AmazonEC2ContainerRegistry_V20150921";

/// The service.
pub(crate) fn router(cloud: Arc<Cloud>) -> Router {
    Router::new().fallback(serve).with_state(cloud)
}

async fn serve(State(cloud): State<Arc<Cloud>>, request: Request<Body>) -> Response {
    json_protocol::serve(&cloud, request, answer).await
}

/// The operation a request names.
pub(crate) fn operation(request: &Parts, _: &Bytes) -> Option<Cow<'static, str>> {
    json_protocol::operation(request, NAME).map(|operation| Cow::Owned(operation.to_owned()))
}

fn answer(cloud: &Cloud, request: &Parts, body: &Bytes) -> Result<Response, Rejection> {
    let operation = json_protocol::operation(request, NAME).ok_or_else(unknown_operation)?;
    let caller = sigv4::verify(cloud, &cloud.region, "ecr", request, body).map_err(AuthFault::for_json)?;
    match operation {
        "GetAuthorizationToken" => run(cloud, &caller, body, authorization_token::get),
        "ListImages" => run(cloud, &caller, body, list_images::list),
        "DescribeImages" => run(cloud, &caller, body, describe_images::describe),
        "BatchGetImage" => run(cloud, &caller, body, batch_get_image::get),
        _ => Err(unknown_operation()),
    }
}
