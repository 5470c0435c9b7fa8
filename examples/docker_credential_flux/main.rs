//! A [credential helper] of Docker for Amazon ECR: `docker pull` with the identity that Flux would have. Pod Identity, IRSA, an
//! access key or the node's role, private ECR in every partition, and ECR Public.
//!
//! ```console
//! $ echo 111122223333.dkr.ecr.eu-west-1.amazonaws.com | cargo run --example docker_credential_flux -- --offline get
//! {"ServerURL":"111122223333.dkr.ecr.eu-west-1.amazonaws.com","Username":"AWS","Secret":"…"}
//! $ cargo run --example docker_credential_flux -- --offline list
//! {"https://111122223333.dkr.ecr.eu-west-1.amazonaws.com":"AWS","111122223333.dkr.ecr.eu-west-1.amazonaws.com":"AWS"}
//! $ echo ghcr.io | cargo run --example docker_credential_flux -- --offline get
//! credentials not found in native keychain
//! ```
//!
//! With `--offline` an embedded AWS plays the cloud. Without it the program asks the real one, as Docker runs it: put it into the
//! `PATH` as `docker-credential-flux`, and say in `~/.docker/config.json` for which registries.
//!
//! ```json
//! { "credHelpers": { "111122223333.dkr.ecr.eu-west-1.amazonaws.com": "flux", "public.ecr.aws": "flux" } }
//! ```
//!
//! `get` reads a server's address and prints its login as JSON, `list` the registry that the identity has in its region,
//! `version` the version. `store` and `erase` are refused: a login comes from AWS, and nothing is kept. What goes wrong is told
//! on standard output, where Docker looks for it. Of a registry that is not Amazon's there is "credentials not found in native
//! keychain", upon which Docker asks it as nobody; all else stops Docker.
//!
//! It is Docker that reads what is printed, so there are no colours, and `--json` would change nothing.
//!
//! Exit codes: 0 done, 1 refused or failed, as Docker's protocol has it, 2 a bad command line.
//!
//! [credential helper]: https://github.com/docker/docker-credential-helpers#development

mod args;
mod helper;
#[allow(dead_code, reason = "the world of the example `reflect`, which uses more of it")]
#[path = "../reflect/world.rs"]
mod world;

use std::io::{self, Read, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;
use crate::helper::Failure;
use crate::world::World;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let (text, code) = match run(&args).await {
        Ok(text) => (text, ExitCode::SUCCESS),
        Err(failure) => (failure.to_string(), ExitCode::FAILURE),
    };
    match writeln!(io::stdout(), "{text}") {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}

async fn run(args: &Args) -> Result<String, Failure> {
    let action = args.action.as_deref().ok_or(Failure::Usage)?;
    let mut input = String::new();
    if helper::reads_input(action) {
        io::stdin().read_to_string(&mut input).map_err(|error| Failure::Other(error.to_string()))?;
    }
    let world = if args.offline {
        let world = World::embedded(args.setup, world::mixed_repository(20), None).await;
        world.map_err(|error| Failure::Other(format!("the embedded AWS did not start: {error}")))?
    } else {
        World::live()
    };
    helper::answer(action, &input, &world).await
}
