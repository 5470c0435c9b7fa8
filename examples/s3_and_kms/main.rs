//! Reads an object of S3 and decrypts a value with KMS, by AWS's own clients, with the credentials that each tenant's object
//! brings: the role of a ServiceAccount, or an access key in a Secret.
//!
//! ```console
//! $ cargo run -p s3_and_kms
//! ```
//!
//! No AWS account and no cluster needed, but `python3` with `venv`, and PyPI at the first run: [ministack] plays the account, with
//! its IAM policies, and the embedded AWS plays the cluster's Kubernetes API. It prints:
//!
//! ```text
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
//!   Check that the role exists, and that its trust policy allows sts:AssumeRoleWithWebIdentity to what the token has: subject system:serviceaccount:other:config-reader, audience sts.amazonaws.com, issuer https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE.
//! ```
//!
//! With `--live` it is one object on the real cluster and the real AWS, as `--help` says.
//!
//! [ministack]: https://github.com/ministackorg/ministack

mod account;
mod args;
mod cluster;
mod object;

use std::error::Error;
use std::io::{self, Write};

use clap::Parser;
use flux_aws_auth::kube::KubeTokens;
use flux_aws_auth::{Authenticator, Chain};

use crate::args::Args;
use crate::object::Clients;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    if let Some(object) = Args::parse().live()? {
        let tokens = KubeTokens::new(kube::Client::try_default().await?);
        let authenticator = authenticator(tokens, Chain::builder())?;
        let clients = Clients::new(authenticator, None);
        writeln!(io::stdout(), "{}", clients.read(&object).await)?;
    } else {
        let cluster = cluster::start().await?;
        let account = account::start(cluster.issuer().url())?;
        let tokens = KubeTokens::new(cluster::client(&cluster)?);
        let authenticator = authenticator(tokens, Chain::builder().environment(account.environment()))?;
        let clients = Clients::new(authenticator, Some(account.url()));
        for object in account.objects() {
            writeln!(io::stdout(), "{}", clients.read(&object).await)?;
        }
    }
    Ok(())
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
