//! What a chain stumbles over before it asks anybody, the doctor has told; and what the doctor tells of it, the chain stumbles
//! over.

use flux_aws_auth::doctor::{Area, Doctor, Examination, Finding, OrderStep};
use flux_aws_auth::{Environment, ErrorKind, Reason, SourceKind, SourceReport, SourceResult};
use proptest::prelude::*;

use super::{STS, token};
use crate::support::*;

/// Variables with what may be in them; the first is always "not set".
const CHOICES: &[(&str, &[&str])] = &[
    ("AWS_REGION", &["", "eu-west-1", "Ireland"]),
    ("AWS_ROLE_ARN", &["", ROLE, "flux"]),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", &["", TOKEN_PATH, "/missing", "/empty"]),
    ("AWS_ROLE_SESSION_NAME", &["", "flux", "no spaces"]),
    ("AWS_ENDPOINT_URL_STS", &["", "http://sts.example.com"]),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &["", "http://169.254.170.23/v1/credentials", "http://10.0.0.1/"]),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", &["", "/v2/credentials"]),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &["", TOKEN_PATH, "/missing"]),
    ("AWS_ACCESS_KEY_ID", &["", "AKIAEXAMPLE"]),
    ("AWS_SECRET_ACCESS_KEY", &["", "canary", "with space"]),
    ("AWS_EC2_METADATA_DISABLED", &["", "true", "false", "1"]),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &["", "http://10.0.0.1"]),
    ("AWS_METADATA_SERVICE_TIMEOUT", &["", "2", "soon"]),
];

fn environment(clock: &TestClock, chosen: &[usize]) -> Environment {
    let files =
        Environment::empty().with_file(TOKEN_PATH, token(clock, STS, 600, 3000)).with_file("/empty", "");
    let set = |environment: Environment, ((name, values), index): (&(&str, &[&str]), &usize)| {
        environment.with_var(*name, values[index % values.len()])
    };
    CHOICES.iter().zip(chosen).fold(files, set)
}

/// Whoever is asked gives credentials.
fn generous(clock: &TestClock) -> Network {
    let (json, xml) = (json_credentials(clock, 3600), sts_credentials(clock, 3600));
    Network::new(move |seen| {
        if seen.line.contains("sts.") {
            ok(xml.clone())
        } else if seen.line.ends_with("/security-credentials/") {
            ok("eks-node")
        } else if seen.line.starts_with("PUT") {
            ok("session-token")
        } else {
            ok(json.clone().replacen('{', r#"{"Code":"Success","#, 1))
        }
    })
}

/// The problems of settings that the source in use has, by the doctor.
fn of_settings(examination: &Examination, used: SourceKind) -> Vec<Reason> {
    let concerns = |finding: &&Finding| match finding.area() {
        Area::Source(kind) => kind == used,
        Area::Region => used == SourceKind::WebIdentity,
        _ => false,
    };
    let reasons = examination.problems().filter(concerns).filter_map(Finding::reason);
    // The doctor looks closer at a token than a chain, which lets the receiver judge it.
    reasons.filter(|reason| reason.kind() == ErrorKind::Configuration).collect()
}

async fn agree(chosen: &[usize]) -> Result<(), TestCaseError> {
    let clock = TestClock::new();
    let network = generous(&clock);
    let chain = chain(environment(&clock, chosen), &network, &network, &clock).build();
    let examination = Doctor::new(&chain).examine();
    prop_assert!(network.seen().is_empty());
    let shown = format!("{examination}{examination:?}");
    prop_assert!(!shown.contains("canary"), "{}", shown);
    let outcome = chain.resolve().await;
    let report = match &outcome {
        Ok(resolved) => resolved.report().clone(),
        Err(error) => report_of(error).clone(),
    };
    let decided = report
        .sources()
        .find(|source| matches!(source.result(), SourceResult::Provided { .. } | SourceResult::Failed(_)))
        .map(SourceReport::kind);
    let used = examination.order().used().map(OrderStep::kind);
    prop_assert_eq!(decided, used, "{}\n{}", report, examination);
    let Some(used) = used else { return Ok(()) };
    let told = of_settings(&examination, used);
    match outcome {
        Ok(_) => prop_assert!(told.is_empty(), "{:?}\n{}\n{}", told, report, examination),
        Err(error) => prop_assert!(told.contains(&error.reason()), "{}\n{}", report, examination),
    }
    Ok(())
}

#[test]
fn the_doctor_and_the_chain_agree_on_every_set_up() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let config = ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(chosen in proptest::collection::vec(0..12_usize, CHOICES.len()))| {
        runtime.block_on(agree(&chosen))?;
    });
}
