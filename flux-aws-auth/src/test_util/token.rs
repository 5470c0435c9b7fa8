//! ServiceAccount tokens that nobody has signed.

use std::time::SystemTime;

use aws_smithy_types::base64;
use serde_json::json;

use crate::service_account::{ServiceAccountToken, TokenRequest};

/// A ServiceAccount token as Kubernetes would make it, but for the signature: its claims name the ServiceAccount, its uid if the
/// request has one, the audience and the expiry ([token claims]).
///
/// A [`FakeSts`](super::FakeSts) takes it, and no real one. For a pod with IRSA, it is the contents of the file that
/// `AWS_WEB_IDENTITY_TOKEN_FILE` names.
///
/// [token claims]: https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens
pub fn service_account_token(request: &TokenRequest<'_>, expires_at: SystemTime) -> ServiceAccountToken {
    let account = request.service_account();
    let seconds = expires_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut named = json!({ "name": account.name() });
    if let Some(uid) = request.uid() {
        named["uid"] = uid.into();
    }
    let claims = json!({
        "iss": "https://issuer.example.com",
        "sub": format!("system:serviceaccount:{}:{}", account.namespace(), account.name()),
        "aud": [request.audience()],
        "exp": seconds,
        "kubernetes.io": { "namespace": account.namespace(), "serviceaccount": named },
    });
    let header = json!({ "alg": "none", "typ": "JWT" });
    let part = |json: serde_json::Value| url_safe(&base64::encode(json.to_string()));
    let token = format!("{}.{}.{}", part(header), part(claims), url_safe(&base64::encode("not signed")));
    ServiceAccountToken::new(token).with_expiry(expires_at)
}

/// Base64 as tokens have it ([RFC 7515]).
///
/// [RFC 7515]: https://www.rfc-editor.org/rfc/rfc7515#section-2
fn url_safe(base64: &str) -> String {
    base64.trim_end_matches('=').replace('+', "-").replace('/', "_")
}
