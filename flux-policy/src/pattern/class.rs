//! Character classes and escapes, as Go reads them.

use std::sync::LazyLock;

use regex_syntax::ast::{self, Ast, ClassUnicodeKind, ClassUnicodeOpKind, Position, Span};
use regex_syntax::hir::translate::Translator;
use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};

use super::parse::{Fault, Flags, consumed};
use super::unicode_names::UNICODE_NAMES;

type Found<'p> = Option<(ClassUnicode, &'p str)>;

/// Reads a class in brackets, and what follows.
pub(super) fn bracketed(text: &str, flags: Flags) -> Result<(ClassUnicode, &str), Fault> {
    let mut rest = &text[1..];
    let negated = rest.starts_with('^');
    if negated {
        rest = &rest[1..];
    }
    let mut class = ClassUnicode::empty();
    let mut first = true;
    loop {
        if rest.starts_with(']') && !first {
            break;
        }
        first = false;
        let found = match posix(rest, flags)? {
            Some(found) => Some(found),
            None => escaped(rest, flags)?,
        };
        if let Some((item, behind)) = found {
            class.union(&item);
            rest = behind;
            continue;
        }
        let start = rest;
        let (low, behind) = class_character(rest, text)?;
        let (high, behind) = match behind.strip_prefix('-') {
            // A dash before the closing bracket stands for itself.
            Some(dashed) if !dashed.is_empty() && !dashed.starts_with(']') => class_character(dashed, text)?,
            _ => (low, behind),
        };
        if high < low {
            return Err(Fault::new(consumed(start, behind), "is a range that runs backwards"));
        }
        let mut range = scalars(low, high);
        if flags.fold_case {
            range.case_fold_simple();
        }
        class.union(&range);
        rest = behind;
    }
    if negated {
        class.negate();
    }
    Ok((class, &rest[1..]))
}

/// Reads a class that is written as an escape (`\d`, `\pL`, `\p{Greek}`), if one stands here.
pub(super) fn escaped(text: &str, flags: Flags) -> Result<Found<'_>, Fault> {
    let Some(letter) = text.strip_prefix('\\').and_then(|rest| rest.chars().next()) else { return Ok(None) };
    let ranges: &[(char, char)] = match letter.to_ascii_lowercase() {
        'd' => &[('0', '9')],
        's' => &[('\t', '\n'), ('\x0c', '\r'), (' ', ' ')],
        'w' => WORD,
        'p' => return unicode(text, flags).map(Some),
        _ => return Ok(None),
    };
    Ok(Some((group(ranges, letter.is_ascii_uppercase(), flags), &text[2..])))
}

/// Reads one character that may be escaped, and what follows. The number may be half of a surrogate pair.
pub(super) fn character(text: &str) -> Result<(u32, &str), Fault> {
    let Some(escape) = text.strip_prefix('\\') else {
        let mut chars = text.chars();
        let char = chars.next().unwrap_or_default();
        return Ok((u32::from(char), chars.as_str()));
    };
    let mut chars = escape.chars();
    let Some(char) = chars.next() else {
        return Err(Fault::new("", "ends with a backslash"));
    };
    let rest = chars.as_str();
    let simple = match char {
        'a' => '\x07',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        char if char.is_ascii() && !char.is_ascii_alphanumeric() => char,
        'x' => return hexadecimal(rest).ok_or_else(|| bad_escape(text)),
        '0' => return octal(escape).ok_or_else(|| bad_escape(text)),
        // A single digit would be a backreference.
        '1'..='7' if rest.starts_with(|next| ('0'..='7').contains(&next)) => {
            return octal(escape).ok_or_else(|| bad_escape(text));
        }
        _ => return Err(bad_escape(text)),
    };
    Ok((u32::from(simple), rest))
}

fn bad_escape(text: &str) -> Fault {
    let end = text.char_indices().nth(2).map_or(text.len(), |(at, _)| at);
    Fault::new(&text[..end], "is not an escape that Go has")
}

fn octal(text: &str) -> Option<(u32, &str)> {
    let digits = text.bytes().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
    Some((u32::from_str_radix(&text[..digits], 8).ok()?, &text[digits..]))
}

fn hexadecimal(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = match text.strip_prefix('{') {
        Some(braced) => braced.split_once('}')?,
        None => text.split_at_checked(2)?,
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    let code = if digits.is_empty() { 0 } else { u32::from_str_radix(digits, 16).ok()? };
    (code <= u32::from(char::MAX)).then_some((code, rest))
}

fn class_character<'p>(text: &'p str, class: &str) -> Result<(u32, &'p str), Fault> {
    if text.is_empty() {
        return Err(Fault::new(class, "lacks its closing bracket"));
    }
    character(text)
}

/// Reads `[:name:]` or `[:^name:]`, if it stands here.
fn posix(text: &str, flags: Flags) -> Result<Found<'_>, Fault> {
    let Some((name, rest)) = text.strip_prefix("[:").and_then(|named| named.split_once(":]")) else {
        return Ok(None);
    };
    let (negated, bare) = match name.strip_prefix('^') {
        Some(bare) => (true, bare),
        None => (false, name),
    };
    let ranges: &[(char, char)] = match bare {
        "alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
        "alpha" => &[('A', 'Z'), ('a', 'z')],
        "ascii" => &[('\0', '\x7f')],
        "blank" => &[('\t', '\t'), (' ', ' ')],
        "cntrl" => &[('\0', '\x1f'), ('\x7f', '\x7f')],
        "digit" => &[('0', '9')],
        "graph" => &[('!', '~')],
        "lower" => &[('a', 'z')],
        "print" => &[(' ', '~')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "space" => &[('\t', '\r'), (' ', ' ')],
        "upper" => &[('A', 'Z')],
        "word" => WORD,
        "xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        _ => return Err(Fault::new(consumed(text, rest), "is not a class that Go has")),
    };
    Ok(Some((group(ranges, negated, flags), rest)))
}

