//! The region, and the STS that is asked.

use super::finding::{Area, Finding, Severity, Sheet};
use super::patient::Patient;
use crate::partition::{Partition, check_region};
use crate::reason::Reason;
use crate::source::SourceKind;
use crate::sts::Sts;
use crate::text::quoted;

pub(super) fn examine(patient: &Patient<'_>) -> Vec<Finding> {
    let mut sheet = Sheet::of(Area::Region);
    let context = patient.context();
    match context.region() {
        None => missing(&mut sheet, patient),
        Some(region) if check_region(region.as_ref()).is_ok() => {
            let partition = Partition::of_region(region.as_ref());
            sheet.ok("region", format!("{region}, from {}; partition {partition}", context.region_setting()));
        }
        Some(_) => {}
    }
    let variable = |name| patient.environment.var(name);
    match (variable("AWS_REGION"), variable("AWS_DEFAULT_REGION")) {
        (Some(region), Some(default)) if region != default => {
            sheet.note("AWS_DEFAULT_REGION", format!("{}, outweighed by AWS_REGION", quoted(&default)));
        }
        _ => {}
    }
    match Sts::new(context) {
        Ok(sts) => sheet.ok("address of STS", sts.address()),
        // Told already, and more finely.
        Err(error) if error.reason() == Reason::RegionMissing => {}
        Err(error) => sheet.error("address of STS", &error),
    }
    sheet.findings
}

/// Without a region only web identity fails, and with it the question whose credentials these are.
fn missing(sheet: &mut Sheet, patient: &Patient<'_>) {
    const REMEDY: &str = "EKS sets AWS_REGION when it injects IRSA or Pod Identity, so if those are set up, restart the pod; \
                          elsewhere set it in the pod's manifest, or give the region to the builder, or to the \
                          Authenticator's resource.";
    let needed = patient.has(SourceKind::ServiceAccount) || patient.is_set_up(SourceKind::WebIdentity);
    let severity = if needed { Severity::Problem } else { Severity::Note };
    let text = if needed { "none is set, and STS is asked in a region" } else { "none is set" };
    let finding = Finding::new(severity, Area::Region, "region", text);
    sheet.push(finding.with_reason(Reason::RegionMissing).with_hint(REMEDY));
}
