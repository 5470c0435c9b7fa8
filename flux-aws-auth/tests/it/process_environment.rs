//! A process full of AWS variables, and a chain that was given an environment of its own.

use std::process::Command;

use flux_aws_auth::{Environment, ErrorKind, NoProcessEnvironment};

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

/// Partitions in which every host is somebody else's, as the SDK would read them.
const PARTITIONS: &str = r#"{"version":"1.1","partitions":[{"id":"aws","regionRegex":"^.*$","regions":{},"outputs":{
    "name":"aws","dnsSuffix":"leaked.example","dualStackDnsSuffix":"leaked.example","implicitGlobalRegion":"us-east-1",
    "supportsFIPS":true,"supportsDualStack":true}}]}"#;

/// Runs the test below once more, in a process of its own that has the variables.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test plays whoever can write the file and set the variable"
)]
fn a_process_with_everything_set_lends_none_of_it() {
    let partitions = std::env::temp_dir().join(format!("flux-aws-auth-partitions-{}", std::process::id()));
    std::fs::write(&partitions, PARTITIONS).unwrap();
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "process_environment::only_the_given_environment_is_seen"]).envs(VARIABLES);
    again.env("SMITHY_CLIENT_SDK_CUSTOM_PARTITION", &partitions);
    let output = again.output().unwrap();
    std::fs::remove_file(&partitions).unwrap();
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
    assert_eq!(aws.lines(), ["POST https://sts.eu-west-1.amazonaws.com/"]);
    assert!(seen.contains("lib/flux-aws-auth"), "{seen}");
    assert!(!seen.contains("leaked") && !seen.contains("x-amzn-trace-id"), "{seen}");
}

/// The interceptor takes nothing away from what a program says of itself.
#[tokio::test]
async fn a_client_keeps_its_own_name() {
    use aws_sdk_sts::config::{AppName, BehaviorVersion, Config, Credentials, Region};
    let network = Network::silent();
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static("eu-west-1"))
        .credentials_provider(Credentials::new("AKIAEXAMPLE", "s", None, None, "test"))
        .http_client(network.clone())
        .retry_config(aws_sdk_sts::config::retry::RetryConfig::disabled())
        .app_name(AppName::new("my-app").unwrap())
        .interceptor(NoProcessEnvironment::for_crate("my-controller", "1.2.0"))
        .build();
    aws_sdk_sts::Client::from_conf(config).get_caller_identity().send().await.unwrap_err();
    let seen = format!("{:?}", network.seen());
    assert!(seen.contains("app/my-app") && seen.contains("lib/my-controller"), "{seen}");
}
