//! `ListImages`: the tags and digests of a repository, a page at a time.
//!
//! Source: <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImages.html>.

use serde::{Deserialize, Serialize};

use super::page::Page;
use super::parameters::{Filter, ImageIdentifier, open};
use crate::cloud::Cloud;
use crate::iam::Caller;
use crate::wire::Rejection;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Input {
    registry_id: Option<String>,
    repository_name: String,
    next_token: Option<String>,
    max_results: Option<i64>,
    #[serde(default)]
    filter: Filter,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    image_ids: Vec<ImageIdentifier>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) fn list(cloud: &Cloud, caller: &Caller, input: &Input) -> Result<Output, Rejection> {
    let repository =
        open(cloud, caller, "ecr:ListImages", input.registry_id.as_deref(), &input.repository_name)?;
    let listed = input.filter.listed();
    let listing = format!("ListImages {} {listed:?}", repository.arn(&cloud.region));
    let total = repository.entries(listed);
    let page = Page::new(cloud, &listing, input.next_token.as_deref(), input.max_results, total)?;
    let image_ids = page.positions.map(|position| {
        let entry = repository.entry(listed, position);
        ImageIdentifier { image_digest: Some(repository.images.digest(entry.image)), image_tag: entry.tag }
    });
    Ok(Output { image_ids: image_ids.collect(), next_token: page.next_token })
}
