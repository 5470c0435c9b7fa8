//! `GetAuthorizationToken`: a login at the public registry, as the caller.
//!
//! Source: <https://docs.aws.amazon.com/AmazonECRPublic/latest/APIReference/API_GetAuthorizationToken.html>.

use serde::{Deserialize, Serialize};

use super::context;
use crate::clock::unix;
use crate::cloud::Cloud;
use crate::iam::{Access, Attached, Caller, authorize};
use crate::wire::Rejection;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {}

/// One object, where the other registry's API has a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    authorization_data: AuthorizationData,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuthorizationData {
    authorization_token: String,
    expires_at: f64,
}

impl std::fmt::Debug for AuthorizationData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthorizationData").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

pub(super) fn get(cloud: &Cloud, caller: &Caller, _input: &Input) -> Result<Output, Rejection> {
    let context = context(caller).with("sts:AWSServiceName", "ecr-public.amazonaws.com");
    for action in ["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"] {
        let access =
            Access { action, resource: "*", account: &caller.account, attached: Attached::Policy(None) };
        authorize(caller, &access, &context)
            .map_err(|refusal| Rejection::bad_request("AccessDeniedException", refusal.to_string()))?;
    }
    let (authorization_token, expires) = cloud.public_logins.issue_login(caller.clone(), cloud.now());
    cloud.ledger.record(&authorization_token);
    #[expect(clippy::cast_precision_loss, reason = "seconds of this century are exact in a double")]
    let expires_at = unix(expires) as f64;
    Ok(Output { authorization_data: AuthorizationData { authorization_token, expires_at } })
}
