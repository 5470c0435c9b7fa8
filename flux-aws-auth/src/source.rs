//! A place where credentials can come from, and what became of asking it.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::region::Region;

use crate::environment::Environment;
use crate::error::Error;
use crate::principal::Principal;

mod access_keys;
mod exchange;
mod instance_metadata;
mod json_credentials;
mod pod_identity;
mod provider;
mod web_identity;

pub use access_keys::AccessKeys;
pub use instance_metadata::InstanceMetadata;
pub use pod_identity::PodIdentity;
pub use provider::NamedProvider;
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

    async fn load(&self, context: &SourceContext, notes: &mut Notes) -> Outcome {
        (**self).load(context, notes).await
    }
}

/// Which source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SourceKind {
    /// The EKS Pod Identity agent, or the ECS agent that speaks the same protocol.
    PodIdentity,
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
    /// A source that the program added, by its name.
    Custom(&'static str),
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::PodIdentity => "EKS Pod Identity",
            Self::WebIdentity => "web identity (IRSA)",
            Self::AccessKeys => "access keys",
            Self::InstanceMetadata => "node metadata (IMDSv2)",
            Self::ServiceAccount => "ServiceAccount",
            Self::AccessKeySecret => "access key in a Secret",
            Self::Custom(name) => name,
        })
    }
}

/// What became of asking a source. Only [`Skipped`](Self::Skipped) lets the chain go on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The source gave credentials.
    Provided(Provided),
    /// The source is not there or not set up.
    Skipped(Skipped),
    /// The source is set up and failed. The chain ends here: going on would silently become another identity.
    Failed(Error),
}

/// Credentials, and whose they are.
#[derive(Clone, Debug)]
pub struct Provided {
    credentials: Credentials,
    principal: Principal,
}

impl Provided {
    /// Credentials of `principal`.
    pub fn new(credentials: Credentials, principal: Principal) -> Self {
        Self { credentials, principal }
    }

    /// The credentials. Their `Debug` hides the secret parts.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Whose they are, as far as the source says.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// When they end, if they do.
    pub fn expiry(&self) -> Option<SystemTime> {
        self.credentials.expiry()
    }
}

/// Why a source was passed over, and what would make it take part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    reason: SkipReason,
    detail: String,
    hint: Option<String>,
}

/// Why a source was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SkipReason {
    /// Nothing in the environment asks for it.
    NotConfigured,
    /// The environment switches it off.
    Disabled,
    /// It is there for every machine of its kind, and this is no such machine: nobody answers.
    Unreachable,
    /// It answers that it has no role to give.
    NoRole,
}

impl Skipped {
    /// Passed over for `reason`; `detail` is what was found, in one line.
    pub fn new(reason: SkipReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), hint: None }
    }

    /// Adds what would make the source take part.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Why.
    pub fn reason(&self) -> SkipReason {
        self.reason
    }

    /// What was found, in one line.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// What would make the source take part.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl From<Skipped> for Outcome {
    fn from(skipped: Skipped) -> Self {
        Self::Skipped(skipped)
    }
}

impl From<Result<Provided, Error>> for Outcome {
    fn from(result: Result<Provided, Error>) -> Self {
        match result {
            Ok(provided) => Self::Provided(provided),
            Err(error) => Self::Failed(error),
        }
    }
}

/// What a source looked at and found, line by line, for the report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes(Vec<Note>);

/// One thing a source looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    subject: String,
    finding: String,
}

impl Notes {
    /// Notes that `subject` (a variable, a path, an address) was looked at, with what was found there.
    pub fn add(&mut self, subject: impl Into<String>, finding: impl Into<String>) {
        self.0.push(Note { subject: subject.into(), finding: finding.into() });
    }

    /// Looks a variable up and notes whether it is set.
    pub fn var(&mut self, environment: &Environment, name: &str) -> Option<String> {
        let value = environment.var(name);
        self.add(name, if value.is_some() { "set" } else { "not set" });
        value
    }

    /// The notes, in the order they were made.
    pub fn iter(&self) -> impl Iterator<Item = &Note> {
        self.0.iter()
    }
}

impl Note {
    /// The variable, path or address that was looked at.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What was found there.
    pub fn finding(&self) -> &str {
        &self.finding
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

    /// The region: the builder's, else `AWS_REGION`, else `AWS_DEFAULT_REGION`.
    pub fn region(&self) -> Option<Region> {
        self.given_region().or_else(|| {
            let variable = |name| self.environment.var(name);
            variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")).map(Region::new)
        })
    }

    /// The builder's region alone.
    pub(crate) fn given_region(&self) -> Option<Region> {
        self.region.clone()
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.time_source.now()
    }
}
