//! The same pods as the AWS SDKs see them: botocore's providers and aws-config's read the same variables and files as ours,
//! each in a process of its own, and AWS is asked whose credentials they found.
//!
//! `README.md` of this package has the table that comes of it.

mod child;
mod pods;

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write as _};

use interop::Python;

use crate::child::Finder;
use crate::pods::Pods;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    if let Some(finder) = env::args().nth(1).as_deref().and_then(Finder::named) {
        writeln!(io::stdout(), "{}", child::identity(finder).await)?;
        return Ok(());
    }
    let boto3 = Python::with("boto3", &["boto3>=1.43,<2"])?;
    let pods = Pods::start().await?;
    let mut table = String::from(HEAD);
    for pod in pods.all()? {
        write!(table, "| {} |", pod.name)?;
        for finder in Finder::ALL {
            write!(table, " {} |", shown(&finder.find(&pod.variables, &boto3)?))?;
        }
        table.push('\n');
    }
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&table), "the table in README.md of this package should be\n{table}");

    let named = pods.with_named_session()?;
    for finder in Finder::ALL {
        let arn = "arn:aws:sts::111122223333:assumed-role/irsa/reader-7";
        assert_eq!(finder.find(&named.variables, &boto3)?, arn, "{finder:?}");
    }
    Ok(())
}

const HEAD: &str =
    "| the pod has | ours | ours, in the SDKs' order | aws-config | boto3 |\n|---|---|---|---|---|\n";

/// The role or the user, or why there are no credentials. What a session is called, each SDK decides for itself.
fn shown(found: &str) -> String {
    let path = found.rsplit(':').next().unwrap_or_default();
    match path.split('/').collect::<Vec<_>>()[..] {
        ["assumed-role", role, _] => format!("role {role}"),
        ["user", name] => format!("user {name}"),
        _ => format!("*{found}*"),
    }
}
