//! ministack, an AWS that evaluates IAM policies.

use std::path::Path;
use std::process::Command;

use aws_credential_types::Credentials;

use crate::Error;
use crate::boto3::Boto3;
use crate::python::Python;
use crate::server::Server;

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-west-1";

/// [ministack] with `AUTH=true`: every signature is verified, every call is put before the policies of who makes it, and a
/// role's trust policy before it is assumed. It has STS, IAM, ECR, EKS, EC2, S3, KMS and the instance metadata service.
///
/// It checks neither the signature nor the expiry of a web identity token. Its calls are made by boto3; it knows an account's
/// root by an access key whose id is the account's.
///
/// [ministack]: https://github.com/ministackorg/ministack
#[derive(Debug)]
pub struct Ministack {
    // Before the server, so that it ends first.
    boto3: Boto3,
    server: Server,
}

impl Ministack {
    /// Starts one, after installing it if need be.
    ///
    /// # Errors
    ///
    /// What `pip` or the server say.
    pub fn start() -> Result<Self, Error> {
        let python = Python::with("ministack", &["boto3>=1.43,<2", "ministack>=1.5.33,<1.6"])?;
        let command = |port: u16, directory: &Path| -> Result<Command, Error> {
            let mut command = python.command();
            command.args(["-c", include_str!("ministack.py")]).current_dir(directory).envs([
                ("AUTH", "true"),
                ("BIND_HOST", "127.0.0.1"),
                ("GATEWAY_PORT", &port.to_string()),
                // Of requests to the registry, which are not signed and name no account.
                ("MINISTACK_ACCOUNT_ID", ACCOUNT),
                ("MINISTACK_REGION", REGION),
                ("MINISTACK_IMDS_V2_REQUIRED", "1"),
                ("SERVICES", "iam,sts,ecr,eks,ec2,s3,kms,imds"),
                ("LOG_LEVEL", "WARNING"),
            ]);
            Ok(command)
        };
        let server = Server::start("ministack", "/_ministack/health", command)?;
        let boto3 = Boto3::start(&python, &server.url(), REGION, &root())?;
        Ok(Self { boto3, server })
    }

    /// The address of every service.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The account's id.
    pub fn account(&self) -> &'static str {
        ACCOUNT
    }

    /// The region.
    pub fn region(&self) -> &'static str {
        REGION
    }

    /// What sets the account up.
    pub fn boto3(&self) -> &Boto3 {
        &self.boto3
    }

    /// The ARN of a role of this name.
    pub fn role_arn(&self, name: &str) -> String {
        format!("arn:aws:iam::{ACCOUNT}:role/{name}")
    }
}

fn root() -> Credentials {
    Credentials::new(ACCOUNT, "test", None, None, "the account's root")
}
