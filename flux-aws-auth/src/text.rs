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

/// A path in quotation marks, if it is one beyond doubt: absolute, or in the directory it is read from. Somebody may have
/// written a token where its path belongs, and even an opaque one is not shown.
pub(crate) fn quoted_path(path: &str) -> Option<String> {
    const LONGEST: usize = 255;
    let is_path = path.starts_with(['/', '.']) && path.len() <= LONGEST && !path.contains("-----");
    is_path.then(|| quoted(path))
}

/// Whether all of `value` can be of a key or a session token, which go into headers and signatures.
pub(crate) fn is_of_credentials(value: &str) -> bool {
    value.bytes().all(|b| b.is_ascii_graphic())
}

/// Whether `text` is a colon and a port from 1, as everybody writes it: `:+80` and `:080` are numbers to some readers alone.
pub(crate) fn is_port(text: &str) -> bool {
    let number = text.strip_prefix(':').filter(|number| number.starts_with(|c: char| matches!(c, '1'..='9')));
    number.is_some_and(|number| number.parse::<u16>().is_ok())
}

/// Host and port as they may be shown, where a password may stand between: nothing where what follows the host is not a port, or
/// something is percent-encoded, as a password is and a host is not.
pub(crate) fn shown_host(host_and_port: &str) -> Option<&str> {
    let behind_address = host_and_port.rsplit_once(']').map_or(host_and_port, |(_, rest)| rest);
    let is_port = |port: &str| port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit());
    let has_password = behind_address.split_once(':').is_some_and(|(_, port)| !is_port(port));
    (!has_password && !host_and_port.contains('%')).then_some(host_and_port)
}
