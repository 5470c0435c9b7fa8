//! What Kubernetes knows of the pod's ServiceAccount, held against the pod.

use flux_aws_auth::doctor::Severity;
use flux_aws_auth::{Environment, ROLE_ARN_ANNOTATION, Reason, ServiceAccount, ServiceAccountRef};

use super::{AGENT, OWN_TOKEN, associated, doctor, finding, good, signed};
use crate::support::*;

/// What looks the same from inside the pod.
#[tokio::test(start_paused = true)]
async fn kubernetes_tells_a_missing_annotation_from_a_pod_that_started_too_early() {
    let clock = TestClock::new();
    let annotated = |role: Option<&str>| ServiceAccount::new(role.map(|role| (ROLE_ARN_ANNOTATION, role)));
    let reflector = || ServiceAccountRef::new("flux-system", "reflector");
    let other = "arn:aws:iam::111122223333:role/other";
    let cases = [
        (
            None,
            Environment::empty(),
            Severity::Problem,
            Some(Reason::RoleNotNamed),
            "annotate the ServiceAccount",
        ),
        (
            Some(ROLE),
            Environment::empty(),
            Severity::Problem,
            Some(Reason::WebIdentityNotActive),
            "Restart the pod",
        ),
        (
            Some("flux"),
            Environment::empty(),
            Severity::Problem,
            Some(Reason::RoleArnMalformed),
            "Write it as",
        ),
        (Some(other), good(&clock), Severity::Warning, None, "Restart the pod"),
        (Some(ROLE), good(&clock), Severity::Ok, None, ""),
        (None, good(&clock), Severity::Note, None, ""),
        (None, associated(&clock, AGENT), Severity::Note, None, ""),
    ];
    for (role, environment, severity, reason, remedy) in cases {
        let (doctor, ..) = doctor(environment, &clock);
        let examination = doctor.with_service_account(reflector(), annotated(role)).examine();
        let found = finding(&examination, "annotation eks.amazonaws.com/role-arn of flux-system/reflector");
        assert_eq!((found.severity(), found.reason()), (severity, reason), "{role:?}\n{examination}");
        assert!(found.hint().unwrap_or_default().contains(remedy), "{found:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_account_that_was_made_anew_is_told_by_its_uid() {
    let clock = TestClock::new();
    let own = signed(
        r#"{"iss":"x","sub":"system:serviceaccount:flux-system:reflector","kubernetes.io":{"serviceaccount":{"uid":"old"}}}"#,
    );
    let environment = good(&clock).with_file(OWN_TOKEN, own);
    for (uid, severity) in [("new", Severity::Warning), ("old", Severity::Note)] {
        let account = ServiceAccount::new([(ROLE_ARN_ANNOTATION, ROLE)]).with_uid(uid);
        let reference = ServiceAccountRef::new("flux-system", "reflector");
        let examination =
            doctor(environment.clone(), &clock).0.with_service_account(reference, account).examine();
        assert_eq!(examination.severity(), severity, "{examination}");
    }
}
