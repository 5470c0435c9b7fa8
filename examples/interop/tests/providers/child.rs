//! Who finds credentials, in a process that has nothing but the pod's variables.

use std::process::Command;

use aws_config::BehaviorVersion;
use flux_aws_auth::{Chain, SourceOrder, http_client};
use interop::{Error, Python, isolated};
use tempfile::TempDir;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Finder {
    Ours,
    OursInTheSdksOrder,
    AwsConfig,
    Boto3,
}

impl Finder {
    pub(crate) const ALL: [Self; 4] = [Self::Ours, Self::OursInTheSdksOrder, Self::AwsConfig, Self::Boto3];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|finder| format!("{finder:?}") == name)
    }

    /// What it finds with these variables.
    pub(crate) fn find(self, variables: &[(&'static str, String)], boto3: &Python) -> Result<String, Error> {
        let variables = variables.iter().map(|(name, value)| (*name, value));
        if matches!(self, Self::Boto3) {
            return Ok(boto3.run(include_str!("identity.py"), variables)?.trim().to_owned());
        }
        let home = TempDir::new()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(format!("{self:?}")).envs(variables);
        let done = isolated(command, home.path()).output()?;
        if !done.status.success() {
            return Err(String::from_utf8_lossy(&done.stderr).into());
        }
        Ok(String::from_utf8(done.stdout)?.trim().to_owned())
    }
}

/// The caller's ARN as STS says it, or the kind of failure.
pub(crate) async fn identity(finder: Finder) -> String {
    let order = match finder {
        Finder::Ours => SourceOrder::SecretlessFirst,
        Finder::OursInTheSdksOrder => SourceOrder::AwsSdk,
        Finder::AwsConfig | Finder::Boto3 => return of_aws_config().await,
    };
    match Chain::builder().order(order).build().caller_identity().await {
        Ok(identity) => identity.arn,
        Err(error) => error.reason().to_string(),
    }
}

async fn of_aws_config() -> String {
    let config = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http_client()).load().await;
    match aws_sdk_sts::Client::new(&config).get_caller_identity().send().await {
        Ok(identity) => identity.arn().unwrap_or_default().to_owned(),
        Err(error) => kind(&error),
    }
}

/// The type of what the credentials' provider said.
fn kind(error: &(dyn std::error::Error + 'static)) -> String {
    use aws_credential_types::provider::error::CredentialsError;

    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<CredentialsError>() {
            let shown = format!("{error:?}");
            return shown.split(['(', ' ', '{']).next().unwrap_or_default().to_owned();
        }
        cause = error.source();
    }
    error.to_string()
}
