//! What the policies pick, told: as text, on a terminal with a table, or as one JSON document.

use std::io::{self, Write};

use anstyle::Style;
use examples::failure::Failure;
use examples::terminal::style::{GOOD, HEADING, MINOR};
use examples::terminal::{Table, painted_decision, visible};
use flux_policy::{Error, Explanation, Ruling, Verdict};
use serde_json::{Value, json};

/// What became of a policy of the file: the explanation, or why it is no policy.
pub(crate) struct Outcome {
    pub(crate) name: String,
    pub(crate) explained: Result<Explanation, Error>,
}

impl Outcome {
    /// Why there is no decision, if there is none.
    pub(crate) fn failure(&self) -> Option<Failure> {
        match &self.explained {
            Ok(explanation) => {
                Some(Failure::about(visible(&self.name), explanation.decision().err()?.clone()))
            }
            // It names the manifest and the field.
            Err(error) => Some(error.clone().into()),
        }
    }

    /// Whether a tag was picked.
    pub(crate) fn matched(&self) -> bool {
        let decision = self.explained.as_ref().ok().and_then(|explanation| explanation.decision().ok());
        decision.is_some_and(|decision| decision.winner().is_some())
    }
}

/// For people; the verdicts in a table, or in two columns that `cut` can take apart.
pub(crate) fn text<W: Write>(outcomes: &[Outcome], with_table: bool, out: &mut W) -> io::Result<()> {
    let verdicts = if with_table { table::<W> } else { columns };
    let explained =
        outcomes.iter().filter_map(|outcome| Some((&outcome.name, outcome.explained.as_ref().ok()?)));
    for (index, (name, explanation)) in explained.enumerate() {
        let gap = if index == 0 { "" } else { "\n" };
        writeln!(out, "{gap}{HEADING}ImagePolicy {}{HEADING:#}", visible(name))?;
        if let Ok(decision) = explanation.decision() {
            writeln!(out, "{}", painted_decision(decision))?;
        }
        writeln!(out)?;
        verdicts(explanation, out)?;
    }
    Ok(())
}

fn columns<W: Write>(explanation: &Explanation, out: &mut W) -> io::Result<()> {
    for verdict in explanation.verdicts() {
        writeln!(out, "{}\t{}", visible(verdict.tag()), visible(&verdict.to_string()))?;
    }
    Ok(())
}

fn table<W: Write>(explanation: &Explanation, out: &mut W) -> io::Result<()> {
    let mut table = Table::new(["tag", "verdict"]);
    for verdict in explanation.verdicts() {
        let style = style(verdict);
        let cell = |text: &str| (style, visible(text).into_owned());
        table.row([cell(verdict.tag()), cell(&verdict.to_string())]);
    }
    write!(out, "{table}")
}

fn style(verdict: &Verdict) -> Style {
    match verdict.ruling() {
        Ruling::Wins => GOOD,
        Ruling::LeftOut(_) => MINOR,
        _ => Style::new(),
    }
}

/// For machines: `name`, and `explanation` or `error`, of each.
pub(crate) fn document(outcomes: &[Outcome]) -> Value {
    let named = outcomes.iter().map(|outcome| {
        let error = outcome.failure().map(|failure| failure.to_json()["error"].take());
        json!({ "name": outcome.name, "explanation": outcome.explained.as_ref().ok(), "error": error })
    });
    named.collect()
}
