//! What the guide says of doctor, held to what doctor finds in pods that have everything wrong, one thing at a time.

use flux_aws_auth::doctor::{Doctor, Finding};
use flux_aws_auth::{
    Environment, Integration, ROLE_ARN_ANNOTATION, Reason, ServiceAccount, ServiceAccountRef,
};

use super::{AGENT, AGENT_TOKEN, OWN_TOKEN, STS, associated, doctor, examine, good, signed, token};
use crate::guide::page::{self, Row, matches, plain};
use crate::support::*;

#[tokio::test(start_paused = true)]
async fn every_remedy_of_doctor_s_is_in_the_guide_and_every_row_is_found() {
    let clock = TestClock::new();
    let mut found: Vec<_> =
        pods(&clock).into_iter().flat_map(|pod| all(examine(pod, &clock).findings())).collect();
    found.extend(beside_kubernetes(&clock));
    found.extend(live(&clock).await);
    let rows: Vec<_> = page::findings().collect();
    let missing: Vec<_> = found
        .iter()
        .filter(|finding| finding.hint().is_some() && !is_told(finding, &rows))
        .map(|finding| format!("{finding}\n    {}", finding.hint().unwrap_or_default()))
        .collect();
    assert!(missing.is_empty(), "not in Troubleshooting:\n  {}", missing.join("\n  "));
    let unseen: Vec<_> = rows
        .iter()
        .filter(|row| !found.iter().any(|finding| covers(row, finding)))
        .map(|row| &row.says)
        .collect();
    assert!(unseen.is_empty(), "doctor finds nothing like {unseen:#?}");
}

fn covers(row: &Row, finding: &Finding) -> bool {
    let remedy = finding.hint().map(plain).unwrap_or_default();
    row.reason == finding.reason().map(Reason::as_str)
        && matches(&row.says, &finding.to_string())
        && row.remedy.as_ref().is_some_and(|row| matches(row, &remedy))
}

/// Among doctor's own findings, or in the entry of its reason.
fn is_told(finding: &Finding, rows: &[Row]) -> bool {
    let reason = finding.reason().map(Reason::as_str);
    let remedy = finding.hint().map(plain).unwrap_or_default();
    let in_entry = |row: Row| {
        row.reason == reason
            && matches(&row.says, finding.text())
            && row.remedy.is_some_and(|row| matches(&row, &remedy))
    };
    rows.iter().any(|row| covers(row, finding)) || page::rows().any(in_entry)
}

fn all<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<Finding> {
    findings.cloned().collect()
}

fn pods(clock: &TestClock) -> Vec<Environment> {
    let key = |pod: Environment, id: &str| {
        pod.with_var("AWS_ACCESS_KEY_ID", id).with_var("AWS_SECRET_ACCESS_KEY", SECRET)
    };
    let with_token = |token: String| good(clock).with_file(TOKEN_PATH, token);
    let claims = |claims: &str| with_token(signed(&format!(r#"{{"aud":"{STS}",{claims}}}"#)));
    let subject = r#""sub":"system:serviceaccount:flux-system:reflector""#;
    vec![
        Environment::empty(),
        Environment::empty().with_var("AWS_EC2_METADATA_DISABLED", "true"),
        Environment::empty().with_file(AGENT_TOKEN, token(clock, AGENT, 600, 3000)),
        good(clock).with_var("AWS_ROLE_ARN", "").with_var("AWS_WEB_IDENTITY_TOKEN_FILE", ""),
        good(clock).with_var("AWS_ROLE_ARN", "arn:aws-cn:iam::111122223333:role/flux"),
        good(clock).with_var("AWS_ROLE_ARN", "flux"),
        good(clock).with_var("AWS_REGION", ""),
        good(clock).with_var("HTTPS_PROXY", "socks5://proxy.example:1080"),
        good(clock).with_var("AWS_CA_BUNDLE", "/no/such/bundle"),
        good(clock).with_var("AWS_WEB_IDENTITY_TOKEN_FILE", "/elsewhere"),
        good(clock).with_var("AWS_SESSION_TOKEN", SESSION_TOKEN),
        good(clock)
            .with_file(OWN_TOKEN, signed(r#"{"iss":"x","sub":"system:serviceaccount:flux-system:other"}"#)),
        with_token("canary".into()),
        with_token(token(clock, "vault", 600, 3000)),
        with_token(token(clock, STS, 4200, -600)),
        with_token(token(clock, STS, 3550, 50)),
        claims(&format!(r#"{subject},"iat":1800000000,"exp":1800003600"#)),
        claims(&format!(r#"{subject},"iss":"x","nbf":1800000600,"exp":1800003600"#)),
        claims(&format!(r#"{subject},"iss":"x""#)),
        claims(r#""sub":"somebody","iss":"x","exp":1800003600"#),
        associated(clock, AGENT).with_var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", ""),
        key(good(clock), "AKIAEXAMPLE"),
        key(Environment::empty(), "ASIAEXAMPLE"),
        key(Environment::empty(), "ASIAEXAMPLE").with_var("AWS_SESSION_TOKEN", SESSION_TOKEN),
        key(Environment::empty(), "AKIAEXAMPLE").with_var("AWS_SESSION_TOKEN", SESSION_TOKEN),
    ]
}

fn beside_kubernetes(clock: &TestClock) -> Vec<Finding> {
    let account = |role: Option<&str>| ServiceAccount::new(role.map(|role| (ROLE_ARN_ANNOTATION, role)));
    let own = signed(
        r#"{"iss":"x","sub":"system:serviceaccount:flux-system:reflector","kubernetes.io":{"serviceaccount":{"uid":"old"}}}"#,
    );
    let cases = [
        (account(None), Environment::empty()),
        (account(Some(ROLE)), Environment::empty()),
        (account(Some("arn:aws:iam::111122223333:role/other")), good(clock)),
        (account(Some(ROLE)).with_uid("new"), good(clock).with_file(OWN_TOKEN, own)),
    ];
    let of_case = |(account, pod): (ServiceAccount, Environment)| {
        let reference = ServiceAccountRef::new("flux-system", "reflector");
        let doctor =
            doctor(pod, clock).0.with_service_account(reference, account).with_integration(Integration::Kms);
        all(doctor.examine().findings())
    };
    cases.into_iter().flat_map(of_case).collect()
}

/// A node that gives old credentials, and an AWS whose clock is an hour behind.
async fn live(clock: &TestClock) -> Vec<Finding> {
    let expired = json_credentials(clock, 0);
    let node = Network::new(move |seen| match seen.line.rsplit('/').next() {
        Some("token") => ok("canary-session"),
        Some("") => ok("eks-node"),
        _ => ok(expired.clone()),
    });
    let (given, date) = (sts_credentials(clock, 3600), clock.date_off_by(-3600));
    let late = Network::new(move |_| Reply::Headed(200, vec![("date", date.clone())], given.clone()));
    let mut found = Vec::new();
    for (pod, aws, node) in
        [(Environment::empty(), Network::silent(), node), (good(clock), late, Network::silent())]
    {
        found.extend(all(Doctor::new(&chain(pod, &aws, &node, clock).build())
            .examine_live()
            .await
            .findings()));
    }
    found
}
