//! No secret in what people read: `Debug`, `Display`, errors, and tracing at every level.
//!
//! A program of its own: who listens to tracing is a matter of the whole process.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![allow(dead_code, reason = "shared with the other tests, which use more of it")]

#[path = "it/log.rs"]
mod log;
#[path = "it/support.rs"]
mod support;

use std::fmt::Write as _;

use flux_aws_auth::doctor::Doctor;
use flux_aws_auth::source::InstanceMetadata;
use flux_aws_auth::{Chain, Environment, Error, ErrorKind, Resolved};

use log::{Log, around};
use support::*;

fn everything_secret() -> Environment {
    irsa()
        .with_var("AWS_SECRET_ACCESS_KEY", SECRET)
        .with_var("AWS_SESSION_TOKEN", SESSION_TOKEN)
        .with_var("AWS_CONTAINER_AUTHORIZATION_TOKEN", "canary-container-token")
        .with_var("HTTPS_PROXY", "http://me:canary-password@proxy.example:3128")
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_shown_in_success_or_failure() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let mut shown = String::new();

    let clock = TestClock::new();
    let good_json = json_credentials(&clock, 3600);
    let good_xml = sts_credentials(&clock, 3600);
    let half_json =
        format!(r#"{{"SecretAccessKey":"{SECRET}","Token":"{SESSION_TOKEN}","Expiration":"{SECRET}""#);
    let typed_json = format!(r#"{{"AccessKeyId":["{SECRET}"]}}"#);
    let half_xml = good_xml.replace("</Credentials>", "");
    let echo = format!("you sent {TOKEN}");
    let node_answers = [
        vec![ok(good_json.clone())],
        vec![ok(half_json)],
        vec![ok(typed_json)],
        vec![Reply::Answer(403, echo)],
        vec![Reply::Refuse, Reply::Refuse, Reply::Refuse],
    ];
    for replies in node_answers {
        let chain = chain(pod_identity(), &Network::silent(), &Network::in_order(replies), &clock).build();
        show(&mut shown, &chain, &chain.resolve().await);
    }
    let sts_echo = format!("The token {TOKEN} is bad");
    for replies in [
        vec![ok(good_xml)],
        vec![ok(half_xml)],
        vec![sts_error(400, "InvalidIdentityToken", &sts_echo)],
        vec![Reply::Refuse, Reply::Refuse, Reply::Refuse],
    ] {
        let chain = chain(irsa(), &Network::in_order(replies), &Network::silent(), &clock).build();
        show(&mut shown, &chain, &chain.resolve().await);
    }
    let session = vec![("x-aws-ec2-metadata-token-ttl-seconds", "21600".to_owned())];
    let session = Reply::Headed(200, session, "canary-imds-token".to_owned());
    let node = Network::in_order(vec![session, ok("role"), ok(good_json)]);
    let metadata = InstanceMetadata::new();
    let builder = chain(Environment::empty(), &Network::silent(), &node, &clock).source(metadata.clone());
    let chain_of_node = builder.build();
    show(&mut shown, &chain_of_node, &chain_of_node.resolve().await);
    write!(shown, "{metadata:?} {metadata:#?}").unwrap();
    assert!(shown.contains("Session {"), "the session token is kept, and not shown");
    write!(shown, "{:?}", everything_secret()).unwrap();
    let silent = Network::silent();
    let patient = chain(everything_secret(), &silent, &silent, &clock).build();
    let examination = Doctor::new(&patient).examine_live().await;
    write!(shown, "{examination} {examination:?} {}", examination.order()).unwrap();
    assert!(shown.contains("http://proxy.example:3128"), "the proxy is shown without its password");

    assert!(
        shown.contains("ASIAEXAMPLE") && shown.contains("AWS_SECRET_ACCESS_KEY"),
        "the test looks at real output"
    );
    assert!(!shown.contains("canary"), "{}", around(&shown));
    let ours: String = log.text().lines().filter(|line| line.contains("flux_")).collect();
    assert!(ours.contains("asked a credential source"), "the test looks at real tracing");
    assert!(!ours.contains("canary"), "{}", around(&ours));
}

fn show(shown: &mut String, chain: &Chain, result: &Result<Resolved, Error>) {
    writeln!(shown, "{chain:?}\n{result:?}\n{result:#?}").unwrap();
    match result {
        Ok(resolved) => writeln!(shown, "{}\n{}", resolved.report(), resolved.principal()).unwrap(),
        Err(error) => {
            assert_ne!(error.kind(), ErrorKind::NoIdentity);
            let report = report_of(error);
            writeln!(shown, "{}\n{report}\n{report:?}", whole_story(error)).unwrap();
        }
    }
}
