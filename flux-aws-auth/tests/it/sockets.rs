//! The default HTTP clients on real loopback sockets: what virtual time cannot show.

use flux_aws_auth::{Chain, Environment, ErrorKind};
use tokio::net::TcpListener;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::*;

#[tokio::test]
async fn the_default_client_speaks_http_on_loopback() {
    let server = MockServer::start().await;
    let body = r#"{"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-01T00:00:00Z"}"#;
    Mock::given(method("GET"))
        .and(path("/v1/credentials"))
        .and(header("authorization", TOKEN))
        .respond_with(ResponseTemplate::new(200).set_body_string(body))
        .expect(1)
        .mount(&server)
        .await;
    let environment = pod_identity()
        .with_var("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/v1/credentials", server.uri()));
    let resolved = Chain::builder().environment(environment).build().resolve().await.unwrap();
    assert_eq!(resolved.credentials().access_key_id(), "ASIAEXAMPLE");
}

/// What a pod sees when the metadata hop limit is 1: a connection, and then silence.
#[tokio::test]
async fn a_connection_without_an_answer_is_told_from_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let environment =
        Environment::empty().with_var("AWS_EC2_METADATA_SERVICE_ENDPOINT", format!("http://{address}"));
    let error = Chain::builder().environment(environment.clone()).build().resolve().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoIdentity);
    let report = report_of(&error).to_string();
    assert!(report.contains("connected, but no answer within 1s"), "{report}");
    assert!(report.contains("hop limit"), "{report}");

    drop(listener);
    let error = Chain::builder().environment(environment).build().resolve().await.unwrap_err();
    let report = report_of(&error).to_string();
    assert!(report.contains("connection refused or broken off"), "{report}");
}
