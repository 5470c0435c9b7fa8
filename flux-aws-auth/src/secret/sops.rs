//! The form that Flux hands to SOPS: one key of the Secret, with YAML in it.

use aws_credential_types::Credentials;
use serde::Deserialize;

use super::{AccessKeySecret, Check, checked, checked_id, unusable};
use crate::error::{Error, ErrorKind};
use crate::reason::Reason;

const KEY: &str = "sops.aws-kms";
const YAML: &str = "Write aws_access_key_id and aws_secret_access_key as `name: value`, one per line.";

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
    /// [`ErrorKind::Configuration`] when the key is missing, its value is not such YAML, or one of the two values is missing or
    /// cannot be one, as with [`bucket`](Self::bucket). Flux lets missing values pass, and AWS refuses what comes of them.
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
            return Err(Error::because(
                Reason::IncompleteConfiguration,
                format!("invalid '{secret}' secret data: '{KEY}' is missing"),
            )
            .with_hint("Make the Secret with this key, in the namespace of the Kustomization."));
        };
        let document = read(&secret, yaml.as_ref())?;
        let required = |field: &'static str, value: Option<String>, check: Check| {
            let Some(value) = value else {
                let message = format!("invalid '{secret}' secret data: '{KEY}: {field}' is missing");
                return Err(Error::because(Reason::IncompleteConfiguration, message).with_hint(YAML));
            };
            match check(&value) {
                Ok(_) => Ok(value),
                Err(flaw) => Err(unusable(&secret, &format!("{KEY}: {field}"), flaw)),
            }
        };
        let id = required("aws_access_key_id", document.id, checked_id)?;
        let key = required("aws_secret_access_key", document.key, checked)?;
        let mut credentials =
            Credentials::builder().access_key_id(id).secret_access_key(key).provider_name("SopsSecret");
        // Flux takes an empty one for none.
        if let Some(token) = document.session_token.filter(|token| !token.is_empty()) {
            credentials = credentials.session_token(required("aws_session_token", Some(token), checked)?);
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
        Error::new(ErrorKind::Configuration, message).with_hint(YAML)
    })
}
