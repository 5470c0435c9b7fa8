//! OpenID Connect discovery.
//!
//! Source: <https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery>.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use jsonwebtoken::jwk::JwkSet;
use serde_json::{Value, json};

use crate::cloud::Cloud;

/// The discovery document and the keys.
pub(crate) fn router(cloud: Arc<Cloud>) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(configuration))
        .route("/keys", get(keys))
        .with_state(cloud)
}

async fn configuration(State(cloud): State<Arc<Cloud>>) -> Json<Value> {
    cloud.meter.count("oidc", "Configuration");
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
    cloud.meter.count("oidc", "Keys");
    Json(cloud.issuer.keys())
}
