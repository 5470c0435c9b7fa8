//! A place where credentials can come from, and what became of asking it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::region::Region;

use crate::endpoint::{Endpoint, Switches};
use crate::environment::Environment;
use crate::principal::Principal;

pub(crate) mod access_keys;
mod exchange;
pub(crate) mod instance_metadata;
mod json_credentials;
mod notes;
mod outcome;
pub(crate) mod pod_identity;
mod provider;
mod role_hop;
pub(crate) mod web_identity;

pub use access_keys::AccessKeys;
pub use instance_metadata::InstanceMetadata;
pub(crate) use notes::LastExchange;
pub use notes::{Note, Notes};
pub use outcome::{Outcome, Provided, Skipped};
pub use pod_identity::PodIdentity;
pub use provider::NamedProvider;
pub(crate) use role_hop::RoleHopSource;
pub use web_identity::WebIdentity;

/// A place where credentials can come from.
///
/// The four that Flux knows are in this module. A program can add its own with
/// [`ChainBuilder::source`](crate::ChainBuilder::source), and any credentials provider of the AWS SDK's kind as a
/// [`NamedProvider`].
#[async_trait]
pub trait CredentialSource: fmt::Debug + Send + Sync {
    /// Which source this is.
    fn kind(&self) -> SourceKind;

    /// Whether the environment asks for this source. Answered without any request, and also for sources that are not
    /// reached, so that a report can tell that one shadows another.
    fn is_configured(&self, environment: &Environment) -> bool;

    /// Which source this is in that environment, where it has two names: [`PodIdentity`] is [`SourceKind::Ecs`] on ECS.
    /// What reports and errors say. By default [`kind`](Self::kind).
    fn kind_in(&self, environment: &Environment) -> SourceKind {
        let _ = environment;
        self.kind()
    }

    /// Whose credentials it would give, as far as the environment says without a request. By default nothing.
    fn principal_in(&self, environment: &Environment) -> Option<Principal> {
        let _ = environment;
        None
    }

    /// Asks for credentials, once, with as many tries as the source's protocol wants.
    ///
    /// Says in `notes` what it looks at and finds: names, paths and addresses, never values.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the request. A source keeps no state that this could damage.
    async fn load(&self, context: &SourceContext, notes: &mut Notes) -> Outcome;
}

#[async_trait]
impl<T: CredentialSource + ?Sized> CredentialSource for Arc<T> {
    fn kind(&self) -> SourceKind {
        (**self).kind()
    }

    fn is_configured(&self, environment: &Environment) -> bool {
        (**self).is_configured(environment)
    }

    fn kind_in(&self, environment: &Environment) -> SourceKind {
        (**self).kind_in(environment)
    }

    fn principal_in(&self, environment: &Environment) -> Option<Principal> {
        (**self).principal_in(environment)
    }

    async fn load(&self, context: &SourceContext, notes: &mut Notes) -> Outcome {
        (**self).load(context, notes).await
    }
}

/// Which source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SourceKind {
    /// The EKS Pod Identity agent.
    PodIdentity,
    /// The ECS agent, which speaks the same protocol.
    Ecs,
    /// OIDC federation: a ServiceAccount token exchanged at STS, as IAM Roles for Service Accounts (IRSA) does on EKS.
    WebIdentity,
    /// An access key in environment variables.
    AccessKeys,
    /// The node's role, from the instance metadata service (IMDSv2).
    InstanceMetadata,
    /// The object level: the role of a Kubernetes ServiceAccount that an object names.
    ServiceAccount,
    /// The object level: the access key in a Kubernetes Secret that an object names.
    AccessKeySecret,
    /// A role that was assumed with the credentials of another chain: a [`RoleHop`](crate::RoleHop).
    RoleHop,
    /// A source that the program added, by its name.
    Custom(&'static str),
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::PodIdentity => "EKS Pod Identity",
            Self::Ecs => "ECS task role",
            Self::WebIdentity => "web identity (IRSA)",
            Self::AccessKeys => "access keys",
            Self::InstanceMetadata => "node metadata (IMDSv2)",
            Self::ServiceAccount => "ServiceAccount",
            Self::AccessKeySecret => "access key in a Secret",
            Self::RoleHop => "role hop",
            Self::Custom(name) => name,
        })
    }
}

/// What a source works with. Everything comes from the [`ChainBuilder`](crate::ChainBuilder).
#[derive(Clone, Debug)]
pub struct SourceContext {
    pub(crate) environment: Environment,
    pub(crate) http_client: SharedHttpClient,
    pub(crate) metadata_http_client: SharedHttpClient,
    pub(crate) time_source: SharedTimeSource,
    pub(crate) sleep_impl: SharedAsyncSleep,
    pub(crate) region: Option<Region>,
    /// Of what the controller's credentials are for, where it is known and no other is set.
    pub(crate) region_of_resource: Option<Region>,
    pub(crate) switches: Switches,
    /// Of all sources together.
    pub(crate) deadline: Duration,
    /// The object's own, which all requests to STS for its identity go to.
    pub(crate) sts_endpoint: Option<Endpoint>,
}

impl SourceContext {
    /// The variables and files.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The client for calls to AWS.
    pub fn http_client(&self) -> &SharedHttpClient {
        &self.http_client
    }

    /// The client for link-local addresses, which uses no proxy.
    pub fn metadata_http_client(&self) -> &SharedHttpClient {
        &self.metadata_http_client
    }

    /// The clock.
    pub fn time_source(&self) -> &SharedTimeSource {
        &self.time_source
    }

    /// How to wait.
    pub fn sleep_impl(&self) -> &SharedAsyncSleep {
        &self.sleep_impl
    }

    /// The region: the builder's, else `AWS_REGION`, else `AWS_DEFAULT_REGION`, else that of the [`Resource`](crate::Resource)
    /// which an [`Authenticator`](crate::Authenticator) gives the controller's credentials for.
    pub fn region(&self) -> Option<Region> {
        let variable = |name| self.environment.var(name).map(Region::new);
        self.given_region()
            .or_else(|| variable("AWS_REGION"))
            .or_else(|| variable("AWS_DEFAULT_REGION"))
            .or_else(|| self.region_of_resource.clone())
    }

    /// What gave the [region](Self::region), for messages.
    pub(crate) fn region_setting(&self) -> &'static str {
        let is_set = |name| self.environment.var(name).is_some();
        match &self.region {
            Some(_) => "ChainBuilder::region",
            None if is_set("AWS_REGION") => "AWS_REGION",
            None if self.region_of_resource.is_none() || is_set("AWS_DEFAULT_REGION") => "AWS_DEFAULT_REGION",
            None => "the resource",
        }
    }

    /// The builder's region alone.
    pub(crate) fn given_region(&self) -> Option<Region> {
        self.region.clone()
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.time_source.now()
    }
}
