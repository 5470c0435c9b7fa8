//! The program from arguments to exit code, writing where it is told.

use std::io::{self, Write};
use std::process::ExitCode;

use examples::terminal::document;

use crate::args::Args;
use crate::job::{self, Failure, Request};
use crate::world::World;
use crate::{json, text};

/// Found: 0. Nothing matched: 1. Bad input or failure: 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Found,
    NothingMatched,
    Failed,
}

/// Does the job in this world, and tells.
pub(crate) async fn run(
    args: &Args,
    world: &World,
    out: &mut (impl Write + Send),
    err: &mut (impl Write + Send),
) -> io::Result<Verdict> {
    let request = match Request::new(args, world) {
        Ok(request) => request,
        Err(failure) => {
            tell(args, &failure, out, err)?;
            return Ok(Verdict::Failed);
        }
    };
    if !args.json {
        text::setup(out, &request, world)?;
        out.flush()?;
    }
    match job::run(&request, world).await {
        Ok(findings) => {
            if args.json {
                writeln!(out, "{}", document(&json::findings(&request, world, &findings)))?;
            } else {
                text::findings(out, world, &findings)?;
            }
            Ok(match findings.reflection.latest.image_ref() {
                Some(_) => Verdict::Found,
                None => Verdict::NothingMatched,
            })
        }
        Err(failure) => {
            tell(args, &failure, out, err)?;
            Ok(Verdict::Failed)
        }
    }
}

/// Tells a failure: to people on `err`, to machines as the one document on `out`.
pub(crate) fn tell(
    args: &Args,
    failure: &Failure,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<()> {
    if args.json {
        writeln!(out, "{}", document(&json::failure(failure)))
    } else {
        text::failure(err, failure)
    }
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Found => Self::SUCCESS,
            Verdict::NothingMatched => Self::from(1),
            Verdict::Failed => Self::from(2),
        }
    }
}
