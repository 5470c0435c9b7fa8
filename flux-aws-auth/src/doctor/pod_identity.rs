//! What EKS Pod Identity, or ECS, has set up.

use super::finding::{Area, Finding, Severity, Sheet};
use super::patient::Patient;
use super::token;
use crate::iam::{PodIdentityTrust, PolicyDocument};
use crate::reason::Reason;
use crate::source::pod_identity::{FULL_URI, RELATIVE_URI, TOKEN, TOKEN_FILE, address};
use crate::source::{CredentialSource, Notes, PodIdentity, SourceKind};
use crate::token::Form;

/// The audience of the token that EKS mounts for its agent ([how it works]).
///
/// [how it works]: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html
const AUDIENCE: &str = "pods.eks.amazonaws.com";

/// Where EKS mounts it.
const EKS_TOKEN: &str = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token";

/// The findings, and the trust policy that the role needs.
pub(super) fn examine(patient: &Patient<'_>) -> (Vec<Finding>, Option<PolicyDocument>) {
    let environment = patient.environment;
    let kind = PodIdentity::new().kind_in(environment);
    let mut sheet = Sheet::of(Area::Source(kind));
    let variable = if kind == SourceKind::Ecs { RELATIVE_URI } else { FULL_URI };
    let is_set_up = match address(environment, &mut Notes::default()) {
        Ok(None) => {
            not_set_up(&mut sheet, patient);
            false
        }
        Ok(Some(endpoint)) => {
            sheet.ok(variable, format!("the agent is asked at {endpoint}"));
            true
        }
        Err(error) => {
            sheet.error(variable, &error);
            true
        }
    };
    if let Some(path) = environment.var(TOKEN_FILE) {
        if kind == SourceKind::Ecs {
            // ECS's token is no JWT.
            token::read(&mut sheet, patient, TOKEN_FILE, &path, Form::Header);
        } else {
            token::examine(&mut sheet, patient, TOKEN_FILE, &path, AUDIENCE);
        }
    } else if environment.var(TOKEN).is_some() {
        sheet.note(TOKEN, "set; its value is a secret, and is not shown");
    } else if is_set_up && kind == SourceKind::PodIdentity {
        sheet.warn(
            TOKEN_FILE,
            "not set, and EKS's agent gives nothing without a token",
            "EKS sets it together with the address when a pod starts: restart the pod, and do not set either by hand.",
        );
    }
    let trust = (is_set_up && kind == SourceKind::PodIdentity).then(|| PodIdentityTrust::new().document());
    (sheet.findings, trust)
}

fn not_set_up(sheet: &mut Sheet, patient: &Patient<'_>) {
    if patient.environment.read_file(EKS_TOKEN).is_ok() {
        return sheet.problem(
            Reason::IncompleteConfiguration,
            EKS_TOKEN,
            format!("the token is mounted, but {FULL_URI} is not set in this container"),
            "See that the container's manifest does not blank the variable; then restart the pod.",
        );
    }
    let finding = Finding::new(
        Severity::Note,
        Area::Source(SourceKind::PodIdentity),
        FULL_URI,
        "not set, so EKS Pod Identity is not active in this pod",
    );
    let names = match patient.service_account() {
        Some(account) => format!("--namespace {} --service-account {}", account.namespace(), account.name()),
        None => "--namespace NAMESPACE --service-account NAME".to_owned(),
    };
    sheet.push(finding.with_reason(Reason::PodIdentityNotActive).with_hint(format!(
        "To use Pod Identity, associate a role (aws eks create-pod-identity-association --cluster-name CLUSTER {names} --role-arn \
         arn:aws:iam::ACCOUNT_ID:role/ROLE_NAME), then restart the pod."
    )));
}
