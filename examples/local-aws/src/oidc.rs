//! The OpenID Connect provider: which issuer's tokens are taken, in which accounts, and for whom.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc.html>.

use std::collections::BTreeSet;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};

use crate::issuer::claims::{FoundClaims, Kubernetes};

/// A trusted issuer with its keys.
#[derive(Debug)]
pub(crate) struct Provider {
    issuer: String,
    /// The accounts that have a provider for the issuer.
    accounts: BTreeSet<String>,
    keys: JwkSet,
}

/// What a verified token says.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) subject: String,
    /// The audience among those the verifier takes.
    pub(crate) audience: String,
    pub(crate) kubernetes: Option<Kubernetes>,
}

/// Why a token is not accepted.
#[derive(Debug, PartialEq)]
pub(crate) enum TokenFault {
    NotAToken,
    Missing(&'static str),
    UnknownIssuer(String),
    UnknownKey,
    Signature,
    Expired { now: u64, expired: u64 },
    NotYetValid,
    Audience,
}

impl Provider {
    pub(crate) fn new(accounts: BTreeSet<String>, issuer: &str, keys: JwkSet) -> Self {
        Self { issuer: issuer.to_owned(), accounts, keys }
    }

    /// The provider's ARN in `account`, whether or not there is one.
    pub(crate) fn arn_in(&self, account: &str) -> String {
        format!("arn:aws:iam::{account}:oidc-provider/{}", without_scheme(&self.issuer))
    }

    /// Whether `account` has a provider for the issuer.
    pub(crate) fn is_in(&self, account: &str) -> bool {
        self.accounts.contains(account)
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The name under which trust policies speak of a claim: the issuer without its scheme, then the claim.
    pub(crate) fn condition_key(&self, claim: &str) -> String {
        format!("{}:{claim}", without_scheme(&self.issuer))
    }

    /// Checks the signature with the issuer's published key, then issuer, validity and audience.
    pub(crate) fn verify(&self, token: &str, audiences: &[&str], now: u64) -> Result<Verified, TokenFault> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenFault::NotAToken)?;
        let unverified: FoundClaims =
            jsonwebtoken::dangerous::insecure_decode(token).map_err(|_| TokenFault::NotAToken)?.claims;
        let issuer = unverified.iss.ok_or(TokenFault::Missing("iss"))?;
        if issuer != self.issuer {
            return Err(TokenFault::UnknownIssuer(issuer));
        }

        let key = header.kid.and_then(|id| self.keys.find(&id)).ok_or(TokenFault::UnknownKey)?;
        let key = DecodingKey::from_jwk(key).map_err(|_| TokenFault::UnknownKey)?;
        // The library knows the machine's clock only, so the times are judged here.
        let mut signature_only = Validation::new(Algorithm::RS256);
        signature_only.required_spec_claims.clear();
        signature_only.validate_exp = false;
        signature_only.validate_aud = false;
        let claims = jsonwebtoken::decode::<FoundClaims>(token, &key, &signature_only)
            .map_err(|_| TokenFault::Signature)?
            .claims;

        let expired = claims.exp.ok_or(TokenFault::Missing("exp"))?;
        if expired <= now {
            return Err(TokenFault::Expired { now, expired });
        }
        if claims.nbf.is_some_and(|not_before| not_before > now) {
            return Err(TokenFault::NotYetValid);
        }
        let subject = claims.sub.ok_or(TokenFault::Missing("sub"))?;
        let found = claims.aud.ok_or(TokenFault::Missing("aud"))?;
        let audience = found.as_slice().iter().find(|audience| audiences.contains(&audience.as_str()));
        let audience = audience.ok_or(TokenFault::Audience)?.clone();
        Ok(Verified { subject, audience, kubernetes: claims.kubernetes })
    }
}

fn without_scheme(url: &str) -> &str {
    url.strip_prefix("https://").unwrap_or(url)
}
