//! Go's pattern language, read into the syntax tree of the engine.
//!
//! What is accepted and what it means follows Go's [`regexp/syntax`](https://pkg.go.dev/regexp/syntax) with the flags
//! that [`regexp.Compile`](https://pkg.go.dev/regexp#Compile) sets: `{` may be literal, `\Q…\E`, octal escapes, group names that
//! begin with a digit or occur twice, `\d \w \s \b` in ASCII, a limit of 1000 on repeat counts and on their product.

use regex_syntax::hir::{Capture, Class, ClassUnicode, ClassUnicodeRange, Dot, Hir, Look, Repetition};

use super::class;

/// A pattern as a syntax tree, with its groups kept beside it: the engine refuses names that occur twice.
pub(super) struct Parsed {
    pub(super) hir: Hir,
    /// The name of each group; the first stands for the whole match.
    pub(super) groups: Vec<Option<Box<str>>>,
}

/// The part of a pattern that Go does not accept, and why.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) part: String,
    pub(super) problem: &'static str,
    /// Whether Go accepts it, and only we do not.
    pub(super) ours: bool,
}

impl Fault {
    pub(super) fn new(part: impl Into<String>, problem: &'static str) -> Self {
        Self { part: part.into(), problem, ours: false }
    }
}

pub(super) fn parse(pattern: &str) -> Result<Parsed, Fault> {
    let mut parser = Parser {
        rest: pattern,
        flags: Flags::default(),
        current: Frame::default(),
        outer: Vec::new(),
        groups: vec![None],
        may_repeat: true,
        height: 0,
    };
    while !parser.rest.is_empty() {
        parser.step()?;
    }
    if !parser.outer.is_empty() {
        return Err(Fault::new("", "has a group without its closing parenthesis"));
    }
    // Said last, so that a pattern which Go refuses too is refused as invalid.
    if parser.height > OUR_MAX_HEIGHT {
        let problem = "nests more than 250 deep, which Go takes and this crate does not";
        return Err(Fault { ours: true, ..Fault::new("", problem) });
    }
    Ok(Parsed { hir: parser.current.close().hir, groups: parser.groups })
}

/// The limits of Go's parser on repeat counts, on the height of the tree and on the size of the program.
const MAX_REPEAT: u32 = 1000;
const MAX_HEIGHT: u32 = 1000;
/// The engine compiles the tree by recursion, and a stack overflow would end the process.
const OUR_MAX_HEIGHT: u32 = 250;
const MAX_SIZE: u64 = (128 << 20) / 40;

#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "the flags i, m, s and U of a pattern")]
pub(super) struct Flags {
    pub(super) fold_case: bool,
    multi_line: bool,
    dot_matches_newline: bool,
    swap_greed: bool,
}

/// A piece of the tree with what Go's limits are measured by.
struct Piece {
    hir: Hir,
    height: u32,
    size: u64,
    /// The least limit under which the nested repeat counts are valid.
    repeats: u32,
    /// Joins of joins do not add to the height.
    join: Option<Join>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Join {
    Concat,
    Alternate,
}

impl Piece {
    fn leaf(hir: Hir) -> Self {
        Self { hir, height: 1, size: 1, repeats: 0, join: None }
    }

    /// Several pieces in one; a single one stays as it is.
    fn join(mut pieces: Vec<Self>, join: Join) -> Self {
        match pieces.len() {
            0 => return Self::leaf(Hir::empty()),
            1 => return pieces.remove(0),
            _ => {}
        }
        let below = |piece: &Self| piece.height - u32::from(piece.join == Some(join));
        let height = 1 + pieces.iter().map(below).max().unwrap_or(0);
        let size = pieces.iter().map(|piece| piece.size).sum::<u64>()
            + if join == Join::Alternate { pieces.len() as u64 - 1 } else { 0 };
        let repeats = pieces.iter().map(|piece| piece.repeats).max().unwrap_or(0);
        let hirs = pieces.into_iter().map(|piece| piece.hir).collect();
        let hir = match join {
            Join::Concat => Hir::concat(hirs),
            Join::Alternate => Hir::alternation(hirs),
        };
        Self { hir, height, size, repeats, join: Some(join) }
    }
}

enum Group {
    Plain,
    Capturing(Option<Box<str>>),
}

/// An open group, or the pattern itself.
#[derive(Default)]
struct Frame {
    /// The index of a capturing group.
    capture: Option<u32>,
    flags_outside: Flags,
    alternatives: Vec<Piece>,
    concat: Vec<Piece>,
}

impl Frame {
    fn bar(&mut self) {
        let concat = std::mem::take(&mut self.concat);
        self.alternatives.push(Piece::join(concat, Join::Concat));
    }

