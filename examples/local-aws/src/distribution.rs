//! The distribution API, as far as the registries have it in common: who may do what is for each of them to say.
//!
//! Source: <https://github.com/opencontainers/distribution-spec/blob/main/spec.md>.

mod call;
mod manifests;
mod tags;
mod uploads;

use std::borrow::Cow;

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

pub(crate) use self::call::{Call, Target};
use crate::cloud::Cloud;
use crate::registry::redirect_to_layer;
use crate::repository::Catalog;
use crate::wire::Rejection;

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// One of the registries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Registry {
    Private,
    Public,
    Generic,
}

impl Registry {
    pub(crate) const ALL: [Self; 3] = [Self::Private, Self::Public, Self::Generic];

    /// Its URL, without a path.
    pub(crate) fn url(self, cloud: &Cloud) -> &str {
        match self {
            Self::Private => &cloud.endpoints.registry,
            Self::Public => &cloud.endpoints.public_registry,
            Self::Generic => &cloud.endpoints.generic_registry,
        }
    }

    /// The repository that `name` stands for in its paths.
    pub(crate) fn find<'a>(self, cloud: &'a Cloud, name: &str) -> Option<&'a Catalog> {
        match self {
            Self::Private => cloud.repositories.get(&(cloud.account.clone(), name.to_owned())),
            Self::Public => cloud.public_repositories.get(name),
            Self::Generic => cloud.generic_registry.repositories.get(name),
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

impl<'a> Place<'a> {
    /// Does what `call` asks for, which is known to be allowed. `readable` gives the repository of a name, if the same
    /// caller may take blobs from there.
    pub(crate) fn perform(
        self,
        call: &Call<'_>,
        request: &Parts,
        body: &Bytes,
        readable: impl Fn(&str) -> Option<&'a Catalog>,
    ) -> Result<Response, Rejection> {
        let query = request.uri.query().unwrap_or_default();
        match *call {
            Call::ListTags => tags::list(self, query),
            Call::GetManifest { reference } => manifests::get(self, reference),
            Call::PutManifest { reference } => manifests::put(self, reference, &request.headers, body),
            Call::CheckBlob { digest } => self.check_blob(digest),
            Call::GetBlob { digest } => self.get_blob(digest),
            Call::StartUpload => uploads::start(self, query, body, readable),
            Call::UploadPart { upload } => uploads::append(self, upload, &request.headers, body),
            Call::CompleteUpload { upload } => uploads::complete(self, upload, query, &request.headers, body),
            Call::UploadStatus { upload } => uploads::status(self, upload),
            Call::CancelUpload { upload } => uploads::cancel(self, upload),
        }
    }

    fn check_blob(self, digest: &str) -> Result<Response, Rejection> {
        let blob = self.repository.blob(digest).ok_or_else(blob_unknown)?;
        let headers = [
            (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
            (header::CONTENT_LENGTH, blob.len().to_string()),
            (CONTENT_DIGEST, digest.to_owned()),
        ];
        Ok((StatusCode::OK, headers).into_response())
    }

    /// ECR sends a client on to where the blob is kept; other registries give it.
    fn get_blob(self, digest: &str) -> Result<Response, Rejection> {
        let blob = self.repository.blob(digest).ok_or_else(blob_unknown)?;
        if self.registry != Registry::Generic {
            return Ok(redirect_to_layer(self, digest));
        }
        let headers = [
            (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
            (CONTENT_DIGEST, digest.to_owned()),
        ];
        Ok((StatusCode::OK, headers, blob).into_response())
    }

    /// The path of something in the repository.
    fn path(self, rest: &str) -> String {
        format!("/v2/{}/{rest}", self.name)
    }
}

/// An answer as a registry sends it.
pub(crate) fn response(answer: Result<Response, Rejection>) -> Response {
    let mut response = answer.unwrap_or_else(Rejection::into_registry);
    response.headers_mut().insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    response
}

/// The operation that a request of the distribution API asks for.
pub(crate) fn operation(request: &Parts, _: &Bytes) -> Option<Cow<'static, str>> {
    let target = Target::parse(&request.method, request.uri.path()).ok()?;
    Some(Cow::Borrowed(match target {
        Target::Base => "Base",
        Target::Repository { call, .. } => call.operation(),
    }))
}

/// That there is no repository of this name.
pub(crate) fn name_unknown(name: &str, registry: &str) -> Rejection {
    let message = format!("The repository with name '{name}' does not exist in {registry}");
    Rejection::new(StatusCode::NOT_FOUND, "NAME_UNKNOWN", message)
}

/// What ECR answers to what it does not do, and to a parameter it does not take.
pub(crate) fn unsupported(message: impl Into<Cow<'static, str>>) -> Rejection {
    Rejection::new(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", message)
}

fn blob_unknown() -> Rejection {
    Rejection::new(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", "Requested layer not found")
}

/// The value that a query has for `name`.
fn parameter(query: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes())
        .find_map(|(key, value)| (key == name).then(|| value.into_owned()))
}
