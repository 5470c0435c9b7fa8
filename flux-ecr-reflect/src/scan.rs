//! All tags of an image, as Flux records them.

use std::fmt;
use std::iter::FusedIterator;

use adler2::Adler32;

use crate::error::{Error, ErrorKind};
use crate::image::{ImageName, Tag};
use crate::pages::Listing;

/// The tags of an image after exclusion, complete, sorted and each once.
///
/// `Display` writes Flux's words: `successful scan: found N tags with checksum …`. Two scans are equal when image and tags
/// are, whatever their listings took.
///
/// A tag costs its own bytes and four more: the tags lie in one buffer, with an index of their ends. Digests
/// are not kept. While it is built, a scan takes up to three times that.
#[derive(Clone)]
pub struct Scan {
    image: ImageName,
    tags: SortedTags,
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
        self.tags.ends.len()
    }

    /// Whether there is no tag.
    pub fn is_empty(&self) -> bool {
        self.tags.ends.is_empty()
    }

    /// The tags in ascending byte order, which is Flux's reversed.
    pub fn tags(&self) -> Tags<'_> {
        Tags { scan: self, next: 0 }
    }

    /// Shows the tags to `visit` in ascending byte order, without making a [`Tag`] of each.
    pub fn for_each_tag(&self, visit: impl FnMut(&str)) {
        (0..self.len()).map(|index| self.tags.get(index)).for_each(visit);
    }

    /// Whether the tag is among them. Takes about log₂ of [`len`](Self::len) comparisons.
    pub fn contains(&self, tag: &str) -> bool {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.tags.get(middle).cmp(tag) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return true,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        false
    }

    /// The ten byte-greatest tags, greatest first: Flux's `.status.lastScanResult.latestTags`.
    ///
    /// "Latest" is Flux's name for it. Which tag a policy wants is another question.
    pub fn latest_tags(&self) -> Vec<Tag> {
        self.descending().take(LATEST_TAGS).map(Tag::of_checked).collect()
    }

    /// The checksum by which Flux tells two scans apart: its `.status.lastScanResult.revision`.
    ///
    /// It is what [image-reflector-controller][1] computes in its default storage (Badger): the Adler-32, in
    /// decimal, of the JSON array of the tags in descending byte order. Its opt-in `FluxStorage` writes
    /// another one.
    ///
    /// [1]: https://github.com/fluxcd/image-reflector-controller/blob/main/internal/database/badger.go
    pub fn revision(&self) -> String {
        let mut checksum = Adler32::new();
        checksum.write_slice(b"[");
        // A tag's alphabet has nothing that JSON would escape.
        for (index, tag) in self.descending().enumerate() {
            checksum.write_slice(if index == 0 { b"\"" } else { b",\"" });
            checksum.write_slice(tag.as_bytes());
            checksum.write_slice(b"\"");
        }
        checksum.write_slice(b"]");
        checksum.checksum().to_string()
    }

    /// What the listing took: pages, requests, tags listed and excluded.
    pub fn listing(&self) -> Listing {
        self.listing
    }

    /// Flux's order.
    fn descending(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).rev().map(|index| self.tags.get(index))
    }
}

impl PartialEq for Scan {
    fn eq(&self, other: &Self) -> bool {
        self.image == other.image && self.tags == other.tags
    }
}

impl Eq for Scan {}

impl fmt::Display for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "successful scan: found {} tags with checksum {}", self.len(), self.revision())
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

/// The tags of a [`Scan`] in ascending byte order, made by [`Scan::tags`].
#[derive(Debug, Clone)]
#[must_use = "an iterator does nothing until it is asked"]
pub struct Tags<'a> {
    scan: &'a Scan,
    next: usize,
}

impl Iterator for Tags<'_> {
    type Item = Tag;

    fn next(&mut self) -> Option<Tag> {
        let tag = (self.next < self.scan.len()).then(|| Tag::of_checked(self.scan.tags.get(self.next)))?;
        self.next += 1;
        Some(tag)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.scan.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Tags<'_> {}

impl FusedIterator for Tags<'_> {}

/// Tags as they arrive, in any order and perhaps twice.
#[derive(Default)]
pub(crate) struct ScanBuilder {
    arrived: SortedTags,
}

impl ScanBuilder {
    /// # Errors
    ///
    /// [`ErrorKind::Response`] when the tags together exceed four gigabytes.
    pub(crate) fn push(&mut self, tag: &Tag) -> Result<(), Error> {
        self.arrived.push(tag.as_str()).ok_or_else(|| {
            Error::new(ErrorKind::Response, "the registry lists more than four gigabytes of tags")
        })
    }

    pub(crate) fn finish(self, image: ImageName, listing: Listing) -> Scan {
        Scan { image, tags: self.arrived.sorted(), listing }
    }
}

/// Flux's `latestTagsCount`.
const LATEST_TAGS: usize = 10;

/// Tags end to end, and where each ends.
#[derive(Clone, Default, PartialEq, Eq)]
struct SortedTags {
    text: String,
    ends: Vec<u32>,
}

impl SortedTags {
    fn get(&self, index: usize) -> &str {
        let end = |index: usize| self.ends.get(index).map_or(0, |&end| end as usize);
        let start = index.checked_sub(1).map_or(0, end);
        self.text.get(start..end(index)).unwrap_or_default()
    }

    fn push(&mut self, tag: &str) -> Option<()> {
        let end = u32::try_from(self.text.len() + tag.len()).ok()?;
        self.text.push_str(tag);
        self.ends.push(end);
        Some(())
    }

    fn sorted(self) -> Self {
        let count = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        let mut order: Vec<u32> = (0..count).collect();
        order.sort_unstable_by(|&a, &b| self.get(a as usize).cmp(self.get(b as usize)));
        order.dedup_by(|a, b| self.get(*a as usize) == self.get(*b as usize));

        let mut sorted =
            Self { text: String::with_capacity(self.text.len()), ends: Vec::with_capacity(order.len()) };
        for index in order {
            let pushed = sorted.push(self.get(index as usize));
            debug_assert!(pushed.is_some(), "no more text than arrived");
        }
        sorted
    }
}

#[cfg(test)]
mod tests;
