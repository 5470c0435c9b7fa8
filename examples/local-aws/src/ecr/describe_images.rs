//! `DescribeImages`: images with their tags, sizes and push times.
//!
//! Source: <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html>.

use serde::{Deserialize, Serialize};

use super::page::Page;
use super::parameters::{Filter, ImageIdentifier, Unmatched, find, invalid, open};
use crate::clock::unix;
use crate::cloud::Cloud;
use crate::iam::Caller;
use crate::repository::{Catalog, Image, Which};
use crate::wire::Rejection;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Input {
    registry_id: Option<String>,
    repository_name: String,
    image_ids: Option<Vec<ImageIdentifier>>,
    next_token: Option<String>,
    max_results: Option<i64>,
    filter: Option<Filter>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    image_details: Vec<ImageDetail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ImageDetail {
    registry_id: String,
    repository_name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    image_tags: Vec<String>,
    #[serde(flatten)]
    image: Referenced,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_status: Option<&'static str>,
}

/// What is told of an image wherever one is described.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Referenced {
    image_digest: String,
    image_size_in_bytes: u64,
    /// Seconds since 1970.
    pub(crate) image_pushed_at: f64,
    image_manifest_media_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_media_type: Option<String>,
}

pub(super) fn describe(cloud: &Cloud, caller: &Caller, input: &Input) -> Result<Output, Rejection> {
    let repository =
        open(cloud, caller, "ecr:DescribeImages", input.registry_id.as_deref(), &input.repository_name)?;
    let wanted = Wanted {
        image_ids: input.image_ids.as_deref(),
        next_token: input.next_token.as_deref(),
        max_results: input.max_results,
        which: input.filter.as_ref().unwrap_or(&Filter::default()).which(),
        tells_status: true,
    };
    wanted.describe(cloud, repository, &repository.arn(&cloud.region))
}

/// The images of a repository that are asked for.
pub(crate) struct Wanted<'a> {
    pub(crate) image_ids: Option<&'a [ImageIdentifier]>,
    pub(crate) next_token: Option<&'a str>,
    pub(crate) max_results: Option<i64>,
    pub(crate) which: Which,
    /// Whether the answer says of each image if it is in the archive.
    pub(crate) tells_status: bool,
}

impl Wanted<'_> {
    /// What there is to tell of them in `repository`, whose ARN this is.
    pub(crate) fn describe(
        &self,
        cloud: &Cloud,
        repository: &Catalog,
        arn: &str,
    ) -> Result<Output, Rejection> {
        match self.image_ids {
            Some(ids) => self.named(repository, ids),
            None => self.page(cloud, repository, arn),
        }
    }

    /// The images asked for by name, all or none, in one answer.
    fn named(&self, repository: &Catalog, ids: &[ImageIdentifier]) -> Result<Output, Rejection> {
        if self.next_token.is_some() || self.max_results.is_some() {
            return Err(invalid("imageIds", "must not be given together with nextToken or maxResults"));
        }
        if !(1..=100).contains(&ids.len()) {
            let bound =
                if ids.is_empty() { "greater than or equal to 1" } else { "less than or equal to 100" };
            return Err(invalid("imageIds", &format!("Member must have length {bound}")));
        }
        let details = ids.iter().map(|id| match find(repository, id) {
            Ok(image) => repository
                .image(image)
                .map(|image| self.detail(repository, image))
                .ok_or_else(|| not_found(repository, id)),
            Err(Unmatched::NoName) => Err(invalid("imageIds", "must have an imageTag or an imageDigest")),
            Err(_) => Err(not_found(repository, id)),
        });
        Ok(Output { image_details: details.collect::<Result<_, _>>()?, next_token: None })
    }

    fn page(&self, cloud: &Cloud, repository: &Catalog, arn: &str) -> Result<Output, Rejection> {
        let name = format!("DescribeImages {arn} {:?}", self.which);
        let total = repository.image_count(self.which);
        let page = Page::new(cloud, &name, &repository.listing, total, self.next_token, self.max_results)?;
        let images = repository.images(self.which, page.positions).into_iter();
        let details = images.map(|image| self.detail(repository, image));
        Ok(Output { image_details: details.collect(), next_token: page.next_token })
    }

    fn detail(&self, repository: &Catalog, image: Image) -> ImageDetail {
        let status = if image.archived { "ARCHIVED" } else { "ACTIVE" };
        ImageDetail {
            registry_id: repository.account.clone(),
            repository_name: repository.name.clone(),
            image_status: self.tells_status.then_some(status),
            image_tags: image.tags.clone(),
            image: image.into(),
        }
    }
}

fn not_found(repository: &Catalog, id: &ImageIdentifier) -> Rejection {
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "null".to_owned());
    let message = format!(
        "The image with imageId {{imageDigest:'{}', imageTag:'{}'}} does not exist within the repository with name \
         '{}' in the registry with id '{}'",
        shown(&id.image_digest),
        shown(&id.image_tag),
        repository.name,
        repository.account,
    );
    Rejection::bad_request("ImageNotFoundException", message)
}

impl From<Image> for Referenced {
    fn from(image: Image) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "seconds of this century are exact in a double")]
        let image_pushed_at = unix(image.pushed_at) as f64;
        Self {
            image_digest: image.digest,
            image_size_in_bytes: image.size,
            image_pushed_at,
            image_manifest_media_type: image.media_type,
            artifact_media_type: image.artifact_media_type,
        }
    }
}
