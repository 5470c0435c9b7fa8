//! No secret of the two services on the node in any tracing, not even the SDK's own, on real sockets.
//!
//! A program of its own: who listens to tracing is a matter of the whole process.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![allow(dead_code, reason = "shared with the other tests, which use more of it")]

#[path = "it/log.rs"]
mod log;
#[path = "it/support.rs"]
mod support;

use flux_aws_auth::{Chain, Environment};
use log::{Log, around};
use support::*;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// On real sockets not even the SDK's own tracing has the tokens and credentials of the two services on the node.
#[tokio::test]
async fn the_node_s_secrets_are_in_no_tracing_at_all() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let credentials = format!(
        r#"{{"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"{SECRET}","Token":"{SESSION_TOKEN}","Expiration":"2099-01-01T00:00:00Z"}}"#
    );
    let server = MockServer::start().await;
    for (verb, place, body) in [
        ("PUT", "/latest/api/token", "canary-imds-token"),
        ("GET", "/latest/meta-data/iam/security-credentials/", "eks-node"),
        ("GET", "/latest/meta-data/iam/security-credentials/eks-node", &credentials),
        ("GET", "/v1/credentials", &credentials),
    ] {
        let answer = ResponseTemplate::new(200).set_body_string(body);
        Mock::given(method(verb)).and(path(place)).respond_with(answer).expect(1).mount(&server).await;
    }
    let node = Environment::empty().with_var("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.uri());
    Chain::builder().environment(node).build().resolve().await.unwrap();
    let pod = pod_identity()
        .with_var("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/v1/credentials", server.uri()));
    Chain::builder().environment(pod).build().resolve().await.unwrap();

    let log: String = log.text().lines().filter(|line| !line.contains("wiremock")).collect();
    assert!(log.contains("/latest/api/token"), "the SDK's own tracing is on");
    assert!(!log.contains("canary"), "{}", around(&log));
}
