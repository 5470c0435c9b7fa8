//! No ServiceAccount token in any tracing, on its way from the Kubernetes API.
//!
//! A program of its own: who listens to tracing is a matter of the whole process.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![allow(dead_code, reason = "shared with the other tests, which use more of it")]

#[path = "it/kube/api_server.rs"]
mod api_server;
#[path = "it/log.rs"]
mod log;
#[path = "it/support.rs"]
mod support;

use api_server::*;
use flux_aws_auth::{ServiceAccountTokens, TokenRequest};
use log::{Log, around};
use serde_json::json;
use support::*;

/// Not in that of kube either, nor of what is below it; even where an answer cannot be read.
#[tokio::test]
async fn no_token_is_in_any_tracing() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let mut broken = token_request(&json!("canary"));
    broken["status"]["expirationTimestamp"] = json!(1);
    let reader = reader();
    let request = TokenRequest::new(&reader, "sts.amazonaws.com");
    for (status, body) in [(201, token_request(&json!(TOKEN))), (201, broken.clone()), (500, broken)] {
        let server = api_server(status, &body).await;
        let tokens = tokens_of(&server.uri());
        let made = tokens.create_token(&request).await;
        tracing::info!(?tokens, ?made, "made");
    }
    let text: String = log.text().lines().filter(|line| !line.contains("wiremock")).collect();
    assert!(
        text.contains("/api/v1/namespaces/tenant/serviceaccounts/reader/token"),
        "kube's own log is not seen"
    );
    assert!(!text.contains("canary"), "{}", around(&text));
}
