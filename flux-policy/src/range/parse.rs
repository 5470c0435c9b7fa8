//! Reading a range.
//!
//! Three steps, in the order Masterminds/semver takes them because the order shows in the answers: hyphen ranges are
//! rewritten in the whole text, the text is split at `||`, each piece is read as comparators.

use super::Alternative;
use super::comparator::{Comparator, Operator, Precision};
use crate::error::{Error, ErrorKind, quoted};
use crate::version::small_number;

/// Far above any real range; it bounds the work of the hyphen step, which looks ahead from every position.
const MAX_LENGTH: usize = 16 * 1024;

pub(super) fn alternatives(range: &str) -> Result<Vec<Alternative>, Error> {
    if range.len() > MAX_LENGTH {
        let text = format!("semver range of {} bytes: ranges are read up to {MAX_LENGTH} bytes", range.len());
        return Err(Error::new(ErrorKind::Unsupported, text));
    }
    rewrite_hyphens(range)
        .split("||")
        .map(|piece| comparators(piece).map(Alternative::new))
        .collect::<Result<_, _>>()
        .map_err(|fault| fault.in_range(range))
}

/// What is wrong with a range: the text at fault, and what is wrong with it.
struct Fault {
    part: String,
    problem: &'static str,
    hint: Option<&'static str>,
}

impl Fault {
    fn new(part: &str, problem: &'static str) -> Self {
        Self { part: part.to_owned(), problem, hint: None }
    }

