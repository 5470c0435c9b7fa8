//! The JSON in which the Pod Identity agent, the ECS agent and the instance metadata service answer.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde_json::Value;

use crate::error::{Error, ResponseFacts};
use crate::reason::Reason;
use crate::text::is_of_credentials;

/// What to do about an answer that is not of the service's making.
pub(super) const LOOK_BETWEEN: &str = "Look for a proxy between this pod and its node.";

/// What is read of it, if it is there.
const WORDS: [&str; 7] =
    ["Code", "code", "AccessKeyId", "SecretAccessKey", "Token", "AccountId", "Expiration"];

/// Reads `body`, which `origin` answered. `Code`, where the service sends one, must be `Success`.
///
/// `failing` is the reason of an error for a code that is not known.
///
/// The answer's text is in no error: it may hold half of a credential.
pub(super) fn parse(
    body: &[u8],
    origin: &str,
    provider_name: &'static str,
    failing: Reason,
) -> Result<Credentials, Error> {
    let invalid = |what: String| {
        Error::because(Reason::AgentAnswerMalformed, format!("{origin} answered {what}"))
            .with_hint(LOOK_BETWEEN)
    };
    let document: Value = serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        invalid(format!("with something other than a credentials document (JSON error at {place})"))
    })?;
    if !document.is_object() {
        return Err(invalid("with something other than a credentials document".to_owned()));
    }
    let text = |name: &str| document[name].as_str();
    if let Some(odd) = WORDS.iter().find(|name| !document[**name].is_null() && text(name).is_none()) {
        return Err(invalid(format!("with something other than text in {odd}")));
    }
    // The agents tell errors under names in lower case.
    if let Some(code) = ["Code", "code"].into_iter().filter_map(text).find(|code| *code != "Success") {
        let code: String = code.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
        let message = format!("{origin} has no credentials to give: {code}");
        let (reason, hint) = match code.as_str() {
            // What the services say when they may not assume the role.
            "AssumeRoleUnauthorizedAccess" => {
                (Reason::NotTrusted, "Check that the role exists and that its trust policy allows this use.")
            }
            _ => (failing, "Look up the code; if it says nothing of a setting, try again later."),
        };
        return Err(Error::because(reason, message).with_hint(hint).with_response(ResponseFacts {
            status: Some(200),
            code: Some(code),
            request_id: None,
        }));
    }
    let text = |name: &str| text(name).filter(|text| !text.is_empty());
    let required = |name: &str| text(name).ok_or_else(|| invalid(format!("without {name}")));
    let signing = |name: &str| {
        let value = required(name)?;
        if is_of_credentials(value) {
            Ok(value)
        } else {
            Err(invalid(format!("with blanks or control characters in {name}")))
        }
    };
    let expiration = DateTime::from_str(required("Expiration")?, Format::DateTime)
        .ok()
        .and_then(|time| SystemTime::try_from(time).ok())
        .ok_or_else(|| invalid("with an Expiration that is not an RFC 3339 time".to_owned()))?;
    let mut credentials = Credentials::builder()
        .access_key_id(signing("AccessKeyId")?)
        .secret_access_key(signing("SecretAccessKey")?)
        .session_token(signing("Token")?)
        .expiry(expiration)
        .provider_name(provider_name);
    if let Some(account_id) = text("AccountId") {
        credentials = credentials.account_id(account_id);
    }
    Ok(credentials.build())
}
