//! A repository as the services read it: what was set up is counted, looked up and listed without being stored.

mod listings;

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

pub(crate) use self::listings::{Listed, Status, Which};
use super::artifact::Artifact;
use super::changes::{Changes, PushFault};
use super::image::{CONFIG, Description, IMAGE_MANIFEST, Images, Manifest, digest_of};
use super::listing::Listing;
use super::names::{NAME_RULE, check_tag, valid_name};
use super::{Repository, Tags};
use crate::error::Error;
use crate::iam::{Document, Kind, parse};
use crate::meter::lock;

/// When image 0 of every repository was pushed; each further one came a minute later.
pub(super) const FIRST_PUSH: OffsetDateTime = datetime!(2024-01-01 00:00 UTC);

/// A repository whose set-up has been checked, with what became of it since.
///
/// Its images are numbered: first those of the set-up, the tagged before the untagged, then those that were pushed.
pub(crate) struct Catalog {
    pub(crate) name: String,
    pub(crate) account: String,
    pub(crate) policy: Option<Document>,
    pub(crate) listing: Listing,
    images: Images,
    tags: Tags,
    /// Further tags, each with the number of its image.
    aliases: Vec<(String, u64)>,
    by_tag: HashMap<String, u64>,
    archived: HashSet<u64>,
    tagged: u64,
    untagged: u64,
    changes: Mutex<Changes>,
}

/// What there is to tell of an image.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) digest: String,
    pub(crate) tags: Vec<String>,
    /// The bytes of its manifest and of the blobs that names.
    pub(crate) size: u64,
    pub(crate) pushed_at: SystemTime,
    pub(crate) media_type: String,
    pub(crate) artifact_media_type: Option<String>,
    pub(crate) archived: bool,
}

