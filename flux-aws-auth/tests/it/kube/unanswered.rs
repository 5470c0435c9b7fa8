//! No answer, half of one, or a late one.

use std::time::Duration;

use flux_aws_auth::kube::KubeTokens;
use flux_aws_auth::{ErrorKind, Reason, ServiceAccountTokens, TokenRequest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::api_server::*;

const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_call_ends_within_its_limit_when_nobody_answers() {
    let server = answering(ResponseTemplate::new(200).set_delay(Duration::from_hours(1))).await;
    let tokens = tokens_of(&server.uri()).with_call_timeout(SHORT);
    let reader = reader();
    let read = tokens.service_account(&reader).await.unwrap_err();
    let made = tokens.create_token(&TokenRequest::new(&reader, "a")).await.unwrap_err();
    for error in [read, made] {
        assert_eq!((error.kind(), error.reason()), (ErrorKind::Unavailable, Reason::ApiServerUnreachable));
        assert!(error.is_retryable());
        assert!(error.to_string().ends_with("no answer within 50ms"), "{error}");
    }
}

/// Answers one connection with this, and then says no more. With `hang_up` it closes the connection.
async fn saying(start: &'static str, hang_up: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        assert!(connection.read(&mut request).await.unwrap() > 0);
        connection.write_all(start.as_bytes()).await.unwrap();
        if !hang_up {
            std::future::pending::<()>().await;
        }
    });
    address
}

const HALF: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"metadata\":";

#[tokio::test]
async fn the_limit_holds_for_the_body_too() {
    let tokens = tokens_of(&saying(HALF, false).await).with_call_timeout(SHORT);
    let error = tokens.service_account(&reader()).await.unwrap_err();
    assert!(error.to_string().ends_with("no answer within 50ms"), "{error}");
}

#[tokio::test]
async fn a_connection_that_breaks_is_told_from_one_that_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let cases = [
        (closed, "the connection was refused"),
        (saying("", true).await, "the connection was reset"),
        (saying(HALF, true).await, "the connection was reset"),
    ];
    for (address, said) in cases {
        let error = tokens_of(&address).service_account(&reader()).await.unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::Unavailable, Reason::ApiServerUnreachable));
        assert_eq!(error.to_string(), format!("Kubernetes gave no ServiceAccount tenant/reader: {said}"));
        assert!(error.hint().is_some_and(|hint| hint.contains("network policies")), "{error:?}");
        assert!(std::error::Error::source(&error).is_some());
    }
}

/// As the client does unless its configuration says otherwise.
#[tokio::test]
async fn what_the_client_tries_again_is_one_call() {
    let server = MockServer::start().await;
    let busy = ResponseTemplate::new(503);
    Mock::given(any()).respond_with(busy).up_to_n_times(1).mount(&server).await;
    let good = ResponseTemplate::new(200).set_body_json(service_account());
    Mock::given(any()).respond_with(good).mount(&server).await;
    let tokens = KubeTokens::new(client(&server.uri(), true)).with_call_timeout(Duration::from_secs(20));
    assert!(tokens.service_account(&reader()).await.is_ok());
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}
