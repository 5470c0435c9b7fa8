//! The pod, and its ServiceAccount as Kubernetes has it.

use super::finding::{Area, Finding, Sheet};
use super::patient::{OWN_TOKEN, Patient};
use crate::arn::{self, RoleArn};
use crate::reason::Reason;
use crate::service_account::{ROLE_ARN_ANNOTATION, ServiceAccount, ServiceAccountRef};
use crate::source::SourceKind;
use crate::source::web_identity::ROLE_ARN;

pub(super) fn examine(patient: &Patient<'_>) -> Vec<Finding> {
    let mut sheet = Sheet::of(Area::Pod);
    match (patient.own_claims().service_account(), patient.own_claims().issuer()) {
        (Some((namespace, name)), issuer) => {
            sheet.ok("ServiceAccount", format!("{namespace}/{name}, by the pod's own token"));
            if let Some(issuer) = issuer {
                sheet.note("cluster's issuer", issuer);
            }
        }
        _ => sheet.note(OWN_TOKEN, "no token of Kubernetes itself, so the pod's ServiceAccount is not known"),
    }
    if let Some((reference, service_account)) = patient.known {
        compare(&mut sheet, patient, reference, service_account);
    }
    sheet.findings
}

/// EKS writes the annotation into the pod when it starts, and never again ([associate]). The two tell apart what looks the
/// same from inside.
///
/// [associate]: https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html
fn compare(
    sheet: &mut Sheet,
    patient: &Patient<'_>,
    reference: &ServiceAccountRef,
    service_account: &ServiceAccount,
) {
    match (service_account.uid(), patient.own_claims().service_account_uid()) {
        (Some(now), Some(at_start)) if now != at_start => sheet.warn(
            reference.to_string(),
            "deleted and recreated since the pod started, so Kubernetes renews none of the pod's tokens",
            "Restart the pod.",
        ),
        _ => {}
    }
    let subject = format!("annotation {ROLE_ARN_ANNOTATION} of {reference}");
    let restart = "Restart the pod: EKS sets the variables only when a pod starts. If they are still missing then, see that the \
                   pod identity webhook runs.";
    match (service_account.role_arn(), patient.environment.var(ROLE_ARN)) {
        (None, None) if patient.is_set_up(SourceKind::PodIdentity) => {
            sheet.note(subject, "none; EKS Pod Identity needs none");
        }
        (None, None) if patient.is_set_up(SourceKind::AccessKeys) => {
            sheet.note(subject, "none; the pod has an access key");
        }
        (None, None) => sheet.problem(
            Reason::RoleNotNamed,
            subject,
            "none, so EKS gives its pods no role",
            format!(
                "To give them one, {} See that whatever manages the ServiceAccount keeps the annotation.",
                annotate(patient)
            ),
        ),
        (None, Some(_)) => {
            sheet.note(subject, format!("none; {ROLE_ARN} comes from elsewhere, such as the pod's manifest"));
        }
        (Some(annotated), variable) => {
            if let Err(error) = annotated.parse::<RoleArn>() {
                return sheet.error(&subject, &error);
            }
            match variable {
                Some(role) if role == annotated => sheet.ok(subject, annotated),
                Some(role) => sheet.warn(
                    subject,
                    format!("{annotated}, but the pod was started with {ROLE_ARN}={}", arn::shown(&role)),
                    restart,
                ),
                None => sheet.problem(
                    Reason::WebIdentityNotActive,
                    subject,
                    format!("{annotated}, but the pod has no {ROLE_ARN}: it started before the annotation was made"),
                    restart,
                ),
            }
        }
    }
}

/// How IRSA is set up, as the end of a sentence.
pub(super) fn annotate(patient: &Patient<'_>) -> String {
    format!(
        "annotate the ServiceAccount (kubectl annotate serviceaccount {} \
         {ROLE_ARN_ANNOTATION}=arn:aws:iam::ACCOUNT_ID:role/ROLE_NAME), then restart the pod.",
        patient.name_for_commands()
    )
}
