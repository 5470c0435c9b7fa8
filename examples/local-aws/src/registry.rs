//! The registry: the distribution API, for reading, under a password from `GetAuthorizationToken`.
//!
//! Sources: <https://github.com/opencontainers/distribution-spec/blob/main/spec.md>,
//! <https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html>.

mod blobs;
mod login;
mod manifests;
mod tags;

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderName, Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};

pub(crate) use self::blobs::{operation as layers_operation, router as layers_router};
use self::login::LoginFault;
pub(crate) use self::login::{Logins, USER_NAME};
use crate::cloud::Cloud;
use crate::iam::Caller;
use crate::repository::Catalog;
use crate::wire::Rejection;

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// The service.
pub(crate) fn router(cloud: Arc<Cloud>) -> Router {
    Router::new().fallback(serve).with_state(cloud)
}

async fn serve(State(cloud): State<Arc<Cloud>>, request: Request<axum::body::Body>) -> Response {
    let (parts, _) = request.into_parts();
    let mut response = answer(&cloud, &parts).unwrap_or_else(Rejection::into_registry);
    response.headers_mut().insert(API_VERSION, header::HeaderValue::from_static("registry/2.0"));
    response
}

/// The operation a path of the distribution API stands for.
pub(crate) fn operation(request: &Parts, _: &Bytes) -> Option<Cow<'static, str>> {
    Target::parse(request.uri.path()).map(|target| Cow::Borrowed(target.operation()))
}

fn answer(cloud: &Cloud, request: &Parts) -> Result<Response, Rejection> {
    let target = Target::parse(request.uri.path()).ok_or_else(|| {
        Rejection::new(StatusCode::NOT_FOUND, "NAME_INVALID", "The path is not one of the distribution API's")
    })?;
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
            tags::list(cloud, open(cloud, &caller, "ecr:ListImages", name)?, request.uri.query())
        }
        Target::Manifest { name, reference } => {
            manifests::get(open(cloud, &caller, "ecr:BatchGetImage", name)?, reference)
        }
        Target::Blob { name, digest } => {
            blobs::redirect(cloud, open(cloud, &caller, "ecr:GetDownloadUrlForLayer", name)?, digest)
        }
    }
}

/// What a path of the distribution API means.
#[derive(Debug, PartialEq)]
enum Target<'a> {
    Base,
    Tags { name: &'a str },
    Manifest { name: &'a str, reference: &'a str },
    Blob { name: &'a str, digest: &'a str },
}

impl<'a> Target<'a> {
    /// A name may have slashes, so the path is read from its end.
    fn parse(path: &'a str) -> Option<Self> {
        let path = path.strip_prefix("/v2/")?;
        if path.is_empty() {
            return Some(Self::Base);
        }
        if let Some(name) = path.strip_suffix("/tags/list") {
            return Some(Self::Tags { name });
        }
        let (rest, last) = path.rsplit_once('/')?;
        match rest.rsplit_once('/')? {
            (name, "manifests") => Some(Self::Manifest { name, reference: last }),
            (name, "blobs") => Some(Self::Blob { name, digest: last }),
            _ => None,
        }
    }

    fn operation(&self) -> &'static str {
        match self {
            Self::Base => "Base",
            Self::Tags { .. } => "ListTags",
            Self::Manifest { .. } => "GetManifest",
            Self::Blob { .. } => "GetBlob",
        }
    }
}

/// The repository `name` of this account's registry, if the password's owner may perform `action` on it.
fn open<'a>(cloud: &'a Cloud, caller: &Caller, action: &str, name: &str) -> Result<&'a Catalog, Rejection> {
    let account = &cloud.account;
    let found = cloud.repositories.get(&(account.clone(), name.to_owned()));
    let arn = format!("arn:aws:ecr:{}:{account}:repository/{name}", cloud.region);
    let policy = found.and_then(|repository| repository.policy.as_ref());
    cloud
        .authorize(caller, action, &arn, account, policy)
        .map_err(|refusal| Rejection::forbidden("DENIED", refusal.to_string()))?;
    found.ok_or_else(|| {
        let message =
            format!("The repository with name '{name}' does not exist in the registry with id '{account}'");
        Rejection::new(StatusCode::NOT_FOUND, "NAME_UNKNOWN", message)
    })
}

fn unauthorized(cloud: &Cloud) -> Response {
    let challenge = format!("Basic realm=\"{}/\",service=\"ecr.amazonaws.com\"", cloud.endpoints.registry);
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)], "Not Authorized\n").into_response()
}

/// What ECR answers to a parameter it does not take.
fn unsupported(message: impl Into<Cow<'static, str>>) -> Rejection {
    Rejection::new(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let cases = [
            ("/v2/", Some(Target::Base)),
            ("/v2", None),
            ("/v1/", None),
            ("/v2/app/tags/list", Some(Target::Tags { name: "app" })),
            ("/v2/apps/web/tags/list", Some(Target::Tags { name: "apps/web" })),
            ("/v2/apps/web/manifests/1.0", Some(Target::Manifest { name: "apps/web", reference: "1.0" })),
            (
                "/v2/manifests/manifests/blobs",
                Some(Target::Manifest { name: "manifests", reference: "blobs" }),
            ),
            ("/v2/app/blobs/sha256:00", Some(Target::Blob { name: "app", digest: "sha256:00" })),
            ("/v2/app/other/1", None),
            ("/v2/app", None),
        ];
        for (path, expected) in cases {
            assert_eq!(Target::parse(path), expected, "{path}");
        }
    }
}
