//! Fetches an artifact as Flux's OCIRepository does: finds the revision, takes the layer with the files, checks it against its
//! digest and unpacks it.
//!
//! ```console
//! $ cargo run -p pull_artifact
//! $ cargo run -p pull_artifact -- --tag stable --out stable.tgz --operation copy
//! $ cargo run -p pull_artifact -- --live --image public.ecr.aws/docker/library/alpine --tag 3.22 --out alpine
//! ```
//!
//! No AWS account and no cluster needed: an embedded AWS has the repository, with what `flux push artifact` would have put there.
//! It prints:
//!
//! ```text
//! 111122223333.dkr.ecr.eu-west-1.amazonaws.com/fleet/manifests
//!   revision  6.2.0@sha256:…
//!   source    https://github.com/example/fleet.git
//!   of        v6.2.0@sha1:0123456789abcdef0123456789abcdef01234567
//!   created   2026-01-01T00:00:00Z
//!   type      application/vnd.cncf.flux.config.v1+json
//!   layer     application/vnd.cncf.flux.content.v1.tar+gzip, 256 bytes
//!     deploy/deployment.yaml
//!     deploy/kustomization.yaml
//! ```
//!
//! With `--live` it is a real repository, asked with the identity that this process's environment gives; Amazon ECR Public also
//! without one.
//!
//! Exit codes: 0 done, 1 failed, 2 a bad command line.

mod args;
mod fleet;
mod pull;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;
use crate::fleet::Fleet;
use crate::pull::Pull;

type BoxError = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args).await {
        Ok(text) => match write!(io::stdout(), "{text}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            let _ = write!(io::stderr(), "{}", told(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<String, BoxError> {
    if args.live {
        let pull = Pull { registry: fleet::live()?, image: args.image()?, reference: args.reference()? };
        return pull.run(args).await;
    }
    let fleet = Fleet::start().await?;
    let pull = Pull { registry: fleet.registry()?, image: args.image()?, reference: args.reference()? };
    pull.run(args).await
}

/// An error with its causes and, where there is one, the next thing to do.
fn told(error: &(dyn Error + 'static)) -> String {
    let mut text = format!("{error}\n");
    let mut next = error.source();
    while let Some(cause) = next {
        text.extend(["  because: ", &cause.to_string(), "\n"]);
        next = cause.source();
    }
    let hint = error.downcast_ref::<flux_ecr_reflect::Error>().and_then(flux_ecr_reflect::Error::hint);
    hint.map_or_else(|| text.clone(), |hint| format!("{text}{hint}\n"))
}
