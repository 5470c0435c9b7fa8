//! The main job, end to end: credentials found and explained, an ECR repository scanned, the latest image picked and
//! justified. No AWS account and no cluster needed: an embedded AWS plays both.
//!
//! ```console
//! $ cargo run --example reflect
//! Set-up
//!   IRSA: ServiceAccount flux-system/image-reflector-controller is annotated with …
//!   The embedded AWS plays account 111122223333 in eu-west-1, with the ECR repository apps/mainapp.
//!   Image: 111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp
//!
//! Credentials from web identity (IRSA): role arn:aws:iam::111122223333:role/flux-image-reflector, …, for 59 min
//!   1. EKS Pod Identity        skipped, PodIdentityNotActive: not active in this pod
//!   2. web identity (IRSA)     provided in 4 ms
//!   3. access keys             not reached
//!   4. node metadata (IMDSv2)  not reached
//!
//! Scan
//!   successful scan: found 2375 tags with checksum 4065337566
//!   2500 tags listed in 3 pages, 125 of them left out by the exclusion list
//!
//! Decision
//!   34.9.4 is the highest version in ">=1.0.0"
//!     next: 34.9.3
//!     2375 tags: 1700 eligible, 675 left out
//! …
//! Latest image
//!   111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp:34.9.4@sha256:…
//!
//! Took
//!   credentials             4 ms     1 request
//!   scan and decision      32 ms     3 requests
//!   as AWS counted: ecr:ListImages 3, sts:AssumeRoleWithWebIdentity 1
//! ```
//!
//! Other set-ups, policies and ways to ask, and the real AWS:
//!
//! ```console
//! $ cargo run --example reflect -- --setup nothing
//! $ cargo run --example reflect -- --policy examples/data/podinfo.yaml --json
//! $ cargo run --example reflect -- --oci
//! $ cargo run --example reflect -- --newest-push --min-age 24h
//! $ cargo run --example reflect -- --live --image 111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp
//! ```
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
use examples::terminal::Screen;

use crate::args::Args;
use crate::job::Failure;
use crate::program::Verdict;
use crate::world::World;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let mut out = if args.json { Screen::as_is(io::stdout()) } else { Screen::stdout() };
    let mut err = Screen::stderr();
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
