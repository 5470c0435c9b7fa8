//! The colours of what the crates say.

use std::fmt;

use anstyle::Style;
use flux_policy::Decision;

use super::style::{BAD, GOOD, HEADING, MINOR, REMEDY, WARNING};
use super::visible;

/// The several lines that a value of the crates says to people, such as a report or a decision, with a colour on the words that
/// matter, and with [what others wrote](visible) written out.
///
/// The words are the crates' own. A line that begins with none of them stays as it is.
///
/// ```
/// use examples::terminal::painted;
/// use examples::terminal::style::REMEDY;
///
/// assert_eq!(painted(&"  What to do: rest"), format!("  {REMEDY}What to do:{REMEDY:#} rest"));
/// ```
pub fn painted(text: &impl fmt::Display) -> String {
    let text = text.to_string();
    let mut lines = Vec::new();
    let mut behind_a_gap = false;
    for line in text.split('\n') {
        lines.push(painted_line(&visible(line), behind_a_gap));
        behind_a_gap = line.is_empty();
    }
    lines.join("\n")
}

/// What a decision says, [painted], with its winner.
pub fn painted_decision(decision: &Decision) -> String {
    let text = painted(decision);
    let winner = decision.winner().map(|winner| visible(winner.tag()));
    match winner.as_deref().and_then(|winner| Some((winner, text.strip_prefix(winner)?))) {
        Some((winner, rest)) => format!("{GOOD}{winner}{GOOD:#}{rest}"),
        None => text,
    }
}

/// Words that a line may begin with.
const BEGINNINGS: [(&str, Style); 17] = [
    // Of a report.
    ("Credentials from ", GOOD),
    ("No AWS credentials", BAD),
    ("What to do:", REMEDY),
    ("Cause:", MINOR),
    // Of an examination.
    ("Nothing wrong was found.", GOOD),
    ("PROBLEM", BAD),
    ("WARNING", WARNING),
    ("ok ", GOOD),
    ("note ", MINOR),
    // Of an order.
    ("This program's order", HEADING),
    ("The AWS SDKs' own order", HEADING),
    ("They differ", WARNING),
    ("Both come to the same source.", GOOD),
    // Of a decision.
    ("no tag qualifies", BAD),
    ("next:", MINOR),
    ("try:", REMEDY),
    ("note:", WARNING),
];

/// What becomes of a source, behind its number and its name.
const OUTCOMES: [(&str, Style); 10] = [
    ("provided", GOOD),
    ("nothing newer", WARNING),
    ("skipped", MINOR),
    ("failed", BAD),
    ("not reached", MINOR),
    ("not set up", MINOR),
    ("set up in part", WARNING),
    ("set up too", WARNING),
    ("used", GOOD),
    ("asked as the last resort", WARNING),
];

fn painted_line(line: &str, behind_a_gap: bool) -> String {
    let text = line.trim_start_matches(' ');
    let (indentation, _) = line.split_at(line.len() - text.len());
    if let Some((before, outcome)) = numbered(text)
        && let Some(painted) = beginning(outcome, &OUTCOMES)
    {
        return format!("{indentation}{before}{painted}");
    }
    if let Some(painted) = beginning(text, &BEGINNINGS) {
        return format!("{indentation}{painted}");
    }
    let is_count = text.split_once(" problem").is_some_and(|(count, _)| count.parse::<usize>().is_ok());
    let is_heading = is_count || behind_a_gap && text.starts_with(char::is_alphabetic);
    if is_heading && indentation.is_empty() { format!("{HEADING}{line}{HEADING:#}") } else { line.to_owned() }
}

/// A line of a list of sources, before and from its outcome: `2. access keys             not reached`.
fn numbered(text: &str) -> Option<(&str, &str)> {
    let (number, rest) = text.split_once(". ")?;
    number.parse::<usize>().ok()?;
    let gap = rest.find("  ")?;
    let outcome = rest[gap..].trim_start_matches(' ');
    Some(text.split_at(text.len() - outcome.len()))
}

/// A text whose first words are known, with their colour.
fn beginning(text: &str, known: &[(&str, Style)]) -> Option<String> {
    let (words, style) = known.iter().find(|(words, _)| text.starts_with(words))?;
    let (marked, rest) = text.split_at(words.trim_end_matches(' ').len());
    Some(format!("{style}{marked}{style:#}{rest}"))
}
