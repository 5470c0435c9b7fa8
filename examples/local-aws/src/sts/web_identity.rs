//! `AssumeRoleWithWebIdentity`: a ServiceAccount's token for a role's session.
//!
//! Source: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>.

use std::time::Duration;

use axum::response::Response;
use serde::Serialize;

use super::parameters::{Constraints, Parameters};
use crate::clock::unix;
use crate::cloud::Cloud;
use crate::credentials::Credentials;
use crate::iam::{Assumer, CompiledRole, trusts};
use crate::oidc::{TokenFault, Verified};
use crate::wire::{Rejection, action_response, timestamp};

/// The audience an account's OpenID Connect provider takes for EKS.
const AUDIENCE: &str = "sts.amazonaws.com";
const ACTION: &str = "sts:AssumeRoleWithWebIdentity";
const KNOWN: [&str; 6] =
    ["Action", "Version", "RoleArn", "RoleSessionName", "WebIdentityToken", "DurationSeconds"];

pub(super) fn assume_role(cloud: &Cloud, parameters: &Parameters) -> Result<Response, Rejection> {
    if let Some(unknown) = parameters.unknown(&KNOWN) {
        let message = format!("The parameter {unknown} is not evaluated here, so it is not accepted");
        return Err(Rejection::bad_request("ValidationError", message));
    }
    let mut constraints = Constraints::default();
    let role_arn = constraints.text(
        "roleArn",
        parameters.get("RoleArn"),
        (20, 2048),
        "[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u0085\\u00A0-\\uD7FF\\uE000-\\uFFFD\\u10000-\\u10FFFF]+",
        |c| !c.is_control() || "\t\n\r\u{85}".contains(c),
    );
    let session_name = constraints.text(
        "roleSessionName",
        parameters.get("RoleSessionName"),
        (2, 64),
        "[\\w+=,.@-]*",
        |c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c),
    );
    let token =
        constraints.text("webIdentityToken", parameters.get("WebIdentityToken"), (4, 20000), "", |_| true);
    let seconds =
        constraints.number("durationSeconds", parameters.get("DurationSeconds"), (900, 43200), 3600);
    constraints.check()?;
    if !role_arn.starts_with("arn:") || role_arn.splitn(6, ':').count() < 6 {
        return Err(Rejection::bad_request("ValidationError", "Request ARN is invalid"));
    }

    let identity = cloud.oidc_provider.verify(token, &[AUDIENCE], unix(cloud.now())).map_err(fault)?;
    let role = trusting_role(cloud, role_arn, session_name, &identity)?;
    if seconds > role.max_session_seconds {
        let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return Err(Rejection::bad_request("ValidationError", message));
    }

    let caller = cloud.role_session(role, session_name);
    let credentials = cloud.keys.issue_session(caller, cloud.now(), Duration::from_secs(seconds));
    Ok(action_response("AssumeRoleWithWebIdentity", &answer(cloud, identity, &credentials)))
}

/// The role, if there is one and its trust policy lets this identity assume it. Whether the role is missing or the
/// policy refuses is not told.
fn trusting_role<'a>(
    cloud: &'a Cloud,
    arn: &str,
    session_name: &str,
    identity: &Verified,
) -> Result<&'a CompiledRole, Rejection> {
    let provider = &cloud.oidc_provider;
    let (audience, subject) = (provider.condition_key("aud"), provider.condition_key("sub"));
    let context = [
        (audience.as_str(), identity.audience.as_str()),
        (subject.as_str(), identity.subject.as_str()),
        ("sts:RoleSessionName", session_name),
    ];
    let trusted = |role: &&CompiledRole| {
        let document = role.trust.as_ref();
        document.is_some_and(|trust| trusts(trust, &Assumer::Federated(&provider.arn), ACTION, &context))
    };
    cloud
        .roles
        .values()
        .find(|role| role.arn == arn)
        .filter(trusted)
        .ok_or_else(|| Rejection::forbidden("AccessDenied", format!("Not authorized to perform {ACTION}")))
}

fn fault(fault: TokenFault) -> Rejection {
    let message = match fault {
        TokenFault::Expired { now, expired } => {
            let message = format!(
                "Token expired: current date/time {now} must be before the expiration date/time {expired}"
            );
            return Rejection::bad_request("ExpiredTokenException", message);
        }
        TokenFault::NotAToken => {
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an \
                                  Access Token)"
                .to_owned()
        }
        TokenFault::Missing(claim) => format!("Missing a required claim: {claim}"),
        TokenFault::UnknownIssuer(issuer) => {
            format!("No OpenIDConnect provider found in your account for {issuer}")
        }
        TokenFault::UnknownKey => {
            "Couldn't retrieve verification key from your identity provider,  please reference \
                                   AssumeRoleWithWebIdentity documentation for requirements"
                .to_owned()
        }
        TokenFault::Signature => "Token signature verification failed".to_owned(),
        TokenFault::NotYetValid => "Token is not valid yet".to_owned(),
        TokenFault::Audience => "Incorrect token audience".to_owned(),
    };
    Rejection::bad_request("InvalidIdentityToken", message)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    audience: String,
    assumed_role_user: AssumedRoleUser<'a>,
    provider: &'a str,
    credentials: WireCredentials<'a>,
    subject_from_web_identity_token: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumedRoleUser<'a> {
    assumed_role_id: &'a str,
    arn: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WireCredentials<'a> {
    access_key_id: &'a str,
    secret_access_key: &'a str,
    session_token: &'a str,
    expiration: String,
}

fn answer<'a>(cloud: &'a Cloud, identity: Verified, credentials: &'a Credentials) -> Answer<'a> {
    Answer {
        audience: identity.audience,
        assumed_role_user: AssumedRoleUser {
            assumed_role_id: &credentials.caller.user_id,
            arn: &credentials.caller.arn,
        },
        provider: &cloud.oidc_provider.arn,
        credentials: WireCredentials {
            access_key_id: &credentials.access_key_id,
            secret_access_key: &credentials.secret_access_key,
            session_token: credentials.token(),
            expiration: credentials.expires().map(timestamp).unwrap_or_default(),
        },
        subject_from_web_identity_token: identity.subject,
    }
}
