//! What credentials does this pod have, what is wrong, and what is to be done? The checklist of a set-up with EKS, IRSA and ECR,
//! gone through by a program. No AWS account and no cluster needed: an embedded AWS plays both.
//!
//! ```console
//! $ cargo run --example doctor -- --setup nothing
//! Set-up
//!   IRSA is not active: the ServiceAccount was annotated after the pod had started.
//!   The node's metadata answers no pod: its hop limit is 1.
//!   The embedded AWS plays account 111122223333 in eu-west-1, with the ECR repository apps/mainapp.
//!
//! 1 problem, 1 warning
//!   PROBLEM  pod: annotation eks.amazonaws.com/role-arn of … it started before the annotation was made (WebIdentityNotActive)
//!            What to do: Restart the pod: EKS sets the variables only when a pod starts. …
//!   WARNING  choice of the source: used: nothing is set up for this pod, so the node is asked for the role …
//!            What to do: Give the pod an identity of its own: by IRSA or EKS Pod Identity, as the notes on these say.
//!
//! pod
//!   ok       ServiceAccount: flux-system/image-reflector-controller, by the pod's own token
//! …
//! ```
//!
//! It prints what is wrong with the remedies first, then everything it looked at: variables, mounted tokens and what they
//! say, the region, the source that is used and those that are not, proxies, and the trust policy that the role needs.
//! Without `--ask` nobody is asked. With it, AWS says who the caller is, and ECR whether it may log in and list: "no token
//! permission", "no repository permission" and "the repository's own policy" are told apart.
//!
//! ```console
//! $ cargo run --example doctor -- --setup pod-identity --ask
//! $ cargo run --example doctor -- --permissions examples/data/doctor/wrong-arn.json
//! $ cargo run --example doctor -- --explain-order
//! This program's order
//!   1. EKS Pod Identity        not set up
//!   2. web identity (IRSA)     used: role arn:aws:iam::111122223333:role/flux-image-reflector
//!   3. access keys             not set up
//!   4. node metadata (IMDSv2)  not reached
//! The AWS SDKs' own order
//!   1. access keys             not set up
//!   2. web identity (IRSA)     used: role arn:aws:iam::111122223333:role/flux-image-reflector
//!   3. EKS Pod Identity        not set up
//!   4. node metadata (IMDSv2)  not reached
//! Both come to the same source.
//! $ cargo run --example doctor -- --live --ask --image 111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp
//! ```
//!
//! With `--live` it looks at the pod that it runs in, and asks the real AWS; with `--json` it prints one document.
//!
//! Exit codes: 0 no problem, 1 a problem, 2 bad input or failure.

mod args;
mod program;
#[allow(dead_code, reason = "the world of the example `reflect`, which uses more of it")]
#[path = "../reflect/world.rs"]
mod world;

use std::io;
use std::process::ExitCode;

use clap::Parser;
use examples::failure::Failure;
use examples::terminal::Screen;

use crate::args::Args;
use crate::world::World;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let mut out = if args.json { Screen::as_is(io::stdout()) } else { Screen::stdout() };
    let verdict = match world(&args).await {
        Ok(world) => program::run(&args, &world, &mut out).await,
        Err(error) => Err(Failure::about("The embedded AWS did not start", error)),
    };
    verdict.map_or_else(|failure| failure.tell(args.json), ExitCode::from)
}

async fn world(args: &Args) -> Result<World, local_aws::Error> {
    const TAGS: u64 = 100;
    if args.live {
        return Ok(World::live());
    }
    World::embedded(args.setup, world::mixed_repository(TAGS), Some(TAGS)).await
}
