//! A quick way to search for patterns of a common shape.
//!
//! Most filters are `^`, literals, runs of a character class, one group, perhaps `$`. Where no choice of such a pattern can
//! ever have to be taken back, one pass over the bytes finds what the engine finds, captures included, without the
//! engine's cost of reporting captures. Patterns of other shapes, and texts beyond ASCII, go to the engine.

use regex_automata::util::primitives::NonMaxUsize;
use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

/// A pattern as steps that are taken from left to right.
#[derive(Debug)]
pub(super) struct Shape {
    steps: Vec<Step>,
    /// The run before it takes what is left in the middle: the steps from here on have a fixed length and reach to the
    /// end of the text.
    tail: Option<Tail>,
}

#[derive(Debug)]
enum Step {
    Literal(Box<[u8]>),
    OptionalLiteral(Box<[u8]>),
    Run { set: Set, min: usize, max: usize },
    Open(usize),
    Close(usize),
    End,
}

#[derive(Debug)]
struct Tail {
    /// The index of the run.
    run: usize,
    /// How many bytes follow it.
    length: usize,
}

impl Shape {
    /// `None` if the pattern has another shape.
    pub(super) fn of(hir: &Hir) -> Option<Self> {
        let HirKind::Concat(parts) = hir.kind() else { return None };
        let (start, parts) = parts.split_first()?;
        if *start.kind() != HirKind::Look(Look::Start) {
            return None;
        }
        let mut steps = Vec::new();
        parts.iter().try_for_each(|part| flatten(part, &mut steps))?;
        let ends = steps.iter().filter(|step| matches!(step, Step::End)).count();
        if ends > 1 || (ends == 1 && !matches!(steps.last(), Some(Step::End))) {
            return None;
        }
        let mut tail = None;
        for (index, step) in steps.iter().enumerate() {
            let rest = &steps[index + 1..];
            let takes = match step {
                Step::OptionalLiteral(literal) => Set::of_byte(literal[0]),
                Step::Run { set, min, max } if min != max => set.clone(),
                _ => continue,
            };
            if !takes.overlaps(&first_bytes(rest)) {
                continue;
            }
            let length = fixed_length(rest).filter(|_| matches!(step, Step::Run { .. }))?;
            tail = Some(Tail { run: index, length });
        }
        Some(Self { steps, tail })
    }

    /// Searches an ASCII text, and reports as many groups as `slots` has room for.
    #[inline]
    pub(super) fn find(&self, text: &[u8], slots: &mut [Option<NonMaxUsize>]) -> bool {
        let mut at = 0;
        for (index, step) in self.steps.iter().enumerate() {
            match step {
                Step::Literal(literal) => {
                    if !begins_with(&text[at..], literal) {
                        return false;
                    }
                    at += literal.len();
                }
                Step::OptionalLiteral(literal) => {
                    if begins_with(&text[at..], literal) {
                        at += literal.len();
                    }
                }
                Step::Run { set, min, max } => {
                    let rest = &text[at..];
                    let end = match &self.tail {
                        Some(tail) if tail.run == index => {
                            let Some(length) = rest.len().checked_sub(tail.length) else { return false };
                            if length > *max || !rest[..length].iter().all(|&byte| set.has(byte)) {
                                return false;
                            }
                            length
                        }
                        _ => {
                            let most = &rest[..rest.len().min(*max)];
                            let mut length = 0;
                            while length < most.len() && set.has(most[length]) {
                                length += 1;
                            }
                            length
                        }
                    };
                    if end < *min {
                        return false;
                    }
                    at += end;
                }
                Step::Open(group) => report(slots, 2 * group, at),
                Step::Close(group) => report(slots, 2 * group + 1, at),
                Step::End => {
                    if at != text.len() {
                        return false;
                    }
                }
            }
        }
        report(slots, 0, 0);
        report(slots, 1, at);
        true
    }
}

/// Without a call for the single characters of which most literals consist.
#[inline]
fn begins_with(text: &[u8], literal: &[u8]) -> bool {
    match literal {
        [byte] => text.first() == Some(byte),
        literal => text.starts_with(literal),
    }
}

