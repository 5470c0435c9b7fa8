//! The program from arguments to exit code, writing where it is told.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use examples::failure::Failure;
use examples::terminal::style::HEADING;
use examples::terminal::{document, painted, working};
use flux_aws_auth::doctor::{Area, Doctor, Examination, Finding, OrderExplanation, OrderStep, Severity};
use flux_aws_auth::iam::lint;
use flux_aws_auth::{Chain, Integration, Reason};
use flux_ecr_reflect::{EcrRegistry, ImageName, Reflector};
use serde_json::{Value, json};

use crate::args::Args;
use crate::world::World;

/// No problem: 0. A problem: 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Well,
    Problem,
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        Self::from(verdict as u8)
    }
}

/// Looks this world through, and tells.
///
/// # Errors
///
/// Bad input, and what keeps the output from being written.
pub(crate) async fn run(
    args: &Args,
    world: &World,
    out: &mut (impl Write + Send),
) -> Result<Verdict, Failure> {
    let image: Option<ImageName> = args.image().map(str::parse).transpose()?;
    let registry: Option<EcrRegistry> = image.as_ref().map(|image| image.registry().parse()).transpose()?;
    let mut chain = world.chain();
    if let Some(registry) = &registry {
        chain = chain.region(registry.region());
    }
    let chain = chain.build();
    let mut doctor = Doctor::new(&chain).with_integration(Integration::Ecr);
    if let Some((reference, service_account)) = &world.service_account {
        doctor = doctor.with_service_account(reference.clone(), service_account.clone());
    }
    if args.explain_order {
        let examination = doctor.examine();
        if args.json {
            writeln!(out, "{}", document(&order(examination.order())))?;
        } else {
            write!(out, "{}", painted(examination.order()))?;
        }
        return Ok(Verdict::Well);
    }
    let asking = args.ask.then(|| working("asking AWS"));
    let mut examination = if args.ask { doctor.examine_live().await } else { doctor.examine() };
    if let (Some(image), Some(registry)) = (&image, &registry) {
        if let Some(path) = &args.permissions {
            hold_against(image, registry, path, &mut examination)?;
        }
        // Without credentials there is nothing to ask ECR with.
        if examination.report().is_some_and(|report| report.provided_by().is_some()) {
            ask_ecr(image, &chain, world, &mut examination).await?;
        }
    }
    drop(asking);
    if args.json {
        writeln!(out, "{}", document(&findings(world, &examination)))?;
    } else {
        tell(world, &examination, out)?;
    }
    Ok(match examination.severity() {
        Severity::Problem => Verdict::Problem,
        _ => Verdict::Well,
    })
}

/// Why the policy in the file does not let its role read the image, if it does not.
fn hold_against(
    image: &ImageName,
    registry: &EcrRegistry,
    path: &Path,
    examination: &mut Examination,
) -> Result<(), Failure> {
    const AREA: Area = Area::Other("permission policy");
    let policy = read(path).map_err(|error| Failure::about(path.display(), error))?;
    let repository = registry.repository_arn(image.repository()).parse()?;
    let findings =
        lint::policy(&policy, &repository).map_err(|error| Failure::about(path.display(), error))?;
    if findings.is_empty() {
        examination.add(Finding::new(
            Severity::Ok,
            AREA,
            path.display().to_string(),
            "lets its role read the image",
        ));
    }
    for finding in findings {
        let told = Finding::new(Severity::Problem, AREA, path.display().to_string(), finding.to_string());
        examination.add(told.with_hint(finding.hint()));
    }
    Ok(())
}

/// What the credentials may do with the image.
async fn ask_ecr(
    image: &ImageName,
    chain: &Chain,
    world: &World,
    examination: &mut Examination,
) -> Result<(), flux_ecr_reflect::Error> {
    let mut reflector = Reflector::builder().credentials(chain.clone());
    if let Some(endpoint) = &world.ecr_endpoint {
        reflector = reflector.endpoint_url(endpoint);
    }
    for finding in reflector.build()?.preflight(image).await?.findings() {
        examination.add(finding);
    }
    Ok(())
}

fn tell(world: &World, examination: &Examination, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "{HEADING}Set-up{HEADING:#}")?;
    for line in &world.story {
        writeln!(out, "  {line}")?;
    }
    write!(out, "\n{}", painted(examination))
}

/// What was found, for machines.
fn findings(world: &World, examination: &Examination) -> Value {
    let findings = examination.findings().map(|finding| {
        json!({
            "severity": finding.severity().to_string().to_lowercase(),
            "area": finding.area().to_string(),
            "reason": finding.reason().map(Reason::as_str),
            "subject": finding.subject(),
            "finding": finding.text(),
            "hint": finding.hint(),
        })
    });
    let order = examination.order();
    json!({
        "setup": world.story,
        "used": order.used().map(|step| step.kind().to_string()),
        "usedByAwsSdks": order.used_by_sdk().map(|step| step.kind().to_string()),
        "caller": examination.caller().map(|caller| caller.arn.clone()),
        "findings": findings.collect::<Vec<_>>(),
        "trustPolicy": examination.trust_policy(),
    })
}

/// Which source is used, for machines.
fn order(order: &OrderExplanation) -> Value {
    let step = |step: &OrderStep| {
        json!({
            "source": step.kind().to_string(),
            "standing": step.standing().to_string(),
            "principal": step.principal().map(ToString::to_string),
        })
    };
    json!({
        "order": order.chain().iter().map(step).collect::<Vec<_>>(),
        "orderOfAwsSdks": order.sdk().iter().map(step).collect::<Vec<_>>(),
        "differs": order.differs(),
    })
}

#[expect(clippy::disallowed_methods, reason = "a program reads the files that its command line names")]
fn read(path: &Path) -> std::io::Result<String> {
    std::fs::read_to_string(path)
}
