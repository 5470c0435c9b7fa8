//! The findings and the failures as text for people.

use std::fmt;
use std::io::{self, Write};

use examples::terminal::style::{BAD, GOOD, HEADING};
use examples::terminal::{painted, painted_decision};

use crate::job::{Failure, Findings, Request};
use crate::world::World;

/// The heading, the set-up, what is asked.
pub(crate) fn setup(out: &mut impl Write, request: &Request, world: &World) -> io::Result<()> {
    writeln!(out, "{HEADING}Set-up{HEADING:#}")?;
    for line in &world.story {
        writeln!(out, "  {line}")?;
    }
    writeln!(out, "  Image: {}\n", request.image)
}

/// Everything that was found, in the order in which it was done.
pub(crate) fn findings(out: &mut impl Write, world: &World, findings: &Findings) -> io::Result<()> {
    let (scan, latest) = (&findings.reflection.scan, &findings.reflection.latest);
    writeln!(out, "{}", painted(&findings.report))?;
    let listing = scan.listing();
    let (tags, pages, excluded) = (listing.tags(), listing.pages(), listing.excluded());
    let plural = if pages == 1 { "" } else { "s" };
    writeln!(out, "{HEADING}Scan{HEADING:#}\n  {scan}")?;
    writeln!(
        out,
        "  {tags} tags listed in {pages} page{plural}, {excluded} of them left out by the exclusion list\n"
    )?;
    let decision = painted_decision(latest.decision());
    writeln!(out, "{HEADING}Decision{HEADING:#}\n{}\n", indented(&decision))?;
    writeln!(out, "{HEADING}Latest image{HEADING:#}")?;
    match latest.image_ref() {
        Some(image) => writeln!(out, "  {GOOD}{image}{GOOD:#}\n")?,
        None => writeln!(out, "  {BAD}none{BAD:#}\n")?,
    }
    writeln!(out, "{HEADING}Took{HEADING:#}")?;
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

/// What failed, why, and what to do.
pub(crate) fn failure(err: &mut impl Write, failure: &Failure) -> io::Result<()> {
    match failure.report() {
        // It has the causes and the remedies, source by source.
        Some(report) => write!(err, "{}", painted(report)),
        None => write!(err, "{}", failure.in_full().painted()),
    }
}

fn indented(text: &impl fmt::Display) -> String {
    text.to_string().lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}
