//! The main job, end to end: credentials found and explained, an ECR repository scanned, the latest image picked and
//! justified. No AWS account and no cluster needed: an embedded AWS plays both.
//!
//! ```console
//! $ cargo run --example reflect
//! $ cargo run --example reflect -- --setup nothing
//! $ cargo run --example reflect -- --policy examples/data/podinfo.yaml --json
//! $ cargo run --example reflect -- --oci
//! $ cargo run --example reflect -- --newest-push --min-age 24h
//! $ cargo run --example reflect -- --live --image 111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp
//! ```
//!
//! It prints the set-up, the report of the credential sources, Flux's message of the scan, the decision with its reasons,
//! the latest image by tag and digest, and what each step took.
//!
//! Exit codes: 0 found, 1 nothing matched, 2 bad input or failure.

mod args;
mod counting;
mod job;
mod json;
mod program;
mod text;
mod world;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;
use crate::job::Failure;
use crate::program::Verdict;
use crate::world::World;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let verdict = match world(&args).await {
        Ok(world) => program::run(&args, &world, &mut out, &mut err).await,
        Err(failure) => program::tell(&args, &failure, &mut out, &mut err).map(|()| Verdict::Failed),
    };
    match verdict {
        Ok(verdict) => verdict.into(),
        Err(error) => {
            // Whoever closed the pipe knows.
            if error.kind() != io::ErrorKind::BrokenPipe {
                let _ = writeln!(err, "The output could not be written: {error}.");
            }
            Verdict::Failed.into()
        }
    }
}

async fn world(args: &Args) -> Result<World, Failure> {
    if args.live {
        return Ok(World::live());
    }
    let repository = world::mixed_repository(args.tags);
    let world = World::embedded(args.setup, repository, Some(args.tags)).await;
    world.map_err(|error| Failure::Input(format!("The embedded AWS did not start: {error}.")))
}
