//! What happened, told: as text, on a terminal with a table, or as one JSON document.

use std::fmt;
use std::io::{self, Write};

use anstyle::Style;
use examples::terminal::Table;
use examples::terminal::style::{BAD, GOOD, HEADING, REMEDY};
use serde_json::{Value, json};

use crate::program::{Read, Refusal, Story};

/// For people; with a table in place of sentences where that is asked for.
pub(crate) fn text(story: &Story, with_table: bool, out: &mut impl Write) -> io::Result<()> {
    for (service_account, role) in &story.annotated {
        writeln!(out, "ServiceAccount {service_account} is annotated with {role}")?;
    }
    let heading = "Each team's ImageRepository reads the images of team-a and of team-b:";
    writeln!(out, "\n{HEADING}{heading}{HEADING:#}")?;
    let reads = if with_table { table } else { lines };
    reads(&story.reads, out)?;

    writeln!(out, "\n{HEADING}Why not team-c:{HEADING:#}\n  {REMEDY}{}{REMEDY:#}", story.hint)?;

    let [at_first, with_another_role, without] = &story.team_a;
    writeln!(out, "\nteam-a is {}", Outcome(at_first))?;
    writeln!(out, "It annotates its ServiceAccount with the role of team-b: {}", Outcome(with_another_role))?;
    writeln!(out, "Its ServiceAccount is deleted: {}", Outcome(without))?;
    writeln!(out, "The controller is {}, and nobody else was", story.controller)
}

fn lines<W: Write>(reads: &[Read], out: &mut W) -> io::Result<()> {
    for Read { team, repository, tags } in reads {
        let tags = tags.as_ref().map(|tags| format!("{tags} tags"));
        writeln!(out, "  {team} reads {repository}: {}", Outcome(&tags))?;
    }
    Ok(())
}

/// A row for each team, a column for each repository.
fn table<W: Write>(reads: &[Read], out: &mut W) -> io::Result<()> {
    let mut table = Table::new(["reads", "team-a/app", "team-b/app"]);
    for of_team in reads.chunks(2) {
        if let [one, other] = of_team {
            let cell = |read: &Read| match &read.tags {
                Ok(tags) => (GOOD, format!("{tags} tags")),
                Err(refusal) => (BAD, refusal.to_string()),
            };
            table.row([(Style::new(), one.team.to_owned()), cell(one), cell(other)]);
        }
    }
    write!(out, "{table}")
}

/// What came of it, in the colour of whether it went well.
struct Outcome<'a, T, E>(&'a Result<T, E>);

impl<T: fmt::Display, E: fmt::Display> fmt::Display for Outcome<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Ok(good) => write!(f, "{GOOD}{good}{GOOD:#}"),
            Err(bad) => write!(f, "{BAD}{bad}{BAD:#}"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCredentials(code) => write!(f, "no credentials ({code})"),
            Self::ByEcr(kind) => write!(f, "{kind} by ECR"),
        }
    }
}

/// For machines.
pub(crate) fn document(story: &Story) -> Value {
    let annotated = story.annotated.iter();
    let reads = story.reads.iter().map(|read| {
        json!({
            "team": read.team,
            "repository": read.repository,
            "tags": read.tags.as_ref().ok(),
            "refused": read.tags.as_ref().err().map(refused),
        })
    });
    let [at_first, with_another_role, without] = &story.team_a;
    let identity = |outcome: &Result<_, Refusal>| {
        json!({
            "identity": outcome.as_ref().ok().map(|principal: &flux_aws_auth::Principal| principal.to_string()),
            "refused": outcome.as_ref().err().map(refused),
        })
    };
    json!({
        "serviceAccounts": annotated.map(|(name, role)| json!({ "name": name, "role": role })).collect::<Vec<_>>(),
        "reads": reads.collect::<Vec<_>>(),
        "hint": story.hint,
        "teamA": {
            "atFirst": identity(at_first),
            "withAnotherRole": identity(with_another_role),
            "withoutServiceAccount": identity(without),
        },
        "controller": { "identity": story.controller.to_string() },
    })
}

fn refused(refusal: &Refusal) -> Value {
    match refusal {
        Refusal::NoCredentials(code) => json!({ "by": "credentials", "code": code }),
        Refusal::ByEcr(kind) => json!({ "by": "ECR", "code": kind }),
    }
}
