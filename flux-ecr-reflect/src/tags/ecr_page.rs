//! From an answer of the ECR API to a page of tags.

use std::sync::Arc;
use std::time::SystemTime;

use aws_sdk_ecr::operation::RequestId;
use aws_sdk_ecr::operation::describe_images::DescribeImagesOutput;
use aws_sdk_ecr::operation::list_images::ListImagesOutput;
use aws_sdk_ecr::types::{ImageDetail, ImageIdentifier, ImageStatus};

use crate::error::{Error, ErrorKind, ResponseFacts};
use crate::image::{Digest, Tag};
use crate::tags::ecr_error::Call;
use crate::tags::{Cursor, ImageFacts, TagEntry, TagPage};

/// A tag each, of a list that was already read or of the SDK's.
pub(super) fn of_identifiers(
    output: ListImagesOutput,
    read: Option<Vec<TagEntry>>,
    call: &Call<'_>,
) -> Result<TagPage, Error> {
    if let Some(entries) = read {
        return Ok(followed_by(TagPage::new(entries), output.next_token));
    }
    let answer = Answered { call, request_id: output.request_id().map(str::to_owned) };
    let ids = output.image_ids.ok_or_else(|| answer.has_no_list())?;
    let mut entries = Vec::with_capacity(ids.len());
    for ImageIdentifier { image_tag, image_digest, .. } in ids {
        // Images without a tag were not asked for.
        let tag = image_tag.ok_or_else(|| answer.has_an_untagged_image())?;
        let entry = TagEntry::new(answer.tag(tag)?);
        entries.push(match image_digest {
            Some(digest) => entry.with_digest(answer.digest(digest)?),
            None => entry,
        });
    }
    Ok(followed_by(TagPage::new(entries), output.next_token))
}

/// An image each, with all of its tags.
pub(super) fn of_details(output: DescribeImagesOutput, call: &Call<'_>) -> Result<TagPage, Error> {
    let answer = Answered { call, request_id: output.request_id().map(str::to_owned) };
    let images = output.image_details.ok_or_else(|| answer.has_no_list())?;
    let mut entries = Vec::with_capacity(images.len());
    for mut image in images {
        // Archived images cannot be pulled, and were not asked for.
        if image.image_status.as_ref().is_some_and(|status| *status != ImageStatus::Active) {
            continue;
        }
        let tags = image.image_tags.take().filter(|tags| !tags.is_empty());
        let tags = tags.ok_or_else(|| answer.has_an_untagged_image())?;
        let digest = image.image_digest.take().map(|digest| answer.digest(digest)).transpose()?;
        let facts = Arc::new(answer.facts(image)?);
        for tag in tags {
            let entry = TagEntry::new(answer.tag(tag)?).with_facts(facts.clone());
            entries.push(match &digest {
                Some(digest) => entry.with_digest(digest.clone()),
                None => entry,
            });
        }
    }
    Ok(followed_by(TagPage::new(entries), output.next_token))
}

fn followed_by(page: TagPage, next_token: Option<String>) -> TagPage {
    match next_token.filter(|token| !token.is_empty()) {
        Some(token) => page.with_next(Cursor::new(token)),
        None => page,
    }
}

/// An answer whose parts are yet to be believed.
struct Answered<'a> {
    call: &'a Call<'a>,
    request_id: Option<String>,
}

impl Answered<'_> {
    fn tag(&self, tag: String) -> Result<Tag, Error> {
        tag.try_into().map_err(|error: Error| self.is_malformed().with_source(error))
    }

    fn digest(&self, digest: String) -> Result<Digest, Error> {
        digest.try_into().map_err(|error: Error| self.is_malformed().with_source(error))
    }

    fn facts(&self, image: ImageDetail) -> Result<ImageFacts, Error> {
        let pushed_at = image.image_pushed_at.map(SystemTime::try_from).transpose();
        Ok(ImageFacts {
            pushed_at: pushed_at.map_err(|error| self.is_malformed().with_source(error))?,
            size: image.image_size_in_bytes.and_then(|size| u64::try_from(size).ok()),
            media_type: image.image_manifest_media_type,
            artifact_type: image.artifact_media_type,
            subject: image.subject_manifest_digest.map(|digest| self.digest(digest)).transpose()?,
        })
    }

    /// Without a list this is not an empty page but no page at all, and the listing would seem complete.
    fn has_no_list(&self) -> Error {
        let Call { operation, image, .. } = self.call;
        self.is_wrong(format!("ECR's answer to {operation} of {image} has no list of images")).with_hint(
            "Check what stands between here and ECR: a proxy or the endpoint may have answered in its place.",
        )
    }

    fn has_an_untagged_image(&self) -> Error {
        self.is_malformed().with_addition(": one without a tag")
    }

    fn is_malformed(&self) -> Error {
        self.is_wrong(format!("ECR listed a malformed image among the tags of {}", self.call.image))
    }

    fn is_wrong(&self, message: String) -> Error {
        let request_id = self.request_id.clone();
        Error::new(ErrorKind::InvalidResponse, message)
            .with_response(ResponseFacts { request_id, ..ResponseFacts::default() })
    }
}
