//! Which policy documents does a role need, and why does the one that is there not work? Asks nobody: it prints JSON for the
//! console, Terraform or the `aws` command.
//!
//! ```console
//! $ cargo run --example iam -- trust --role arn:aws:iam::111122223333:role/reader \
//!     --issuer https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE --service-account tenant/reader
//! {
//!   "Version": "2012-10-17",
//!   "Statement": [
//!     {
//!       "Effect": "Allow",
//!       "Principal": {
//!         "Federated": "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
//!       },
//!       "Action": "sts:AssumeRoleWithWebIdentity",
//!       "Condition": {
//!         "StringEquals": {
//!           "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE:aud": "sts.amazonaws.com",
//!           "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE:sub": "system:serviceaccount:tenant:reader"
//!         }
//!       }
//!     }
//!   ]
//! }
//! $ cargo run --example iam -- read 'arn:aws:ecr:eu-west-1:111122223333:repository/apps/*' --minimal
//! $ cargo run --example iam -- read arn:aws:s3:::flux-bucket --by arn:aws:iam::111122223333:role/reader
//! ```
//!
//! `lint` reads a policy, and says what keeps it from reaching a repository; with `--json` in one document.
//!
//! ```console
//! $ cargo run --example iam -- lint arn:aws:ecr:eu-west-1:111122223333:repository/apps/mainapp \
//!     < examples/data/doctor/wrong-arn.json
//! "arn:aws:ecr:eu-west-1:111122223333:repository/mainapp" does not cover the repository for ecr:ListImages, …
//!   What to do: Name the repository as arn:PARTITION:ecr:REGION:ACCOUNT_ID:repository/NAME, or with `*` for several.
//! ```
//!
//! Exit codes: 0 fine, 1 the lint found something, 2 bad input or failure.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use examples::failure::Failure;
use examples::terminal::style::{HEADING, REMEDY};
use examples::terminal::{Screen, document, visible};
use flux_aws_auth::iam::{
    ClusterArn, KeyArn, OidcProvider, OidcTrust, PermissionPolicy, PodIdentityTrust, PolicyDocument,
    PrincipalArn, RepositoryArn, ResourcePolicy, RoleTrust, lint,
};
use flux_aws_auth::{RoleArn, ServiceAccountRef};
use serde_json::json;

/// Prints IAM policy documents, and says what is wrong with them.
#[derive(Parser)]
#[command(name = "iam", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Prints a trust policy: who may assume a role. For EKS Pod Identity, unless an issuer or another role is named.
    Trust {
        /// The role.
        #[arg(long)]
        role: RoleArn,
        /// The cluster's OIDC issuer.
        #[arg(long, requires = "service_accounts", conflicts_with = "cluster")]
        issuer: Option<String>,
        /// Another role or user, which may assume this role.
        #[arg(long, conflicts_with_all = ["issuer", "cluster", "service_accounts"])]
        by: Option<PrincipalArn>,
        /// What that one has to give as external id.
        #[arg(long, requires = "by")]
        external_id: Option<String>,
        /// For Pod Identity: the only cluster.
        #[arg(long)]
        cluster: Option<ClusterArn>,
        /// NAMESPACE/NAME, once or more.
        #[arg(long = "service-account", value_parser = service_account)]
        service_accounts: Vec<ServiceAccountRef>,
    },
    /// Prints a permission policy: what a role may read.
    Read {
        /// ARNs of one service: ECR repositories or patterns of them, one S3 bucket, or KMS keys; or `public.ecr.aws`.
        #[arg(required = true)]
        resources: Vec<String>,
        /// For the resource's own policy: the role or user that may read it.
        #[arg(long)]
        by: Vec<PrincipalArn>,
        /// Only what reading takes, instead of what Flux's page lists.
        #[arg(long)]
        minimal: bool,
    },
    /// Prints a permission policy for assuming other roles.
    Assume {
        /// The other roles.
        #[arg(required = true)]
        roles: Vec<RoleArn>,
    },
    /// Prints a permission policy for logging in to ECR, which a repository's own policy cannot grant.
    Login,
    /// Reads a permission policy from standard input, and says why it does not reach a repository.
    Lint {
        /// The repository.
        repository: RepositoryArn,
        /// Print one JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let to_machines = matches!(command, Command::Lint { json: true, .. });
    match run(command) {
        Ok(code) => code,
        Err(failure) => failure.tell(to_machines),
    }
}

