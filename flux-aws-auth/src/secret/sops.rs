//! The form that Flux hands to SOPS: one key of the Secret, with YAML in it.

use aws_credential_types::Credentials;
use serde::Deserialize;

use super::{AccessKeySecret, checked, unusable};
use crate::error::{Error, ErrorKind};

const KEY: &str = "sops.aws-kms";

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "aws_access_key_id")]
    id: Option<String>,
    #[serde(rename = "aws_secret_access_key")]
    key: Option<String>,
    #[serde(rename = "aws_session_token")]
    session_token: Option<String>,
}

impl AccessKeySecret {
    /// The Secret of a Kustomization's decryption: `data` with the key `sops.aws-kms`, whose value is YAML with
    /// `aws_access_key_id`, `aws_secret_access_key` and, if there is one, `aws_session_token` ([decryption Secret]). Others
    /// are ignored, as Flux ignores them.
    ///
    /// `secret` is the Secret's name, for messages; `data` is the decoded values of its `data`.
    ///
    /// [decryption Secret]: https://fluxcd.io/flux/components/kustomize/kustomizations/#aws-kms-secret-entry
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when the key is missing, its value is no such YAML, or one of the two values is missing or
    /// has blanks or line breaks in it. Flux lets missing values pass, and AWS refuses what comes of them.
    pub fn sops<K, V>(
        secret: impl Into<String>,
        data: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, Error>
    where
        K: AsRef<str>,
        V: AsRef<[u8]>,
    {
        let secret = secret.into();
        let Some((_, yaml)) = data.into_iter().find(|(key, _)| key.as_ref() == KEY) else {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!("invalid '{secret}' secret data: '{KEY}' is missing"),
            )
            .with_hint("Make the Secret with this key, in the namespace of the Kustomization."));
        };
        let document = read(&secret, yaml.as_ref())?;
        let required = |field: &'static str, value: Option<String>| {
            let value = value.ok_or("is missing");
            value
                .and_then(|value| checked(&value).map(str::to_owned))
                .map_err(|flaw| unusable(&secret, &format!("{KEY}: {field}"), flaw))
        };
        let id = required("aws_access_key_id", document.id)?;
        let key = required("aws_secret_access_key", document.key)?;
        let mut credentials =
            Credentials::builder().access_key_id(id).secret_access_key(key).provider_name("SopsSecret");
        // Flux takes an empty one for none.
        if let Some(token) = document.session_token.filter(|token| !token.is_empty()) {
            credentials = credentials.session_token(required("aws_session_token", Some(token))?);
        }
        Ok(Self { secret, credentials: credentials.build(), found: vec![KEY] })
    }
}

/// The parser's own message stays behind: it can quote a value.
fn read(secret: &str, yaml: &[u8]) -> Result<Document, Error> {
    yaml_serde::from_slice(yaml).map_err(|error| {
        let place = error.location();
        let place =
            place.map_or(String::new(), |at| format!(" (line {}, column {})", at.line(), at.column()));
        let message =
            format!("failed to import '{KEY}' data from '{secret}': it is not the YAML of a key{place}");
        Error::new(ErrorKind::Configuration, message)
            .with_hint("Write aws_access_key_id and aws_secret_access_key as `name: value`, a line each.")
    })
}
