//! The object level: the access key in a Kubernetes Secret that a tenant's object names.

use std::fmt;

use async_trait::async_trait;
use aws_credential_types::Credentials;

use crate::environment::Environment;
use crate::error::{Error, ErrorKind};
use crate::principal::Principal;
use crate::reason::Reason;
use crate::source::access_keys::is_id;
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
    /// [`ErrorKind::Configuration`] when a key is missing ([`Reason::IncompleteConfiguration`]), or its value cannot be one:
    /// it is empty, has blanks or line breaks in it, or is the secret in the place of the id. Flux lets those pass, and AWS
    /// refuses them as an invalid signature.
    pub fn bucket<K, V>(
        secret: impl Into<String>,
        data: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, Error>
    where
        K: AsRef<str>,
        V: AsRef<[u8]>,
    {
        const ID: &str = "accesskey";
        const KEY: &str = "secretkey";
        let secret = secret.into();
        let (mut id, mut key) = (None, None);
        for (name, value) in data {
            match name.as_ref() {
                ID => id = Some(value),
                KEY => key = Some(value),
                _ => {}
            }
        }
        let (Some(id), Some(key)) = (&id, &key) else {
            let missing =
                [(ID, id.is_none()), (KEY, key.is_none())].into_iter().filter(|(_, missing)| *missing);
            let missing: Vec<_> = missing.map(|(name, _)| name).collect();
            let message = format!(
                "invalid '{secret}' secret data: required fields '{ID}' and '{KEY}', missing '{}'",
                missing.join("', '")
            );
            return Err(Error::because(Reason::IncompleteConfiguration, message).with_hint(
                "Make the Secret with both keys, spelled in lower case, in the namespace of the object.",
            ));
        };
        let text = |name, value: &V, check: Check| {
            let text = std::str::from_utf8(value.as_ref()).map_err(|_| "is not text");
            text.and_then(check).map(str::to_owned).map_err(|flaw| unusable(&secret, name, flaw))
        };
        let credentials = Credentials::builder()
            .access_key_id(text(ID, id, checked_id)?)
            .secret_access_key(text(KEY, key, checked)?)
            .provider_name("BucketSecret")
            .build();
        Ok(Self { secret, credentials, found: vec![ID, KEY] })
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

type Check = fn(&str) -> Result<&str, &'static str>;

fn checked_id(value: &str) -> Result<&str, &'static str> {
    let id = checked(value)?;
    if is_id(id) { Ok(id) } else { Err("is not an access key's id, and may be the secret") }
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
