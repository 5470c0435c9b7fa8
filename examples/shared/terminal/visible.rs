//! Text that others wrote.

use std::borrow::Cow;

use serde_json::Value;

/// A line that others wrote, a tag or an annotation, with what would steer the terminal written out: line breaks and escape
/// sequences, and the marks that turn the direction of writing around.
///
/// ```
/// use examples::terminal::visible;
///
/// assert_eq!(visible("1.0.0"), "1.0.0");
/// assert_eq!(visible("1.0.0\u{1b}[2J"), "1.0.0\\u{1b}[2J");
/// assert_eq!(visible("a\tb\nc"), "a\\tb\\nc");
/// ```
pub fn visible(line: &str) -> Cow<'_, str> {
    if !line.chars().any(steers) {
        return Cow::Borrowed(line);
    }
    let mut text = String::with_capacity(2 * line.len());
    for c in line.chars() {
        if steers(c) { text.extend(c.escape_default()) } else { text.push(c) }
    }
    Cow::Owned(text)
}

/// A document for machines, in several lines. What would steer a terminal is written out as JSON has it, and means the same.
///
/// ```
/// use examples::terminal::document;
///
/// let text = document(&serde_json::json!("1.0.0\u{9b}2J"));
/// assert_eq!(text, "\"1.0.0\\u009b2J\"");
/// assert_eq!(serde_json::from_str::<String>(&text)?, "1.0.0\u{9b}2J");
/// # serde_json::Result::Ok(())
/// ```
pub fn document(value: &Value) -> String {
    let mut text = String::new();
    for c in format!("{value:#}").chars() {
        // Between its strings JSON has no such character but the line break.
        if c != '\n' && steers(c) {
            let mut units = [0; 2];
            text.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            text.push(c);
        }
    }
    text
}

fn steers(c: char) -> bool {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns
}
