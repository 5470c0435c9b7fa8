//! A repository as the services read it: counted, looked up and listed without being stored.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::macros::datetime;

use super::image::Images;
use super::{Repository, Tags};
use crate::error::Error;
use crate::iam::{Document, Kind, parse};

/// When image 0 of every repository was pushed; each further one came a minute later.
pub(super) const FIRST_PUSH: OffsetDateTime = datetime!(2024-01-01 00:00 UTC);

/// A repository whose set-up has been checked.
pub(crate) struct Catalog {
    pub(crate) name: String,
    pub(crate) account: String,
    pub(crate) policy: Option<Document>,
    pub(crate) images: Images,
    tags: Tags,
    /// Further tags, each with the index of its image.
    aliases: Vec<(String, u64)>,
    by_tag: HashMap<String, u64>,
    tagged: u64,
    untagged: u64,
}

/// Which of a repository's images a listing is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Listed {
    Tagged,
    Untagged,
    Any,
}

/// One line of a listing by tags: an image, with one of its tags.
#[derive(Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) tag: Option<String>,
    pub(crate) image: u64,
}

impl Catalog {
    pub(crate) fn new(repository: Repository, home: &str) -> Result<Self, Error> {
        let Repository { name, account, tags, aliases, untagged, policy } = repository;
        if !valid_name(&name) {
            return Err(Error::Invalid { field: "repository", value: name, expected: NAME_RULE });
        }
        let policy =
            policy.map(|json| parse(&json, Kind::Repository, &format!("repository `{name}`"))).transpose()?;
        let mut by_tag = HashMap::new();
        let tagged = match &tags {
            Tags::Generated { count, .. } => *count,
            Tags::Listed(tags) => {
                for (tag, image) in tags.iter().zip(0..) {
                    check_tag(tag)?;
                    if by_tag.insert(tag.clone(), image).is_some() {
                        return Err(Error::Duplicate { what: "tags", name: tag.clone() });
                    }
                }
                tags.len() as u64
            }
        };
        let mut catalog = Self {
            images: Images::new(&name),
            account: account.unwrap_or_else(|| home.to_owned()),
            name,
            policy,
            tags,
            aliases: Vec::new(),
            by_tag,
            tagged,
            untagged,
        };
        for (tag, alias) in aliases {
            let image = catalog.image_by_tag(&tag).ok_or_else(|| Error::Invalid {
                field: "also_tagged",
                value: tag.clone(),
                expected: "a tag of the repository",
            })?;
            check_tag(&alias)?;
            if catalog.image_by_tag(&alias).is_some() {
                return Err(Error::Duplicate { what: "tags", name: alias });
            }
            catalog.by_tag.insert(alias.clone(), image);
            catalog.aliases.push((alias, image));
        }
        Ok(catalog)
    }

    /// The repository's ARN, in the region of the set-up.
    pub(crate) fn arn(&self, region: &str) -> String {
        format!("arn:aws:ecr:{region}:{}:repository/{}", self.account, self.name)
    }

    /// How many entries a listing by tags has: an image with two tags has two, one without has one.
    pub(crate) fn entries(&self, listed: Listed) -> u64 {
        let tagged = self.tagged + self.aliases.len() as u64;
        match listed {
            Listed::Tagged => tagged,
            Listed::Untagged => self.untagged,
            Listed::Any => tagged + self.untagged,
        }
    }

    /// The entry at `position` of a listing by tags. The order is mixed, as ECR's is in no order one may rely on.
    pub(crate) fn entry(&self, listed: Listed, position: u64) -> Entry {
        let place = scrambled(position, self.entries(listed));
        let place = if listed == Listed::Untagged { place + self.entries(Listed::Tagged) } else { place };
        if place < self.tagged {
            return Entry { tag: Some(self.tag(place)), image: place };
        }
        let beyond = place - self.tagged;
        match usize::try_from(beyond).ok().and_then(|beyond| self.aliases.get(beyond)) {
            Some((alias, image)) => Entry { tag: Some(alias.clone()), image: *image },
            None => Entry { tag: None, image: place - self.aliases.len() as u64 },
        }
    }

    /// How many images a listing by images has.
    pub(crate) fn image_count(&self, listed: Listed) -> u64 {
        match listed {
            Listed::Tagged => self.tagged,
            Listed::Untagged => self.untagged,
            Listed::Any => self.tagged + self.untagged,
        }
    }

    /// The image at `position` of a listing by images.
    pub(crate) fn image(&self, listed: Listed, position: u64) -> u64 {
        let place = scrambled(position, self.image_count(listed));
        if listed == Listed::Untagged { place + self.tagged } else { place }
    }

    /// The tags of an image; none for an untagged one.
    pub(crate) fn tags_of(&self, image: u64) -> Vec<String> {
        let own = (image < self.tagged).then(|| self.tag(image));
        let aliases =
            self.aliases.iter().filter(|(_, tagged)| *tagged == image).map(|(alias, _)| alias.clone());
        own.into_iter().chain(aliases).collect()
    }

    /// The image that has `tag`.
    pub(crate) fn image_by_tag(&self, tag: &str) -> Option<u64> {
        if let Some(&image) = self.by_tag.get(tag) {
            return Some(image);
        }
        let Tags::Generated { count, scheme } = &self.tags else { return None };
        match scheme.index(tag) {
            Some(index) => (index < *count && scheme.tag(index) == tag).then_some(index),
            None => (0..*count).find(|&index| scheme.tag(index) == tag),
        }
    }

    /// The image whose manifest has `digest`.
    pub(crate) fn image_by_digest(&self, digest: &str) -> Option<u64> {
        self.images.find(digest, self.tagged + self.untagged)
    }

    /// When an image was pushed.
    pub(crate) fn pushed_at(image: u64) -> SystemTime {
        SystemTime::from(FIRST_PUSH) + Duration::from_secs(image.saturating_mul(60))
    }

    fn tag(&self, index: u64) -> String {
        match &self.tags {
            Tags::Generated { scheme, .. } => scheme.tag(index),
            Tags::Listed(tags) => {
                usize::try_from(index).ok().and_then(|index| tags.get(index)).cloned().unwrap_or_default()
            }
        }
    }
}

/// A permutation of `0..count`: steps of a fixed length around the circle reach every place once when the length and
/// the count have no common divisor.
fn scrambled(position: u64, count: u64) -> u64 {
    if count < 2 {
        return position;
    }
    // About the golden ratio of the count, so that neighbours of the listing are far apart.
    let near = count / 1000 * 618 + count % 1000 * 618 / 1000;
    let step = (near.max(1)..count).find(|&step| greatest_common_divisor(step, count) == 1).unwrap_or(1);
    let place = u128::from(position) * u128::from(step) + u128::from(count / 2);
    u64::try_from(place % u128::from(count)).unwrap_or_default()
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

const NAME_RULE: &str = "2 to 256 lower-case letters, digits and separators, such as `apps/mainapp`";

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
fn check_tag(tag: &str) -> Result<(), Error> {
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

#[cfg(test)]
mod tests;
