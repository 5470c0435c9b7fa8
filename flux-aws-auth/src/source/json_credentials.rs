//! The JSON in which the Pod Identity agent, the ECS agent and the instance metadata service answer.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::Deserialize;

use crate::error::{Error, ErrorKind};

// No `Debug`: these are credentials.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wire {
    code: Option<String>,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    token: Option<String>,
    account_id: Option<String>,
    expiration: Option<String>,
}

/// Reads `body`, which `origin` answered. `Code`, where the service sends one, must be `Success`.
///
/// The answer's text is in no error: it may hold half of a credential.
pub(super) fn parse(
    body: &[u8],
    origin: &str,
    provider_name: &'static str,
    now: SystemTime,
) -> Result<Credentials, Error> {
    let invalid = |what: String| Error::new(ErrorKind::InvalidResponse, format!("{origin} answered {what}"));
    let wire: Wire = serde_json::from_slice(body).map_err(|error| {
        invalid(format!(
            "what is no credentials document (JSON error at line {}, column {})",
            error.line(),
            error.column()
        ))
    })?;
    if let Some(code) = wire.code.filter(|code| code != "Success") {
        let code: String = code.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
        return Err(invalid(format!("that it has no credentials to give (code {code})"))
            .with_hint("Check the role's trust policy and the instance profile of this node."));
    }
    let required = |name: &str, value: Option<String>| {
        value.filter(|value| !value.is_empty()).ok_or_else(|| invalid(format!("without {name}")))
    };
    let expiration = required("Expiration", wire.expiration)?;
    let expiration = DateTime::from_str(&expiration, Format::DateTime)
        .ok()
        .and_then(|time| SystemTime::try_from(time).ok())
        .ok_or_else(|| invalid("an Expiration that is no RFC 3339 time".to_owned()))?;
    if expiration <= now {
        return Err(invalid("credentials that have already expired".to_owned())
            .with_hint("Check this machine's clock; if it is right, try again in a minute."));
    }
    let mut credentials = Credentials::builder()
        .access_key_id(required("AccessKeyId", wire.access_key_id)?)
        .secret_access_key(required("SecretAccessKey", wire.secret_access_key)?)
        .session_token(required("Token", wire.token)?)
        .expiry(expiration)
        .provider_name(provider_name);
    if let Some(account_id) = wire.account_id.filter(|id| !id.is_empty()) {
        credentials = credentials.account_id(account_id);
    }
    Ok(credentials.build())
}
