//! Manifests by tag and by digest.

use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::Place;
use crate::repository::IMAGE_MANIFEST;
use crate::wire::Rejection;

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// The same for GET and HEAD: of the answer to a HEAD only the headers are sent.
pub(crate) fn get(place: Place<'_>, reference: &str) -> Result<Response, Rejection> {
    let repository = place.repository;
    let image = if reference.contains(':') {
        repository.image_by_digest(reference)
    } else {
        repository.image_by_tag(reference)
    };
    let image = image.ok_or_else(|| {
        Rejection::new(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", "Requested image not found")
    })?;
    let headers = [
        (header::CONTENT_TYPE, IMAGE_MANIFEST.to_owned()),
        (CONTENT_DIGEST, repository.images.digest(image)),
    ];
    Ok((StatusCode::OK, headers, repository.images.manifest(image)).into_response())
}
