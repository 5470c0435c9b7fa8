//! The guides, held to the code: what Troubleshooting says is what this crate says, and nothing is left out.
//!
//! A row has the message of an error and its remedy, word for word; `…` stands for what differs from case to case.

pub(crate) mod page;
mod records;
mod source;

use std::collections::BTreeSet;

use flux_aws_auth::Reason;
use page::{IDENTITY, Row, TROUBLESHOOTING, matches};
use source::Sentence;

#[test]
fn every_reason_has_an_entry_and_every_entry_is_a_reason() {
    let entries: Vec<_> = page::entries().collect();
    let reasons: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(entries.iter().copied().collect::<BTreeSet<_>>(), reasons);
    assert_eq!(entries.len(), reasons.len(), "an entry is there twice");
    for reason in reasons {
        assert!(page::rows().any(|row| row.reason == Some(reason)), "{reason} has no message");
    }
}

/// The scenarios' reports are what people see.
#[test]
fn every_message_and_remedy_of_a_report_is_in_the_entry_of_its_reason() {
    let rows: Vec<_> = page::rows().collect();
    let records = records::of_the_scenarios();
    assert!(records.len() > 150, "{}", records.len());
    let missing: BTreeSet<_> = records
        .iter()
        .filter(|record| !rows.iter().any(|row| row.reason == Some(&record.reason) && row.covers(record)))
        .map(|record| {
            format!(
                "{}: {}\n    What to do: {}",
                record.reason,
                record.says,
                record.hint.as_deref().unwrap_or("–")
            )
        })
        .collect();
    assert!(missing.is_empty(), "not in Troubleshooting:\n  {}", Vec::from_iter(missing).join("\n  "));
}

#[test]
fn every_remedy_in_the_source_is_in_the_guide() {
    let remedies: Vec<_> = page::rows().filter_map(|row| row.remedy).collect();
    let sentences = source::sentences();
    assert!(sentences.len() > 100, "{}", sentences.len());
    let is_told = |sentence: &&Sentence| !remedies.iter().any(|remedy| sentence.is_in(remedy));
    let missing: Vec<_> = sentences.iter().filter(is_told).map(ToString::to_string).collect();
    assert!(missing.is_empty(), "not in Troubleshooting:\n  {}", missing.join("\n  "));
}

#[test]
fn nothing_in_the_guide_is_of_another_day() {
    let records = records::of_the_scenarios();
    let texts = source::texts();
    // A report without a remedy says nothing of the row's.
    let is_recorded = |row: &Row| {
        records.iter().any(|record| row.covers(record) && record.hint.is_some() == row.remedy.is_some())
    };
    let is_remedy = |remedy: &String| texts.iter().any(|text| matches(text, remedy));
    // The rest of a message differs from case to case, or is a constant's.
    let is_message = |says: &str| {
        let parts = says.split(['…', '"', '\'', ':']).map(str::trim).filter(|part| part.len() > 7);
        parts.into_iter().any(|part| texts.iter().any(|text| text.contains(part)))
    };
    let stale: Vec<_> = page::rows()
        .filter(|row| !is_recorded(row))
        .filter(|row| !is_message(&row.says) || !row.remedy.as_ref().is_none_or(is_remedy))
        .map(|row| format!("{}\n    {}", row.says, row.remedy.unwrap_or_default()))
        .collect();
    assert!(stale.is_empty(), "nothing says any more:\n  {}", stale.join("\n  "));
}

/// What the crate's documentation begins with is no invention.
#[test]
fn the_report_in_the_crate_s_documentation_is_that_of_a_scenario() {
    let root = include_str!("../../src/lib.rs");
    let shown = root.split("//! ```text\n").nth(1).and_then(|rest| rest.split("//! ```").next()).unwrap();
    let scenario = include_str!("../scenarios/web_identity/exchange.yaml");
    let recorded: Vec<_> = scenario.lines().map(|line| line.strip_prefix("    ").unwrap_or(line)).collect();
    let shown: Vec<_> = shown.lines().map(|line| line.trim_start_matches("//! ")).collect();
    assert!(recorded.windows(shown.len()).any(|lines| lines == shown), "{shown:#?}");
}

#[test]
fn every_link_within_the_guides_leads_somewhere() {
    let (of_identity, of_troubleshooting) = (page::anchors(&IDENTITY), page::anchors(&TROUBLESHOOTING));
    let check = |page: &str, link: &str, anchors: &BTreeSet<String>| {
        for target in page.split(link).skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(anchors.contains(target), "{link}{target}");
        }
    };
    for page in IDENTITY {
        check(page, "](#", &of_identity);
    }
    for page in TROUBLESHOOTING {
        check(page, "](#", &of_troubleshooting);
        check(page, "](crate::guide::identity#", &of_identity);
    }
}
