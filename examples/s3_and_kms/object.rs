//! A tenant's object, and what is read for it.

use std::fmt;

use aws_sdk_kms::primitives::Blob;
use aws_sdk_s3::config::SharedHttpClient;
use aws_sdk_s3::error::ProvideErrorMetadata;
use flux_aws_auth::{
    Authenticator, Error, Identity, IdentityCredentials, NoProcessEnvironment, Resource, http_client,
};

/// A Flux object: whose identity it asks for, and what it wants with it.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) name: String,
    pub(crate) identity: Identity,
    pub(crate) wants: Wants,
}

#[derive(Debug)]
pub(crate) enum Wants {
    /// An object of a Bucket.
    Object { region: String, bucket: String, object: String },
    /// A value that was encrypted with a key, as SOPS stores it.
    Plaintext { key: String, ciphertext: Vec<u8> },
}

/// What came of an object.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) name: String,
    /// What it wants, in words.
    pub(crate) wants: String,
    pub(crate) outcome: Outcome,
}

#[derive(Debug)]
pub(crate) enum Outcome {
    /// Credentials of this identity, and what it read with them: the content, or who refused.
    Asked { identity: String, read: Result<String, String> },
    /// There are no credentials: the reason's code, and what to do.
    NoCredentials(Error),
}

/// AWS's clients, made for each object.
#[derive(Debug)]
pub(crate) struct Clients {
    authenticator: Authenticator,
    /// One for all, so that connections are shared.
    http_client: SharedHttpClient,
    /// In place of AWS's own.
    endpoint: Option<String>,
}

impl Clients {
    pub(crate) fn new(authenticator: Authenticator, endpoint: Option<String>) -> Self {
        Self { authenticator, http_client: http_client(), endpoint }
    }

    /// Reads what an object wants, with its own identity.
    pub(crate) async fn read(&self, object: &Object) -> Reading {
        let outcome = match self.credentials(object).await {
            Ok((credentials, identity)) => {
                let read = match &object.wants {
                    Wants::Object { region, bucket, object } => {
                        self.get_object(credentials, region, bucket, object).await
                    }
                    Wants::Plaintext { key, ciphertext } => self.decrypt(credentials, key, ciphertext).await,
                };
                Outcome::Asked { identity, read }
            }
            Err(error) => Outcome::NoCredentials(error),
        };
        Reading { name: object.name.clone(), wants: object.wants.to_string(), outcome }
    }

    /// The credentials, and whose they are. A client would resolve them by itself; here a failure is told before.
    async fn credentials(&self, object: &Object) -> Result<(IdentityCredentials, String), Error> {
        let resource = match &object.wants {
            Wants::Object { region, .. } => Resource::bucket_in(region)?,
            Wants::Plaintext { key, .. } => Resource::kms_key(key)?,
        };
        let credentials = self.authenticator.credentials(&resource, object.identity.clone())?;
        let principal = credentials.resolve().await?.principal().to_string();
        Ok((credentials, principal))
    }

    async fn get_object(
        &self,
        credentials: IdentityCredentials,
        region: &str,
        bucket: &str,
        object: &str,
    ) -> Result<String, String> {
        use aws_sdk_s3::config::{BehaviorVersion, Config, IdentityCache, Region};

        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .http_client(self.http_client.clone())
            .identity_cache(IdentityCache::no_cache()) // the credentials have a cache of their own
            .interceptor(NoProcessEnvironment::for_crate(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")))
            .credentials_provider(credentials)
            .region(Region::new(region.to_owned()));
        if let Some(endpoint) = &self.endpoint {
            config = config.endpoint_url(endpoint).force_path_style(true);
        }
        let client = aws_sdk_s3::Client::from_conf(config.build());
        let got =
            client.get_object().bucket(bucket).key(object).send().await.map_err(|error| refusal(&error))?;
        let body = got.body.collect().await.map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&body.into_bytes()).trim().to_owned())
    }

    async fn decrypt(
        &self,
        credentials: IdentityCredentials,
        key: &str,
        ciphertext: &[u8],
    ) -> Result<String, String> {
        use aws_sdk_kms::config::{BehaviorVersion, Config, IdentityCache, Region};

        let region = Resource::kms_key(key).ok().and_then(|key| key.region().map(str::to_owned));
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .http_client(self.http_client.clone())
            .identity_cache(IdentityCache::no_cache())
            .interceptor(NoProcessEnvironment::for_crate(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")))
            .credentials_provider(credentials)
            .region(region.map(Region::new));
        if let Some(endpoint) = &self.endpoint {
            config = config.endpoint_url(endpoint);
        }
        let client = aws_sdk_kms::Client::from_conf(config.build());
        // As SOPS does it: the ciphertext says which key it is for.
        let decrypted = client
            .decrypt()
            .ciphertext_blob(Blob::new(ciphertext))
            .send()
            .await
            .map_err(|error| refusal(&error))?;
        let plaintext = decrypted.plaintext().map(Blob::as_ref).unwrap_or_default();
        Ok(String::from_utf8_lossy(plaintext).into_owned())
    }
}

/// What a service answered, or that it did not.
fn refusal(error: &(impl ProvideErrorMetadata + std::error::Error)) -> String {
    let cause = || std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    error.code().map_or_else(cause, |code| format!("refused, {code}"))
}

impl fmt::Display for Wants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object { bucket, object, .. } => write!(f, "s3://{bucket}/{object}"),
            Self::Plaintext { key, .. } => write!(f, "decrypted with {key}"),
        }
    }
}
