//! A cluster's token issuer, as IAM knows it.

use super::arn::{arn_text, invalid};
use crate::arn::RoleArn;
use crate::error::Error;

/// The IAM OIDC provider of a cluster: its issuer, made known to an account.
///
/// It is in the account of the roles that trust it, also where the cluster runs in another one ([OIDC providers]).
///
/// [OIDC providers]: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OidcProvider(String);

impl OidcProvider {
    /// The provider of the cluster with this issuer URL, in the account and the partition of `role`.
    ///
    /// The issuer is the `iss` of the cluster's ServiceAccount tokens; `aws eks describe-cluster` shows it as
    /// `cluster.identity.oidc.issuer`, and elsewhere `kubectl get --raw /.well-known/openid-configuration` does. A slash at its
    /// end, as AKS has one, belongs to it, and so to the provider's name and to the condition keys.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) when no provider can have such a URL: it is not
    /// `https`, or has a user name, a port, a query or a fragment ([CreateOpenIDConnectProvider]).
    ///
    /// [CreateOpenIDConnectProvider]: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html
    pub fn for_role(role: &RoleArn, issuer: &str) -> Result<Self, Error> {
        match flaw(issuer) {
            // What is refused may have a secret in its user name or its query.
            Some(flaw) => Err(invalid("issuer", "…", flaw, "https://HOST/PATH, as in the token's `iss`")),
            None => Ok(Self(format!(
                "arn:{}:iam::{}:oidc-provider/{}",
                role.partition(),
                role.account_id(),
                issuer.trim_start_matches("https://")
            ))),
        }
    }

    /// The issuer without its scheme: how policies name its claims, as in `ISSUER:sub`.
    pub fn issuer(&self) -> &str {
        self.0.split_once(":oidc-provider/").map_or("", |(_, issuer)| issuer)
    }
}

arn_text!(OidcProvider);

fn flaw(issuer: &str) -> Option<&'static str> {
    let Some(rest) = issuer.strip_prefix("https://") else { return Some("it does not start with https://") };
    if issuer.len() > 255 {
        return Some("it is longer than 255 characters");
    }
    if rest.contains(['?', '#']) {
        return Some("it has a query or a fragment");
    }
    let host = rest.split('/').next().unwrap_or_default();
    if host.contains('@') {
        return Some("it has a user name in it");
    }
    if host.contains(':') {
        return Some("it has a port");
    }
    let of_host = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
    if host.is_empty() || !host.bytes().all(of_host) {
        return Some("it names no host");
    }
    let of_path = |b: u8| b.is_ascii_alphanumeric() || b"-._~/%+=,@".contains(&b);
    (!rest.bytes().all(of_path)).then_some("its path has characters that a policy cannot name")
}
