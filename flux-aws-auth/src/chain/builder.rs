//! How a chain is made: which sources in which order, and what they work with.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource, TimeSource};
use aws_smithy_runtime_api::client::http::{HttpClient, SharedHttpClient};
use aws_smithy_runtime_api::shared::IntoShared;
use aws_types::region::Region;

use super::{Chain, Inner, Resolved};
use crate::arn::RoleArn;
use crate::cache::Cache;
use crate::endpoint::{Endpoint, Switches};
use crate::environment::Environment;
use crate::error::Error;
use crate::expectation::Expectation;
use crate::http_clients::{HttpClientBuilder, metadata_http_client};
use crate::secret::{AccessKeySecret, AccessKeySecretSource};
use crate::service_account::{ServiceAccountRole, ServiceAccountSource};
use crate::source::{
    AccessKeys, CredentialSource, InstanceMetadata, PodIdentity, SourceContext, SourceKind, WebIdentity,
};

/// In which order the sources are asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceOrder {
    /// Pod Identity, web identity, access keys, node: what needs no stored secret comes first, as Flux recommends
    /// ([Flux on AWS]).
    ///
    /// [Flux on AWS]: https://fluxcd.io/flux/integrations/aws/#authentication
    #[default]
    SecretlessFirst,
    /// Access keys, web identity, Pod Identity, node: the order of the AWS SDKs ([credential provider chain]), where a
    /// leftover access key hides a role.
    ///
    /// [credential provider chain]: https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
    AwsSdk,
}

impl SourceOrder {
    pub(crate) fn kinds(self) -> [SourceKind; 4] {
        use SourceKind::{AccessKeys, InstanceMetadata, PodIdentity, WebIdentity};
        match self {
            Self::SecretlessFirst => [PodIdentity, WebIdentity, AccessKeys, InstanceMetadata],
            Self::AwsSdk => [AccessKeys, WebIdentity, PodIdentity, InstanceMetadata],
        }
    }
}

/// Makes a [`Chain`]. Everything that touches the world can be replaced.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until built"]
pub struct ChainBuilder {
    sources: Vec<Arc<dyn CredentialSource>>,
    /// An object's identity, which rules all other sources out.
    object: Option<Arc<dyn CredentialSource>>,
    /// The object's own.
    sts_endpoint: Option<Endpoint>,
    environment: Environment,
    http_client: Option<SharedHttpClient>,
    metadata_http_client: Option<SharedHttpClient>,
    time_source: SharedTimeSource,
    sleep_impl: SharedAsyncSleep,
    region: Option<Region>,
    switches: Switches,
    deadline: Duration,
    expectation: Expectation,
}

impl Default for ChainBuilder {
    fn default() -> Self {
        Self {
            sources: sources_in(SourceOrder::default()),
            object: None,
            sts_endpoint: None,
            environment: Environment::from_process(),
            http_client: None,
            metadata_http_client: None,
            time_source: SharedTimeSource::new(SystemTimeSource::new()),
            sleep_impl: SharedAsyncSleep::new(TokioSleep::new()),
            region: None,
            switches: Switches::default(),
            deadline: Duration::from_secs(20),
            expectation: Expectation::default(),
        }
    }
}

impl ChainBuilder {
    /// Asks Flux's four sources in this order, and no others.
    pub fn order(mut self, order: SourceOrder) -> Self {
        self.sources = sources_in(order);
        self
    }

    /// Leaves a source out. [`SourceKind::Ecs`] is Pod Identity's other name, so either leaves both out.
    pub fn without(mut self, kind: SourceKind) -> Self {
        let kind = if kind == SourceKind::Ecs { SourceKind::PodIdentity } else { kind };
        self.sources.retain(|source| source.kind() != kind);
        self
    }

