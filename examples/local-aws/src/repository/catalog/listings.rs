//! Listings: the part that was set up, in an order of its own, then the log of what came since.

use std::ops::Range;

use super::{Catalog, Image};
use crate::meter::lock;
use crate::repository::changes::{Changes, Logged};
use crate::repository::order::scrambled;

/// Which of a repository's images a listing is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Which {
    pub(crate) listed: Listed,
    pub(crate) status: Status,
}

/// Of which tag status.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Listed {
    Tagged,
    Untagged,
    Any,
}

/// Of which image status.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Status {
    Active,
    Archived,
    Any,
}

impl Which {
    /// What can be pulled by tag.
    pub(crate) const TAGS: Self = Self { listed: Listed::Tagged, status: Status::Active };
    /// What is not in the archive.
    pub(crate) const ACTIVE: Self = Self { listed: Listed::Any, status: Status::Active };
}

/// One line of a listing by tags: an image, with one of its tags.
#[derive(Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) tag: Option<String>,
    pub(crate) image: u64,
}

impl Catalog {
    /// How many places a listing by tags has: an image with two tags has two, one without has one. What was deleted
    /// meanwhile leaves its place empty.
    pub(crate) fn entry_count(&self, which: Which) -> u64 {
        self.set_up_entries(which.listed) + lock(&self.changes).log.len() as u64
    }

    /// What stands at `positions` of a listing by tags. The order is mixed, as ECR's is in no order one may rely on.
    pub(crate) fn entries(&self, which: Which, positions: Range<u64>) -> Vec<Entry> {
        let changes = lock(&self.changes);
        let set_up = self.set_up_entries(which.listed);
        let entries = positions.filter_map(|position| match position.checked_sub(set_up) {
            None => self.set_up_entry(&changes, which.listed, position),
            Some(line) => self.logged_entry(&changes, which.listed, usize::try_from(line).ok()?),
        });
        entries.filter(|entry| self.has_status(entry.image, which.status)).collect()
    }

    /// How many places a listing by images has.
    pub(crate) fn image_count(&self, which: Which) -> u64 {
        self.set_up_images(which.listed) + lock(&self.changes).log.len() as u64
    }

    /// The images at `positions` of a listing by images.
    pub(crate) fn images(&self, which: Which, positions: Range<u64>) -> Vec<Image> {
        let changes = lock(&self.changes);
        let set_up = self.set_up_images(which.listed);
        let images = positions.filter_map(|position| match position.checked_sub(set_up) {
            None => Some(self.set_up_image(which.listed, position)),
            Some(line) => self.logged_image(&changes, which.listed, usize::try_from(line).ok()?),
        });
        let images = images.filter(|image| self.has_status(*image, which.status));
        let images = images.filter_map(|image| self.describe(&changes, image));
        images.filter(|image| which.listed.covers(image.tags.is_empty())).collect()
    }

    fn set_up_entries(&self, listed: Listed) -> u64 {
        let tagged = self.tagged + self.aliases.len() as u64;
        match listed {
            Listed::Tagged => tagged,
            Listed::Untagged => self.untagged,
            Listed::Any => tagged + self.untagged,
        }
    }

    fn set_up_entry(&self, changes: &Changes, listed: Listed, position: u64) -> Option<Entry> {
        let place = scrambled(position, self.set_up_entries(listed));
        let place =
            if listed == Listed::Untagged { place + self.set_up_entries(Listed::Tagged) } else { place };
        let beyond = place.checked_sub(self.tagged);
        let alias = beyond.and_then(|beyond| self.aliases.get(usize::try_from(beyond).ok()?));
        let entry = match (beyond, alias) {
            (None, _) => Entry { tag: Some(self.generated_tag(place)), image: place },
            (_, Some((alias, image))) => Entry { tag: Some(alias.clone()), image: *image },
            (Some(_), None) => Entry { tag: None, image: place - self.aliases.len() as u64 },
        };
        let stands = match &entry.tag {
            Some(tag) => !changes.is_gone(tag),
            None => changes.tags_of(entry.image).next().is_none(),
        };
        stands.then_some(entry)
    }

    /// What a line of the log adds to a listing by tags: a tag, or an image of which the set-up's part tells nothing.
    fn logged_entry(&self, changes: &Changes, listed: Listed, line: usize) -> Option<Entry> {
        match changes.log.get(line)? {
            Logged::Tag(tag, image) => {
                let stands = listed != Listed::Untagged && changes.is_current(tag, line);
                stands.then(|| Entry { tag: Some(tag.clone()), image: *image })
            }
            Logged::Image(image) => {
                let untagged = listed != Listed::Tagged
                    && !(self.tagged..self.set_up_count()).contains(image)
                    && self.tags_of(changes, *image).is_empty();
                untagged.then_some(Entry { tag: None, image: *image })
            }
        }
    }

    fn set_up_images(&self, listed: Listed) -> u64 {
        match listed {
            Listed::Tagged => self.tagged,
            Listed::Untagged => self.untagged,
            Listed::Any => self.set_up_count(),
        }
    }

    fn set_up_image(&self, listed: Listed, position: u64) -> u64 {
        let place = scrambled(position, self.set_up_images(listed));
        if listed == Listed::Untagged { place + self.tagged } else { place }
    }

    /// The image that a line of the log adds to a listing by images, if the set-up's part does not have it.
    fn logged_image(&self, changes: &Changes, listed: Listed, line: usize) -> Option<u64> {
        let Logged::Image(image) = changes.log.get(line)? else { return None };
        let covered = match listed {
            Listed::Tagged => 0..self.tagged,
            Listed::Untagged => self.tagged..self.set_up_count(),
            Listed::Any => 0..self.set_up_count(),
        };
        (!covered.contains(image)).then_some(*image)
    }
}

impl Listed {
    /// Whether it is about an image that has no tag, or one that has.
    fn covers(self, untagged: bool) -> bool {
        match self {
            Self::Tagged => !untagged,
            Self::Untagged => untagged,
            Self::Any => true,
        }
    }
}
