//! Names of repositories and tags.

use crate::error::Error;

/// What [`valid_name`] takes, in words.
pub(super) const NAME_RULE: &str =
    "2 to 256 lower-case letters, digits and separators, such as `apps/mainapp`";

/// Source: `repositoryName` of
/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html>.
pub(crate) fn valid_name(name: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let valid_part = |part: &str| {
        part.split(['.', '_', '-']).all(|word| !word.is_empty() && word.chars().all(alphanumeric))
    };
    (2..=256).contains(&name.len()) && name.split('/').all(valid_part)
}

/// Source: <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>.
pub(crate) fn check_tag(tag: &str) -> Result<(), Error> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let valid = tag.starts_with(word) && tag.len() <= 128 && tag.chars().all(|c| word(c) || ".-".contains(c));
    if valid {
        return Ok(());
    }
    Err(Error::Invalid {
        field: "tag",
        value: tag.to_owned(),
        expected: "1 to 128 letters, digits or characters of `_.-`, of which the last two not first",
    })
}
