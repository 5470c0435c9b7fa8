//! A process full of AWS variables, and a chain that was given an environment of its own.

use std::process::Command;

use flux_aws_auth::{Environment, ErrorKind};

use crate::support::*;

/// What would be found if anybody looked: identities, addresses, and what the AWS SDK puts into headers.
const VARIABLES: [(&str, &str); 9] = [
    ("AWS_ACCESS_KEY_ID", "AKIALEAKED"),
    ("AWS_SECRET_ACCESS_KEY", "leaked-secret"),
    ("AWS_REGION", "leaked-region"),
    ("AWS_ENDPOINT_URL", "http://127.0.0.1:1/leaked"),
    ("AWS_EXECUTION_ENV", "leaked-execution-env"),
    ("AWS_LAMBDA_FUNCTION_NAME", "leaked-function"),
    ("_X_AMZN_TRACE_ID", "leaked-trace-id"),
    ("AWS_SDK_UA_APP_ID", "leaked-app-id"),
    ("HTTPS_PROXY", "http://127.0.0.1:1"),
];

/// Runs the test below once more, in a process of its own that has the variables.
#[test]
fn a_process_with_everything_set_lends_none_of_it() {
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "process_environment::only_the_given_environment_is_seen"]).envs(VARIABLES);
    let output = again.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn only_the_given_environment_is_seen() {
    let clock = TestClock::new();
    let network = Network::silent();
    let error = chain(Environment::empty(), &network, &network, &clock).build().resolve().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoIdentity);

    let aws = Network::in_order(vec![ok(sts_credentials(&clock, 3600))]);
    chain(irsa(), &aws, &network, &clock).build().resolve().await.unwrap();
    let seen = format!("{:?}", aws.seen());
    assert!(seen.contains("lib/flux-aws-auth"), "{seen}");
    assert!(!seen.contains("leaked") && !seen.contains("x-amzn-trace-id"), "{seen}");
}
