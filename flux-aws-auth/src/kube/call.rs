//! The two requests, and what they need.

use std::fmt;
use std::time::Duration;

use http::{Method, Request, header};
use serde_json::json;

use crate::error::{Error, ErrorKind};
use crate::service_account::{ServiceAccountRef, TokenRequest};
use crate::text::quoted;

const JSON: &str = "application/json";

/// What is asked of the API server.
pub(super) enum Call<'a> {
    GetServiceAccount(&'a ServiceAccountRef),
    CreateToken { request: &'a TokenRequest<'a>, lifetime: Duration },
}

impl Call<'_> {
    /// The request, with a path on the API server in place of an address.
    pub(super) fn request(&self) -> Result<Request<Vec<u8>>, Error> {
        let (method, path, body) = match self {
            Self::GetServiceAccount(reference) => (Method::GET, path(reference)?, None),
            Self::CreateToken { request, lifetime } => {
                let path = format!("{}/token", path(request.service_account())?);
                (Method::POST, path, Some(token_request(request, *lifetime)))
            }
        };
        let request = Request::builder().method(method).uri(path).header(header::ACCEPT, JSON);
        let request = match body {
            Some(_) => request.header(header::CONTENT_TYPE, JSON),
            None => request,
        };
        request.body(body.unwrap_or_default()).map_err(|error| {
            Error::new(ErrorKind::Configuration, format!("{self}: no request can be made of it"))
                .with_source(error)
        })
    }

    pub(super) fn reference(&self) -> &ServiceAccountRef {
        match self {
            Self::GetServiceAccount(reference) => reference,
            Self::CreateToken { request, .. } => request.service_account(),
        }
    }

    /// The verb and the resource of the permission.
    pub(super) fn permission(&self) -> (&'static str, &'static str) {
        match self {
            Self::GetServiceAccount(_) => ("get", "serviceaccounts"),
            Self::CreateToken { .. } => ("create", "serviceaccounts/token"),
        }
    }
}

/// Writes what did not come about, for a message.
impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GetServiceAccount(reference) => write!(f, "Kubernetes gave no ServiceAccount {reference}"),
            Self::CreateToken { request, .. } => {
                write!(f, "Kubernetes made no token for ServiceAccount {}", request.service_account())
            }
        }
    }
}

fn token_request(request: &TokenRequest<'_>, lifetime: Duration) -> Vec<u8> {
    let mut body = json!({
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "metadata": {},
        "spec": { "audiences": [request.audience()], "expirationSeconds": lifetime.as_secs() },
    });
    if let Some(uid) = request.uid() {
        body["metadata"]["uid"] = uid.into();
    }
    body.to_string().into_bytes()
}

/// The path of a ServiceAccount. A tenant wrote the name, so it must not lead elsewhere.
fn path(reference: &ServiceAccountRef) -> Result<String, Error> {
    let (namespace, name) = (reference.namespace(), reference.name());
    if namespace.len() > 63 || !is_label(namespace) {
        return Err(no_name("a namespace", namespace));
    }
    if name.len() > 253 || !name.split('.').all(is_label) {
        return Err(no_name("a ServiceAccount", name));
    }
    Ok(format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}"))
}

/// Whether this is a DNS label ([object names]).
///
/// [object names]: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
fn is_label(text: &str) -> bool {
    let is_allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    !text.is_empty() && text.bytes().all(is_allowed) && !text.starts_with('-') && !text.ends_with('-')
}

fn no_name(of: &str, name: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("{} is not the name of {of}", quoted(name))).with_hint(
        "Correct it in the object; a name has lower-case letters, digits, and hyphens or dots within.",
    )
}
