//! Reports as snapshots: how they are compared, and how they are written anew.

use similar::TextDiff;

/// Stands in a snapshot for a number that differs from run to run, such as the jitter of a retry.
const ANY_NUMBER: char = '…';

/// The difference, if there is one that matters.
pub(crate) fn difference(expected: &str, got: &str) -> Option<String> {
    let got = with_any_numbers_of(expected, got);
    if expected.trim_end() == got.trim_end() {
        return None;
    }
    let diff = TextDiff::from_lines(expected, got.as_str());
    Some(diff.unified_diff().context_radius(20).header("expected", "got").to_string())
}

/// `got`, with … for a number in each line that an expected line has it in.
pub(crate) fn with_any_numbers_of(expected: &str, got: &str) -> String {
    let line =
        |line: &str| expected.lines().find(|expected| is_like(expected, line)).unwrap_or(line).to_owned();
    lines(got.lines().map(line))
}

/// The first of `reports`, with … for the numbers in which the others differ.
pub(crate) fn common(reports: &[String]) -> String {
    let Some((first, others)) = reports.split_first() else { return String::new() };
    others.iter().fold(first.clone(), |common, other| {
        if common.lines().count() != other.lines().count() {
            return common;
        }
        lines(common.lines().zip(other.lines()).map(|(one, other)| without_differing_numbers(one, other)))
    })
}

/// The scenario's text with these reports in the places of its reports, in their order. `None` leaves one as it is.
pub(crate) fn rewrite(scenario: &str, reports: &[Option<String>]) -> String {
    let mut reports = reports.iter();
    let mut rewritten = Vec::new();
    let mut replaced_at = None;
    for line in scenario.lines() {
        let indent = line.len() - line.trim_start().len();
        match replaced_at {
            Some(at) if line.trim().is_empty() || indent > at => continue,
            _ => replaced_at = None,
        }
        let begins = line.trim_start().trim_start_matches("- ").starts_with("report:");
        match begins.then(|| reports.next().cloned().flatten()).flatten() {
            None => rewritten.push(line.to_owned()),
            Some(report) => {
                let key = line.find("report:").unwrap_or(indent);
                replaced_at = Some(key);
                rewritten.push(format!("{}report: |", &line[..key]));
                let inset = " ".repeat(key + 2);
                rewritten.extend(report.lines().map(|line| format!("{inset}{line}").trim_end().to_owned()));
            }
        }
    }
    lines(rewritten.into_iter())
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.map(|line| line + "\n").collect()
}

/// Whether a line is as expected, any number where the expected one has ….
fn is_like(expected: &str, line: &str) -> bool {
    let mut rest = line;
    let mut parts = expected.split(ANY_NUMBER);
    let Some(after_first) = parts.next().and_then(|part| rest.strip_prefix(part)) else { return false };
    rest = after_first;
    for part in parts {
        let after_number = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ANY_NUMBER);
        match after_number.strip_prefix(part) {
            Some(after) if after_number.len() < rest.len() => rest = after,
            _ => return false,
        }
    }
    rest.is_empty()
}

fn without_differing_numbers(one: &str, other: &str) -> String {
    let (ones, others) = (pieces(one), pieces(other));
    let is_number = |piece: &str| piece.starts_with(|c: char| c.is_ascii_digit() || c == ANY_NUMBER);
    let alike = ones.len() == others.len()
        && ones.iter().zip(&others).all(|(a, b)| a == b || (is_number(a) && is_number(b)));
    if !alike {
        return one.to_owned();
    }
    ones.iter()
        .zip(&others)
        .map(|(a, b)| if a == b { (*a).to_owned() } else { ANY_NUMBER.to_string() })
        .collect()
}

/// A line as numbers and what is between them.
fn pieces(line: &str) -> Vec<&str> {
    let is_number = |c: char| c.is_ascii_digit() || c == ANY_NUMBER;
    let mut pieces = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| is_number(c) != is_number(first)).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    pieces
}
