//! What a [`RegistryLogin`] is made of.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource, TimeSource};
use aws_smithy_runtime_api::client::http::{HttpClient, SharedHttpClient};
use flux_aws_auth::cache::CacheBuilder;

use super::registry_login::Inner;
use super::{LoginSource, RegistryLogin};
use crate::error::Error;
use crate::reflect::builder::{checked_endpoint, client_of_the_process};
use crate::reflect::credentials::{CredentialsFrom, Holder};
use crate::tags::ecr_client::Connection;
use crate::throttle::Throttle;

/// Settings of a [`RegistryLogin`], made by [`RegistryLogin::builder`].
#[derive(Default)]
#[must_use = "a builder does nothing until built"]
pub struct RegistryLoginBuilder {
    credentials: Option<CredentialsFrom>,
    http_client: Option<SharedHttpClient>,
    time_source: Option<SharedTimeSource>,
    sleep_impl: Option<SharedAsyncSleep>,
    endpoint_url: Option<String>,
    public_endpoint_url: Option<String>,
    others: Option<Arc<dyn LoginSource>>,
}

impl RegistryLoginBuilder {
    /// Who logs in, and whose logins they are: any provider of the AWS SDK's kind, held as
    /// [`ReflectorBuilder::credentials`](crate::ReflectorBuilder::credentials) holds it. Unless set, ECR Public alone is read, as
    /// nobody.
    pub fn credentials(mut self, credentials: impl ProvideCredentials + 'static) -> Self {
        self.credentials = Some(CredentialsFrom::new(credentials));
        self
    }

    /// Credentials that somebody holds already.
    pub(crate) fn holder(mut self, holder: Holder) -> Self {
        self.credentials = Some(CredentialsFrom::Holder(holder));
        self
    }

    /// What carries the requests to AWS; unless set, the client that the process's environment asks for
    /// ([`HttpClientBuilder::from_environment`](flux_aws_auth::HttpClientBuilder::from_environment)).
    pub fn http_client(mut self, http_client: impl HttpClient + 'static) -> Self {
        self.http_client = Some(SharedHttpClient::new(http_client));
        self
    }

    /// The clock that dates signatures and by which logins expire; the system's, unless set.
    pub fn time_source(mut self, time_source: impl TimeSource + 'static) -> Self {
        self.time_source = Some(SharedTimeSource::new(time_source));
        self
    }

    /// What waits between retries and for timeouts; tokio's timer, unless set.
    pub fn sleep_impl(mut self, sleep_impl: impl AsyncSleep + 'static) -> Self {
        self.sleep_impl = Some(SharedAsyncSleep::new(sleep_impl));
        self
    }

    /// The ECR API to ask instead of the region's own. `https` anywhere, plain `http` at a loopback address only.
    pub fn endpoint_url(mut self, url: impl Into<String>) -> Self {
        self.endpoint_url = Some(url.into());
        self
    }

    /// The ECR Public API to ask instead of its own, by the same rule.
    pub fn public_endpoint_url(mut self, url: impl Into<String>) -> Self {
        self.public_endpoint_url = Some(url.into());
        self
    }

    /// Who gives the logins of registries that are not Amazon ECR: a [`DockerConfig`](crate::DockerConfig). Unless set, such
    /// a registry is an error.
    pub fn others(mut self, others: impl LoginSource + 'static) -> Self {
        self.others = Some(Arc::new(others));
        self
    }

    /// Checks the settings. Sends nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) when an endpoint may not be called
    /// ([`Endpoint::aws_api`](flux_aws_auth::Endpoint::aws_api)), or a proxy or certificates that the environment names cannot be
    /// used.
    pub fn build(self) -> Result<RegistryLogin, Error> {
        let endpoint =
            |setting, url: Option<String>| url.map(|url| checked_endpoint(setting, &url)).transpose();
        let endpoint_url = endpoint("endpoint_url", self.endpoint_url)?;
        let public_endpoint_url = endpoint("public_endpoint_url", self.public_endpoint_url)?;
        let connection = Connection {
            http_client: self.http_client.map_or_else(client_of_the_process, Ok)?,
            time_source: self.time_source.unwrap_or_else(|| SharedTimeSource::new(SystemTimeSource::new())),
            sleep_impl: self.sleep_impl.unwrap_or_else(|| SharedAsyncSleep::new(TokioSleep::new())),
            throttle: Throttle::process_wide(),
        };
        let held = CacheBuilder::new()
            .time_source(connection.time_source.clone())
            .sleep_impl(connection.sleep_impl.clone())
            .load_timeout(LIMIT)
            .build();
        Ok(RegistryLogin::new(Inner {
            identity: self.credentials.map(|credentials| credentials.into_holder(&connection)),
            sleep_impl: connection.sleep_impl.clone(),
            client: connection.into_client(),
            endpoint_url,
            public_endpoint_url,
            others: self.others,
            held,
            nobody: OnceLock::new(),
            last: Mutex::default(),
        }))
    }
}

/// Beyond what two calls with new credentials each may take.
const LIMIT: Duration = Duration::from_secs(300);

impl fmt::Debug for RegistryLoginBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryLoginBuilder").field("others", &self.others).finish_non_exhaustive()
    }
}
