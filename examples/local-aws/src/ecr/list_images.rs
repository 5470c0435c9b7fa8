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
    let which = input.filter.which();
    let name = format!("ListImages {} {which:?}", repository.arn(&cloud.region));
    let total = repository.entry_count(which);
    let token = input.next_token.as_deref();
    let page = Page::new(cloud, &name, &repository.listing, total, token, input.max_results)?;
    let image_ids = repository
        .entries(which, page.positions)
        .into_iter()
        .map(|entry| ImageIdentifier { image_digest: repository.digest(entry.image), image_tag: entry.tag });
    Ok(Output { image_ids: image_ids.collect(), next_token: page.next_token })
}