    /// Adds a source behind those there are, but before the node's metadata, which stays the last resort. One of a kind that
    /// there is takes the place of that one: so the four that Flux knows get settings of their own.
    pub fn source(mut self, source: impl CredentialSource + 'static) -> Self {
        if let Some(same) = self.sources.iter_mut().find(|same| same.kind() == source.kind()) {
            *same = Arc::new(source);
            return self;
        }
        let node = self.sources.iter().position(|source| source.kind() == SourceKind::InstanceMetadata);
        self.sources.insert(node.unwrap_or(self.sources.len()), Arc::new(source));
        self
    }

    /// Asks this source and, as long as nothing is added after it, no other.
    pub fn only(mut self, source: impl CredentialSource + 'static) -> Self {
        self.sources = vec![Arc::new(source)];
        self
    }

    /// Takes on the identity of an object: the role of the ServiceAccount that it names, and nothing else.
    ///
    /// Whatever else this builder is told, before or after, the chain has no other source, so no failure can end in the
    /// identity of the controller or of the node. It needs a [`region`](Self::region) of the object's own.
    pub fn service_account(mut self, role: ServiceAccountRole) -> Self {
        self.sts_endpoint = role.endpoint().cloned();
        self.object = Some(Arc::new(ServiceAccountSource::new(role)));
        self
    }

    /// Takes on the identity of an object: the access key in the Secret that it names, and nothing else.
    ///
    /// As [`service_account`](Self::service_account), in whose place it comes, it rules out every other source. It asks
    /// nobody, so it needs no region.
    pub fn access_key_secret(mut self, key: AccessKeySecret) -> Self {
        self.sts_endpoint = None;
        self.object = Some(Arc::new(AccessKeySecretSource(key)));
        self
    }

