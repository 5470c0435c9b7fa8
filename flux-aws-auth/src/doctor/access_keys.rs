//! Access keys and profiles, neither of which a pod should need.

use super::finding::{Area, Finding, Severity, Sheet};
use super::patient::Patient;
use crate::reason::Reason;
use crate::source::access_keys::{ID, SECRET, SESSION_TOKEN, read};
use crate::source::{Notes, SourceKind};

/// The variables of the AWS SDKs' shared files ([shared config]).
///
/// [shared config]: https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html
const PROFILE: [&str; 3] = ["AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"];

pub(super) fn examine(patient: &Patient<'_>) -> Vec<Finding> {
    let area = Area::Source(SourceKind::AccessKeys);
    let mut sheet = Sheet::of(area);
    let environment = patient.environment;
    match read(environment, &mut Notes::default()) {
        Ok(Some(provided)) => {
            key(&mut sheet, provided.credentials().access_key_id(), environment.var(SESSION_TOKEN).is_some());
        }
        Ok(None) => {
            let finding = Finding::new(Severity::Note, area, format!("{ID} and {SECRET}"), "not set");
            sheet.push(finding.with_reason(Reason::AccessKeysNotSet));
            if environment.var(SESSION_TOKEN).is_some() {
                sheet.warn(
                    SESSION_TOKEN,
                    "set, without a key that it could belong to",
                    "Remove what is left of an access key.",
                );
            }
        }
        Err(error) => sheet.error("settings", &error),
    }
    for name in PROFILE.into_iter().filter(|name| environment.var(name).is_some()) {
        sheet.note(name, "set; no profile is read here, but the AWS SDKs' own chains read it");
    }
    sheet.findings
}

/// What the id tells by its start ([unique ids]).
///
/// [unique ids]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
fn key(sheet: &mut Sheet, id: &str, has_session_token: bool) {
    match (id.get(..4), has_session_token) {
        (Some("ASIA"), false) => sheet.problem(
            Reason::IncompleteConfiguration,
            ID,
            format!("{id} is a temporary key, but {SESSION_TOKEN} is not set: AWS knows no such key alone"),
            format!("Set {SESSION_TOKEN} too, or remove {ID} and {SECRET}."),
        ),
        (Some("AKIA"), true) => sheet.warn(
            SESSION_TOKEN,
            format!("set, but {id} is a long-term key, which has none: AWS refuses the two together"),
            format!("Remove {SESSION_TOKEN}."),
        ),
        (_, true) => sheet.warn(
            ID,
            format!("{id}, a temporary key in the environment: nobody renews it"),
            "Use EKS Pod Identity or IRSA, whose credentials are renewed.",
        ),
        _ => sheet.ok(ID, format!("{id}; the secret is set, and is not shown")),
    }
}
