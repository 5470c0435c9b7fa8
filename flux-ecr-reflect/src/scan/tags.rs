//! The tags of a scan, one by one from either end.

use std::iter::FusedIterator;

use super::set::{BlockReader, Mark, NO_MARK, TagSet};
use crate::image::Tag;

/// The tags of a [`Scan`](super::Scan) in ascending byte order, made by [`Scan::tags`](super::Scan::tags). Reversed, they
/// come in Flux's order.
#[derive(Debug, Clone)]
#[must_use = "an iterator does nothing until it is asked"]
pub struct Tags<'a> {
    front: Reader<'a>,
    /// What is left of the last block that was opened from behind.
    back: Vec<Tag>,
    /// The block before which everything is still to come from behind.
    back_block: usize,
    left: usize,
}

impl<'a> Tags<'a> {
    pub(super) fn new(set: &'a TagSet) -> Self {
        Self { front: Reader::new(set), back: Vec::new(), back_block: set.blocks().len(), left: set.len() }
    }
}

impl Iterator for Tags<'_> {
    type Item = Tag;

    fn next(&mut self) -> Option<Tag> {
        self.left = self.left.checked_sub(1)?;
        self.front.advance().then(|| Tag::of_checked(self.front.tag()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl DoubleEndedIterator for Tags<'_> {
    fn next_back(&mut self) -> Option<Tag> {
        self.left = self.left.checked_sub(1)?;
        if self.back.is_empty() {
            self.back_block = self.back_block.checked_sub(1)?;
            self.back = self.front.set.blocks().get(self.back_block)?.tags();
        }
        self.back.pop()
    }
}

impl ExactSizeIterator for Tags<'_> {}

impl FusedIterator for Tags<'_> {}

/// A place among the tags of a set.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    set: &'a TagSet,
    block: usize,
    place: BlockReader,
}

impl<'a> Reader<'a> {
    pub(super) fn new(set: &'a TagSet) -> Self {
        Self { set, block: 0, place: BlockReader::default() }
    }

    /// Goes to the next tag, or the first. False after the last one.
    pub(super) fn advance(&mut self) -> bool {
        let blocks = self.set.blocks();
        if blocks.get(self.block).is_some_and(|block| self.place.advance(block)) {
            return true;
        }
        self.block += 1;
        self.place.rewind();
        blocks.get(self.block).is_some_and(|block| self.place.advance(block))
    }

    pub(super) fn tag(&self) -> &str {
        self.place.tag()
    }

    pub(super) fn mark(&self) -> Mark {
        self.set.blocks().get(self.block).map_or(NO_MARK, |block| self.place.mark(block))
    }
}
