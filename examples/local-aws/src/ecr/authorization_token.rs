//! `GetAuthorizationToken`: a registry password with the caller's permissions.
//!
//! Source: <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::clock::unix;
use crate::cloud::Cloud;
use crate::iam::Caller;
use crate::registry::USER_NAME;
use crate::wire::Rejection;

const ACTION: &str = "ecr:GetAuthorizationToken";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Input {
    // Deprecated, and without effect: the token is good for every registry its owner may use.
    #[serde(rename = "registryIds")]
    _registry_ids: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    authorization_data: [AuthorizationData; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuthorizationData {
    authorization_token: String,
    expires_at: f64,
    proxy_endpoint: String,
}

impl std::fmt::Debug for AuthorizationData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthorizationData").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

pub(super) fn get(cloud: &Cloud, caller: &Caller, _input: &Input) -> Result<Output, Rejection> {
    cloud
        .authorize(caller, ACTION, "*", &caller.account, None)
        .map_err(|refusal| Rejection::bad_request("AccessDeniedException", refusal.to_string()))?;
    let (password, expires) = cloud.logins.issue(caller.clone(), cloud.now());
    let token = STANDARD.encode(format!("{USER_NAME}:{password}"));
    cloud.ledger.record(&password);
    cloud.ledger.record(&token);
    #[expect(clippy::cast_precision_loss, reason = "seconds of this century are exact in a double")]
    let expires_at = unix(expires) as f64;
    let proxy_endpoint = cloud.endpoints.registry.clone();
    let data = AuthorizationData { authorization_token: token, expires_at, proxy_endpoint };
    Ok(Output { authorization_data: [data] })
}
