//! A sorted set of tags, front-coded: of each tag only what differs from the one before it.

use std::cmp::Ordering;

use crate::image::Tag;

/// Tags in ascending byte order, each once, in blocks of [`BLOCK`] that can be read alone.
#[derive(Debug, Clone, Default)]
pub(super) struct TagSet {
    blocks: Vec<Block>,
    len: usize,
    has_marks: bool,
}

/// What is kept of a digest: its first 64 bits. [`NO_MARK`] where there was none.
pub(super) type Mark = u64;

/// The mark of a tag whose digest is not known.
pub(super) const NO_MARK: Mark = 0;

/// How many tags a block has; the last one may have fewer. The longer it is, the less is repeated, and the more is read to
/// find one tag.
pub(super) const BLOCK: usize = 64;

/// A few neighbouring tags, and their marks if there are any.
///
/// Each tag is two characters and what is its own: how many bytes it shares with the tag before it, how many follow less
/// one, and those. A tag has at most 128 bytes, all of them ASCII, so that both numbers are ASCII characters too, and the
/// whole is text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) text: Box<str>,
    pub(super) marks: Box<[Mark]>,
}

impl TagSet {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn has_marks(&self) -> bool {
        self.has_marks
    }

    pub(super) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    pub(super) fn into_blocks(self) -> std::vec::IntoIter<Block> {
        self.blocks.into_iter()
    }

    pub(super) fn contains(&self, tag: &str) -> bool {
        let after = self.blocks.partition_point(|block| block.first() <= tag);
        after.checked_sub(1).and_then(|at| self.blocks.get(at)).is_some_and(|block| block.contains(tag))
    }

    pub(super) fn for_each(&self, mut visit: impl FnMut(&str)) {
        for block in &self.blocks {
            let mut reader = BlockReader::default();
            while reader.advance(block) {
                visit(reader.tag());
            }
        }
    }

    /// The same from the last to the first.
    pub(super) fn for_each_descending(&self, mut visit: impl FnMut(&str)) {
        let (mut text, mut ends) = (String::new(), Vec::with_capacity(BLOCK));
        for block in self.blocks.iter().rev() {
            text.clear();
            ends.clear();
            let mut reader = BlockReader::default();
            while reader.advance(block) {
                text.push_str(reader.tag());
                ends.push(text.len());
            }
            let mut end = ends.pop().unwrap_or_default();
            while end > 0 {
                let start = ends.pop().unwrap_or_default();
                visit(text.get(start..end).unwrap_or_default());
                end = start;
            }
        }
    }

    /// Whether both have the same tags, whatever their marks.
    pub(super) fn has_tags_of(&self, other: &Self) -> bool {
        let mut pairs = self.blocks.iter().zip(&other.blocks);
        self.len == other.len && pairs.all(|(one, other)| one.text == other.text)
    }
}

impl Block {
    /// The first tag of a block shares nothing.
    fn first(&self) -> &str {
        entry(&self.text).map_or("", |(_, own, _)| own)
    }

    /// Compares without putting a tag together: `common` is how much of `tag` the last one had, all of them being less.
    fn contains(&self, tag: &str) -> bool {
        let (mut rest, mut common) = (&*self.text, 0);
        while let Some((shared, own, behind)) = entry(rest) {
            rest = behind;
            if shared > common {
                continue;
            }
            if shared < common {
                return false;
            }
            let wanted = tag.get(common..).unwrap_or_default();
            match own.cmp(wanted) {
                Ordering::Less => common += common_prefix(own, wanted),
                Ordering::Equal => return true,
                Ordering::Greater => return false,
            }
        }
        false
    }

    pub(super) fn tags(&self) -> Vec<Tag> {
        let (mut reader, mut tags) = (BlockReader::default(), Vec::with_capacity(BLOCK));
        while reader.advance(self) {
            tags.push(Tag::of_checked(reader.tag()));
        }
        tags
    }
}

/// A place in a block, and the tag there.
#[derive(Debug, Clone, Default)]
pub(super) struct BlockReader {
    tag: String,
    at: usize,
    index: usize,
}

