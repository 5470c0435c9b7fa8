//! ServiceAccount tokens: read from a file, and looked into for explanations.

use std::fmt;
use std::io;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::environment::Environment;
use crate::error::Error;
use crate::reason::Reason;
use crate::source::Notes;
use crate::text::{one_line, quoted};

/// Reads the token in the file that `variable` names. The contents are checked to be one line of visible characters, so
/// that they can go into a header or a form; they are in no error.
pub(crate) fn read_file(
    environment: &Environment,
    notes: &mut Notes,
    variable: &str,
    path: &str,
) -> Result<String, Error> {
    if looks_like_a_token(path) {
        notes.add(variable, "holds a token, not a path");
        let message = format!("{variable} holds a token; it should hold the path of a file with one");
        return Err(Error::because(Reason::InvalidConfiguration, message)
            .with_hint("Mount the token as a projected volume, and name the file that it appears in."));
    }
    let contents = environment.read_file(path).map_err(|error| {
        let (reason, found, hint) = match error.kind() {
            io::ErrorKind::NotFound => (Reason::TokenFileMissing, "no such file".to_owned(), NOT_MOUNTED),
            io::ErrorKind::PermissionDenied => (
                Reason::TokenFileUnreadable,
                "not readable by this process".to_owned(),
                "Set fsGroup in the pod's security context, or run as a user who may read it.",
            ),
            _ => (
                Reason::TokenFileUnreadable,
                one_line(&error.to_string(), 200),
                "Check what is mounted at this path.",
            ),
        };
        notes.add(path, found.as_str());
        Error::because(reason, format!("the token file {} that {variable} names: {found}", quoted(path)))
            .with_hint(hint)
    })?;
    let token = std::str::from_utf8(&contents).map(str::trim).unwrap_or_default();
    let flaw = if contents.is_empty() {
        Some((Reason::TokenFileEmpty, "is empty"))
    } else if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
        Some((Reason::TokenMalformed, "holds no token: a token is one line of visible ASCII characters"))
    } else {
        None
    };
    if let Some((reason, flaw)) = flaw {
        notes.add(path, flaw);
        return Err(Error::because(
            reason,
            format!("the token file {} that {variable} names {flaw}", quoted(path)),
        )
        .with_hint("Check what is mounted at this path."));
    }
    notes.add(path, "read");
    Ok(token.to_owned())
}

/// Whether somebody wrote the token itself where a path belongs: then it is not shown. Every JSON object that begins with a
/// name begins like this in base64.
fn looks_like_a_token(path: &str) -> bool {
    path.trim_start().starts_with("eyJ") && path.contains('.') && !path.contains('/')
}

const NOT_MOUNTED: &str =
    "Check that the projected token volume is mounted in this container, then restart the pod.";

/// The claims of a token that explain why it was refused. They are not secret, and nobody vouches for them: only the
/// receiver checks the signature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Claims {
    issuer: Option<String>,
    subject: Option<String>,
    audiences: Vec<String>,
    issued_at: Option<u64>,
    not_before: Option<u64>,
    expires_at: Option<u64>,
    service_account_uid: Option<String>,
}

impl Claims {
    /// The claims of `token` that can be read; none of what is not a JWT.
    pub(crate) fn of(token: &str) -> Self {
        let payload = token.split('.').nth(1).and_then(decode_base64_url);
        let Some(claims) = payload.and_then(|json| serde_json::from_slice::<Value>(&json).ok()) else {
            return Self::default();
        };
        let text = |claim: &Value| claim.as_str().map(|text| one_line(text, 300));
        Self {
            issuer: text(&claims["iss"]),
            subject: text(&claims["sub"]),
            audiences: match &claims["aud"] {
                Value::Array(audiences) => audiences.iter().filter_map(text).collect(),
                one => text(one).into_iter().collect(),
            },
            issued_at: claims["iat"].as_u64(),
            not_before: claims["nbf"].as_u64(),
            expires_at: claims["exp"].as_u64(),
            service_account_uid: text(&claims["kubernetes.io"]["serviceaccount"]["uid"]),
        }
    }

    pub(crate) fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    pub(crate) fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    pub(crate) fn audiences(&self) -> &[String] {
        &self.audiences
    }

    /// Namespace and name of the ServiceAccount that the token is for.
    pub(crate) fn service_account(&self) -> Option<(&str, &str)> {
        self.subject.as_deref()?.strip_prefix("system:serviceaccount:")?.split_once(':')
    }

    /// The uid of that ServiceAccount, which Kubernetes writes into its tokens.
    pub(crate) fn service_account_uid(&self) -> Option<&str> {
        self.service_account_uid.as_deref()
    }

    pub(crate) fn issued_at(&self) -> Option<SystemTime> {
        time(self.issued_at)
    }

    pub(crate) fn not_before(&self) -> Option<SystemTime> {
        time(self.not_before)
    }

    pub(crate) fn expires_at(&self) -> Option<SystemTime> {
        time(self.expires_at)
    }

    /// Whether it has expired, if it says when it does.
    pub(crate) fn is_expired(&self, now: SystemTime) -> Option<bool> {
        Some(self.expires_at()? <= now)
    }
}

/// The subject, the audiences and the issuer, as a clause.
impl fmt::Display for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |claim: &Option<String>| claim.clone().unwrap_or_else(|| "none".to_owned());
        let audiences =
            if self.audiences.is_empty() { "none".to_owned() } else { self.audiences.join(" and ") };
        write!(
            f,
            "subject {}, audience {audiences}, issuer {}",
            or_none(&self.subject),
            or_none(&self.issuer)
        )
    }
}

/// A time as a token has it, in seconds since 1970; what is later than the year 9999 is its end.
fn time(seconds: Option<u64>) -> Option<SystemTime> {
    const END_OF_9999: u64 = 253_402_300_799;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds?.min(END_OF_9999)))
}

fn decode_base64_url(text: &str) -> Option<Vec<u8>> {
    let mut standard: String = text
        .chars()
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    while !standard.len().is_multiple_of(4) {
        standard.push('=');
    }
    aws_smithy_types::base64::decode(standard).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_read_without_trust() {
        // {"iss":"https://issuer.example","sub":"system:serviceaccount:a:b","aud":["sts.amazonaws.com"],"exp":100}
        let token = "x.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwic3ViIjoic3lzdGVtOnNlcnZpY2VhY2NvdW50OmE6YiIs\
                     ImF1ZCI6WyJzdHMuYW1hem9uYXdzLmNvbSJdLCJleHAiOjEwMH0.y";
        let claims = Claims::of(token);
        assert_eq!(
            claims.to_string(),
            "subject system:serviceaccount:a:b, audience sts.amazonaws.com, issuer https://issuer.example"
        );
        assert_eq!(claims.service_account(), Some(("a", "b")));
        assert_eq!(claims.is_expired(SystemTime::UNIX_EPOCH + Duration::from_secs(100)), Some(true));
        assert_eq!(claims.is_expired(SystemTime::UNIX_EPOCH + Duration::from_secs(99)), Some(false));
        for no_jwt in ["", ".", "..", "a.b.c", "x.e30.y", "x.bnVsbA.y", "x.ü.y"] {
            assert_eq!(Claims::of(no_jwt), Claims::default(), "{no_jwt}");
        }
    }
}
