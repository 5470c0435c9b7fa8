//! What the scenarios' reports say of each source.

use std::path::Path;

use flux_aws_auth::Reason;

use super::source::files;

/// Why a source was passed over or failed, and what its report says to do, if anything.
pub(super) struct Record {
    pub(super) reason: String,
    pub(super) says: String,
    pub(super) hint: Option<String>,
}

pub(super) fn of_the_scenarios() -> Vec<Record> {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    files(&scenarios, "yaml").iter().flat_map(|(_, text)| of_reports(text)).collect()
}

fn of_reports(text: &str) -> Vec<Record> {
    let mut lines = text.lines().map(str::trim).peekable();
    let mut records = Vec::new();
    while let Some(line) = lines.next() {
        let Some((reason, says)) = outcome(line) else { continue };
        let hint = lines.peek().and_then(|next| next.strip_prefix("What to do: "));
        records.push(Record {
            reason: reason.to_owned(),
            says: says.to_owned(),
            hint: hint.map(super::page::plain),
        });
    }
    records
}

/// Of a line such as `2. web identity (IRSA)     failed after 5 ms, NotTrusted: STS in …`.
fn outcome(line: &str) -> Option<(&str, &str)> {
    line.split_once(". ")?.0.parse::<u8>().ok()?;
    let outcome = ["  failed", "  skipped", "  nothing newer"].iter().find_map(|word| line.split_once(word));
    let (reason, says) = outcome?.1.split_once(", ")?.1.split_once(": ")?;
    Reason::ALL.iter().any(|known| known.as_str() == reason).then_some((reason, says))
}
