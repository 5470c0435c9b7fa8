//! The command line.

use clap::Parser;

use crate::world::Setup;

/// Gives Docker the logins of Amazon ECR.
#[derive(Debug, Parser)]
#[command(name = "docker-credential-flux", version)]
pub(crate) struct Args {
    /// What Docker asks for: get, list, store, erase or version.
    pub(crate) action: Option<String>,

    /// Ask an embedded AWS, which plays account 111122223333 in eu-west-1, and not the real one.
    #[arg(long)]
    pub(crate) offline: bool,

    /// How the identity comes to the program, where AWS is embedded.
    #[arg(long, value_enum, default_value_t = Setup::Irsa, requires = "offline")]
    pub(crate) setup: Setup,
}