const WORD: &[(char, char)] = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];

fn group(ranges: &[(char, char)], negated: bool, flags: Flags) -> ClassUnicode {
    let class = ClassUnicode::new(ranges.iter().map(|&(low, high)| ClassUnicodeRange::new(low, high)));
    finish(class, negated, flags)
}

/// Case folding comes before negation.
fn finish(mut class: ClassUnicode, negated: bool, flags: Flags) -> ClassUnicode {
    if flags.fold_case {
        class.case_fold_simple();
    }
    if negated {
        class.negate();
    }
    class
}

/// The scalar values of a range, which may begin, end or lie among the surrogates.
fn scalars(low: u32, high: u32) -> ClassUnicode {
    let clip =
        |low: u32, high: u32| Some(ClassUnicodeRange::new(char::from_u32(low)?, char::from_u32(high)?));
    let below = if low < 0xD800 { clip(low, high.min(0xD7FF)) } else { None };
    let above = if high > 0xDFFF { clip(low.max(0xE000), high) } else { None };
    ClassUnicode::new(below.into_iter().chain(above))
}

/// Reads `\pL`, `\p{Name}`, `\p{^Name}` and their negations.
fn unicode(text: &str, flags: Flags) -> Result<(ClassUnicode, &str), Fault> {
    let unknown = |rest: &str| Fault::new(consumed(text, rest), "is not a Unicode class that Go has");
    let behind = &text[2..];
    let (name, rest) = match behind.strip_prefix('{') {
        Some(braced) => braced.split_once('}').ok_or_else(|| unknown(""))?,
        None => behind.split_at(behind.chars().next().map_or(0, char::len_utf8)),
    };
    let (caret, name) = match name.strip_prefix('^') {
        Some(name) => (true, name),
        None => (false, name),
    };
    let negated = text.starts_with("\\P") != caret;
    let official = official_name(name).ok_or_else(|| unknown(rest))?;
    let class = unicode_class(official).ok_or_else(|| Fault {
        problem: "is a Unicode class newer than the tables this crate is built with",
        ours: true,
        ..unknown(rest)
    })?;
    Ok((finish(class, negated, flags), rest))
}

/// Whether Go's `unicode.IsLetter` or `unicode.IsDigit` holds for a character beyond ASCII.
pub(crate) fn is_letter_or_digit(char: char) -> bool {
    static CLASS: LazyLock<ClassUnicode> = LazyLock::new(|| {
        let mut class = unicode_class("L").unwrap_or_else(ClassUnicode::empty);
        class.union(&unicode_class("Nd").unwrap_or_else(ClassUnicode::empty));
        class
    });
    !char.is_ascii()
        && CLASS
            .ranges()
            .binary_search_by(|range| {
                if range.end() < char {
                    std::cmp::Ordering::Less
                } else if range.start() > char {
                    std::cmp::Ordering::Greater
                } else {
                    std::cmp::Ordering::Equal
                }
            })
            .is_ok()
}

/// The name as Unicode spells it; Go ignores case, blanks, underscores and hyphens.
fn official_name(name: &str) -> Option<&'static str> {
    static BY_PLAIN_NAME: LazyLock<Vec<(String, &'static str)>> = LazyLock::new(|| {
        let mut names: Vec<_> = UNICODE_NAMES.split_whitespace().map(|name| (plain(name), name)).collect();
        names.sort_unstable();
        names
    });
    let plain = plain(name);
    let found = BY_PLAIN_NAME.binary_search_by(|(candidate, _)| candidate.as_str().cmp(&plain));
    found.ok().map(|index| BY_PLAIN_NAME[index].1)
}

fn plain(name: &str) -> String {
    name.chars()
        .filter(|char| !matches!(char, ' ' | '_' | '-'))
        .map(|char| char.to_ascii_lowercase())
        .collect()
}

/// The members of a general category or a script, from the tables of `regex-syntax`.
fn unicode_class(name: &str) -> Option<ClassUnicode> {
    if matches!(name, "Cs" | "Surrogate") {
        return Some(ClassUnicode::empty());
    }
    let value = |property: &str| ClassUnicodeKind::NamedValue {
        op: ClassUnicodeOpKind::Equal,
        name: property.to_owned(),
        value: name.to_owned(),
    };
    let category = || lookup(value("gc"));
    let script = || lookup(value("sc"));
    category().or_else(script).or_else(|| lookup(ClassUnicodeKind::Named(name.to_owned())))
}

fn lookup(kind: ClassUnicodeKind) -> Option<ClassUnicode> {
    // The class alone, as if it had been parsed: so the parser of patterns, which is another's dialect, is in no program.
    let nowhere = Span::splat(Position::new(0, 1, 1));
    let class = Ast::class_unicode(ast::ClassUnicode { span: nowhere, negated: false, kind });
    match Translator::new().translate("", &class).ok()?.into_kind() {
        HirKind::Class(Class::Unicode(class)) => Some(class),
        // A class of one character comes as a literal.
        HirKind::Literal(literal) => {
            let char = std::str::from_utf8(&literal.0).ok()?.chars().next()?;
            Some(ClassUnicode::new([ClassUnicodeRange::new(char, char)]))
        }
        _ => None,
    }
}
