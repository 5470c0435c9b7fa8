//! What the image operations have in common: the repository they name, the filter, the page size.

use serde::{Deserialize, Serialize};

use crate::cloud::Cloud;
use crate::iam::Caller;
use crate::repository::{Catalog, Listed, Status, Which, valid_name};
use crate::wire::Rejection;

/// The most results a page may have.
const MAX_RESULTS: u64 = 1000;
const DEFAULT_RESULTS: u64 = 100;

/// An image by tag, by digest, or by both.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ImageIdentifier {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) image_digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) image_tag: Option<String>,
}

/// The `filter` of a listing.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Filter {
    tag_status: Option<TagStatus>,
    image_status: Option<ImageStatus>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum TagStatus {
    Tagged,
    Untagged,
    Any,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum ImageStatus {
    Active,
    Archived,
    Any,
}

impl Filter {
    /// What it lets through: with any tag or none and not in the archive, unless it says otherwise.
    pub(super) fn which(&self) -> Which {
        let listed = match self.tag_status {
            Some(TagStatus::Tagged) => Listed::Tagged,
            Some(TagStatus::Untagged) => Listed::Untagged,
            Some(TagStatus::Any) | None => Listed::Any,
        };
        let status = match self.image_status {
            Some(ImageStatus::Active) | None => Status::Active,
            Some(ImageStatus::Archived) => Status::Archived,
            Some(ImageStatus::Any) => Status::Any,
        };
        Which { listed, status }
    }
}

/// The repository `name` of the registry, if there is one and `caller` may perform `action` on it.
///
/// Permission is asked for first, as AWS does: who may not look does not learn what exists.
pub(super) fn open<'a>(
    cloud: &'a Cloud,
    caller: &Caller,
    action: &str,
    registry: Option<&str>,
    name: &str,
) -> Result<&'a Catalog, Rejection> {
    let registry = registry.unwrap_or(&caller.account);
    check_names(registry, name)?;
    let found = cloud.repositories.get(&(registry.to_owned(), name.to_owned()));
    let arn = format!("arn:aws:ecr:{}:{registry}:repository/{name}", cloud.region);
    let policy = found.and_then(|repository| repository.policy.as_ref());
    cloud
        .authorize(caller, action, &arn, registry, policy)
        .map_err(|refusal| Rejection::bad_request("AccessDeniedException", refusal.to_string()))?;
    found.ok_or_else(|| {
        let message =
            format!("The repository with name '{name}' does not exist in the registry with id '{registry}'");
        Rejection::bad_request("RepositoryNotFoundException", message)
    })
}

/// That a request's names of a registry and a repository in it can be such.
pub(crate) fn check_names(registry: &str, repository: &str) -> Result<(), Rejection> {
    if registry.len() != 12 || !registry.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid("registryId", "must satisfy regular expression '[0-9]{12}'"));
    }
    if !valid_name(repository) {
        let pattern = "(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*";
        return Err(invalid("repositoryName", &format!("must satisfy regular expression '{pattern}'")));
    }
    Ok(())
}

/// How many results a page has: 1 to 1000, 100 unless asked for.
///
/// Source: <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImages.html>.
pub(super) fn page_size(max_results: Option<i64>) -> Result<u64, Rejection> {
    match max_results.map(u64::try_from) {
        None => Ok(DEFAULT_RESULTS),
        Some(Ok(size @ 1..=MAX_RESULTS)) => Ok(size),
        Some(Ok(0) | Err(_)) => {
            Err(invalid("maxResults", "Member must have value greater than or equal to 1"))
        }
        Some(Ok(_)) => Err(invalid("maxResults", "Member must have value less than or equal to 1000")),
    }
}

/// The fault of one parameter.
pub(super) fn invalid(parameter: &str, constraint: &str) -> Rejection {
    let message = format!("Invalid parameter at '{parameter}' failed to satisfy constraint: '{constraint}'");
    Rejection::bad_request("InvalidParameterException", message)
}

/// Why no image fits an identifier.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unmatched {
    Absent,
    OtherDigest,
    NotADigest,
    NoName,
}

/// The image an identifier means; with both tag and digest, they must be of the same image.
pub(super) fn find(repository: &Catalog, id: &ImageIdentifier) -> Result<u64, Unmatched> {
    let is_digest = |digest: &str| {
        digest.split_once(':').is_some_and(|(algorithm, hex)| {
            !algorithm.is_empty() && !hex.is_empty() && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    };
    match (&id.image_tag, &id.image_digest) {
        (None, None) => Err(Unmatched::NoName),
        (_, Some(digest)) if !is_digest(digest) => Err(Unmatched::NotADigest),
        (Some(tag), None) => repository.image_by_tag(tag).ok_or(Unmatched::Absent),
        (None, Some(digest)) => repository.image_by_digest(digest).ok_or(Unmatched::Absent),
        (Some(tag), Some(digest)) => match repository.image_by_tag(tag) {
            Some(image) if repository.digest(image).as_ref() == Some(digest) => Ok(image),
            Some(_) => Err(Unmatched::OtherDigest),
            None => Err(Unmatched::Absent),
        },
    }
}
