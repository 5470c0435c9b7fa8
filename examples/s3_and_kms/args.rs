//! The command line.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use clap::Parser;
use flux_aws_auth::Identity;

use crate::object::{Object, Wants};

/// Reads objects of S3 and decrypts values with KMS, with the credentials of tenants' ServiceAccounts and Secrets.
///
/// Without --live all of it happens on this machine, with made-up tenants.
#[derive(Clone, Debug, Parser)]
#[command(name = "s3_and_kms", version)]
pub(crate) struct Args {
    /// Use the cluster of this process's kubeconfig, or of its pod, and the real AWS. Needs --service-account, and either --object
    /// or --key.
    #[arg(long, requires = "service_account")]
    live: bool,

    /// The ServiceAccount. It must be annotated with a role, and this process be allowed to get it and to create tokens of it.
    #[arg(long, value_name = "NAMESPACE/NAME", requires = "live")]
    service_account: Option<String>,

    /// The object to read.
    #[arg(long, value_name = "BUCKET/OBJECT", requires_all = ["live", "region"], conflicts_with = "key")]
    object: Option<String>,

    /// The bucket's region.
    #[arg(long, requires = "object")]
    region: Option<String>,

    /// The key to decrypt with.
    #[arg(long, value_name = "ARN", requires_all = ["live", "ciphertext"])]
    key: Option<String>,

    /// Print one JSON document instead of text.
    #[arg(long)]
    pub(crate) json: bool,

    /// The file with what is to be decrypted.
    #[arg(long, value_name = "FILE", requires = "key")]
    ciphertext: Option<PathBuf>,
}

impl Args {
    /// What is read for real, if that is asked for.
    pub(crate) fn live(&self) -> Result<Option<Object>, Box<dyn Error + Send + Sync>> {
        let Some(service_account) = self.service_account.as_deref().filter(|_| self.live) else {
            return Ok(None);
        };
        let (namespace, name) =
            service_account.split_once('/').ok_or("write --service-account as NAMESPACE/NAME")?;
        let wants = match self {
            Self { object: Some(path), region: Some(region), .. } => {
                let (bucket, object) = path.split_once('/').ok_or("write --object as BUCKET/OBJECT")?;
                Wants::Object { region: region.clone(), bucket: bucket.to_owned(), object: object.to_owned() }
            }
            Self { key: Some(key), ciphertext: Some(file), .. } => {
                #[expect(clippy::disallowed_methods, reason = "a file that the command line names")]
                let ciphertext = fs::read(file)?;
                Wants::Plaintext { key: key.clone(), ciphertext }
            }
            _ => return Err("--live needs --object and --region, or --key and --ciphertext".into()),
        };
        let identity = Identity::object(namespace, Some(name));
        Ok(Some(Object { name: format!("ServiceAccount {service_account}"), identity, wants }))
    }
}
