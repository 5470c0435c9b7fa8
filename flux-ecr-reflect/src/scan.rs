//! All tags of an image, as Flux records them: [`Scan`], what differs between two, and when to make the next one. What they
//! are in Flux's own code is in [the guide](crate::guide::from_go#scanning-imagerepository).

use std::fmt;

pub use self::changes::{Change, Changes};
pub use self::due::{LastScan, ScanDue, ScanReason, ScanSpec, should_scan};
pub use self::revision::TagStorage;
use self::set::TagSet;
pub use self::tags::Tags;
use crate::image::{ImageName, Tag};
use crate::pages::Listing;

pub(crate) mod build;
mod changes;
mod due;
mod revision;
mod set;
mod store;
mod tags;

/// The tags of an image after exclusion, complete, sorted and each once.
///
/// `Display` writes Flux's words: `successful scan: found N tags with checksum …`. Two scans are equal when image and tags
/// are, whatever their listings took and their tags point to.
///
/// # Memory
///
/// Of each tag is kept what differs from the one before it, and two and a half bytes more. A million tags such as
/// `1.12.345-rc.3` take 7 bytes each, `1.12.345-alpine3.18` 14, `main-1a2b3c4-1606364286` 17. To make it takes some three
/// bytes a tag more: tags are packed as they arrive.
///
/// A scan that [tracks moves](crate::ReflectorBuilder::track_moves) takes eight bytes a tag more, for the first 64 bits of the
/// digest. That a tag moved and goes unnoticed has a chance of one in 2⁶⁴, unless somebody makes two such images on purpose:
/// it tells what to look at, and verifies nothing.
#[derive(Clone)]
pub struct Scan {
    image: ImageName,
    tags: TagSet,
    listing: Listing,
}

impl Scan {
    /// The image that was scanned.
    pub fn image(&self) -> &ImageName {
        &self.image
    }

    /// How many tags there are: Flux's [`.status.lastScanResult.tagCount`][1].
    ///
    /// [1]: https://fluxcd.io/flux/components/image/imagerepositories/#last-scan-result
    pub fn len(&self) -> usize {
        self.tags.len()
    }

    /// Whether there is no tag.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The tags in ascending byte order, which is Flux's reversed.
    pub fn tags(&self) -> Tags<'_> {
        Tags::new(&self.tags)
    }

    /// Shows the tags to `visit` in ascending byte order, without making a [`Tag`] of each.
    pub fn for_each_tag(&self, visit: impl FnMut(&str)) {
        self.tags.for_each(visit);
    }

    /// Whether the tag is among them. Takes about log₂ of [`len`](Self::len) comparisons, and a look at some 30 tags.
    pub fn contains(&self, tag: &str) -> bool {
        self.tags.contains(tag)
    }

    /// The ten byte-greatest tags, greatest first: Flux's `.status.lastScanResult.latestTags`.
    ///
    /// "Latest" is Flux's name for it. Which tag a policy wants is another question.
    pub fn latest_tags(&self) -> Vec<Tag> {
        self.tags().rev().take(LATEST_TAGS).collect()
    }

    /// The checksum by which Flux tells two scans apart: its `.status.lastScanResult.revision`, where the controller keeps
    /// tags in its default storage. See [`TagStorage::Badger`].
    pub fn revision(&self) -> String {
        self.revision_in(TagStorage::Badger)
    }

    /// The same for a storage of one's choice.
    ///
    /// Where it changes, Flux evaluates the policies again. Another storage is not a change.
    pub fn revision_in(&self, storage: TagStorage) -> String {
        storage.revision(&self.tags)
    }

    /// Flux's ready message, with the revision of a storage of one's choice. `Display` writes that of the default one.
    pub fn message_in(&self, storage: TagStorage) -> String {
        format!("successful scan: found {} tags with checksum {}", self.len(), self.revision_in(storage))
    }

    /// What differs from an older scan: tags that were added, removed, or moved to another image. That the two are of the
    /// same image is the caller's to know.
    ///
    /// ```
    /// # use async_trait::async_trait;
    /// # use flux_ecr_reflect::{Error, PageRequest, Reflector, TagEntry, TagPage, TagSource};
    /// # #[derive(Debug)]
    /// # struct Releases(Vec<&'static str>);
    /// # #[async_trait]
    /// # impl TagSource for Releases {
    /// #     async fn page(&self, _: &PageRequest<'_>) -> Result<TagPage, Error> {
    /// #         let entry = |tag: &&str| Ok(TagEntry::new(tag.parse()?));
    /// #         Ok(TagPage::new(self.0.iter().map(entry).collect::<Result<_, Error>>()?))
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// # let image = "ghcr.io/org/app".parse()?;
    /// # let of = |tags: &[&'static str]| Reflector::builder().tag_source(Releases(tags.to_vec())).build();
    /// # let before = of(&["1.0.0", "1.1.0"])?.scan(&image).await?;
    /// # let after = of(&["1.1.0", "1.2.0"])?.scan(&image).await?;
    /// let changes: Vec<_> = after.changes_since(&before).map(|change| change.to_string()).collect();
    /// assert_eq!(changes, ["-1.0.0", "+1.2.0"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn changes_since<'a>(&'a self, older: &'a Self) -> Changes<'a> {
        Changes::new(older, self)
    }

    /// Whether it keeps of each tag's digest what tells a move.
    pub fn tracks_moves(&self) -> bool {
        self.tags.has_marks()
    }

    /// What the listing took: pages, requests, tags listed and excluded.
    pub fn listing(&self) -> Listing {
        self.listing
    }
}

impl PartialEq for Scan {
    fn eq(&self, other: &Self) -> bool {
        self.image == other.image && self.tags.has_tags_of(&other.tags)
    }
}

impl Eq for Scan {}

impl fmt::Display for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message_in(TagStorage::default()))
    }
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan")
            .field("image", &self.image)
            .field("len", &self.len())
            .field("latest_tags", &self.latest_tags())
            .field("listing", &self.listing)
            .finish_non_exhaustive()
    }
}

/// Flux's `latestTagsCount`.
const LATEST_TAGS: usize = 10;

#[cfg(test)]
mod tests;
