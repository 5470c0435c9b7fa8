//! Two tenants with a role each in one program, and one that may not: whose credentials does whose object get? The controller has
//! an identity of its own, which may read everything. No tenant gets it.
//!
//! ```console
//! $ cargo run --example object_level
//! ServiceAccount team-a/image-reader is annotated with arn:aws:iam::111122223333:role/team-a
//! ServiceAccount team-b/image-reader is annotated with arn:aws:iam::111122223333:role/team-b
//! ServiceAccount team-c/image-reader is annotated with arn:aws:iam::111122223333:role/team-a
//!
//! Each team's ImageRepository reads the images of team-a and of team-b:
//!   team-a reads team-a/app: 2 tags
//!   team-a reads team-b/app: AccessDenied by ECR
//!   team-b reads team-a/app: AccessDenied by ECR
//!   team-b reads team-b/app: 2 tags
//!   team-c reads team-a/app: no credentials (NotTrusted)
//!   team-c reads team-b/app: no credentials (NotTrusted)
//!
//! Why not team-c:
//!   Check that the role exists, and that its trust policy allows sts:AssumeRoleWithWebIdentity to what the token has: …
//!
//! team-a is role arn:aws:iam::111122223333:role/team-a, session image-reader.team-a.eu-west-1.fluxcd.io
//! It annotates its ServiceAccount with the role of team-b: no credentials (NotTrusted)
//! Its ServiceAccount is deleted: no credentials (InvalidConfiguration)
//! The controller is a role of account 111122223333, and nobody else was
//! $ cargo run --example object_level -- --json
//! ```
//!
//! No AWS account and no cluster needed: an embedded AWS plays both. With a real cluster, over `kube::Client`, and the real AWS,
//! the package `s3_and_kms` does the same: `cargo run -p s3_and_kms -- --live …`.
//!
//! Exit codes: 0 done, 2 bad input or failure.

mod cluster;
mod program;
mod told;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use examples::failure::Failure;
use examples::terminal::{Screen, document};

/// Shows whose credentials each tenant's object gets.
///
/// All of it happens on this machine: an embedded AWS plays the cloud and the cluster.
#[derive(Debug, Parser)]
#[command(name = "object_level", version)]
struct Args {
    /// Print one JSON document instead of text.
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(args.json),
    }
}

async fn run(args: &Args) -> Result<(), Failure> {
    let story = program::run().await?;
    if args.json {
        writeln!(io::stdout(), "{}", document(&told::document(&story)))?;
    } else {
        let mut out = Screen::stdout();
        told::text(&story, out.is_terminal(), &mut out)?;
    }
    Ok(())
}
