//! What the actions that begin a role's session have in common.

use std::time::Duration;

use serde::Serialize;

use super::parameters::{Constraints, Parameters};
use crate::cloud::Cloud;
use crate::credentials::Credentials;
use crate::iam::{Caller, CompiledRole};
use crate::wire::{Rejection, timestamp};

/// The characters of names that STS takes from its callers.
pub(super) const NAME_PATTERN: &str = "[\\w+=,.@-]*";

/// Which session is asked for.
pub(super) struct SessionRequest<'a> {
    pub(super) role_arn: &'a str,
    pub(super) session_name: &'a str,
    pub(super) seconds: u64,
}

impl<'a> SessionRequest<'a> {
    /// Reads what every session needs; whether it is right is for [`check`](Self::check) to say, once `constraints` are.
    pub(super) fn read(parameters: &'a Parameters, constraints: &mut Constraints) -> Self {
        Self {
            role_arn: constraints.text(
                "roleArn",
                parameters.get("RoleArn"),
                (20, 2048),
                "[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u0085\\u00A0-\\uD7FF\\uE000-\\uFFFD\\u10000-\\u10FFFF]+",
                is_printable,
            ),
            session_name: constraints.text(
                "roleSessionName",
                parameters.get("RoleSessionName"),
                (2, 64),
                NAME_PATTERN,
                is_of_name,
            ),
            seconds: constraints.number(
                "durationSeconds",
                parameters.get("DurationSeconds"),
                (900, 43200),
                3600,
            ),
        }
    }

    /// That the role is named by an ARN; its account.
    pub(super) fn check(&self) -> Result<&'a str, Rejection> {
        match self.role_arn.splitn(6, ':').collect::<Vec<_>>()[..] {
            ["arn", _, _, _, account, _] => Ok(account),
            _ => Err(Rejection::bad_request("ValidationError", "Request ARN is invalid")),
        }
    }

    /// That the role's sessions may last that long.
    pub(super) fn fits(&self, role: &CompiledRole) -> Result<(), Rejection> {
        if self.seconds <= role.max_session_seconds {
            return Ok(());
        }
        let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        Err(Rejection::bad_request("ValidationError", message))
    }

    /// The session's credentials.
    pub(super) fn begin(&self, cloud: &Cloud, caller: Caller) -> std::sync::Arc<Credentials> {
        cloud.keys.issue_session(caller, cloud.now(), Duration::from_secs(self.seconds))
    }
}

pub(super) fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

pub(super) fn is_printable(c: char) -> bool {
    !c.is_control() || "\t\n\r\u{85}".contains(c)
}

/// That every parameter is one that is evaluated.
pub(super) fn only_known(parameters: &Parameters, known: &[&str]) -> Result<(), Rejection> {
    match parameters.unknown(known) {
        Some(unknown) => {
            let message = format!("The parameter {unknown} is not evaluated here, so it is not accepted");
            Err(Rejection::bad_request("ValidationError", message))
        }
        None => Ok(()),
    }
}

/// Who the caller is from now on.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AssumedRoleUser<'a> {
    assumed_role_id: &'a str,
    arn: &'a str,
}

impl<'a> AssumedRoleUser<'a> {
    pub(super) fn of(credentials: &'a Credentials) -> Self {
        Self { assumed_role_id: &credentials.caller.user_id, arn: &credentials.caller.arn }
    }
}

/// A session's keys.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct WireCredentials<'a> {
    access_key_id: &'a str,
    secret_access_key: &'a str,
    session_token: &'a str,
    expiration: String,
}

impl<'a> WireCredentials<'a> {
    pub(super) fn of(credentials: &'a Credentials) -> Self {
        Self {
            access_key_id: &credentials.access_key_id,
            secret_access_key: &credentials.secret_access_key,
            session_token: credentials.token(),
            expiration: credentials.expires().map(timestamp).unwrap_or_default(),
        }
    }
}
