//! The findings and the failures as text for people.

use std::error::Error as StdError;
use std::fmt;
use std::io::{self, Write};

use crate::job::{Failure, Findings, Request};
use crate::world::World;

/// The heading, the set-up, what is asked.
pub(crate) fn setup(out: &mut impl Write, request: &Request, world: &World) -> io::Result<()> {
    writeln!(out, "Set-up")?;
    for line in &world.story {
        writeln!(out, "  {line}")?;
    }
    writeln!(out, "  Image: {}\n", request.image)
}

/// Everything that was found, in the order in which it was done.
pub(crate) fn findings(out: &mut impl Write, world: &World, findings: &Findings) -> io::Result<()> {
    let (scan, latest) = (&findings.reflection.scan, &findings.reflection.latest);
    writeln!(out, "{}", findings.report)?;
    let listing = scan.listing();
    let (tags, pages, excluded) = (listing.tags(), listing.pages(), listing.excluded());
    writeln!(out, "Scan\n  {scan}")?;
    writeln!(
        out,
        "  {tags} tags listed in {pages} pages, {excluded} of them left out by the exclusion list\n"
    )?;
    writeln!(out, "Decision\n{}\n", indented(latest.decision()))?;
    match latest.image_ref() {
        Some(image) => writeln!(out, "Latest image\n  {image}\n")?,
        None => writeln!(out, "Latest image\n  none\n")?,
    }
    writeln!(out, "Took")?;
    for step in &findings.steps {
        let plural = if step.requests == 1 { "" } else { "s" };
        writeln!(
            out,
            "  {:<18} {:>6} ms  {:>4} request{plural}",
            step.name,
            step.duration.as_millis(),
            step.requests
        )?;
    }
    if let Some(aws) = &world.aws {
        let counts: Vec<_> = aws.requests().iter().map(|(name, count)| format!("{name} {count}")).collect();
        writeln!(out, "  as AWS counted: {}", counts.join(", "))?;
    }
    Ok(())
}

/// What failed, why, and what to do, in full sentences.
pub(crate) fn failure(err: &mut impl Write, failure: &Failure) -> io::Result<()> {
    match failure {
        Failure::Input(message) => writeln!(err, "{message}"),
        Failure::Image(error) => explain(err, "The image cannot be used", error, error.hint()),
        Failure::Policy(error) => explain(err, "The policy cannot be used", error, error.hint()),
        Failure::Registry(error) => explain(err, "The registry could not be read", error, error.hint()),
        Failure::Credentials(error) => match error.report() {
            // It has the causes and the remedies, source by source.
            Some(report) => write!(err, "{report}"),
            None => explain(err, "There are no AWS credentials", error, error.hint()),
        },
    }
}

fn explain(err: &mut impl Write, what: &str, error: &dyn StdError, hint: Option<&str>) -> io::Result<()> {
    writeln!(err, "{what}: {error}.")?;
    let mut cause = error.source();
    while let Some(error) = cause {
        writeln!(err, "  Cause: {error}")?;
        cause = error.source();
    }
    match hint {
        Some(hint) => writeln!(err, "  What to do: {hint}"),
        None => Ok(()),
    }
}

fn indented(text: &impl fmt::Display) -> String {
    text.to_string().lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}
