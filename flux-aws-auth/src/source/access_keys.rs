//! An access key in environment variables.

use async_trait::async_trait;
use aws_credential_types::Credentials;

use super::{CredentialSource, Notes, Outcome, Provided, Skipped, SourceContext, SourceKind};
use crate::environment::Environment;
use crate::error::Error;
use crate::principal::Principal;
use crate::reason::Reason;

pub(crate) const ID: &str = "AWS_ACCESS_KEY_ID";
pub(crate) const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
const ACCOUNT_ID: &str = "AWS_ACCOUNT_ID";
pub(crate) const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";

/// The access key in `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, with `AWS_SESSION_TOKEN` where it is a temporary one.
///
/// `AWS_ACCOUNT_ID`, where it is set, goes with the credentials, as the AWS SDKs have it: nobody checks it.
///
/// Blank variables count as absent. One of the first two without the other is a failure that names the missing one. So is an id
/// that may be the secret, in the other's place: an id is shown in reports, and a secret never.
///
/// Flux's advice is to prefer a source without secrets ([Flux on AWS]).
///
/// [Flux on AWS]: https://fluxcd.io/flux/integrations/aws/
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct AccessKeys;

impl AccessKeys {
    /// The source; it has no settings but those of the environment.
    pub fn new() -> Self {
        Self
    }
}

#[async_trait]
impl CredentialSource for AccessKeys {
    fn kind(&self) -> SourceKind {
        SourceKind::AccessKeys
    }

    fn is_configured(&self, environment: &Environment) -> bool {
        [ID, SECRET].iter().any(|name| environment.var(name).is_some())
    }

    fn principal_in(&self, environment: &Environment) -> Option<Principal> {
        environment.var(ID).filter(|id| is_id(id)).map(Principal::access_key)
    }

    async fn load(&self, context: &SourceContext, notes: &mut Notes) -> Outcome {
        match read(context.environment(), notes) {
            Ok(Some(provided)) => Outcome::Provided(provided),
            Ok(None) => Skipped::new(Reason::AccessKeysNotSet, "none in the environment").into(),
            Err(error) => Outcome::Failed(error),
        }
    }
}

/// The key in the environment, if there is one.
pub(crate) fn read(environment: &Environment, notes: &mut Notes) -> Result<Option<Provided>, Error> {
    match (notes.var(environment, ID), notes.var(environment, SECRET)) {
        (Some(id), Some(secret)) => {
            let session_token = notes.var(environment, SESSION_TOKEN);
            key(environment, id, secret, session_token).map(Some)
        }
        (None, None) => Ok(None),
        (Some(_), None) => Err(half(ID, SECRET)),
        (None, Some(_)) => Err(half(SECRET, ID)),
    }
}

fn key(
    environment: &Environment,
    id: String,
    secret: String,
    session_token: Option<String>,
) -> Result<Provided, Error> {
    for (name, value) in [(ID, Some(&id)), (SECRET, Some(&secret)), (SESSION_TOKEN, session_token.as_ref())] {
        if value.is_some_and(|value| !value.bytes().all(|b| b.is_ascii_graphic())) {
            let message = format!("{name} has characters that no key has, such as a space or a line break");
            return Err(Error::because(Reason::InvalidConfiguration, message).with_hint(
                "Write it again. A Secret that was made with `echo` and without `-n` ends in a line break.",
            ));
        }
    }
    if !is_id(&id) {
        let message = format!("{ID} does not hold an access key's id, and may hold a secret");
        return Err(Error::because(Reason::InvalidConfiguration, message)
            .with_hint(format!("Check whether {ID} and {SECRET} are swapped.")));
    }
    let mut credentials = Credentials::builder()
        .access_key_id(&id)
        .secret_access_key(secret)
        .provider_name("EnvironmentAccessKeys");
    credentials.set_session_token(session_token);
    credentials.set_account_id(environment.var(ACCOUNT_ID).map(|id| id.trim().into()));
    Ok(Provided::new(credentials.build(), Principal::access_key(id)))
}

/// Whether `text` can be an access key's id, which is shown in reports: what may be the secret must not pass for it. An id is
/// letters, digits and `_` ([AccessKey]), and those that AWS makes are capitals; a secret is forty characters of both cases.
///
/// [AccessKey]: https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKey.html
pub(crate) fn is_id(text: &str) -> bool {
    const LONGEST_ID: usize = 128;
    const SECRET: usize = 40;
    let may_be_secret = text.len() == SECRET && text.bytes().any(|b| b.is_ascii_lowercase());
    let is_word = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_word && text.len() <= LONGEST_ID && !may_be_secret
}

fn half(set: &str, missing: &str) -> Error {
    Error::because(Reason::IncompleteConfiguration, format!("{set} is set, but {missing} is not"))
        .with_hint(format!("Set {missing} too, or remove {set} to use another source."))
}
