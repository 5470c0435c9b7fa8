//! RSA keys, generated once per process and never stored.

use std::sync::OnceLock;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey};

use crate::error::Error;

/// A private key, and its public half as a JSON Web Key.
pub(crate) struct SigningKey {
    pub(super) encoding: EncodingKey,
    pub(super) public: Jwk,
    pub(super) id: String,
}

impl SigningKey {
    /// The key the issuer publishes. Every issuer of a process has the same one: making it takes a tenth of a second.
    pub(crate) fn published() -> Result<&'static Self, Error> {
        static KEY: OnceLock<Result<SigningKey, String>> = OnceLock::new();
        shared(&KEY)
    }

    /// A key that no issuer publishes.
    pub(super) fn unpublished() -> Result<&'static Self, Error> {
        static KEY: OnceLock<Result<SigningKey, String>> = OnceLock::new();
        shared(&KEY)
    }

    fn generate() -> Result<Self, String> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|error| error.to_string())?;
        let der = pair.as_der().map_err(|error| error.to_string())?;
        // The JWT library takes PKCS #8 in its text form only.
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(der.as_ref())
        );
        let encoding = EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|error| error.to_string())?;
        let mut public =
            Jwk::from_encoding_key(&encoding, Algorithm::RS256).map_err(|error| error.to_string())?;
        let id = public.thumbprint(ThumbprintHash::SHA256).map_err(|error| error.to_string())?;
        public.common.key_id = Some(id.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self { encoding, public, id })
    }
}

fn shared(key: &'static OnceLock<Result<SigningKey, String>>) -> Result<&'static SigningKey, Error> {
    key.get_or_init(SigningKey::generate).as_ref().map_err(|problem| Error::Key { problem: problem.clone() })
}
