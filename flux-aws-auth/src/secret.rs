//! The object level: the access key in a Kubernetes Secret that a tenant's object names.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use aws_credential_types::Credentials;

use crate::environment::Environment;
use crate::error::{Error, ErrorKind};
use crate::principal::Principal;
use crate::source::{CredentialSource, Notes, Outcome, Provided, SourceContext, SourceKind};

#[cfg(feature = "sops")]
mod sops;

/// The access key of an IAM user, from a Kubernetes Secret.
///
/// Flux takes one where the object's spec names a Secret, for a Bucket and for SOPS ([Flux on AWS]).
/// [`ChainBuilder::access_key_secret`](crate::ChainBuilder::access_key_secret) makes a chain of it, in which it is the only
/// source: where AWS refuses the key, the object has no credentials, and never the controller's.
///
/// It is what the Secret held when it was read. Make another when the Secret changes. A role needs no such secret: prefer
/// [`ServiceAccountRole`](crate::ServiceAccountRole). `Debug` shows the key's id and nothing else of it.
///
/// [Flux on AWS]: https://fluxcd.io/flux/integrations/aws/#for-iam-user-access-keys
///
/// ```
/// use flux_aws_auth::{AccessKeySecret, Chain};
///
/// let data = [("accesskey", "AKIAIOSFODNN7EXAMPLE"), ("secretkey", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")];
/// let key = AccessKeySecret::bucket("tenant/bucket-key", data)?;
/// let chain = Chain::builder().access_key_secret(key).build();
/// # Ok::<(), flux_aws_auth::Error>(())
/// ```
#[derive(Clone)]
pub struct AccessKeySecret {
    secret: String,
    credentials: Credentials,
    found: Vec<&'static str>,
}

impl AccessKeySecret {
    /// The Secret of a Bucket: `data` with the keys `accesskey` and `secretkey`. Others are ignored, as Flux ignores them: it
    /// reads no session token here.
    ///
    /// `secret` is the Secret's name, for messages; `data` is the decoded values of its `data`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when a key is missing, or its value is empty or has blanks or line breaks in it. Flux lets
    /// those pass, and AWS refuses them as an invalid signature.
    pub fn bucket<K, V>(
        secret: impl Into<String>,
        data: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, Error>
    where
        K: AsRef<str>,
        V: AsRef<[u8]>,
    {
        const KEYS: [&str; 2] = ["accesskey", "secretkey"];
        let secret = secret.into();
        let mut values = BTreeMap::new();
        for (key, value) in data {
            if let Some(known) = KEYS.into_iter().find(|known| *known == key.as_ref()) {
                values.insert(known, value.as_ref().to_vec());
            }
        }
        let missing: Vec<_> = KEYS.into_iter().filter(|key| !values.contains_key(key)).collect();
        if !missing.is_empty() {
            let missing = missing.join("', '");
            return Err(Error::new(
                ErrorKind::Configuration,
                format!(
                    "invalid '{secret}' secret data: required fields 'accesskey' and 'secretkey', missing '{missing}'"
                ),
            )
            .with_hint("Make the Secret with both keys, spelled in lower case, in the namespace of the object."));
        }
        let value = |key| {
            let value = values.get(key).map(Vec::as_slice).unwrap_or_default();
            let value = std::str::from_utf8(value).map_err(|_| "is not text");
            value.and_then(checked).map_err(|flaw| unusable(&secret, key, flaw))
        };
        let credentials = Credentials::builder()
            .access_key_id(value("accesskey")?)
            .secret_access_key(value("secretkey")?)
            .provider_name("BucketSecret")
            .build();
        Ok(Self { secret, credentials, found: KEYS.to_vec() })
    }
}

impl fmt::Debug for AccessKeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.credentials.access_key_id();
        f.debug_struct("AccessKeySecret")
            .field("secret", &self.secret)
            .field("access_key_id", &id)
            .finish_non_exhaustive()
    }
}

/// The key as a source. Not for the caller's hands: among other sources it could give way to the controller's.
#[derive(Debug)]
pub(crate) struct AccessKeySecretSource(pub(crate) AccessKeySecret);

#[async_trait]
impl CredentialSource for AccessKeySecretSource {
    fn kind(&self) -> SourceKind {
        SourceKind::AccessKeySecret
    }

    /// Always: an object asked for it.
    fn is_configured(&self, _environment: &Environment) -> bool {
        true
    }

    async fn load(&self, _context: &SourceContext, notes: &mut Notes) -> Outcome {
        let AccessKeySecret { secret, credentials, found } = &self.0;
        notes.add(format!("Secret {secret}"), format!("{} found", found.join(", ")));
        let principal = Principal::access_key(credentials.access_key_id());
        Outcome::Provided(Provided::new(credentials.clone(), principal))
    }
}

/// Checks a value that goes into a signed request.
fn checked(value: &str) -> Result<&str, &'static str> {
    if value.is_empty() {
        Err("is empty")
    } else if value.ends_with(['\n', '\r']) && value.trim_end().bytes().all(|b| b.is_ascii_graphic()) {
        Err("ends with a line break")
    } else if value.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(value)
    } else {
        Err("has blanks, line breaks or other characters in it that no key has")
    }
}

fn unusable(secret: &str, key: &str, flaw: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("invalid '{secret}' secret data: '{key}' {flaw}")).with_hint(
        "Make the Secret again from the bare values; a file made with an editor or echo ends with a line break.",
    )
}
