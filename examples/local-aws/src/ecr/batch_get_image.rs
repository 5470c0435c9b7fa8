//! `BatchGetImage`: manifests of images asked for by tag or digest.
//!
//! Source: <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetImage.html>.

use serde::{Deserialize, Serialize};

use super::parameters::{ImageIdentifier, Unmatched, find, invalid, open};
use crate::cloud::Cloud;
use crate::iam::Caller;
use crate::repository::{Catalog, Manifest};
use crate::wire::Rejection;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Input {
    registry_id: Option<String>,
    repository_name: String,
    image_ids: Vec<ImageIdentifier>,
    accepted_media_types: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Output {
    images: Vec<Image>,
    failures: Vec<Failure>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Image {
    registry_id: String,
    repository_name: String,
    #[serde(rename = "imageId")]
    id: ImageIdentifier,
    #[serde(rename = "imageManifest")]
    manifest: String,
    #[serde(rename = "imageManifestMediaType")]
    media_type: String,
}

#[derive(Debug, Serialize)]
struct Failure {
    #[serde(rename = "imageId")]
    id: ImageIdentifier,
    #[serde(rename = "failureCode")]
    code: &'static str,
    #[serde(rename = "failureReason")]
    reason: &'static str,
}

pub(super) fn get(cloud: &Cloud, caller: &Caller, input: &Input) -> Result<Output, Rejection> {
    let repository =
        open(cloud, caller, "ecr:BatchGetImage", input.registry_id.as_deref(), &input.repository_name)?;
    if !(1..=100).contains(&input.image_ids.len()) {
        let bound = if input.image_ids.is_empty() {
            "greater than or equal to 1"
        } else {
            "less than or equal to 100"
        };
        return Err(invalid("imageIds", &format!("Member must have length {bound}")));
    }
    let accepted = input.accepted_media_types.as_deref().unwrap_or_default();

    let mut output = Output { images: Vec::new(), failures: Vec::new() };
    for id in &input.image_ids {
        match manifest(repository, id, accepted) {
            Ok(manifest) => output.images.push(Image {
                registry_id: repository.account.clone(),
                repository_name: repository.name.clone(),
                id: ImageIdentifier { image_digest: Some(manifest.digest), image_tag: id.image_tag.clone() },
                manifest: String::from_utf8_lossy(&manifest.bytes).into_owned(),
                media_type: manifest.media_type,
            }),
            Err(unmatched) => {
                let (code, reason) = explain(unmatched);
                output.failures.push(Failure { id: id.clone(), code, reason });
            }
        }
    }
    Ok(output)
}

/// The manifest that an identifier means, if it can be pulled and is of an accepted type.
fn manifest(repository: &Catalog, id: &ImageIdentifier, accepted: &[String]) -> Result<Manifest, Unmatched> {
    let manifest = repository.manifest(find(repository, id)?);
    manifest
        .filter(|found| accepted.is_empty() || accepted.contains(&found.media_type))
        .ok_or(Unmatched::Absent)
}

/// Source: <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageFailure.html>.
fn explain(unmatched: Unmatched) -> (&'static str, &'static str) {
    match unmatched {
        Unmatched::Absent => ("ImageNotFound", "Requested image not found"),
        Unmatched::OtherDigest => ("ImageTagDoesNotMatchDigest", "The tag does not match the digest"),
        Unmatched::NotADigest => (
            "InvalidImageDigest",
            "Invalid request parameters: image digest should satisfy the \
                                                         regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
        ),
        Unmatched::NoName => {
            ("MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null")
        }
    }
}
