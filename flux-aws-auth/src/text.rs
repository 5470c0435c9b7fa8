//! Text from outside, made fit for one line of a message.

/// The start of `text` without control characters: at most `limit` characters, with … where something is left out.
pub(crate) fn one_line(text: &str, limit: usize) -> String {
    let mut line: String =
        text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(limit).collect();
    if text.trim().chars().count() > limit {
        line.push('…');
    }
    line
}

/// The start of `text` in quotation marks, with what cannot be seen written out.
pub(crate) fn quoted(text: &str) -> String {
    const LIMIT: usize = 200;
    let start: String = text.chars().take(LIMIT).collect();
    let more = if start.len() < text.len() { "…" } else { "" };
    format!("{start:?}{more}")
}
