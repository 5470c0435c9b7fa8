//! What would Flux pick from these tags, and why? Nothing but the two files is needed: no cluster, no registry.
//!
//! ```console
//! $ cargo run --example explain_policy -- examples/data/explain/minio.yaml examples/data/explain/minio.txt
//! ImagePolicy minio
//! RELEASE.2024-06-13T22-53-53Z is the last in alphabetical order among tags matching "^RELEASE\.(?P<timestamp>.*)Z$", …
//!   compared as 2024-06-13T22-53-53
//!   next: RELEASE.2024-06-11T03-13-30Z
//!   7 tags: 3 eligible, 4 left out
//!     4 not matched by the filter: latest, edge, RELEASE.2024-06-13T22-53-53Z.fips, RELEASE.2024-06-11T03-13-30Z-cpuv1
//!
//! latest                              not matched by the filter
//! edge                                not matched by the filter
//! RELEASE.2024-05-01T01-11-10Z        loses to RELEASE.2024-06-13T22-53-53Z
//! RELEASE.2024-06-13T22-53-53Z        wins
//! RELEASE.2024-06-13T22-53-53Z.fips   not matched by the filter
//! RELEASE.2024-06-11T03-13-30Z        loses to RELEASE.2024-06-13T22-53-53Z
//! RELEASE.2024-06-11T03-13-30Z-cpuv1  not matched by the filter
//! ```
//!
//! Every ImagePolicy of the file is evaluated. An ImageRepository beside it that the policy refers to contributes its
//! exclusion list. Tags come one per line from a file or from standard input, so that they can be those of a real registry:
//!
//! ```console
//! $ crane ls ghcr.io/stefanprodan/podinfo | cargo run --example explain_policy -- policy.yaml
//! $ cargo run --example explain_policy -- examples/data/explain/builds.yaml examples/data/explain/builds.txt --json
//! ```
//!
//! With `--json` it is one document, a list with `name`, `explanation` (`decision`, `verdicts`) and `error` of each policy.
//!
//! Exit codes: 0 every policy matched, 1 one matched nothing, 2 bad input or failure.

mod input;
mod told;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use examples::failure::Failure;
use examples::terminal::{Screen, document};

use crate::told::Outcome;

/// Explains what a Flux ImagePolicy picks from a list of tags.
#[derive(Debug, Parser)]
#[command(name = "explain_policy", version)]
struct Args {
    /// A YAML or JSON file with one or more ImagePolicy manifests.
    policy: PathBuf,

    /// A file with one tag per line; standard input if absent.
    tags: Option<PathBuf>,

    /// Print one JSON document instead of text.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(code) => code,
        Err(failure) => failure.tell(args.json),
    }
}

fn run(args: &Args) -> Result<ExitCode, Failure> {
    let policies = input::policies(&args.policy)?;
    let tags = input::tags(args.tags.as_deref())?;
    let tags: Vec<&str> = tags.lines().map(str::trim).filter(|tag| !tag.is_empty()).collect();
    let explained = policies
        .into_iter()
        .map(|(name, policy)| Outcome { name, explained: policy.map(|policy| policy.explain(&tags)) });
    let outcomes: Vec<_> = explained.collect();
    if args.json {
        writeln!(io::stdout(), "{}", document(&told::document(&outcomes)))?;
    } else {
        let mut out = Screen::stdout();
        told::text(&outcomes, out.is_terminal(), &mut out)?;
    }
    let mut code = if outcomes.iter().all(Outcome::matched) { ExitCode::SUCCESS } else { ExitCode::from(1) };
    for failure in outcomes.iter().filter_map(Outcome::failure) {
        // The document has them already.
        code = if args.json { ExitCode::from(2) } else { failure.tell(false) };
    }
    Ok(code)
}
