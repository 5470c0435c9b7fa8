//! Texts that are almost right.

use std::fmt;

use proptest::prelude::*;
use proptest::sample::Index;

/// A sample after some edits. `Debug` shows it as a byte string.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Mutant(pub(crate) Vec<u8>);

impl Mutant {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl fmt::Debug for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

/// Texts made of one of `samples` by a few edits, or none; `words` are what means something in the language.
pub(crate) fn mutants<S: AsRef<[u8]>>(
    samples: &[S],
    words: &[&str],
) -> impl Strategy<Value = Mutant> + use<S> {
    let samples: Vec<Vec<u8>> = samples.iter().map(|sample| sample.as_ref().to_vec()).collect();
    let words: Vec<Vec<u8>> = words.iter().chain(WORDS).map(|word| word.as_bytes().to_vec()).collect();
    let edits = prop::collection::vec(edit(), 0..6);
    (any::<Index>(), edits).prop_map(move |(sample, edits)| {
        let mut bytes = sample.get(&samples).clone();
        for edit in edits {
            edit.apply(&mut bytes, &samples, &words);
        }
        Mutant(bytes)
    })
}

/// Means something nearly everywhere.
const WORDS: &[&str] = &[
    "",
    " ",
    "\0",
    "\t",
    "\n",
    "\r\n",
    "\r",
    "\u{7f}",
    "\u{feff}",
    "\u{202e}",
    "\u{ff0e}",
    "é",
    "/",
    "//",
    "\\",
    "..",
    "@",
    ":",
    "?",
    "#",
    "%",
    "%00",
    "%0d%0a",
    "%2f",
    "\"",
    "'",
    ",",
    ";",
    "=",
    "<",
    ">",
    "{",
    "}",
    "[",
    "]",
    "*",
    "&",
    "0",
    "-1",
    "1e999",
    "18446744073709551616",
    "null",
    "true",
    "evil.example",
    "https://evil.example/",
    "localhost",
    "127.0.0.1",
    "169.254.169.254",
    "[::1]",
    "\u{1f600}",
];

#[derive(Clone, Debug)]
enum Edit {
    Flip(Index, u8),
    Set(Index, u8),
    Insert(Index, Index),
    Cut(Index, Index),
    Repeat(Index, Index, usize),
    Splice(Index, Index, Index),
    End(Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), at()).prop_map(|(to, word)| Edit::Insert(to, word)),
        2 => (at(), 0..8_u8).prop_map(|(at, bit)| Edit::Flip(at, bit)),
        1 => (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        2 => (at(), at()).prop_map(|(from, to)| Edit::Cut(from, to)),
        2 => (at(), at(), prop_oneof![9 => 1..4_usize, 1 => 100..3000_usize])
            .prop_map(|(from, to, times)| Edit::Repeat(from, to, times)),
        2 => (at(), at(), at()).prop_map(|(sample, from, to)| Edit::Splice(sample, from, to)),
        1 => at().prop_map(Edit::End),
    ]
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>, samples: &[Vec<u8>], words: &[Vec<u8>]) {
        let place = |index: &Index, length: usize| index.index(length + 1);
        let range = |from: &Index, to: &Index, length: usize| {
            let (a, b) = (place(from, length), place(to, length));
            a.min(b)..a.max(b)
        };
        let length = bytes.len();
        match self {
            Self::Flip(at, bit) if length > 0 => bytes[at.index(length)] ^= 1 << bit,
            Self::Set(at, byte) if length > 0 => bytes[at.index(length)] = *byte,
            Self::Flip(..) | Self::Set(..) => {}
            Self::Insert(at, word) => {
                let at = place(at, length);
                bytes.splice(at..at, word.get(words).iter().copied());
            }
            Self::Cut(from, to) => {
                bytes.drain(range(from, to, length));
            }
            Self::Repeat(from, to, times) => {
                let range = range(from, to, length);
                // Many times of a few bytes, or a few of many.
                let times = (*times).min(64 * 1024 / range.len().max(1));
                let part = bytes[range.clone()].repeat(times);
                bytes.splice(range.end..range.end, part);
            }
            Self::Splice(sample, from, to) => {
                let sample = sample.get(samples);
                let part = &sample[range(from, to, sample.len())];
                let at = place(to, length);
                bytes.splice(at..at, part.iter().copied());
            }
            Self::End(at) => bytes.truncate(place(at, length)),
        }
    }
}
