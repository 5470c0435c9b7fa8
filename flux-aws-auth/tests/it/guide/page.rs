//! The guides as they are written.

use std::collections::BTreeSet;

use super::records::Record;

/// The parts of Set up identity, in their order.
pub(super) const IDENTITY: [&str; 7] = [
    include_str!("../../../src/guide/identity/start.md"),
    include_str!("../../../src/guide/identity/pod_identity.md"),
    include_str!("../../../src/guide/identity/oidc.md"),
    include_str!("../../../src/guide/identity/objects.md"),
    include_str!("../../../src/guide/identity/other_account.md"),
    include_str!("../../../src/guide/identity/keys_and_node.md"),
    include_str!("../../../src/guide/identity/check.md"),
];

/// The parts of Troubleshooting, in their order. The first has no rows of this crate's own.
pub(super) const TROUBLESHOOTING: [&str; 9] = [
    include_str!("../../../src/guide/troubleshooting/start.md"),
    include_str!("../../../src/guide/troubleshooting/set_up.md"),
    include_str!("../../../src/guide/troubleshooting/tokens.md"),
    include_str!("../../../src/guide/troubleshooting/roles.md"),
    include_str!("../../../src/guide/troubleshooting/settings.md"),
    include_str!("../../../src/guide/troubleshooting/objects.md"),
    include_str!("../../../src/guide/troubleshooting/network.md"),
    include_str!("../../../src/guide/troubleshooting/outages.md"),
    include_str!("../../../src/guide/troubleshooting/doctor.md"),
];

/// A line of a table: what is said, and what to do.
pub(crate) struct Row {
    /// The entry that it is in; of what doctor finds, the code in its last column.
    pub(crate) reason: Option<&'static str>,
    pub(crate) says: String,
    pub(crate) remedy: Option<String>,
}

impl Row {
    /// Whether it is the row of that outcome of a source. A report that has no remedy leaves that open.
    pub(super) fn covers(&self, record: &Record) -> bool {
        let remedy = match (&self.remedy, &record.hint) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(remedy), Some(hint)) => matches(remedy, hint),
        };
        remedy && matches(&self.says, &record.says)
    }
}

/// The headings of the entries.
pub(super) fn entries() -> impl Iterator<Item = &'static str> {
    TROUBLESHOOTING.into_iter().flat_map(str::lines).filter_map(|line| line.strip_prefix("### "))
}

pub(crate) fn rows() -> impl Iterator<Item = Row> {
    let mut reason = None;
    TROUBLESHOOTING.into_iter().skip(1).flat_map(str::lines).filter_map(move |line| {
        if line.starts_with('#') {
            reason = line.strip_prefix("### ");
        }
        let mut cells = line.strip_prefix("| `")?.trim_end_matches(" |").split(" | ");
        let (says, remedy) = (cells.next()?, cells.next()?);
        // What follows the message in its cell tells apart what is worded alike.
        let says = says.split('`').next()?.to_owned();
        let code = cells.next().and_then(|link| link.split('`').nth(1));
        Some(Row {
            reason: reason.or(code),
            says,
            remedy: Some(plain(remedy)).filter(|remedy| remedy != "–"),
        })
    })
}

/// Those of what doctor finds, with three columns.
pub(crate) fn findings() -> impl Iterator<Item = Row> {
    let of_doctor = TROUBLESHOOTING.into_iter().next_back().unwrap_or_default();
    let of_doctor = of_doctor.split("\n## Policies").next().unwrap_or_default();
    rows().filter(move |row| of_doctor.contains(&format!("| `{}` | ", row.says)))
}

/// The text without what Markdown needs.
pub(crate) fn plain(text: &str) -> String {
    text.replace(['`', '\\'], "")
}

/// Whether `text` is as `pattern` has it, with anything in the place of each `…`.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

/// The ids that rustdoc gives to the headings.
pub(super) fn anchors(pages: &[&str]) -> BTreeSet<String> {
    let headings = pages.iter().flat_map(|page| page.lines()).filter(|line| line.starts_with('#'));
    let id = |heading: &str| {
        let text = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        text.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect()
    };
    headings.map(id).collect()
}
