//! What the objects read, told: as text, or as one JSON document.

use std::io::{self, Write};

use examples::terminal::style::{BAD, GOOD, HEADING, REMEDY};
use examples::terminal::visible;
use serde_json::{Value, json};

use crate::object::{Outcome, Reading};

/// For people, what came of one object.
pub(crate) fn text(reading: &Reading, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{HEADING}{}{HEADING:#}", reading.name)?;
    match &reading.outcome {
        Outcome::Asked { identity, read } => {
            writeln!(out, "  is {identity}")?;
            match read {
                Ok(content) => {
                    let content: Vec<_> = content.lines().map(visible).collect();
                    writeln!(out, "  {GOOD}{}{GOOD:#}: {}", reading.wants, content.join("\n"))
                }
                Err(refusal) => writeln!(out, "  {}: {BAD}{}{BAD:#}", reading.wants, visible(refusal)),
            }
        }
        Outcome::NoCredentials(error) => {
            writeln!(out, "  {BAD}has no credentials ({}){BAD:#}", error.reason())?;
            writeln!(out, "  {REMEDY}{}{REMEDY:#}", error.hint().unwrap_or_default())
        }
    }
}

/// For machines, what came of all of them.
pub(crate) fn document(readings: &[Reading]) -> Value {
    readings.iter().map(document_of).collect()
}

fn document_of(Reading { name, wants, outcome }: &Reading) -> Value {
    let (identity, read) = match outcome {
        Outcome::Asked { identity, read } => (Some(identity), Some(read)),
        Outcome::NoCredentials(_) => (None, None),
    };
    let no_credentials = match outcome {
        Outcome::NoCredentials(error) => json!({ "reason": error.reason().as_str(), "hint": error.hint() }),
        Outcome::Asked { .. } => Value::Null,
    };
    json!({
        "object": name,
        "wants": wants,
        "identity": identity,
        "content": read.and_then(|read| read.as_ref().ok()),
        "refused": read.and_then(|read| read.as_ref().err()),
        "noCredentials": no_credentials,
    })
}
