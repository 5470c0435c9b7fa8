//! OpenID Connect discovery.
//!
//! Source: <https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery>.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::request::Parts;
use axum::routing::get;
use axum::{Json, Router};
use jsonwebtoken::jwk::JwkSet;
use serde_json::{Value, json};

use crate::cloud::Cloud;

/// The discovery document and the keys.
pub(crate) fn router(cloud: Arc<Cloud>) -> Router {
    Router::new().route(CONFIGURATION, get(configuration)).route(KEYS, get(keys)).with_state(cloud)
}

/// What a path stands for.
pub(crate) fn operation(request: &Parts, _: &Bytes) -> Option<Cow<'static, str>> {
    match request.uri.path() {
        CONFIGURATION => Some(Cow::Borrowed("Configuration")),
        KEYS => Some(Cow::Borrowed("Keys")),
        _ => None,
    }
}

const CONFIGURATION: &str = "/.well-known/openid-configuration";
const KEYS: &str = "/keys";

async fn configuration(State(cloud): State<Arc<Cloud>>) -> Json<Value> {
    Json(json!({
        "issuer": cloud.issuer.url(),
        "jwks_uri": format!("{}/keys", cloud.endpoints.issuer),
        "authorization_endpoint": "urn:kubernetes:programmatic_authorization",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": ["sub", "iss"],
    }))
}

async fn keys(State(cloud): State<Arc<Cloud>>) -> Json<JwkSet> {
    Json(cloud.issuer.keys())
}