    fn in_range(self, range: &str) -> Error {
        // What a hyphen range was rewritten to may have grown together with what stands before it.
        let is_rewritten = !range.contains(&self.part);
        let problem = match self.problem {
            NO_COMPARATOR if is_rewritten => "a hyphen range takes no operator, and a comma before it",
            problem => problem,
        };
        let text = if self.part.is_empty() || is_rewritten {
            format!("semver range {}: {problem}", quoted(range))
        } else {
            format!("semver range {}: {} {problem}", quoted(range), quoted(&self.part))
        };
        let error = Error::new(ErrorKind::InvalidPolicy, text);
        match self.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

const NO_COMPARATOR: &str = "is not a comparator such as >=1.2.3";

/// Writes every `A - B` as `>= A, <= B `.
fn rewrite_hyphens(range: &str) -> String {
    let bytes = range.as_bytes();
    let mut out = String::with_capacity(range.len() + 8);
    let (mut copied, mut at) = (0, 0);
    while at < bytes.len() {
        let start = skip_blanks(bytes, at);
        match hyphen_range(bytes, start) {
            Some((a_end, b_start, b_end)) => {
                out.push_str(&range[copied..at]);
                let (a, b) = (&range[start..a_end], &range[b_start..b_end]);
                out.extend([">= ", a, ", <= ", b, " "]);
                at = skip_blanks(bytes, b_end);
                copied = at;
            }
            None => at = start + 1,
        }
    }
    out.push_str(&range[copied.min(range.len())..]);
    out
}

/// The end of A and both ends of B, if a hyphen range starts here.
fn hyphen_range(bytes: &[u8], start: usize) -> Option<(usize, usize, usize)> {
    let a_end = version_end(bytes, start)?;
    let dash = skip_blanks(bytes, a_end);
    if dash == a_end || bytes.get(dash) != Some(&b'-') {
        return None;
    }
    let b_start = skip_blanks(bytes, dash + 1);
    if b_start == dash + 1 {
        return None;
    }
    Some((a_end, b_start, version_end(bytes, b_start)?))
}

/// The comparators of one alternative.
fn comparators(piece: &str) -> Result<Vec<Comparator>, Fault> {
    let bytes = piece.as_bytes();
    let mut at = skip_blanks(bytes, 0);
    if at == bytes.len() {
        let mut fault = Fault::new("", "an alternative is empty");
        fault.hint = Some("Write * for any release, or *-0 for prereleases too.");
        return Err(fault);
    }
    let mut pieces = Vec::new();
    loop {
        let (operator, operator_end) = operator(bytes, at);
        let start = skip_blanks(bytes, operator_end);
        let end = version_end(bytes, start).filter(|&end| ends_comparator(bytes, end));
        let Some(end) = end else {
            return Err(syntax_fault(piece, at));
        };
        pieces.push((operator, start, end));
        at = skip_blanks(bytes, end);
        if at == bytes.len() {
            break;
        }
        if bytes[at] == b',' {
            at = skip_blanks(bytes, at + 1);
        }
        if at == bytes.len() {
            return Err(Fault::new(piece.trim_matches(is_blank), "ends with a comma"));
        }
    }
    pieces.into_iter().map(|(operator, start, end)| comparator(operator, &piece[start..end])).collect()
}

fn syntax_fault(piece: &str, at: usize) -> Fault {
    let rest = &piece[at..];
    let part = rest.split([' ', '\t', '\n', '\x0c', '\r', ',']).next().unwrap_or(rest);
    let mut fault = Fault::new(part, NO_COMPARATOR);
    if part.is_empty() {
        rest.clone_into(&mut fault.part);
        fault.problem = "begins with a comma where a comparator such as >=1.2.3 should stand";
    } else if part == "-" {
        fault.hint =
            Some("A hyphen range is two versions with blanks around the dash; put blanks around || too.");
    }
    fault
}

/// Reads a bound that is known to have the right shape: decides what is a wildcard and checks what is used.
fn comparator(operator: Operator, text: &str) -> Result<Comparator, Fault> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (text, _metadata) = text.split_once('+').unwrap_or((text, ""));
    let (core, prerelease) = text.split_once('-').unwrap_or((text, ""));
    let mut numbers = [0; 3];
    let mut written = 0;
    for (number, segment) in numbers.iter_mut().zip(core.split('.')) {
        if matches!(segment, "x" | "X" | "*") {
            break;
        }
        *number = small_number(segment).ok_or_else(|| {
            Fault::new(segment, "is neither a number of at most 64 bits nor one of the wildcards x, X, *")
        })?;
        written += 1;
    }
    if let Some(part) = prerelease.split('.').find(|part| {
        part.len() > 1 && part.starts_with('0') && part.bytes().all(|byte| byte.is_ascii_digit())
    }) {
        return Err(Fault::new(part, "is a number in a prerelease and begins with 0"));
    }
    let precision = match written {
        0 => Precision::Nothing,
        1 => Precision::Major,
        2 => Precision::Minor,
        _ => Precision::Patch,
    };
    Ok(Comparator { operator, precision, numbers, prerelease: prerelease.into() })
}

fn operator(bytes: &[u8], at: usize) -> (Operator, usize) {
    let (operator, length) = match &bytes[at..] {
        [b'!', b'=', ..] => (Operator::NotEqual, 2),
        [b'>', b'=', ..] | [b'=', b'>', ..] => (Operator::GreaterEqual, 2),
        [b'<', b'=', ..] | [b'=', b'<', ..] => (Operator::LessEqual, 2),
        [b'~', b'>', ..] => (Operator::Tilde, 2),
        [b'=', ..] => (Operator::Equal, 1),
        [b'>', ..] => (Operator::Greater, 1),
        [b'<', ..] => (Operator::Less, 1),
        [b'~', ..] => (Operator::Tilde, 1),
        [b'^', ..] => (Operator::Caret, 1),
        _ => (Operator::Equal, 0),
    };
    (operator, at + length)
}

/// The end of the longest bound that starts here: `v? S (.S)? (.S)? (-P)? (+M)?`.
fn version_end(bytes: &[u8], start: usize) -> Option<usize> {
    let start = start + usize::from(bytes.get(start) == Some(&b'v'));
    let mut end = segment_end(bytes, start)?;
    for _ in 0..2 {
        let Some(next) = after(bytes, end, b'.').and_then(|start| segment_end(bytes, start)) else { break };
        end = next;
    }
    for marker in [b'-', b'+'] {
        if let Some(next) = after(bytes, end, marker).and_then(|start| identifiers_end(bytes, start)) {
            end = next;
        }
    }
    Some(end)
}

fn segment_end(bytes: &[u8], start: usize) -> Option<usize> {
    // The vertical bar belongs here, odd as it is: `1 - 2||3` takes `2||3` for one bound.
    run_end(bytes, start, |byte| matches!(byte, b'0'..=b'9' | b'x' | b'X' | b'*' | b'|'))
}

fn identifiers_end(bytes: &[u8], start: usize) -> Option<usize> {
    let identifier = |start| run_end(bytes, start, |byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let mut end = identifier(start)?;
    while let Some(next) = after(bytes, end, b'.').and_then(identifier) {
        end = next;
    }
    Some(end)
}

fn run_end(bytes: &[u8], start: usize, belongs: impl Fn(u8) -> bool) -> Option<usize> {
    let length = bytes.get(start..)?.iter().take_while(|byte| belongs(**byte)).count();
    (length > 0).then_some(start + length)
}

fn after(bytes: &[u8], at: usize, marker: u8) -> Option<usize> {
    (bytes.get(at) == Some(&marker)).then_some(at + 1)
}

fn ends_comparator(bytes: &[u8], end: usize) -> bool {
    bytes.get(end).is_none_or(|&byte| byte == b',' || is_blank(char::from(byte)))
}

fn skip_blanks(bytes: &[u8], at: usize) -> usize {
    at + bytes.iter().skip(at).take_while(|byte| is_blank(char::from(**byte))).count()
}

fn is_blank(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\x0c' | '\r' | ' ')
}
