//! What differs between two scans.

use std::cmp::Ordering;
use std::fmt;
use std::iter::FusedIterator;

use super::Scan;
use super::set::NO_MARK;
use super::tags::Reader;
use crate::image::Tag;

/// A difference between two scans, of one tag.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Change {
    /// The older scan does not have the tag.
    Added(Tag),
    /// The newer scan does not have the tag.
    Removed(Tag),
    /// Both have it, and it points to another image. Only told of scans that both [track
    /// moves](crate::ReflectorBuilder::track_moves), where the registry lists digests.
    Moved(Tag),
}

impl Change {
    /// The tag.
    pub fn tag(&self) -> &Tag {
        match self {
            Self::Added(tag) | Self::Removed(tag) | Self::Moved(tag) => tag,
        }
    }
}

/// `+1.1.0`, `-1.0.0`, `~latest`
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self {
            Self::Added(_) => '+',
            Self::Removed(_) => '-',
            Self::Moved(_) => '~',
        };
        write!(f, "{sign}{}", self.tag())
    }
}

/// The differences between two scans in ascending byte order of the tags, made by [`Scan::changes_since`]. They are found as
/// they are asked for: nothing is collected.
#[derive(Debug, Clone)]
#[must_use = "an iterator does nothing until it is asked"]
pub struct Changes<'a> {
    older: Side<'a>,
    newer: Side<'a>,
}

impl<'a> Changes<'a> {
    pub(super) fn new(older: &'a Scan, newer: &'a Scan) -> Self {
        Self { older: Side::new(older), newer: Side::new(newer) }
    }
}

impl Iterator for Changes<'_> {
    type Item = Change;

    fn next(&mut self) -> Option<Change> {
        let Self { older, newer } = self;
        loop {
            let order = match (older.tag(), newer.tag()) {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(older), Some(newer)) => older.cmp(newer),
            };
            match order {
                Ordering::Less => return older.take().map(Change::Removed),
                Ordering::Greater => return newer.take().map(Change::Added),
                Ordering::Equal => {
                    let marks = [older.reader.mark(), newer.reader.mark()];
                    older.advance();
                    if marks[0] != marks[1] && !marks.contains(&NO_MARK) {
                        return newer.take().map(Change::Moved);
                    }
                    newer.advance();
                }
            }
        }
    }
}

impl FusedIterator for Changes<'_> {}

/// A place in one of the two scans.
#[derive(Debug, Clone)]
struct Side<'a> {
    reader: Reader<'a>,
    is_at_tag: bool,
}

impl<'a> Side<'a> {
    fn new(scan: &'a Scan) -> Self {
        let mut side = Self { reader: Reader::new(&scan.tags), is_at_tag: true };
        side.advance();
        side
    }

    fn advance(&mut self) {
        self.is_at_tag = self.is_at_tag && self.reader.advance();
    }

    fn tag(&self) -> Option<&str> {
        self.is_at_tag.then(|| self.reader.tag())
    }

    fn take(&mut self) -> Option<Tag> {
        let tag = self.tag().map(Tag::of_checked);
        self.advance();
        tag
    }
}
