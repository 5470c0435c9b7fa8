//! What only AWS can tell.

use super::finding::{Area, Finding, Severity, Sheet};
use super::{Doctor, Examination};
use crate::chain::Resolved;
use crate::clock_skew::ClockSkew;
use crate::reason::Reason;
use crate::report::{ChainReport, SourceResult};
use crate::sts::CallerIdentity;

/// What became of asking.
pub(super) struct Answers {
    pub(super) findings: Vec<Finding>,
    pub(super) report: Option<ChainReport>,
    pub(super) caller: Option<CallerIdentity>,
}

/// Has the chain find credentials, and AWS say whose they are.
pub(super) async fn ask(doctor: &Doctor) -> Answers {
    let mut sheet = Sheet::of(Area::Live);
    let (report, caller) = match doctor.chain.resolve().await {
        Ok(resolved) => {
            found(&mut sheet, &resolved);
            (Some(resolved.report().clone()), caller(&mut sheet, doctor).await)
        }
        Err(error) => {
            sheet.error("credentials", &error);
            (error.report().cloned(), None)
        }
    };
    let skew = report.as_ref().and_then(ChainReport::clock_skew).filter(|skew| !skew.is_tolerated());
    let told = sheet.findings.iter().any(|finding| finding.reason() == Some(Reason::ClockSkewed));
    if let Some(skew) = skew.filter(|_| !told) {
        clock(&mut sheet, skew);
    }
    Answers { findings: sheet.findings, report, caller }
}

fn found(sheet: &mut Sheet, resolved: &Resolved) {
    let report = resolved.report();
    let from = report.provided_by().map(|kind| format!("{kind}: ")).unwrap_or_default();
    sheet.ok("credentials", format!("{from}{}", resolved.principal()));
    let outlived = report.sources().find_map(|source| match source.result() {
        SourceResult::Provided { outlived, .. } => outlived.as_ref(),
        _ => None,
    });
    if let Some(why) = outlived {
        let text = format!("used beyond their expiry, since {why}");
        let finding =
            Finding::new(Severity::Warning, Area::Live, "credentials", text).with_reason(why.reason());
        sheet.push(match why.hint() {
            Some(hint) => finding.with_hint(hint),
            None => finding,
        });
    }
}

async fn caller(sheet: &mut Sheet, doctor: &Doctor) -> Option<CallerIdentity> {
    match doctor.chain.caller_identity().await {
        Ok(caller) => {
            sheet.ok("GetCallerIdentity", format!("AWS knows the caller as {caller}"));
            Some(caller)
        }
        // The credentials may be good all the same: a program names the region of what it reads by itself.
        Err(error) if error.reason() == Reason::RegionMissing => {
            let text = "not asked, since no region is set";
            sheet.push(
                Finding::new(Severity::Note, Area::Live, "GetCallerIdentity", text)
                    .with_reason(error.reason()),
            );
            None
        }
        Err(error) => {
            sheet.error("GetCallerIdentity", &error);
            None
        }
    }
}

fn clock(sheet: &mut Sheet, skew: ClockSkew) {
    let minutes = ClockSkew::TOLERANCE.as_secs() / 60;
    sheet.problem(
        Reason::ClockSkewed,
        "clock",
        format!("this machine's clock is {skew}"),
        format!("Set it right: AWS refuses what is signed more than {minutes} minutes off."),
    );
}

impl Examination {
    pub(super) fn take(&mut self, answers: Answers) {
        self.findings.extend(answers.findings);
        self.report = answers.report;
        self.caller = answers.caller;
    }
}
