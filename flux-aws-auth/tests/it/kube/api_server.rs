//! The Kubernetes API, with the answers of a real one.

use std::time::Duration;

use flux_aws_auth::kube::KubeTokens;
use flux_aws_auth::{ROLE_ARN_ANNOTATION, ServiceAccountRef};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::*;

/// What the program itself shows to the API server.
pub(crate) const OWN_TOKEN: &str = "canary-own-token";
pub(crate) const UID: &str = "6b7d4e31-0000-4000-8000-000000000001";

/// An API server that has one answer.
pub(crate) async fn api_server(status: u16, body: &Value) -> MockServer {
    answering(ResponseTemplate::new(status).set_body_json(body)).await
}

pub(crate) async fn answering(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(response).mount(&server).await;
    server
}

/// What asks the server. The client tries nothing again.
pub(crate) fn tokens_of(address: &str) -> KubeTokens {
    KubeTokens::new(client(address, false)).with_call_timeout(Duration::from_secs(20))
}

pub(crate) fn client(address: &str, default_retry: bool) -> kube::Client {
    let mut config = kube::Config::new(address.parse().unwrap());
    config.default_retry = default_retry;
    config.auth_info = serde_json::from_value(json!({ "token": OWN_TOKEN })).unwrap();
    kube::Client::try_from(config).unwrap()
}

pub(crate) fn reader() -> ServiceAccountRef {
    ServiceAccountRef::new("tenant", "reader")
}

pub(crate) fn service_account() -> Value {
    json!({
        "kind": "ServiceAccount",
        "apiVersion": "v1",
        "metadata": {
            "name": "reader",
            "namespace": "tenant",
            "uid": UID,
            "resourceVersion": "4711",
            "creationTimestamp": "2026-01-02T03:04:05Z",
            "annotations": { ROLE_ARN_ANNOTATION: ROLE, "team": "a" },
            "managedFields": [],
        },
        "automountServiceAccountToken": false,
    })
}

pub(crate) fn token_request(token: &Value) -> Value {
    json!({
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": { "name": "reader", "namespace": "tenant", "uid": UID, "creationTimestamp": "2027-01-15T08:00:00Z" },
        "spec": { "audiences": ["sts.amazonaws.com"], "expirationSeconds": 600, "boundObjectRef": null },
        "status": { "token": token, "expirationTimestamp": "2027-01-15T08:10:00Z" },
    })
}

pub(crate) fn status(code: u16, reason: &str, message: &str, details: &Value) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "details": details, "code": code,
    })
}
