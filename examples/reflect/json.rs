//! The findings and the failures as one JSON document, for machines.

use flux_aws_auth::{ChainReport, SourceReport, SourceResult};
use flux_policy::Selected;
use serde_json::{Value, json};

use crate::job::{Failure, Findings, Request};
use crate::world::World;

/// Everything that was found.
pub(crate) fn findings(request: &Request, world: &World, findings: &Findings) -> Value {
    let (scan, latest) = (&findings.reflection.scan, &findings.reflection.latest);
    let steps = findings.steps.iter().map(|step| {
        json!({
            "name": step.name,
            "milliseconds": u64::try_from(step.duration.as_millis()).unwrap_or(u64::MAX),
            "requests": step.requests,
        })
    });
    json!({
        "setup": world.story,
        "image": request.image.to_string(),
        "policy": findings.policy.to_string(),
        "identity": findings.principal.to_string(),
        "sources": sources(&findings.report),
        "scan": {
            "message": scan.to_string(),
            "tagCount": scan.len(),
            "revision": scan.revision(),
            "listed": scan.listing().tags(),
            "excluded": scan.listing().excluded(),
            "pages": scan.listing().pages(),
            "latestTags": scan.latest_tags().iter().map(ToString::to_string).collect::<Vec<_>>(),
        },
        "decision": latest.decision(),
        "pushedAt": latest.decision().winner().and_then(Selected::pushed_at).map(|at| at.to_string()),
        "through": latest.report().access().map(|access| access.to_string()),
        "latestImage": latest.image_ref().map(ToString::to_string),
        "steps": steps.collect::<Vec<_>>(),
    })
}

/// What failed, why, and what to do.
pub(crate) fn failure(failure: &Failure) -> Value {
    let what = match failure {
        Failure::Input(_) => "input",
        Failure::Image(_) => "image",
        Failure::Policy(_) => "policy",
        Failure::Credentials(_) => "credentials",
        Failure::Registry(_) => "registry",
    };
    let mut document = failure.in_full().to_json();
    document["error"]["what"] = what.into();
    document["sources"] = failure.report().map(sources).into();
    document
}

fn sources(report: &ChainReport) -> Value {
    report.sources().map(source).collect()
}

fn source(source: &SourceReport) -> Value {
    let (result, detail) = match source.result() {
        SourceResult::Provided { principal, .. } => ("provided", principal.to_string()),
        SourceResult::Skipped { detail, .. } => ("skipped", detail.clone()),
        SourceResult::Failed(error) => ("failed", error.to_string()),
        SourceResult::NotReached { configured: true, .. } => ("notReached", "set up too".to_owned()),
        _ => ("notReached", String::new()),
    };
    let looked_at =
        source.notes().iter().map(|note| json!({"what": note.subject(), "found": note.finding()}));
    json!({
        "source": source.kind().to_string(),
        "result": result,
        "detail": detail,
        "hint": source.hint(),
        "lookedAt": looked_at.collect::<Vec<_>>(),
        "milliseconds": u64::try_from(source.duration().as_millis()).unwrap_or(u64::MAX),
    })
}
