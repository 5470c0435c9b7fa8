//! Blobs on their way in: in one piece, in parts, or from another repository.
//!
//! Source: <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs>.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::{CONTENT_DIGEST, Place, parameter};
use crate::repository::{CAPACITY, Catalog, PushFault, digest_of};
use crate::wire::Rejection;

const UPLOAD: HeaderName = HeaderName::from_static("docker-upload-uuid");

pub(super) fn start<'a>(
    place: Place<'a>,
    query: &str,
    body: &Bytes,
    readable: impl Fn(&str) -> Option<&'a Catalog>,
) -> Result<Response, Rejection> {
    let fault = |fault| push_fault(place, fault);
    if let Some(digest) = parameter(query, "digest") {
        check_digest(&digest)?;
        if digest_of(body) != digest {
            return Err(fault(PushFault::OtherDigest));
        }
        place.repository.keep_blob(&digest, body.clone()).map_err(fault)?;
        return Ok(created(place, &digest));
    }
    if let (Some(digest), Some(from)) = (parameter(query, "mount"), parameter(query, "from"))
        && let Some(blob) = readable(&from).and_then(|repository| repository.blob(&digest))
    {
        place.repository.keep_blob(&digest, blob).map_err(fault)?;
        return Ok(created(place, &digest));
    }
    Ok(accepted(place, place.repository.start_upload(), 0))
}

pub(super) fn append(
    place: Place<'_>,
    upload: &str,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Response, Rejection> {
    let upload = parse(upload)?;
    let length = place
        .repository
        .append(upload, range_start(headers)?, body)
        .map_err(|fault| push_fault(place, fault))?;
    Ok(accepted(place, upload, length))
}

pub(super) fn complete(
    place: Place<'_>,
    upload: &str,
    query: &str,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Response, Rejection> {
    let upload = parse(upload)?;
    let digest = parameter(query, "digest")
        .ok_or_else(|| Rejection::bad_request("DIGEST_INVALID", "an upload ends with the digest"))?;
    check_digest(&digest)?;
    let fault = |fault| push_fault(place, fault);
    if !body.is_empty() {
        place.repository.append(upload, range_start(headers)?, body).map_err(fault)?;
    }
    place.repository.complete(upload, &digest).map_err(fault)?;
    Ok(created(place, &digest))
}

pub(super) fn status(place: Place<'_>, upload: &str) -> Result<Response, Rejection> {
    let upload = parse(upload)?;
    let length = place.repository.uploaded(upload).map_err(|fault| push_fault(place, fault))?;
    let mut response = accepted(place, upload, length);
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

pub(super) fn cancel(place: Place<'_>, upload: &str) -> Result<Response, Rejection> {
    place.repository.cancel(parse(upload)?).map_err(|fault| push_fault(place, fault))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Why a push is refused, in the registry's words.
pub(super) fn push_fault(place: Place<'_>, fault: PushFault) -> Rejection {
    match fault {
        PushFault::NoUpload => {
            Rejection::new(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", "There is no such upload")
        }
        PushFault::OutOfOrder(held) => {
            let message = format!("The upload has {held} bytes, and the part does not follow them");
            Rejection::new(StatusCode::RANGE_NOT_SATISFIABLE, "BLOB_UPLOAD_INVALID", message)
        }
        PushFault::OtherDigest => {
            Rejection::bad_request("DIGEST_INVALID", "The content does not have the digest it came with")
        }
        PushFault::Full => {
            let message = format!("The repository '{}' holds at most {CAPACITY} pushed bytes", place.name);
            Rejection::new(StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID", message)
        }
    }
}

fn accepted(place: Place<'_>, upload: Uuid, length: usize) -> Response {
    let headers = [
        (header::LOCATION, place.path(&format!("blobs/uploads/{upload}"))),
        // Of an empty upload too, which has no last byte.
        (header::RANGE, format!("0-{}", length.saturating_sub(1))),
        (UPLOAD, upload.to_string()),
    ];
    (StatusCode::ACCEPTED, headers).into_response()
}

fn created(place: Place<'_>, digest: &str) -> Response {
    let location = place.path(&format!("blobs/{digest}"));
    let headers = [(header::LOCATION, location), (CONTENT_DIGEST, digest.to_owned())];
    (StatusCode::CREATED, headers).into_response()
}

fn parse(upload: &str) -> Result<Uuid, Rejection> {
    upload
        .parse()
        .map_err(|_| Rejection::new(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", "There is no such upload"))
}

/// Where a part says it begins: `Content-Range: 0-1023`.
fn range_start(headers: &HeaderMap) -> Result<Option<usize>, Rejection> {
    let Some(range) = headers.get(header::CONTENT_RANGE) else { return Ok(None) };
    let start = range.to_str().ok().and_then(|range| range.split_once('-')).map(|(start, _)| start.parse());
    match start {
        Some(Ok(start)) => Ok(Some(start)),
        _ => Err(Rejection::bad_request("BLOB_UPLOAD_INVALID", "Content-Range is not of the form 0-1023")),
    }
}

fn check_digest(digest: &str) -> Result<(), Rejection> {
    let hex = digest.strip_prefix("sha256:").filter(|hex| hex.len() == 64);
    if hex.is_some_and(|hex| hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))) {
        return Ok(());
    }
    Err(Rejection::bad_request("DIGEST_INVALID", "not a digest of the form sha256:<64 hexadecimal digits>"))
}
