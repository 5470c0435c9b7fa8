//! Fetches an artifact as Flux's OCIRepository does: finds the revision, takes the layer with the files, checks it against its
//! digest and unpacks it.
//!
//! ```console
//! $ cargo run -p pull_artifact
//! 111122223333.dkr.ecr.eu-west-1.amazonaws.com/fleet/manifests
//!   revision  6.2.0@sha256:…
//!   source    https://github.com/example/fleet.git
//!   of        v6.2.0@sha1:0123456789abcdef0123456789abcdef01234567
//!   created   2026-01-01T00:00:00Z
//!   type      application/vnd.cncf.flux.config.v1+json
//!   layer     application/vnd.cncf.flux.content.v1.tar+gzip, 256 bytes
//!     deploy/deployment.yaml
//!     deploy/kustomization.yaml
//! $ cargo run -p pull_artifact -- --tag stable --json
//! $ cargo run -p pull_artifact -- --semver '<6.2.0' --operation copy
//! $ cargo run -p pull_artifact -- --live --image public.ecr.aws/docker/library/alpine --tag 3.22 --out alpine
//! ```
//!
//! No AWS account and no cluster needed: an embedded AWS has the repository, with what `flux push artifact` would have put there.
//! With `--live` it is a real repository, asked with the identity that this process's environment gives; Amazon ECR Public also
//! without one.
//!
//! Exit codes: 0 done, 1 there is no such artifact or layer, 2 bad input or failure.

mod args;
mod fleet;
mod pull;
mod told;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use examples::failure::Failure;
use examples::terminal::{Screen, document, working};
use flux_ecr_reflect::{Error, ErrorKind};

use crate::args::Args;
use crate::fleet::Fleet;
use crate::pull::{Pull, Pulled};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let code = failure.tell(args.json);
            let is_not_there = |error: &Error| error.kind() == ErrorKind::NotFound;
            if failure.error().downcast_ref().is_some_and(is_not_there) { ExitCode::from(1) } else { code }
        }
    }
}

async fn run(args: &Args) -> Result<(), Failure> {
    let pulled = pull(args).await?;
    if args.json {
        writeln!(io::stdout(), "{}", document(&told::document(&pulled)))?;
    } else {
        told::text(&pulled, &mut Screen::stdout())?;
    }
    Ok(())
}

async fn pull(args: &Args) -> Result<Pulled, Failure> {
    let (image, reference) = (args.image()?, args.reference()?);
    let _working = working(format!("pulling {image}"));
    if args.live {
        return Pull { registry: fleet::live()?, image, reference }.run(args).await;
    }
    let fleet = Fleet::start().await?;
    Pull { registry: fleet.registry()?, image, reference }.run(args).await
}
