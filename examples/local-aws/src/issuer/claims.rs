//! What a ServiceAccount token says.
//!
//! Source: <https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#schema-for-service-account-private-claims>.

use serde::{Deserialize, Serialize};

/// The claims of a ServiceAccount's token.
#[derive(Debug, Serialize)]
pub(crate) struct Claims {
    pub(crate) aud: Vec<String>,
    pub(crate) exp: u64,
    pub(crate) iat: u64,
    pub(crate) iss: String,
    pub(crate) jti: String,
    #[serde(rename = "kubernetes.io")]
    pub(crate) kubernetes: Kubernetes,
    pub(crate) nbf: u64,
    pub(crate) sub: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Kubernetes {
    pub(crate) namespace: String,
    /// The pod it is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pod: Option<Reference>,
    pub(crate) serviceaccount: Reference,
}

/// An object of the cluster by name and UID.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Reference {
    pub(crate) name: String,
    pub(crate) uid: String,
}

/// The claims as a verifier finds them: any may be absent.
#[derive(Debug, Deserialize)]
pub(crate) struct FoundClaims {
    pub(crate) aud: Option<Audience>,
    pub(crate) exp: Option<u64>,
    pub(crate) iss: Option<String>,
    #[serde(rename = "kubernetes.io")]
    pub(crate) kubernetes: Option<Kubernetes>,
    pub(crate) nbf: Option<u64>,
    pub(crate) sub: Option<String>,
}

/// One audience or a list; both are JSON Web Tokens.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    pub(crate) fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}