    fn close(mut self) -> Piece {
        self.bar();
        let inner = Piece::join(self.alternatives, Join::Alternate);
        let Some(index) = self.capture else { return inner };
        let capture = Capture { index, name: None, sub: Box::new(inner.hir) };
        Piece {
            hir: Hir::capture(capture),
            height: inner.height + 1,
            size: inner.size + 2,
            repeats: inner.repeats,
            join: None,
        }
    }
}

struct Parser<'p> {
    rest: &'p str,
    flags: Flags,
    current: Frame,
    /// The frames around the current one, outermost first.
    outer: Vec<Frame>,
    groups: Vec<Option<Box<str>>>,
    /// False right behind a repetition, where Go admits no second one.
    may_repeat: bool,
    /// The greatest height of any piece so far.
    height: u32,
}

impl<'p> Parser<'p> {
    /// Reads one element.
    fn step(&mut self) -> Result<(), Fault> {
        let before = self.rest;
        let mut chars = before.chars();
        let Some(char) = chars.next() else { return Ok(()) };
        self.rest = chars.as_str();
        let may_repeat = std::mem::replace(&mut self.may_repeat, true);
        match char {
            '(' if self.rest.starts_with('?') => self.special_group(before),
            '(' => self.open(Group::Capturing(None)),
            '|' => {
                self.current.bar();
                Ok(())
            }
            ')' => self.close(),
            '^' => self.look(if self.flags.multi_line { Look::StartLF } else { Look::Start }),
            '$' => self.look(if self.flags.multi_line { Look::EndLF } else { Look::End }),
            '.' => {
                let dot = if self.flags.dot_matches_newline { Dot::AnyChar } else { Dot::AnyCharExceptLF };
                self.push(Hir::dot(dot))
            }
            '[' => {
                let (class, rest) = class::bracketed(before, self.flags)?;
                self.rest = rest;
                self.push(Hir::class(Class::Unicode(class)))
            }
            '*' => self.repeat(0, None, before, may_repeat),
            '+' => self.repeat(1, None, before, may_repeat),
            '?' => self.repeat(0, Some(1), before, may_repeat),
            '{' => match counts(self.rest) {
                None => self.literal('{'),
                Some((counts, rest)) => {
                    self.rest = rest;
                    let (min, max) = counts.ok_or_else(|| {
                        Fault::new(consumed(before, rest), "repeats more than 1000 times, or backwards")
                    })?;
                    self.repeat(min, max, before, may_repeat)
                }
            },
            '\\' => self.escape(before),
            literal => self.literal(literal),
        }
    }

    fn escape(&mut self, before: &'p str) -> Result<(), Fault> {
        let look = match self.rest.as_bytes().first() {
            Some(b'A') => Some(Look::Start),
            Some(b'z') => Some(Look::End),
            Some(b'b') => Some(Look::WordAscii),
            Some(b'B') => Some(Look::WordAsciiNegate),
            _ => None,
        };
        if let Some(look) = look {
            self.rest = &self.rest[1..];
            return self.look(look);
        }
        if let Some(quoted) = self.rest.strip_prefix('Q') {
            let (text, rest) = quoted.split_once("\\E").unwrap_or((quoted, ""));
            self.rest = rest;
            return text.chars().try_for_each(|char| self.literal(char));
        }
        if let Some((class, rest)) = class::escaped(before, self.flags)? {
            self.rest = rest;
            return self.push(Hir::class(Class::Unicode(class)));
        }
        let (code, rest) = class::character(before)?;
        self.rest = rest;
        match char::from_u32(code) {
            Some(char) => self.literal(char),
            // Half a surrogate pair, which no text contains.
            None => self.push(Hir::fail()),
        }
    }

    /// Reads what follows `(?`: a named group, or flags with or without a group.
    fn special_group(&mut self, before: &'p str) -> Result<(), Fault> {
        let inside = &self.rest[1..];
        if let Some(name) = inside.strip_prefix("P<").or_else(|| inside.strip_prefix('<')) {
            // Go looks for a name only if something follows the bracket.
            if !name.is_empty() {
                return self.named_group(before, name);
            }
        }
        let mut flags = self.flags;
        let (mut negate, mut seen) = (false, false);
        for (at, char) in inside.char_indices() {
            match char {
                'i' => flags.fold_case = !negate,
                'm' => flags.multi_line = !negate,
                's' => flags.dot_matches_newline = !negate,
                'U' => flags.swap_greed = !negate,
                '-' if !negate => {
                    (negate, seen) = (true, false);
                    continue;
                }
                ':' | ')' if seen || !negate => {
                    self.rest = &inside[at + 1..];
                    if char == ':' {
                        self.open(Group::Plain)?;
                    }
                    self.flags = flags;
                    return Ok(());
                }
                _ => {
                    let part = consumed(before, &inside[at + char.len_utf8()..]);
                    return Err(Fault::new(part, "is Perl syntax that Go does not have"));
                }
            }
            seen = true;
        }
        Err(Fault::new(before, "is Perl syntax that Go does not have"))
    }

