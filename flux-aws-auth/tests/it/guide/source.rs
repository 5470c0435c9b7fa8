//! The texts in this crate's source: what it can say.

use std::fmt;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::page::{matches, plain};

/// What reads like a remedy and is none: what doctor says of two orders, and of a pod where all is well.
const NOT_REMEDIES: [&str; 4] = [
    "They differ: this program uses …, an AWS SDK ….",
    "They differ.",
    "Both come to the same source.",
    "Nothing wrong was found.",
];

/// A text of whole sentences. Messages are clauses, so what begins with a capital letter and ends with a full stop tells people
/// what to do.
pub(super) struct Sentence {
    file: PathBuf,
    text: String,
}

impl Sentence {
    /// Whether this, as it may be filled in, is a remedy or a part of one.
    pub(super) fn is_in(&self, remedy: &str) -> bool {
        matches(&format!("…{}…", self.text), remedy)
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.text)
    }
}

pub(super) fn sentences() -> Vec<Sentence> {
    let is_sentence = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_uppercase()) && text.ends_with('.') && text.contains(' ')
    };
    let of_file = |(file, text): (PathBuf, String)| {
        let texts = literals(&text).into_iter().filter(|text| is_sentence(text));
        let texts = texts.filter(|text| !NOT_REMEDIES.contains(&text.as_str()));
        texts.map(move |text| Sentence { file: file.clone(), text }).collect::<Vec<_>>()
    };
    rust_files().into_iter().flat_map(of_file).collect()
}

/// Every text, with `…` for what is filled in.
pub(super) fn texts() -> Vec<String> {
    rust_files().iter().flat_map(|(_, text)| literals(text)).collect()
}

/// But for the stand-ins that users' tests are given: no program says what they say.
fn rust_files() -> Vec<(PathBuf, String)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = files(&source, "rs");
    files.retain(|(file, _)| !file.starts_with(source.join("test_util")));
    files
}

/// The files below a directory whose names end so, and what is in them.
#[expect(clippy::disallowed_methods, reason = "the source and the scenarios are files")]
pub(super) fn files(directory: &Path, extension: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|of_file| of_file == extension) {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found.sort();
    found
}

/// The texts of a file, but for those in its documentation and in its tests.
fn literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    collect(source.parse().unwrap(), &mut found);
    found
}

fn collect(tokens: TokenStream, found: &mut Vec<String>) {
    let mut is_test = false;
    for token in tokens {
        match token {
            TokenTree::Group(group) if is_attribute(&group) => {
                is_test = is_test || group.stream().to_string().replace(' ', "") == "cfg(test)";
            }
            TokenTree::Group(group) => {
                let skipped = std::mem::take(&mut is_test) && group.delimiter() == Delimiter::Brace;
                if !skipped {
                    collect(group.stream(), found);
                }
            }
            TokenTree::Literal(literal) => found.extend(text(&literal.to_string())),
            TokenTree::Punct(punct) if punct.as_char() == ';' => is_test = false,
            _ => {}
        }
    }
}

fn is_attribute(group: &Group) -> bool {
    let first = group.stream().into_iter().next().map(|token| token.to_string());
    group.delimiter() == Delimiter::Bracket
        && first.is_some_and(|word| matches!(word.as_str(), "doc" | "cfg" | "cfg_attr" | "expect" | "allow"))
}

/// A literal's text as it is shown, with `…` for each place that is filled in.
fn text(literal: &str) -> Option<String> {
    let inner = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::new();
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next()? {
                '\n' => while chars.next_if(|c| c.is_whitespace()).is_some() {},
                escaped => text.push(escaped),
            },
            '{' | '}' if chars.next_if_eq(&c).is_some() => text.push(c),
            '{' => {
                chars.by_ref().find(|c| *c == '}');
                text.push('…');
            }
            c => text.push(c),
        }
    }
    Some(plain(&text))
}
