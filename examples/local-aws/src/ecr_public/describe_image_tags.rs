//! `DescribeImageTags`: the tags of a public repository, each with its image.
//!
//! Source: <https://docs.aws.amazon.com/AmazonECRPublic/latest/APIReference/API_DescribeImageTags.html>.

use serde::{Deserialize, Serialize};

use super::{arn, open};
use crate::cloud::Cloud;
use crate::ecr::Page;
use crate::ecr::describe_images::Referenced;
use crate::iam::Caller;
use crate::repository::Which;
use crate::wire::Rejection;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Input {
    registry_id: Option<String>,
    repository_name: String,
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    image_tag_details: Vec<ImageTagDetail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ImageTagDetail {
    image_tag: String,
    /// Seconds since 1970.
    created_at: f64,
    image_detail: Referenced,
}

pub(super) fn describe(cloud: &Cloud, caller: &Caller, input: &Input) -> Result<Output, Rejection> {
    let action = "ecr-public:DescribeImageTags";
    let repository = open(cloud, caller, action, input.registry_id.as_deref(), &input.repository_name)?;
    let name = format!("DescribeImageTags {}", arn(repository));
    let total = repository.entry_count(Which::TAGS);
    let token = input.next_token.as_deref();
    let page = Page::new(cloud, &name, &repository.listing, total, token, input.max_results)?;
    let details = repository.entries(Which::TAGS, page.positions).into_iter().filter_map(|entry| {
        let image_detail = Referenced::from(repository.image(entry.image)?);
        Some(ImageTagDetail { image_tag: entry.tag?, created_at: image_detail.image_pushed_at, image_detail })
    });
    Ok(Output { image_tag_details: details.collect(), next_token: page.next_token })
}