    /// Where variables and files are read; by default the process and the machine.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// The region whose STS is asked; by default `AWS_REGION`, else `AWS_DEFAULT_REGION`; in an
    /// [`Authenticator`](crate::Authenticator), else that of the resource. An object's identity has no default: those variables are
    /// the controller's.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(Region::new(region.into()));
        self
    }

    /// Whether STS is asked at its hosts with FIPS 140 cryptography ([FIPS endpoints]); by default as `AWS_USE_FIPS_ENDPOINT`
    /// says, else not.
    ///
    /// With an endpoint of your own (`AWS_ENDPOINT_URL_STS`, a tenant's) this is an error, as in the AWS SDKs: nobody knows what
    /// stands there.
    ///
    /// [FIPS endpoints]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-endpoints.html
    pub fn use_fips(mut self, use_fips: bool) -> Self {
        self.switches.fips = Some(use_fips);
        self
    }

    /// Whether STS is asked at its hosts that have IPv6 too; by default as `AWS_USE_DUALSTACK_ENDPOINT` says, else not.
    /// Otherwise as [`use_fips`](Self::use_fips).
    pub fn use_dual_stack(mut self, use_dual_stack: bool) -> Self {
        self.switches.dual_stack = Some(use_dual_stack);
        self
    }

    /// The HTTP client for AWS; by default [`HttpClientBuilder::from_environment`], so that proxy and certificates are those
    /// which the variables name.
    pub fn http_client(mut self, client: impl HttpClient + 'static) -> Self {
        self.http_client = Some(client.into_shared());
        self
    }

    /// The HTTP client for the Pod Identity agent and the instance metadata service. It must use no proxy: what it asks
    /// is on the node.
    pub fn metadata_http_client(mut self, client: impl HttpClient + 'static) -> Self {
        self.metadata_http_client = Some(client.into_shared());
        self
    }

    /// The clock.
    pub fn time_source(mut self, time_source: impl TimeSource + 'static) -> Self {
        self.time_source = time_source.into_shared();
        self
    }

    /// How to wait; by default with tokio's timers.
    pub fn sleep_impl(mut self, sleep_impl: impl AsyncSleep + 'static) -> Self {
        self.sleep_impl = sleep_impl.into_shared();
        self
    }

    /// How long all sources together may take; by default 20 seconds.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Refuses credentials of another account than this one, twelve digits.
    ///
    /// Each time that the sources give new credentials, STS is asked whose they are before anybody gets them: one request more
    /// ([GetCallerIdentity], which everyone may call). If it is not as expected, the chain fails with
    /// [`ErrorKind::UnexpectedIdentity`](crate::ErrorKind::UnexpectedIdentity).
    ///
    /// [GetCallerIdentity]: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    pub fn expect_account(mut self, account_id: impl Into<String>) -> Self {
        self.expectation.account_id = Some(account_id.into());
        self
    }

    /// Refuses credentials that are no session of this role; otherwise as [`expect_account`](Self::expect_account). A
    /// session's ARN does not have the role's path, so that part is not compared.
    pub fn expect_role(mut self, role: RoleArn) -> Self {
        self.expectation.role = Some(role);
        self
    }

    /// The chain. Nothing is asked yet; of the environment, what the HTTP client for AWS needs is read, unless
    /// [one was given](Self::http_client). If that is not acceptable, each request to AWS fails with the reason.
    #[must_use]
    pub fn build(self) -> Chain {
        let inner = self.inner();
        Chain { held: inner.clone().held(), inner }
    }

    /// The chain, whose credentials are those that the cache has for `key`.
    pub(crate) fn build_in<K>(self, cache: &Cache<K, Resolved, Error>, key: K) -> Chain
    where
        K: Eq + Hash + Clone + Send + Sync + 'static,
    {
        let inner = self.inner();
        Chain { held: inner.clone().held_in(cache, key), inner }
    }

    /// The same, with HTTP clients that all chains made of it share.
    pub(crate) fn with_shared_clients(mut self) -> Self {
        self.http_client
            .get_or_insert_with(|| HttpClientBuilder::from_environment(&self.environment).build_or_refuse());
        self.metadata_http_client.get_or_insert_with(metadata_http_client);
        self
    }

    /// The same for an object's ServiceAccount as it was read. What is expected of the controller is not expected of it.
    pub(crate) fn session(mut self, source: ServiceAccountSource, region: &str) -> Self {
        self.sts_endpoint = source.endpoint().cloned();
        self.object = Some(Arc::new(source));
        self.expectation = Expectation::default();
        self.region(region)
    }

    /// The chain of an object's access key, for hops in the resource's region.
    pub(crate) fn of_secret(mut self, key: AccessKeySecret, region: Option<&str>) -> Chain {
        self.expectation = Expectation::default();
        self.region = region.map(|region| Region::new(region.to_owned())).or(self.region);
        self.access_key_secret(key).build()
    }

    /// The clock, and how to wait.
    pub(crate) fn time(&self) -> (&SharedTimeSource, &SharedAsyncSleep) {
        (&self.time_source, &self.sleep_impl)
    }

    /// Whether it takes on an object's identity.
    pub(crate) fn is_of_an_object(&self) -> bool {
        self.object.is_some()
    }

    fn inner(self) -> Arc<Inner> {
        let http_client = self
            .http_client
            .unwrap_or_else(|| HttpClientBuilder::from_environment(&self.environment).build_or_refuse());
        Arc::new(Inner {
            sources: self.object.map_or(self.sources, |object| vec![object]),
            deadline: self.deadline,
            expectation: self.expectation,
            settled: Arc::default(),
            context: SourceContext {
                environment: self.environment,
                http_client,
                metadata_http_client: self.metadata_http_client.unwrap_or_else(metadata_http_client),
                time_source: self.time_source,
                sleep_impl: self.sleep_impl,
                region: self.region,
                region_of_resource: None,
                switches: self.switches,
                deadline: self.deadline,
                sts_endpoint: self.sts_endpoint,
            },
        })
    }
}

fn sources_in(order: SourceOrder) -> Vec<Arc<dyn CredentialSource>> {
    let source = |kind| -> Arc<dyn CredentialSource> {
        match kind {
            SourceKind::PodIdentity => Arc::new(PodIdentity::new()),
            SourceKind::WebIdentity => Arc::new(WebIdentity::new()),
            SourceKind::AccessKeys => Arc::new(AccessKeys::new()),
            _ => Arc::new(InstanceMetadata::new()),
        }
    };
    order.kinds().into_iter().map(source).collect()
}
