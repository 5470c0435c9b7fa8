//! Reads an object of S3 and decrypts a value with KMS, by AWS's own clients, with the credentials that each tenant's object
//! brings: the role of a ServiceAccount, or an access key in a Secret.
//!
//! ```console
//! $ cargo run -p s3_and_kms
//! Bucket tenant/config, ServiceAccount config-reader
//!   is role arn:aws:iam::111122223333:role/config-reader, session config-reader.tenant.eu-west-1.fluxcd.io
//!   s3://tenant-config/apps/app.yaml: kind: ConfigMap
//!
//! Bucket tenant/config, Secret bucket-key
//!   is the owner of access key AKIA…
//!   s3://tenant-config/apps/app.yaml: kind: ConfigMap
//!
//! Kustomization tenant/app, ServiceAccount sops-reader
//!   is role arn:aws:iam::111122223333:role/sops-reader, session sops-reader.tenant.eu-west-1.fluxcd.io
//!   decrypted with arn:aws:kms:eu-west-1:111122223333:alias/sops: the data key of a file
//!
//! Kustomization tenant/app, ServiceAccount config-reader
//!   is role arn:aws:iam::111122223333:role/config-reader, session config-reader.tenant.eu-west-1.fluxcd.io
//!   decrypted with arn:aws:kms:eu-west-1:111122223333:alias/sops: refused, AccessDeniedException
//!
//! Bucket other/config, ServiceAccount config-reader
//!   has no credentials (NotTrusted)
//!   Check that the role exists, and that its trust policy allows sts:AssumeRoleWithWebIdentity to what the token has: …
//! ```
//!
//! No AWS account and no cluster needed, but `python3` with `venv`, and PyPI at the first run: [ministack] plays the account, with
//! its IAM policies, and the embedded AWS plays the cluster's Kubernetes API. With `--json` it prints one document.
//!
//! With `--live` it is one object on the real cluster and the real AWS, as `--help` says:
//!
//! ```console
//! $ cargo run -p s3_and_kms -- --live --service-account tenant/config-reader \
//!     --region eu-west-1 --object tenant-config/apps/app.yaml
//! ```
//!
//! Exit codes: 0 done, 1 with `--live` the object was refused, 2 bad input or failure.
//!
//! [ministack]: https://github.com/ministackorg/ministack

mod account;
mod args;
mod cluster;
mod object;
mod told;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use examples::failure::Failure;
use examples::terminal::{Screen, document, working};
use flux_aws_auth::kube::KubeTokens;
use flux_aws_auth::{Authenticator, Chain};

use crate::args::Args;
use crate::object::{Clients, Object, Outcome, Reading};

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args).await {
        Ok(code) => code,
        Err(failure) => failure.tell(args.json),
    }
}

async fn run(args: &Args) -> Result<ExitCode, Failure> {
    let live = args.live()?;
    let readings = match &live {
        Some(object) => vec![read_live(object).await?],
        None => read_embedded().await?,
    };
    if args.json {
        writeln!(io::stdout(), "{}", document(&told::document(&readings)))?;
    } else {
        let mut out = Screen::stdout();
        for (index, reading) in readings.iter().enumerate() {
            write!(out, "{}", if index == 0 { "" } else { "\n" })?;
            told::text(reading, &mut out)?;
        }
    }
    let is_read = |reading: &Reading| matches!(reading.outcome, Outcome::Asked { read: Ok(_), .. });
    // What is refused of the embedded ones is meant to be.
    Ok(if live.is_none() || readings.iter().all(is_read) { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// One object, on the real cluster and the real AWS.
async fn read_live(object: &Object) -> Result<Reading, Failure> {
    let _working = working(format!("reading for {}", object.name));
    let tokens = KubeTokens::new(kube::Client::try_default().await?);
    let clients = Clients::new(authenticator(tokens, Chain::builder())?, None);
    Ok(clients.read(object).await)
}

/// The objects of two tenants, on an embedded cluster and ministack.
async fn read_embedded() -> Result<Vec<Reading>, Failure> {
    let _working = working("starting ministack, which is installed at the first run");
    let cluster = cluster::start().await?;
    let account = account::start(cluster.issuer().url())?;
    let tokens = KubeTokens::new(cluster::client(&cluster)?);
    let chain = Chain::builder().environment(account.environment());
    let clients = Clients::new(authenticator(tokens, chain)?, Some(account.url()));
    let mut readings = Vec::new();
    for object in account.objects() {
        readings.push(clients.read(&object).await);
    }
    Ok(readings)
}

/// What a controller makes once, of its own chain.
fn authenticator(
    tokens: KubeTokens,
    chain: flux_aws_auth::ChainBuilder,
) -> Result<Authenticator, flux_aws_auth::Error> {
    Authenticator::builder()
        .chain(chain)
        .service_account_tokens(tokens)
        .object_level_workload_identity(true) // Flux's feature gate
        .build()
}