#[inline]
fn report(slots: &mut [Option<NonMaxUsize>], slot: usize, at: usize) {
    if let Some(slot) = slots.get_mut(slot) {
        *slot = NonMaxUsize::new(at);
    }
}

fn flatten(hir: &Hir, steps: &mut Vec<Step>) -> Option<()> {
    match hir.kind() {
        HirKind::Empty => {}
        HirKind::Literal(literal) if literal.0.is_ascii() => steps.push(Step::Literal(literal.0.clone())),
        HirKind::Class(class) => steps.push(Step::Run { set: Set::of_class(class)?, min: 1, max: 1 }),
        HirKind::Look(Look::End) => steps.push(Step::End),
        HirKind::Repetition(repetition) => steps.push(repeated(repetition)?),
        HirKind::Capture(capture) => {
            let group = usize::try_from(capture.index).ok()?;
            steps.push(Step::Open(group));
            flatten(&capture.sub, steps)?;
            steps.push(Step::Close(group));
        }
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| flatten(part, steps))?,
        _ => return None,
    }
    Some(())
}

fn repeated(repetition: &Repetition) -> Option<Step> {
    let min = usize::try_from(repetition.min).ok()?;
    let max = repetition.max.map_or(Some(usize::MAX), |max| usize::try_from(max).ok())?;
    if !repetition.greedy && min != max {
        return None;
    }
    match repetition.sub.kind() {
        HirKind::Class(class) => Some(Step::Run { set: Set::of_class(class)?, min, max }),
        HirKind::Literal(literal) if literal.0.is_ascii() => match (&*literal.0, min, max) {
            (literal, 0, 1) => Some(Step::OptionalLiteral(literal.into())),
            (&[byte], ..) => Some(Step::Run { set: Set::of_byte(byte), min, max }),
            _ => None,
        },
        _ => None,
    }
}

/// The bytes with which the steps can begin, those of steps that may be empty included.
fn first_bytes(steps: &[Step]) -> Set {
    let mut first = Set::default();
    for step in steps {
        match step {
            Step::Literal(literal) => {
                first.add(&Set::of_byte(literal[0]));
                break;
            }
            Step::OptionalLiteral(literal) => first.add(&Set::of_byte(literal[0])),
            Step::Run { set, min, max } => {
                if *max > 0 {
                    first.add(set);
                }
                if *min > 0 {
                    break;
                }
            }
            Step::Open(_) | Step::Close(_) => {}
            Step::End => break,
        }
    }
    first
}

/// How many bytes steps take that reach to the end and leave no choice.
fn fixed_length(steps: &[Step]) -> Option<usize> {
    matches!(steps.last(), Some(Step::End)).then_some(())?;
    steps.iter().try_fold(0_usize, |length, step| match step {
        Step::Literal(literal) => length.checked_add(literal.len()),
        Step::Run { min, max, .. } if min == max => length.checked_add(*min),
        Step::Open(_) | Step::Close(_) | Step::End => Some(length),
        Step::OptionalLiteral(_) | Step::Run { .. } => None,
    })
}

/// A set of ASCII characters.
#[derive(Clone, Debug)]
struct Set(Box<[bool; 256]>);

impl Default for Set {
    fn default() -> Self {
        Self(Box::new([false; 256]))
    }
}

impl Set {
    fn of_byte(byte: u8) -> Self {
        let mut set = Self::default();
        set.0[usize::from(byte)] = true;
        set
    }

    fn of_class(class: &Class) -> Option<Self> {
        let Class::Unicode(class) = class else { return None };
        let mut set = Self::default();
        for char in '\0'..='\x7f' {
            let in_class = class.ranges().iter().any(|range| range.start() <= char && char <= range.end());
            set.0[char as usize] = in_class;
        }
        Some(set)
    }

    #[inline]
    fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte)]
    }

    fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0.iter()).for_each(|(own, other)| *own |= other);
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0.iter()).any(|(own, other)| *own && *other)
    }
}