    fn named_group(&mut self, before: &'p str, name: &'p str) -> Result<(), Fault> {
        let (name, rest) = name
            .split_once('>')
            .filter(|(name, _)| {
                !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            })
            .ok_or_else(|| {
                let part = before.find('>').map_or(before, |end| &before[..=end]);
                Fault::new(part, "is not a group name of ASCII letters, digits and underscores")
            })?;
        self.rest = rest;
        self.open(Group::Capturing(Some(name.into())))
    }

    fn open(&mut self, group: Group) -> Result<(), Fault> {
        let capture = match group {
            Group::Plain => None,
            Group::Capturing(name) => {
                self.groups.push(name);
                let index = u32::try_from(self.groups.len() - 1);
                Some(index.map_err(|_| Fault::new("", "has too many groups"))?)
            }
        };
        let frame = Frame { capture, flags_outside: self.flags, ..Frame::default() };
        self.outer.push(std::mem::replace(&mut self.current, frame));
        Ok(())
    }

    fn close(&mut self) -> Result<(), Fault> {
        let Some(outer) = self.outer.pop() else {
            return Err(Fault::new("", "has a closing parenthesis without a group"));
        };
        let frame = std::mem::replace(&mut self.current, outer);
        self.flags = frame.flags_outside;
        self.push_piece(frame.close())
    }

    fn repeat(&mut self, min: u32, max: Option<u32>, before: &str, may_repeat: bool) -> Result<(), Fault> {
        let mut greedy = !self.flags.swap_greed;
        if let Some(rest) = self.rest.strip_prefix('?') {
            self.rest = rest;
            greedy = !greedy;
        }
        let part = consumed(before, self.rest);
        self.may_repeat = false;
        if !may_repeat {
            return Err(Fault::new(part, "repeats a repetition"));
        }
        let Some(piece) = self.current.concat.pop() else {
            return Err(Fault::new(part, "has nothing to repeat"));
        };
        let counted = before.starts_with('{');
        // Star, plus and question mark are not counted; a count of at most 0 hides what is inside.
        let repeats = match (counted, max.unwrap_or(min), max) {
            (false, ..) | (_, 0, None) => piece.repeats,
            (_, 0, Some(_)) => 0,
            (_, count, _) => count.saturating_mul(piece.repeats.max(1)),
        };
        if counted && (min >= 2 || max.is_some_and(|max| max >= 2)) && repeats > MAX_REPEAT {
            return Err(Fault::new(part, "repeats more than 1000 times together with what it repeats"));
        }
        let size = match max {
            None if min == 0 => piece.size + 2,
            None => 1 + u64::from(min) * piece.size,
            Some(max) => (u64::from(max) * piece.size + u64::from(max - min)).max(1),
        };
        let repetition = Repetition { min, max, greedy, sub: Box::new(piece.hir) };
        let hir = Hir::repetition(repetition);
        self.push_piece(Piece { hir, height: piece.height + 1, size, repeats, join: None })
    }

    fn literal(&mut self, char: char) -> Result<(), Fault> {
        let mut class = ClassUnicode::new([ClassUnicodeRange::new(char, char)]);
        if self.flags.fold_case {
            class.case_fold_simple();
        }
        self.push(Hir::class(Class::Unicode(class)))
    }

    fn look(&mut self, look: Look) -> Result<(), Fault> {
        self.push(Hir::look(look))
    }

    fn push(&mut self, hir: Hir) -> Result<(), Fault> {
        self.push_piece(Piece::leaf(hir))
    }

    fn push_piece(&mut self, piece: Piece) -> Result<(), Fault> {
        if piece.height > MAX_HEIGHT {
            return Err(Fault::new("", "nests more than 1000 deep"));
        }
        self.height = self.height.max(piece.height);
        if piece.size > MAX_SIZE {
            return Err(Fault::new("", "is too large"));
        }
        self.current.concat.push(piece);
        Ok(())
    }
}

/// What lies between two positions of the pattern.
pub(super) fn consumed<'p>(before: &'p str, rest: &str) -> &'p str {
    &before[..before.len() - rest.len()]
}

type Counts = (u32, Option<u32>);

/// Reads `n}`, `n,}` or `n,m}` and what follows. `None` if it has another form and the brace is literal, `Some(None)`
/// if the counts are not valid.
fn counts(text: &str) -> Option<(Option<Counts>, &str)> {
    let (min, rest) = count(text)?;
    let (max, rest) = match rest.strip_prefix(',') {
        None => (Some(min), rest),
        Some(rest) if rest.starts_with('}') => (None, rest),
        Some(rest) => count(rest).map(|(max, rest)| (Some(max), rest))?,
    };
    let rest = rest.strip_prefix('}')?;
    let valid = min <= MAX_REPEAT && max.is_none_or(|max| min <= max && max <= MAX_REPEAT);
    Some((valid.then_some((min, max)), rest))
}

/// A number without leading zeros; one that does not fit is too large in any case.
fn count(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at(text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len()));
    if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    Some((digits.parse().unwrap_or(u32::MAX), rest))
}