fn run(command: Command) -> Result<ExitCode, Failure> {
    let document = match command {
        Command::Trust { role, issuer: Some(issuer), service_accounts, .. } => {
            oidc(&role, &issuer, &service_accounts)?
        }
        Command::Trust { by: Some(principal), external_id, .. } => external_id
            .into_iter()
            .try_fold(RoleTrust::new(principal), RoleTrust::with_external_id)?
            .document(),
        Command::Trust { cluster, service_accounts, .. } => {
            let trust = cluster.into_iter().fold(PodIdentityTrust::new(), PodIdentityTrust::with_cluster);
            service_accounts.iter().try_fold(trust, PodIdentityTrust::with_service_account)?.document()
        }
        Command::Read { resources, by, minimal } if by.is_empty() => {
            let policy = permissions(&resources)?;
            if minimal { policy.minimal() } else { policy.flux_documented() }.clone()
        }
        Command::Read { resources, by, minimal } => {
            let policy = resource_policy(&resources, by)?;
            if minimal { policy.minimal() } else { policy.flux_documented() }.clone()
        }
        Command::Assume { roles } => PermissionPolicy::assume_roles(roles)?,
        Command::Login => PermissionPolicy::ecr_login(),
        Command::Lint { repository, json } => return explain(&repository, json),
    };
    writeln!(io::stdout(), "{document}")?;
    Ok(ExitCode::SUCCESS)
}

/// Why the policy on standard input does not reach a repository, if it does not.
fn explain(repository: &RepositoryArn, to_machines: bool) -> Result<ExitCode, Failure> {
    let findings = lint::policy(&io::read_to_string(io::stdin())?, repository)?;
    if to_machines {
        let findings = findings.iter().map(|it| json!({ "finding": it.to_string(), "hint": it.hint() }));
        let told = json!({ "repository": repository.to_string(), "findings": findings.collect::<Vec<_>>() });
        writeln!(io::stdout(), "{}", document(&told))?;
    } else {
        let mut out = Screen::stdout();
        for finding in &findings {
            writeln!(out, "{HEADING}{}{HEADING:#}", visible(&finding.to_string()))?;
            writeln!(out, "  {REMEDY}What to do:{REMEDY:#} {}", finding.hint())?;
        }
    }
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn oidc(role: &RoleArn, issuer: &str, accounts: &[ServiceAccountRef]) -> Result<PolicyDocument, Failure> {
    let provider = OidcProvider::for_role(role, issuer)?;
    let (first, others) = accounts.split_first().ok_or("no ServiceAccount")?;
    let trust = OidcTrust::new(&provider, first)?;
    Ok(others.iter().try_fold(trust, OidcTrust::with_service_account)?.document())
}

fn permissions(resources: &[String]) -> Result<PermissionPolicy, Failure> {
    Ok(match (resources, service(resources)?) {
        (_, "ecr") => PermissionPolicy::ecr(all(resources)?)?,
        (_, "kms") => PermissionPolicy::kms(all(resources)?)?,
        ([bucket], "s3") => PermissionPolicy::s3(&bucket.parse()?),
        ([gallery], _) if gallery == "public.ecr.aws" => PermissionPolicy::ecr_public(),
        _ => return Err("name ECR repositories, KMS keys, one S3 bucket, or public.ecr.aws".into()),
    })
}

fn resource_policy(resources: &[String], by: Vec<PrincipalArn>) -> Result<ResourcePolicy, Failure> {
    let [resource] = resources else { return Err("a resource's own policy is about one resource".into()) };
    Ok(match service(resources)? {
        "ecr" => {
            // The policy does not name it, but a slip of the pen should not go unnoticed.
            let _: RepositoryArn = resource.parse()?;
            ResourcePolicy::ecr_repository(by)?
        }
        "s3" => ResourcePolicy::s3_bucket(&resource.parse()?, by)?,
        "kms" => ResourcePolicy::kms_key(&resource.parse::<KeyArn>()?, by)?,
        _ => return Err("name an ECR repository, an S3 bucket or a KMS key".into()),
    })
}

/// The service that all the ARNs are of.
fn service(resources: &[String]) -> Result<&str, Failure> {
    let mut services = resources.iter().map(|arn| arn.split(':').nth(2).unwrap_or_default());
    let first = services.next().unwrap_or_default();
    if services.all(|other| other == first) {
        Ok(first)
    } else {
        Err("the ARNs are of several services".into())
    }
}

fn all<T: std::str::FromStr>(texts: &[String]) -> Result<Vec<T>, T::Err> {
    texts.iter().map(|text| text.parse()).collect()
}

fn service_account(text: &str) -> Result<ServiceAccountRef, String> {
    let (namespace, name) = text.split_once('/').ok_or("write it as NAMESPACE/NAME")?;
    Ok(ServiceAccountRef::new(namespace, name))
}
