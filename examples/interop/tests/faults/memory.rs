//! What comes of the same faults in memory, as the table of package `faults` has it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cases::{Call, Span};

pub(crate) struct Memory(BTreeMap<String, Row>);

#[derive(Clone, Debug)]
pub(crate) struct Row {
    name: String,
    outcome: String,
    requests: usize,
    pub(crate) within: Duration,
}

impl Memory {
    pub(crate) fn read() -> Self {
        let table = include_str!("../../../faults/matrix.md");
        let rows = table.lines().filter_map(|line| {
            let cells: Vec<_> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
            let [remote, fault, span, outcome, requests, within] = cells[..] else { return None };
            let row = Row {
                name: fault.to_owned(),
                outcome: outcome.to_owned(),
                requests: requests.parse().ok()?,
                within: Duration::from_secs(within.parse().ok()?),
            };
            Some((format!("{remote}, {fault}, {span}"), row))
        });
        Self(rows.collect())
    }

    /// What is expected of a call, in the words for it. A wrong clock is never wrong just once.
    pub(crate) fn row(&self, call: Call, fault: &str, span: Span) -> Row {
        let remote = if call.is_of_sts() { "STS" } else { "ECR API" };
        let found =
            [span, Span::Lasting].iter().find_map(|span| self.0.get(&format!("{remote}, {fault}, {span}")));
        let mut row = found.unwrap_or_else(|| panic!("no row of {remote} for {fault}")).clone();
        if call == Call::GetAuthorizationToken {
            // The table has no login. It is one request, where the listing has three and one of them is hit.
            row.outcome = row.outcome.replace(" at page 2", "").replace("all tags", "a login");
            row.requests -= if row.outcome == "a login" { 2 } else { 1 };
        }
        row
    }
}

impl Row {
    /// The fault's name and, where something else comes of it, what.
    pub(crate) fn beside(&self, outcome: &str, requests: usize) -> String {
        let Self { name, .. } = self;
        match (self.outcome == outcome, self.requests == requests) {
            (true, true) => name.clone(),
            (true, false) => format!("{name}: {}", self.requests),
            (false, true) => format!("{name}: {}", self.outcome),
            (false, false) => format!("{name}: {}, {}", self.outcome, self.requests),
        }
    }
}
