//! ServiceAccount tokens: read from a file, and looked into for explanations.

use std::fmt;
use std::io;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::environment::Environment;
use crate::error::Error;
use crate::reason::Reason;
use crate::source::Notes;
use crate::text::{one_line, quoted_path};

/// Reads the token in the file that `variable` names, in the form that goes with its use. The contents are in no error.
pub(crate) fn read_file(
    environment: &Environment,
    notes: &mut Notes,
    variable: &str,
    path: &str,
    form: Form,
) -> Result<String, Error> {
    let shown = quoted_path(path);
    // What else may be a token is looked up all the same: it may be a path, too.
    let file = match &shown {
        Some(path) => format!("the token file {path} that {variable} names"),
        None => {
            format!("the token file that {variable} names (not shown, since it may be a token)")
        }
    };
    let subject = if shown.is_some() { one_line(path, 255) } else { format!("the file of {variable}") };
    if looks_like_a_token(path) {
        notes.add(variable, "holds a token, not a path");
        let message = format!("{variable} holds a token; it should hold the path of a file with one");
        return Err(Error::because(Reason::InvalidConfiguration, message).with_hint(NOT_A_PATH));
    }
    let contents = environment.read_file(path).map_err(|error| {
        let (reason, found, hint) = match error.kind() {
            io::ErrorKind::NotFound => {
                let hint = if shown.is_some() { NOT_MOUNTED } else { NOT_A_PATH };
                (Reason::TokenFileMissing, "no such file".to_owned(), hint)
            }
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
        notes.add(subject.as_str(), found.as_str());
        Error::because(reason, format!("{file}: {found}")).with_hint(hint)
    })?;
    let token = std::str::from_utf8(&contents).map(str::trim).unwrap_or_default();
    let flaw = if contents.is_empty() {
        Some((Reason::TokenFileEmpty, "is empty"))
    } else if token.is_empty() || !form.allows(token) {
        Some((Reason::TokenMalformed, form.flaw()))
    } else {
        None
    };
    if let Some((reason, flaw)) = flaw {
        notes.add(subject, flaw);
        return Err(
            Error::because(reason, format!("{file} {flaw}")).with_hint("Check what is mounted at this path.")
        );
    }
    notes.add(subject, "read");
    Ok(token.to_owned())
}

/// What a token file may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A token alone: one line of visible characters.
    Token,
    /// The value of a header `Authorization`, which may have a scheme before the token, as `Basic` and a space: one line.
    Header,
}

impl Form {
    fn allows(self, text: &str) -> bool {
        text.bytes().all(|b| b.is_ascii_graphic() || (self == Self::Header && b == b' '))
    }

    fn flaw(self) -> &'static str {
        match self {
            Self::Token => "holds no token: a token is one line of visible ASCII characters",
            Self::Header => "holds no token: that is one line of ASCII characters, as a header has it",
        }
    }
}

/// Whether somebody wrote the token itself where a path belongs: then it is not shown. Every JSON object that begins with a
/// name begins like this in base64.
fn looks_like_a_token(path: &str) -> bool {
    path.trim_start().starts_with("eyJ") && path.contains('.') && !path.contains('/')
}

const NOT_A_PATH: &str = "Mount the token as a projected volume, and name the file that it appears in.";

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
