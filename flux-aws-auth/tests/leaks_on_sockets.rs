//! No secret of the two services on the node and no proxy's password in any tracing, not even that of the SDK and of hyper, on real
//! sockets.
//!
//! A program of its own: who listens to tracing is a matter of the whole process.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![allow(dead_code, reason = "shared with the other tests, which use more of it")]

#[path = "it/log.rs"]
mod log;
#[path = "it/support.rs"]
mod support;

use std::sync::LazyLock;

use flux_aws_auth::{Chain, Environment, Reason};
use log::{Log, around};
use support::*;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// One log for the whole program, at every level.
fn everything_traced() -> &'static Log {
    static LOG: LazyLock<Log> = LazyLock::new(|| {
        let log = Log::default();
        let subscriber =
            tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        log
    });
    &LOG
}

/// On real sockets not even hyper's own tracing has the tokens and credentials of the two services on the node.
#[tokio::test]
async fn the_node_s_secrets_are_in_no_tracing_at_all() {
    let log = everything_traced();
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
    assert!(log.contains("hyper_util"), "the tracing of those who send is on");
    assert!(!log.contains("canary"), "{}", around(&log));
}

#[tokio::test]
async fn a_proxy_s_password_is_in_no_tracing_at_all() {
    let log = everything_traced();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let answer = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
            connection.write_all(answer).await.unwrap();
        }
    });
    let environment =
        irsa().with_var("HTTPS_PROXY", format!("http://canary-user:canary-password@127.0.0.1:{port}"));
    let error = Chain::builder().environment(environment).build().resolve().await.unwrap_err();
    assert_eq!(error.reason(), Reason::ProxyAuthenticationRequired, "{error:?}");
    let shown = format!("{}{error:?}{}", log.text(), whole_story(&error));
    assert!(shown.contains(&format!("127.0.0.1:{port}")), "the SDK's own tracing is on");
    // base64 of `canary-user:`, as far as it does not depend on what follows.
    for secret in ["canary-user", "canary-password", "Y2FuYXJ5LXVzZXI6"] {
        assert!(!shown.contains(secret), "{}", around(&shown));
    }
}
