//! `DescribeImages` of a public repository: as the ECR API's, without a filter.
//!
//! Source: <https://docs.aws.amazon.com/AmazonECRPublic/latest/APIReference/API_DescribeImages.html>.

use serde::Deserialize;

use super::{arn, open};
use crate::cloud::Cloud;
use crate::ecr::describe_images::{Output, Wanted};
use crate::ecr::parameters::ImageIdentifier;
use crate::iam::Caller;
use crate::repository::Which;
use crate::wire::Rejection;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Input {
    registry_id: Option<String>,
    repository_name: String,
    image_ids: Option<Vec<ImageIdentifier>>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

pub(super) fn describe(cloud: &Cloud, caller: &Caller, input: &Input) -> Result<Output, Rejection> {
    let action = "ecr-public:DescribeImages";
    let repository = open(cloud, caller, action, input.registry_id.as_deref(), &input.repository_name)?;
    let wanted = Wanted {
        image_ids: input.image_ids.as_deref(),
        next_token: input.next_token.as_deref(),
        max_results: input.max_results,
        which: Which::ACTIVE,
        tells_status: false,
    };
    wanted.describe(cloud, repository, &arn(repository))
}
