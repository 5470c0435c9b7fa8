//! A credentials provider of the AWS SDK's kind, as a link of a chain.

use std::error::Error as _;

use async_trait::async_trait;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};

use super::{CredentialSource, Notes, Outcome, Provided, Skipped, SourceContext, SourceKind};
use crate::environment::Environment;
use crate::error::{Error, ErrorKind};
use crate::principal::Principal;
use crate::reason::Reason;
use crate::text::one_line;

/// Any [`ProvideCredentials`] under a name, so that a chain works where Flux's sources do not reach: a profile or single
/// sign-on on a laptop, or the whole chain of `aws-config`.
///
/// A provider that says that it has nothing to load is skipped; any other error of it ends the chain. Such a provider may
/// read the process by itself.
///
/// ```
/// use aws_credential_types::Credentials;
/// use flux_aws_auth::{Chain, source::NamedProvider};
///
/// let profile = Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "profile");
/// let chain = Chain::builder().source(NamedProvider::new("my profile", profile)).build();
/// ```
#[derive(Clone, Debug)]
pub struct NamedProvider {
    name: &'static str,
    provider: SharedCredentialsProvider,
}

impl NamedProvider {
    /// `provider`, named `name` in reports.
    pub fn new(name: &'static str, provider: impl ProvideCredentials + 'static) -> Self {
        Self { name, provider: SharedCredentialsProvider::new(provider) }
    }
}

#[async_trait]
impl CredentialSource for NamedProvider {
    fn kind(&self) -> SourceKind {
        SourceKind::Custom(self.name)
    }

    /// Always: the program put it there.
    fn is_configured(&self, _environment: &Environment) -> bool {
        true
    }

    async fn load(&self, _context: &SourceContext, notes: &mut Notes) -> Outcome {
        match self.provider.provide_credentials().await {
            Ok(credentials) => {
                notes.add(self.name, "gave credentials");
                let id = credentials.access_key_id().to_owned();
                Outcome::Provided(Provided::new(credentials, Principal::access_key(id)))
            }
            Err(CredentialsError::CredentialsNotLoaded(_)) => {
                notes.add(self.name, "nothing to load");
                Skipped::new(Reason::NotConfigured, "nothing to load").into()
            }
            Err(error) => {
                let message = one_line(&error.to_string(), 200);
                notes.add(self.name, message.as_str());
                Outcome::Failed(failed(self.name, error))
            }
        }
    }
}

fn failed(name: &str, error: CredentialsError) -> Error {
    // A provider of this crate's says more than the SDK's words for it: above all, whether AWS refused.
    if let Some(own) = own_error(&error) {
        return own.clone().wrapped(format!("{name} gave no credentials"));
    }
    let kind = match error {
        CredentialsError::InvalidConfiguration(_) => ErrorKind::Configuration,
        CredentialsError::ProviderTimedOut(_) => ErrorKind::TimedOut,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, format!("{name} gave no credentials"))
        .with_hint("See the cause, which is the provider's own.")
        .with_source(error)
}

fn own_error(error: &CredentialsError) -> Option<&Error> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(own) = error.downcast_ref() {
            return Some(own);
        }
        cause = error.source();
    }
    None
}
