//! What credentials does this pod have, what is wrong, and what is to be done? The checklist of a set-up with EKS, IRSA and ECR,
//! gone through by a program. No AWS account and no cluster needed: an embedded AWS plays both.
//!
//! ```console
//! $ cargo run --example doctor
//! $ cargo run --example doctor -- --setup nothing
//! $ cargo run --example doctor -- --setup pod-identity --ask
//! $ cargo run --example doctor -- --explain-order
//! $ cargo run --example doctor -- --permissions policy.json
//! $ cargo run --example doctor -- --live --ask --image 111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp
//! ```
//!
//! It prints what is wrong with the remedies first, then everything it looked at: variables, mounted tokens and what they
//! say, the region, the source that is used and those that are not, proxies, and the trust policy that the role needs.
//! Without `--ask` nobody is asked. With it, AWS says who the caller is, and ECR whether it may log in and list: "no token
//! permission", "no repository permission" and "the repository's own policy" are told apart.
//!
//! Exit codes: 0 no problem, 1 a problem, 2 bad input.

mod args;
mod program;
#[allow(dead_code, reason = "the world of the example `reflect`, which uses more of it")]
#[path = "../reflect/world.rs"]
mod world;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;
use crate::world::World;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let verdict = match world(&args).await {
        Ok(world) => program::run(&args, &world, &mut io::stdout()).await,
        Err(error) => Err(error.into()),
    };
    verdict.map_or_else(|error| bad_input(&*error), ExitCode::from)
}

async fn world(args: &Args) -> Result<World, local_aws::Error> {
    const TAGS: u64 = 100;
    if args.live {
        return Ok(World::live());
    }
    World::embedded(args.setup, world::mixed_repository(TAGS), Some(TAGS)).await
}

/// Tells why there was nothing to tell. Whoever closed the pipe knows.
fn bad_input(error: &(dyn Error + 'static)) -> ExitCode {
    let is_closed = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    if !error.downcast_ref().is_some_and(is_closed) {
        let _ = writeln!(io::stderr(), "error: {error}");
        let hint = error.downcast_ref::<flux_ecr_reflect::Error>().and_then(|error| error.hint());
        if let Some(hint) = hint {
            let _ = writeln!(io::stderr(), "hint: {hint}");
        }
    }
    ExitCode::from(2)
}
