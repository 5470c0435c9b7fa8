//! What a mounted token says, without a word of it being shown that could be used.

use std::time::{Duration, SystemTime};

use super::finding::Sheet;
use super::patient::Patient;
use crate::reason::Reason;
use crate::source::Notes;
use crate::text::{one_line, quoted_path};
use crate::token::{self, Claims, Form};

/// Reads the token in the file at `path`, which `variable` names, and holds it against what is expected. The claims, if it
/// has any.
pub(super) fn examine(
    sheet: &mut Sheet,
    patient: &Patient<'_>,
    variable: &str,
    path: &str,
    audience: &str,
) -> Option<Claims> {
    let token = read(sheet, patient, variable, path, Form::Token)?;
    let claims = Claims::of(&token);
    if claims == Claims::default() {
        sheet.problem(
            Reason::TokenMalformed,
            "token",
            "not a ServiceAccount token: it is not a JWT with claims",
            "Check what is mounted at this path.",
        );
        return None;
    }
    audience_of(sheet, &claims, audience);
    subject_of(sheet, patient, &claims);
    match claims.issuer() {
        Some(issuer) => sheet.ok("token's issuer (iss)", issuer),
        None => sheet.problem(
            Reason::TokenMalformed,
            "token's issuer (iss)",
            "none",
            "Mount a token that Kubernetes issues.",
        ),
    }
    life_of(sheet, &claims, patient.now);
    Some(claims)
}

/// Reads the token in the file at `path`, which `variable` names, whatever it is in this form.
pub(super) fn read(
    sheet: &mut Sheet,
    patient: &Patient<'_>,
    variable: &str,
    path: &str,
    form: Form,
) -> Option<String> {
    match token::read_file(patient.environment, &mut Notes::default(), variable, path, form) {
        Ok(token) => {
            let path = quoted_path(path).map_or_else(|| "a file".to_owned(), |_| one_line(path, 255));
            sheet.ok(variable, format!("{path}, readable; it is all that is mounted there"));
            Some(token)
        }
        Err(error) => {
            sheet.error(variable, &error);
            None
        }
    }
}

fn audience_of(sheet: &mut Sheet, claims: &Claims, expected: &str) {
    const SUBJECT: &str = "token's audience (aud)";
    let found = claims.audiences().join(", ");
    if claims.audiences().iter().any(|audience| audience == expected) {
        return sheet.ok(SUBJECT, found);
    }
    let found = if found.is_empty() { "none".to_owned() } else { found };
    sheet.problem(
        Reason::WrongAudience,
        SUBJECT,
        format!("{found}, but it must be {expected}"),
        format!("Set `audience: {expected}` in the pod's projected serviceAccountToken volume, or restart the pod, if EKS mounts \
                 it."),
    );
}

fn subject_of(sheet: &mut Sheet, patient: &Patient<'_>, claims: &Claims) {
    const SUBJECT: &str = "token's subject (sub)";
    let subject = claims.subject().unwrap_or("none");
    match (claims.service_account(), patient.service_account()) {
        (None, _) => sheet.warn(
            SUBJECT,
            format!("{subject}, which is not a ServiceAccount"),
            "See that the role's trust policy has this very subject.",
        ),
        (Some((namespace, name)), Some(pod)) if (namespace, name) != (pod.namespace(), pod.name()) => {
            sheet.warn(
                SUBJECT,
                format!("{subject}, but the pod runs as {pod}"),
                "See that the role's trust policy has the token's subject, and that the mount is this pod's own.",
            );
        }
        _ => sheet.ok(SUBJECT, subject),
    }
}

/// Kubernetes renews a projected token when four fifths of its life are over ([token projection]): one with less than a tenth
/// left is none that Kubernetes looks after.
///
/// [token projection]: https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#launch-a-pod-using-service-account-token-projection
fn life_of(sheet: &mut Sheet, claims: &Claims, now: SystemTime) {
    const SUBJECT: &str = "token's expiry (exp)";
    if let Some(early) = claims.not_before().and_then(|start| start.duration_since(now).ok())
        && !early.is_zero()
    {
        return sheet.problem(
            Reason::ClockSkewed,
            "token's start (nbf)",
            format!("not good for another {}, by this machine's clock", Span(early)),
            "Set this machine's clock right.",
        );
    }
    let Some(expiry) = claims.expires_at() else {
        return sheet.warn(
            SUBJECT,
            "none, so this is not a projected token",
            "Mount a projected serviceAccountToken volume.",
        );
    };
    let Some(left) = expiry.duration_since(now).ok().filter(|left| !left.is_zero()) else {
        let ago = now.duration_since(expiry).unwrap_or_default();
        return sheet.problem(
            Reason::TokenExpired,
            SUBJECT,
            format!("expired {} ago, by this machine's clock", Span(ago)),
            "Kubernetes renews a projected token in time, and not a copy of it or a file mounted by subPath: mount the volume \
             itself. Check this machine's clock too.",
        );
    };
    let life = claims.issued_at().and_then(|issued| expiry.duration_since(issued).ok()).unwrap_or_default();
    if left < life / 10 {
        return sheet.warn(
            SUBJECT,
            format!("in {}, and Kubernetes would have renewed a token of {} by now", Span(left), Span(life)),
            "See that the volume itself is mounted, and neither a copy of the file nor the file by subPath.",
        );
    }
    sheet.ok(SUBJECT, format!("in {}", Span(left)));
}

/// A span of time in its largest sensible unit.
pub(super) struct Span(pub(super) Duration);

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.as_secs() {
            seconds @ ..120 => write!(f, "{seconds} s"),
            seconds @ ..7200 => write!(f, "{} min", seconds / 60),
            seconds @ ..172_800 => write!(f, "{} h", seconds / 3600),
            seconds => write!(f, "{} days", seconds / 86400),
        }
    }
}
