//! The distribution API, as far as the registries have it in common: who may do what is for each of them to say.
//!
//! Source: <https://github.com/opencontainers/distribution-spec/blob/main/spec.md>.

mod manifests;
mod tags;
mod target;

use std::borrow::Cow;

use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;

pub(crate) use self::manifests::get as get_manifest;
pub(crate) use self::tags::list as list_tags;
pub(crate) use self::target::Target;
use crate::cloud::Cloud;
use crate::repository::Catalog;
use crate::wire::Rejection;

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// One of the registries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Registry {
    Private,
    Public,
}

impl Registry {
    /// Its URL, without a path.
    pub(crate) fn url(self, cloud: &Cloud) -> &str {
        match self {
            Self::Private => &cloud.endpoints.registry,
            Self::Public => &cloud.endpoints.public_registry,
        }
    }

    /// The repository that `name` stands for in its paths.
    pub(crate) fn find<'a>(self, cloud: &'a Cloud, name: &str) -> Option<&'a Catalog> {
        match self {
            Self::Private => cloud.repositories.get(&(cloud.account.clone(), name.to_owned())),
            Self::Public => cloud.public_repositories.get(name),
        }
    }
}

/// A repository where a request found it.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) cloud: &'a Cloud,
    pub(crate) registry: Registry,
    /// The repository's name in the registry's paths.
    pub(crate) name: &'a str,
    pub(crate) repository: &'a Catalog,
}

/// An answer as a registry sends it.
pub(crate) fn response(answer: Result<Response, Rejection>) -> Response {
    let mut response = answer.unwrap_or_else(Rejection::into_registry);
    response.headers_mut().insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    response
}

pub(crate) fn no_such_path() -> Rejection {
    Rejection::new(StatusCode::NOT_FOUND, "NAME_INVALID", "The path is not one of the distribution API's")
}

pub(crate) fn blob_unknown() -> Rejection {
    Rejection::new(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", "Requested layer not found")
}

/// What ECR answers to what it does not do, and to a parameter it does not take.
pub(crate) fn unsupported(message: impl Into<Cow<'static, str>>) -> Rejection {
    Rejection::new(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", message)
}
