//! Manifests by tag and by digest.

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::uploads::push_fault;
use super::{CONTENT_DIGEST, Place, Registry};
use crate::repository::{Description, Manifest, check_tag, digest_of};
use crate::wire::Rejection;

/// The types of manifests that are taken.
const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

/// The same for GET and HEAD: of the answer to a HEAD only the headers are sent.
pub(super) fn get(place: Place<'_>, reference: &str) -> Result<Response, Rejection> {
    let repository = place.repository;
    let image = if reference.contains(':') {
        repository.image_by_digest(reference)
    } else {
        repository.image_by_tag(reference)
    };
    let manifest = image.and_then(|image| repository.manifest(image)).ok_or_else(|| {
        Rejection::new(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", "Requested image not found")
    })?;
    let headers = [(header::CONTENT_TYPE, manifest.media_type), (CONTENT_DIGEST, manifest.digest)];
    let mut response = (StatusCode::OK, headers, manifest.bytes).into_response();
    if place.registry == Registry::Generic && !place.cloud.generic_registry.tells_digests {
        response.headers_mut().remove(CONTENT_DIGEST);
    }
    Ok(response)
}

/// Takes a manifest in whose blobs, or whose own manifests, are there.
pub(super) fn put(
    place: Place<'_>,
    reference: &str,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Response, Rejection> {
    let tag = (!reference.contains(':')).then_some(reference);
    if let Some(tag) = tag {
        check_tag(tag).map_err(|error| Rejection::bad_request("TAG_INVALID", error.to_string()))?;
    }
    let digest = digest_of(body);
    if tag.is_none() && reference != digest {
        let message = "manifest digest does not match the reference it was pushed with";
        return Err(Rejection::bad_request("DIGEST_INVALID", message));
    }
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let description = read(media_type.unwrap_or_default(), body)?;
    let repository = place.repository;
    let missing_blob = description.blobs().find(|blob| repository.blob(&blob.digest).is_none());
    let missing_manifest =
        description.manifests.iter().find(|it| repository.image_by_digest(&it.digest).is_none());
    if let Some(missing) = missing_blob.or(missing_manifest) {
        let message = format!("'{}' is not in the repository", missing.digest);
        return Err(Rejection::bad_request("MANIFEST_BLOB_UNKNOWN", message));
    }
    let manifest = Manifest {
        digest: digest.clone(),
        media_type: media_type.unwrap_or_default().to_owned(),
        bytes: body.clone(),
    };
    repository
        .push(tag, manifest, description, place.cloud.now())
        .map_err(|fault| push_fault(place, fault))?;
    let location = place.path(&format!("manifests/{digest}"));
    Ok((StatusCode::CREATED, [(header::LOCATION, location), (CONTENT_DIGEST, digest)]).into_response())
}

/// What a manifest of this type says.
fn read(media_type: &str, body: &Bytes) -> Result<Description, Rejection> {
    let invalid = |problem: String| Rejection::bad_request("MANIFEST_INVALID", problem);
    if !MEDIA_TYPES.contains(&media_type) {
        return Err(invalid(format!("'{media_type}' is not a manifest's media type")));
    }
    let description: Description =
        serde_json::from_slice(body).map_err(|error| invalid(error.to_string()))?;
    if description.media_type.as_deref().is_some_and(|found| found != media_type) {
        return Err(invalid("mediaType is not the one in Content-Type".to_owned()));
    }
    if description.config.is_none() && description.manifests.is_empty() {
        return Err(invalid("neither a config nor manifests".to_owned()));
    }
    Ok(description)
}
