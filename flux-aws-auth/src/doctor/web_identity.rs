//! What IRSA, or another issuer, has set up.

use super::finding::{Area, Finding, Sheet};
use super::patient::Patient;
use super::pod::annotate;
use super::token;
use crate::arn::RoleArn;
use crate::iam::{OidcProvider, OidcTrust, PolicyDocument};
use crate::partition::{Partition, check_region};
use crate::reason::Reason;
use crate::service_account::ServiceAccountRef;
use crate::session_name::SessionName;
use crate::source::web_identity::{ROLE_ARN, SESSION_NAME, TOKEN_FILE, role_and_token_file};
use crate::source::{Notes, SourceKind};
use crate::sts::AUDIENCE;
use crate::token::Claims;

/// Where EKS mounts the token ([pod configuration]).
///
/// [pod configuration]: https://docs.aws.amazon.com/eks/latest/userguide/pod-configuration.html
const EKS_TOKEN: &str = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token";

/// The findings, and the trust policy that the role needs, as far as the token says.
pub(super) fn examine(patient: &Patient<'_>) -> (Vec<Finding>, Option<PolicyDocument>) {
    let mut sheet = Sheet::of(Area::Source(SourceKind::WebIdentity));
    let environment = patient.environment;
    match role_and_token_file(environment, &mut Notes::default()) {
        Ok(None) => not_set_up(&mut sheet, patient),
        Ok(Some(_)) => {}
        Err(error) => sheet.error("settings", &error),
    }
    let role = environment.var(ROLE_ARN).and_then(|role| role_of(&mut sheet, patient, &role));
    let claims = environment
        .var(TOKEN_FILE)
        .and_then(|path| token::examine(&mut sheet, patient, TOKEN_FILE, &path, AUDIENCE));
    if let Some(name) = environment.var(SESSION_NAME) {
        match SessionName::new(SESSION_NAME, &name) {
            Ok(name) => sheet.ok(SESSION_NAME, name.as_str()),
            Err(error) => sheet.error(SESSION_NAME, &error),
        }
    }
    let trust = role.zip(claims).and_then(|(role, claims)| trust(&role, &claims));
    (sheet.findings, trust)
}

fn not_set_up(sheet: &mut Sheet, patient: &Patient<'_>) {
    if patient.environment.read_file(EKS_TOKEN).is_ok() {
        return sheet.problem(
            Reason::IncompleteConfiguration,
            EKS_TOKEN,
            format!("the token is mounted, but {ROLE_ARN} and {TOKEN_FILE} are not set in this container"),
            "See that the container's manifest does not blank the variables, and that the pod has no annotation \
             eks.amazonaws.com/skip-containers; then restart the pod.",
        );
    }
    let finding = Finding::new(
        super::Severity::Note,
        Area::Source(SourceKind::WebIdentity),
        format!("{ROLE_ARN} and {TOKEN_FILE}"),
        "not set, so IRSA is not active in this pod",
    );
    sheet.push(
        finding
            .with_reason(Reason::WebIdentityNotActive)
            .with_hint(format!("To use IRSA, {}", annotate(patient))),
    );
}

fn role_of(sheet: &mut Sheet, patient: &Patient<'_>, role: &str) -> Option<RoleArn> {
    let role: RoleArn = match role.parse() {
        Ok(role) => role,
        Err(error) => {
            sheet.error(ROLE_ARN, &error);
            return None;
        }
    };
    let region = patient.context().region().filter(|region| check_region(region.as_ref()).is_ok());
    let partition = region.as_ref().map(|region| (Partition::of_region(region.as_ref()), region));
    match partition {
        Some((partition, region)) if partition.name() != role.partition() => sheet.problem(
            Reason::InvalidConfiguration,
            ROLE_ARN,
            format!(
                "{role} is in partition {}, but region {region} is in {partition}: no role is assumed across partitions",
                role.partition()
            ),
            format!("Name a role of partition {partition}, or set the region of the role's partition."),
        ),
        _ => sheet.ok(ROLE_ARN, format!("{role}, in account {}", role.account_id())),
    }
    Some(role)
}

fn trust(role: &RoleArn, claims: &Claims) -> Option<PolicyDocument> {
    let (namespace, name) = claims.service_account()?;
    let provider = OidcProvider::for_role(role, claims.issuer()?).ok()?;
    Some(OidcTrust::new(&provider, &ServiceAccountRef::new(namespace, name)).ok()?.document())
}
