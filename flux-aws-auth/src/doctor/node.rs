//! The node's metadata, as far as it can be known without asking it.

use super::finding::{Area, Finding, Severity, Sheet};
use super::patient::Patient;
use crate::reason::Reason;
use crate::source::instance_metadata::{DISABLED, address};
use crate::source::{Notes, SourceKind};

pub(super) fn examine(patient: &Patient<'_>) -> Vec<Finding> {
    let area = Area::Source(SourceKind::InstanceMetadata);
    let mut sheet = Sheet::of(area);
    match address(patient.environment, &mut Notes::default()) {
        Ok(Some(endpoint)) => {
            sheet.note("address", format!("{endpoint}, asked only if nothing else is set up"));
        }
        Ok(None) => {
            let finding = Finding::new(Severity::Note, area, DISABLED, "true, so the node is never asked");
            sheet.push(finding.with_reason(Reason::MetadataDisabled));
        }
        Err(error) => sheet.error("settings", &error),
    }
    sheet.findings
}
