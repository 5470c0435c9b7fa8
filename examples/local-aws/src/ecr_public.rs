//! The ECR Public API: JSON 1.1, in us-east-1 wherever the account's other services are.
//!
//! Sources: <https://docs.aws.amazon.com/AmazonECRPublic/latest/APIReference/Welcome.html>,
//! <https://docs.aws.amazon.com/general/latest/gr/ecr-public.html>.

mod authorization_token;
mod describe_image_tags;
mod describe_images;

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::Request;
use axum::http::request::Parts;
use axum::response::Response;

use crate::cloud::Cloud;
use crate::ecr::parameters::check_names;
use crate::iam::{Access, Attached, Caller, Refusal, RequestContext, authorize};
use crate::json_protocol::{self, run, unknown_operation};
use crate::repository::Catalog;
use crate::sigv4::{self, AuthFault};
use crate::wire::Rejection;

/// Its name in `X-Amz-Target`.
const NAME: &str = "SpencerFrontendService";
/// The only region it is in.
const REGION: &str = "us-east-1";

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
    let caller = sigv4::verify(cloud, REGION, "ecr-public", request, body).map_err(AuthFault::for_json)?;
    match operation {
        "GetAuthorizationToken" => run(cloud, &caller, body, authorization_token::get),
        "DescribeImageTags" => run(cloud, &caller, body, describe_image_tags::describe),
        "DescribeImages" => run(cloud, &caller, body, describe_images::describe),
        _ => Err(unknown_operation()),
    }
}

/// What conditions can ask about a request of `caller` here.
fn context(caller: &Caller) -> RequestContext {
    caller.context().with("aws:RequestedRegion", REGION)
}

/// The ARN of a public repository.
///
/// Source: <https://docs.aws.amazon.com/AmazonECR/latest/public/security_iam_service-with-iam.html>.
pub(crate) fn arn(repository: &Catalog) -> String {
    repository_arn(&repository.account, &repository.name)
}

fn repository_arn(registry: &str, name: &str) -> String {
    format!("arn:aws:ecr-public::{registry}:repository/{name}")
}

/// Whether `caller` may perform `action` on a repository that there is.
pub(crate) fn authorize_on(caller: &Caller, action: &str, repository: &Catalog) -> Result<(), Refusal> {
    let attached = Attached::Policy(repository.policy.as_ref());
    let access = Access { action, resource: &arn(repository), account: &repository.account, attached };
    authorize(caller, &access, &context(caller))
}

/// The public repository `name` of the registry, if there is one and `caller` may perform `action` on it.
fn open<'a>(
    cloud: &'a Cloud,
    caller: &Caller,
    action: &str,
    registry: Option<&str>,
    name: &str,
) -> Result<&'a Catalog, Rejection> {
    let registry = registry.unwrap_or(&caller.account);
    check_names(registry, name)?;
    let mut repositories = cloud.public_repositories.values();
    let found = repositories.find(|repository| repository.account == registry && repository.name == name);
    let arn = repository_arn(registry, name);
    let policy = found.and_then(|repository| repository.policy.as_ref());
    let access = Access { action, resource: &arn, account: registry, attached: Attached::Policy(policy) };
    authorize(caller, &access, &context(caller))
        .map_err(|refusal| Rejection::bad_request("AccessDeniedException", refusal.to_string()))?;
    found.ok_or_else(|| {
        let message =
            format!("The repository with name '{name}' does not exist in the registry with id '{registry}'");
        Rejection::bad_request("RepositoryNotFoundException", message)
    })
}