impl Catalog {
    pub(crate) fn new(repository: Repository, home: &str) -> Result<Self, Error> {
        let Repository { name, account, tags, aliases, archived, artifacts, untagged, policy, listing } =
            repository;
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
            listing,
            tags,
            aliases: Vec::new(),
            by_tag,
            archived: HashSet::new(),
            tagged,
            untagged,
            changes: Mutex::default(),
        };
        for (tag, alias) in aliases {
            let image = catalog.known_tag("also_tagged", &tag)?;
            check_tag(&alias)?;
            if catalog.set_up_tag(&alias).is_some() {
                return Err(Error::Duplicate { what: "tags", name: alias });
            }
            catalog.by_tag.insert(alias.clone(), image);
            catalog.aliases.push((alias, image));
        }
        for tag in archived {
            let image = catalog.known_tag("archived", &tag)?;
            catalog.archived.insert(image);
        }
        for ((tag, artifact), image) in artifacts.iter().zip(catalog.set_up_count()..) {
            check_tag(tag)?;
            if catalog.image_by_tag(tag).is_some() {
                return Err(Error::Duplicate { what: "tags", name: tag.clone() });
            }
            catalog.add(tag, artifact, time_of(image))?;
        }
        Ok(catalog)
    }

    /// Puts an artifact of the set-up where pushed ones are.
    fn add(&self, tag: &str, artifact: &Artifact, at: SystemTime) -> Result<(), Error> {
        let unusable = || Error::Invalid {
            field: "artifact",
            value: tag.to_owned(),
            expected: "content that fits into 64 MiB with what else there is",
        };
        for blob in artifact.blobs() {
            self.keep_blob(&digest_of(blob), blob.clone()).map_err(|_| unusable())?;
        }
        let bytes = Bytes::from(artifact.manifest());
        let description = serde_json::from_slice(&bytes).map_err(|_| unusable())?;
        let manifest = Manifest { digest: digest_of(&bytes), media_type: IMAGE_MANIFEST.to_owned(), bytes };
        self.push(Some(tag), manifest, description, at).map_err(|_| unusable())
    }

    fn known_tag(&self, field: &'static str, tag: &str) -> Result<u64, Error> {
        self.set_up_tag(tag).ok_or_else(|| Error::Invalid {
            field,
            value: tag.to_owned(),
            expected: "a tag of the repository",
        })
    }

    /// The repository's ARN, in the region of the set-up.
    pub(crate) fn arn(&self, region: &str) -> String {
        format!("arn:aws:ecr:{region}:{}:repository/{}", self.account, self.name)
    }

    /// What there is to tell of the image of this number.
    pub(crate) fn image(&self, image: u64) -> Option<Image> {
        self.describe(&lock(&self.changes), image)
    }

    /// The image that has `tag`.
    pub(crate) fn image_by_tag(&self, tag: &str) -> Option<u64> {
        let changes = lock(&self.changes);
        changes.tagged(tag).or_else(|| self.set_up_tag(tag).filter(|_| !changes.is_gone(tag)))
    }

    /// The image whose manifest has `digest`.
    pub(crate) fn image_by_digest(&self, digest: &str) -> Option<u64> {
        let pushed = lock(&self.changes).find(digest).map(|at| self.set_up_count() + at as u64);
        pushed.or_else(|| self.images.find(digest, self.set_up_count()))
    }

    /// The digest of an image's manifest.
    pub(crate) fn digest(&self, image: u64) -> Option<String> {
        self.digest_in(&lock(&self.changes), image)
    }

    /// The manifest of an image that is not in the archive.
    pub(crate) fn manifest(&self, image: u64) -> Option<Manifest> {
        let Some(at) = self.pushed_at(image) else {
            return self.has_status(image, Status::Active).then(|| Manifest {
                digest: self.images.digest(image),
                media_type: IMAGE_MANIFEST.to_owned(),
                bytes: self.images.manifest(image).into(),
            });
        };
        lock(&self.changes).image(at).map(|(manifest, ..)| manifest.clone())
    }

    /// A blob.
    pub(crate) fn blob(&self, digest: &str) -> Option<Bytes> {
        let set_up = self.images.blob(digest).map(|(_, blob)| Bytes::copy_from_slice(blob));
        set_up.or_else(|| lock(&self.changes).blob(digest))
    }

    /// Takes a manifest in, under a tag or none. One that is there already stays as it is.
    pub(crate) fn push(
        &self,
        tag: Option<&str>,
        manifest: Manifest,
        description: Description,
        now: SystemTime,
    ) -> Result<(), PushFault> {
        let image = if let Some(image) = self.image_by_digest(&manifest.digest) {
            image
        } else {
            let at = lock(&self.changes).push(manifest, description, now)?;
            self.set_up_count() + at as u64
        };
        if let Some(tag) = tag {
            self.tag(tag, image);
        }
        lock(&self.changes).log(image);
        Ok(())
    }

    /// Gives `tag` to `image`, taking it from any other.
    pub(crate) fn tag(&self, tag: &str, image: u64) {
        let before = self.image_by_tag(tag);
        let mut changes = lock(&self.changes);
        changes.tag(tag, image, self.set_up_tag(tag).is_some());
        for image in before.into_iter().chain([image]) {
            changes.log(image);
        }
    }

    /// Deletes `tag`, if there is one, and leaves its image.
    pub(crate) fn untag(&self, tag: &str) -> bool {
        let Some(image) = self.image_by_tag(tag) else { return false };
        let mut changes = lock(&self.changes);
        changes.untag(tag, self.set_up_tag(tag).is_some());
        changes.log(image);
        true
    }

    /// Keeps a blob whose digest is known to be right.
    pub(crate) fn keep_blob(&self, digest: &str, blob: Bytes) -> Result<(), PushFault> {
        lock(&self.changes).keep_blob(digest, blob)
    }

    pub(crate) fn start_upload(&self) -> Uuid {
        lock(&self.changes).start_upload()
    }

    /// How many bytes an upload has.
    pub(crate) fn uploaded(&self, upload: Uuid) -> Result<usize, PushFault> {
        lock(&self.changes).uploaded(upload)
    }

    /// Adds to an upload what begins at `start`, if that is said, and gives its new length.
    pub(crate) fn append(
        &self,
        upload: Uuid,
        start: Option<usize>,
        bytes: &[u8],
    ) -> Result<usize, PushFault> {
        lock(&self.changes).append(upload, start, bytes)
    }

    /// Makes a blob of an upload.
    pub(crate) fn complete(&self, upload: Uuid, digest: &str) -> Result<(), PushFault> {
        lock(&self.changes).complete(upload, digest)
    }

    /// Ends an upload.
    pub(crate) fn cancel(&self, upload: Uuid) -> Result<(), PushFault> {
        lock(&self.changes).cancel(upload).map(drop)
    }

    /// How many images the set-up has.
    fn set_up_count(&self) -> u64 {
        self.tagged + self.untagged
    }

    /// Where among the pushed images one is; `None` for one of the set-up.
    fn pushed_at(&self, image: u64) -> Option<usize> {
        usize::try_from(image.checked_sub(self.set_up_count())?).ok()
    }

    fn describe(&self, changes: &Changes, image: u64) -> Option<Image> {
        let tags = self.tags_of(changes, image);
        let Some(at) = self.pushed_at(image) else {
            return Some(Image {
                digest: self.images.digest(image),
                tags,
                size: self.images.size(),
                pushed_at: time_of(image),
                media_type: IMAGE_MANIFEST.to_owned(),
                artifact_media_type: Some(CONFIG.to_owned()),
                archived: self.archived.contains(&image),
            });
        };
        let (manifest, description, pushed_at) = changes.image(at)?;
        Some(Image {
            digest: manifest.digest.clone(),
            tags,
            size: manifest.bytes.len() as u64 + description.blobs().map(|blob| blob.size).sum::<u64>(),
            pushed_at,
            media_type: manifest.media_type.clone(),
            artifact_media_type: description.artifact_media_type().map(str::to_owned),
            archived: false,
        })
    }

    fn digest_in(&self, changes: &Changes, image: u64) -> Option<String> {
        match self.pushed_at(image) {
            None => Some(self.images.digest(image)),
            Some(at) => changes.image(at).map(|(manifest, ..)| manifest.digest.clone()),
        }
    }

    fn has_status(&self, image: u64, status: Status) -> bool {
        match status {
            Status::Any => true,
            Status::Active => !self.archived.contains(&image),
            Status::Archived => self.archived.contains(&image),
        }
    }

    fn tags_of(&self, changes: &Changes, image: u64) -> Vec<String> {
        let own = (image < self.tagged).then(|| self.generated_tag(image));
        let aliases =
            self.aliases.iter().filter(|(_, tagged)| *tagged == image).map(|(alias, _)| alias.clone());
        let mut tags: Vec<String> = own.into_iter().chain(aliases).collect();
        if changes.any_gone() {
            tags.retain(|tag| !changes.is_gone(tag));
        }
        tags.extend(changes.tags_of(image).cloned());
        tags
    }

    /// The image that the set-up gives `tag` to.
    fn set_up_tag(&self, tag: &str) -> Option<u64> {
        if let Some(&image) = self.by_tag.get(tag) {
            return Some(image);
        }
        let Tags::Generated { count, scheme } = &self.tags else { return None };
        match scheme.index(tag) {
            Some(index) => (index < *count && scheme.tag(index) == tag).then_some(index),
            None => (0..*count).find(|&index| scheme.tag(index) == tag),
        }
    }

    fn generated_tag(&self, index: u64) -> String {
        match &self.tags {
            Tags::Generated { scheme, .. } => scheme.tag(index),
            Tags::Listed(tags) => {
                usize::try_from(index).ok().and_then(|index| tags.get(index)).cloned().unwrap_or_default()
            }
        }
    }
}

/// When the image of this number of a set-up was pushed.
fn time_of(image: u64) -> SystemTime {
    SystemTime::from(FIRST_PUSH) + Duration::from_secs(image.saturating_mul(60))
}

#[cfg(test)]
mod tests;
