//! From tags as they arrive to a sorted set, in little more memory than the set takes.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::vec::IntoIter;

use super::set::{Block, BlockReader, Mark, NO_MARK, TagSet, TagSetWriter};
use super::{Listing, Scan};
use crate::image::{Digest, ImageName};
use crate::tags::TagEntry;

/// Tags as they arrive, in any order and perhaps twice.
///
/// They are collected as they come, and sorted and front-coded whenever there are enough of them. In the end those runs are
/// merged, each block let go as soon as it is read.
#[derive(Debug, Default)]
pub(crate) struct ScanBuilder {
    arrived: Arrived,
    runs: Vec<TagSet>,
    has_marks: bool,
}

/// Tags in order of arrival, end to end.
#[derive(Debug, Default)]
struct Arrived {
    text: String,
    ends: Vec<u32>,
    marks: Vec<Mark>,
}

impl ScanBuilder {
    /// Keeps a mark of each tag's digest, so that a move can be told.
    pub(crate) fn tracking_moves(has_marks: bool) -> Self {
        Self { has_marks, ..Self::default() }
    }

    pub(crate) fn push(&mut self, entry: &TagEntry) {
        if self.arrived.text.len() >= RUN_BYTES {
            self.end_run();
        }
        self.arrived.text.push_str(entry.tag().as_str());
        // A run ends long before four gigabytes.
        self.arrived.ends.push(u32::try_from(self.arrived.text.len()).unwrap_or(u32::MAX));
        if self.has_marks {
            self.arrived.marks.push(entry.digest().map_or(NO_MARK, mark_of));
        }
    }

    pub(crate) fn finish(mut self, image: ImageName, listing: Listing) -> Scan {
        self.end_run();
        drop(self.arrived);
        let tags = match self.runs.len() {
            0 | 1 => self.runs.pop().unwrap_or_else(|| TagSetWriter::new(self.has_marks).finish()),
            _ => merged(self.runs, self.has_marks),
        };
        Scan { image, tags, listing }
    }

    fn end_run(&mut self) {
        let Arrived { text, ends, marks } = &mut self.arrived;
        if ends.is_empty() {
            return;
        }
        let tag = |index: u32| {
            let end = |index: usize| ends.get(index).map_or(0, |&end| end as usize);
            let start = (index as usize).checked_sub(1).map_or(0, end);
            text.get(start..end(index as usize)).unwrap_or_default()
        };
        // The head of a tag decides most comparisons without a look at the tag itself.
        let mut order: Vec<(u64, u32)> =
            (0..).take(ends.len()).map(|index| (head(tag(index)), index)).collect();
        // Of a tag that was listed twice, the first to arrive comes first.
        order.sort_unstable_by(|&(one_head, one), &(other_head, other)| {
            let by_tag = || tag(one).cmp(tag(other)).then(one.cmp(&other));
            one_head.cmp(&other_head).then_with(by_tag)
        });
        let mut run = TagSetWriter::new(self.has_marks);
        for (_, index) in order {
            run.push(tag(index), marks.get(index as usize).copied().unwrap_or(NO_MARK));
        }
        self.runs.push(run.finish());
        text.clear();
        ends.clear();
        marks.clear();
    }
}

/// The first eight bytes of a tag, as a number that has their order.
fn head(tag: &str) -> u64 {
    let mut bytes = [0; 8];
    for (byte, of_tag) in bytes.iter_mut().zip(tag.bytes()) {
        *byte = of_tag;
    }
    u64::from_be_bytes(bytes)
}

/// How many bytes of tags are sorted at once: few enough to lie in a processor's cache.
const RUN_BYTES: usize = 256 * 1024;

fn merged(runs: Vec<TagSet>, has_marks: bool) -> TagSet {
    let mut heads: BinaryHeap<Run> = runs.into_iter().enumerate().filter_map(Run::begin).collect();
    let mut all = TagSetWriter::new(has_marks);
    while let Some(mut least) = heads.peek_mut() {
        all.push(least.reader.tag(), least.reader.mark(&least.block));
        if !least.advance() {
            PeekMut::pop(least);
        }
    }
    all.finish()
}

/// A run that is being read. The greatest is the one whose tag comes first; of equal ones, that which arrived first.
struct Run {
    number: usize,
    head: u64,
    block: Block,
    reader: BlockReader,
    behind: IntoIter<Block>,
}

impl Run {
    fn begin((number, run): (usize, TagSet)) -> Option<Self> {
        let mut behind = run.into_blocks();
        let block = behind.next()?;
        let mut run = Self { number, head: 0, block, reader: BlockReader::default(), behind };
        run.advance().then_some(run)
    }

    fn advance(&mut self) -> bool {
        while !self.reader.advance(&self.block) {
            let Some(next) = self.behind.next() else { return false };
            self.block = next;
            self.reader.rewind();
        }
        self.head = head(self.reader.tag());
        true
    }
}

impl Ord for Run {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_tag = || other.reader.tag().cmp(self.reader.tag()).then(other.number.cmp(&self.number));
        other.head.cmp(&self.head).then_with(by_tag)
    }
}

impl PartialOrd for Run {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Run {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Run {}

/// The first 64 bits of a digest, which are as good as random.
fn mark_of(digest: &Digest) -> Mark {
    let hex = digest.as_str().split_once(':').and_then(|(_, hex)| hex.get(..16));
    hex.and_then(|hex| Mark::from_str_radix(hex, 16).ok()).unwrap_or(NO_MARK)
}
