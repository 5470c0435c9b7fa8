//! ServiceAccount tokens: read from a file, and looked into for explanations.

use std::fmt;
use std::io;
use std::time::{Duration, SystemTime};

use serde::Deserialize;

use crate::environment::Environment;
use crate::error::{Error, ErrorKind};
use crate::source::Notes;

/// Reads the token in the file that `variable` names. The contents are checked to be one line of visible characters, so
/// that they can go into a header or a form; they are in no error.
pub(crate) fn read_file(
    environment: &Environment,
    notes: &mut Notes,
    variable: &str,
    path: &str,
) -> Result<String, Error> {
    let contents = environment.read_file(path).map_err(|error| {
        let found = match error.kind() {
            io::ErrorKind::NotFound => "no such file".to_owned(),
            io::ErrorKind::PermissionDenied => "not readable by this process".to_owned(),
            _ => error.to_string(),
        };
        notes.add(path, found.as_str());
        Error::new(
            ErrorKind::Configuration,
            format!("the token file {path:?} that {variable} names: {found}"),
        )
        .with_hint(
            "Check that the projected token volume is mounted in this container, then restart the pod.",
        )
        .with_source(error)
    })?;
    let token = std::str::from_utf8(&contents).map(str::trim).unwrap_or_default();
    let flaw = if contents.is_empty() {
        Some("is empty")
    } else if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
        Some("holds no token: a token is one line of visible ASCII characters")
    } else {
        None
    };
    if let Some(flaw) = flaw {
        notes.add(path, flaw);
        return Err(Error::new(
            ErrorKind::Configuration,
            format!("the token file {path:?} that {variable} names {flaw}"),
        )
        .with_hint("Check what is mounted at this path."));
    }
    notes.add(path, "read");
    Ok(token.to_owned())
}

/// The claims of a token that explain why it was refused. They are not secret, and nobody vouches for them: only the
/// receiver checks the signature.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Claims {
    #[serde(rename = "iss")]
    pub(crate) issuer: Option<String>,
    #[serde(rename = "sub")]
    pub(crate) subject: Option<String>,
    #[serde(rename = "aud", default)]
    audience: Audience,
    #[serde(rename = "exp")]
    expires_at: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Default for Audience {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Claims {
    /// The claims of `token`; none of what is not a JWT.
    pub(crate) fn of(token: &str) -> Self {
        let payload = token.split('.').nth(1).unwrap_or_default();
        decode_base64_url(payload).and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default()
    }

    pub(crate) fn audiences(&self) -> &[String] {
        match &self.audience {
            Audience::One(audience) => std::slice::from_ref(audience),
            Audience::Many(audiences) => audiences,
        }
    }

    pub(crate) fn is_expired(&self, now: SystemTime) -> bool {
        self.expires_at
            .and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
            .is_some_and(|expiry| expiry <= now)
    }
}

/// The subject, the audiences and the issuer, as a clause.
impl fmt::Display for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_unknown = |claim: &Option<String>| claim.clone().unwrap_or_else(|| "unknown".to_owned());
        write!(f, "subject {}, audience ", or_unknown(&self.subject))?;
        match self.audiences() {
            [] => f.write_str("unknown")?,
            audiences => f.write_str(&audiences.join(" and "))?,
        }
        write!(f, ", issuer {}", or_unknown(&self.issuer))
    }
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
        assert!(claims.is_expired(SystemTime::UNIX_EPOCH + Duration::from_secs(100)));
        assert!(!claims.is_expired(SystemTime::UNIX_EPOCH + Duration::from_secs(99)));
        for no_jwt in ["", ".", "..", "a.b.c", "x.e30.y", "x.bnVsbA.y", "x.ü.y"] {
            assert_eq!(Claims::of(no_jwt), Claims::default(), "{no_jwt}");
        }
    }
}