impl BlockReader {
    /// Goes to the next tag, or the first. False at the end of the block, or where it makes no sense.
    #[inline]
    pub(super) fn advance(&mut self, block: &Block) -> bool {
        let Some((shared, own, _)) = block.text.get(self.at..).and_then(entry) else { return false };
        if shared > self.tag.len() {
            return false;
        }
        self.tag.truncate(shared);
        self.tag.push_str(own);
        self.at += HEADER + own.len();
        self.index += 1;
        true
    }

    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    pub(super) fn mark(&self, block: &Block) -> Mark {
        self.index.checked_sub(1).and_then(|index| block.marks.get(index)).copied().unwrap_or(NO_MARK)
    }

    /// How many tags were read.
    pub(super) fn count(&self) -> usize {
        self.index
    }

    /// Whether nothing of the block is left.
    pub(super) fn is_at_end(&self, block: &Block) -> bool {
        self.at == block.text.len()
    }

    /// To the beginning of another block.
    pub(super) fn rewind(&mut self) {
        (self.at, self.index) = (0, 0);
        self.tag.clear();
    }
}

/// Takes tags in ascending order.
#[derive(Debug, Default)]
pub(super) struct TagSetWriter {
    set: TagSet,
    text: String,
    marks: Vec<Mark>,
    in_block: usize,
    last: String,
}

impl TagSetWriter {
    pub(super) fn new(has_marks: bool) -> Self {
        Self { set: TagSet { has_marks, ..TagSet::default() }, ..Self::default() }
    }

    /// Adds a tag if it is greater than the last one; of a tag that comes twice the first stays. False if it is less.
    #[inline]
    pub(super) fn push(&mut self, tag: &str, mark: Mark) -> bool {
        let mut shared = common_prefix(&self.last, tag);
        if !self.is_empty() {
            if self.last.as_bytes().get(shared) >= tag.as_bytes().get(shared) {
                return self.last == tag;
            }
            if self.in_block == BLOCK {
                self.end_block();
                shared = 0;
            }
        }
        if self.in_block == 0 {
            shared = 0;
        }
        let own = tag.get(shared..).unwrap_or_default();
        self.text.push(ascii(shared));
        self.text.push(ascii(own.len() - 1));
        self.text.push_str(own);
        if self.set.has_marks {
            self.marks.push(mark);
        }
        self.in_block += 1;
        self.last.truncate(shared);
        self.last.push_str(own);
        true
    }

    /// Adds a tag that must be greater than the last one. False if it is not.
    pub(super) fn push_new(&mut self, tag: &str, mark: Mark) -> bool {
        (self.is_empty() || *self.last < *tag) && self.push(tag, mark)
    }

    fn is_empty(&self) -> bool {
        self.set.len == 0 && self.in_block == 0
    }

    pub(super) fn finish(mut self) -> TagSet {
        self.end_block();
        self.set.blocks.shrink_to_fit();
        self.set
    }

    fn end_block(&mut self) {
        if self.in_block == 0 {
            return;
        }
        self.set.blocks.push(Block { text: self.text.as_str().into(), marks: self.marks.as_slice().into() });
        self.set.len += self.in_block;
        self.text.clear();
        self.marks.clear();
        self.in_block = 0;
    }
}

const HEADER: usize = 2;

/// What the tag at the beginning of `text` shares, what it has of its own, and what comes after it.
#[inline]
fn entry(text: &str) -> Option<(usize, &str, &str)> {
    let &[shared, length, ..] = text.as_bytes() else { return None };
    let (own, behind) = text.get(HEADER..)?.split_at_checked(usize::from(length) + 1)?;
    Some((usize::from(shared), own, behind))
}

#[inline]
fn common_prefix(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

/// A number below 128 as a character: of two tags that differ, one shares at most 127 bytes with the other.
#[inline]
fn ascii(number: usize) -> char {
    debug_assert!(number < 128, "a tag has at most 128 bytes");
    char::from(u8::try_from(number).unwrap_or_default() & 0x7f)
}
