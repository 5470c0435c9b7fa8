//! EKS Pod Identity, and the ECS agent that speaks the same protocol.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_smithy_async::rt::sleep::AsyncSleep;

use super::{CredentialSource, Notes, Outcome, Provided, Skipped, SourceContext, SourceKind};
use crate::connection::ConnectionFailure;
use crate::endpoint::Endpoint;
use crate::environment::Environment;
use crate::error::Error;
use crate::reason::Reason;
use crate::token::{self, Form};

mod agent;
mod refusal;
mod start_up;

use agent::{Agent, Tries};
use start_up::{StartUp, monotonic};

pub(crate) const FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
pub(crate) const RELATIVE_URI: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
pub(crate) const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
pub(crate) const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";

/// The role that an EKS Pod Identity association gives to this pod's ServiceAccount.
///
/// EKS sets `AWS_CONTAINER_CREDENTIALS_FULL_URI` and `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` in pods that start after the
/// association was made; the token file is read again at every exchange. On ECS,
/// `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` names a path at 169.254.170.2 and wins over the full address, and a token
/// file wins over `AWS_CONTAINER_AUTHORIZATION_TOKEN`, as AWS defines it ([container credential provider]).
///
/// [container credential provider]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
#[derive(Clone, Debug)]
pub struct PodIdentity {
    grace: Duration,
    /// Shared by clones.
    start: Arc<StartUp>,
}

impl PodIdentity {
    /// The source, with a [start-up grace](Self::with_start_up_grace) of five seconds.
    pub fn new() -> Self {
        Self { grace: Duration::from_secs(5), start: Arc::default() }
    }

    /// For how long, counted from the first time that this source is asked, an agent that cannot be reached and an association
    /// that is not found do not count yet: the source asks again, after a quarter of a second and up to a second.
    ///
    /// A pod can be up before the agent on a new node is, and EKS takes some seconds to know an association everywhere
    /// ([considerations]). Five seconds, the default, cover most of both, and are short enough for a mistake to be told while
    /// somebody is looking; [`Chain::wait_for_identity`](crate::Chain::wait_for_identity) waits for longer. When the time is
    /// over, and after the first success, each failure is told at once. Zero means no grace.
    ///
    /// The grace ends after three quarters of the chain's [deadline](crate::ChainBuilder::deadline) at the latest, so that the
    /// agent's last answer is told and not that time was over. It counts by a clock that nobody sets. Clones share their start, as
    /// they are one source in one pod; what this method returns has a start of its own. A certificate that is not accepted is
    /// no matter of time, and told at once.
    ///
    /// [considerations]: https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html#pod-id-considerations
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use flux_aws_auth::{Chain, source::PodIdentity};
    ///
    /// let patient = PodIdentity::new().with_start_up_grace(Duration::from_secs(15));
    /// let chain = Chain::builder().source(patient).build();
    /// ```
    #[must_use]
    pub fn with_start_up_grace(self, grace: Duration) -> Self {
        Self { grace, start: Arc::default() }
    }

    async fn ask(
        &self,
        agent: &Agent,
        context: &SourceContext,
        notes: &mut Notes,
    ) -> Result<Provided, Error> {
        // What there is must be told before the chain's time is over.
        let began = monotonic();
        let limit = context.deadline.mul_f64(0.75);
        let mut pause = Duration::from_millis(250);
        loop {
            let left_of_grace = self.start.left_of(self.grace);
            let left = left_of_grace.min(limit.saturating_sub(began.elapsed()));
            let token = token(context.environment(), notes)?;
            // While the source asks again by itself, the exchange does not, nor when there is no time for it.
            let tries = if left_of_grace < pause { Tries::All } else { Tries::One };
            let error = match agent.credentials(context, notes, &token, tries).await {
                Ok(provided) => {
                    self.start.end();
                    return Ok(provided);
                }
                Err(error) => error,
            };
            match Start::explains(&error) {
                Start::Later if left >= pause => {
                    tracing::debug!(error = %error, "no credentials from the agent yet; asking again");
                }
                // It is there, so the start is over for it; what it gets are the tries that are left.
                Start::Silence if tries == Tries::One => {
                    return agent.credentials(context, notes, &token, Tries::AllButOne).await;
                }
                _ => return Err(error),
            }
            context.sleep_impl().sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }
}

/// What a failure means while a pod starts.
enum Start {
    /// The start explains it: it may be over in a second.
    Later,
    /// The agent takes connections, and then says nothing.
    Silence,
    /// Waiting mends nothing.
    Never,
}

impl Start {
    fn explains(error: &Error) -> Self {
        match (error.reason(), ConnectionFailure::diagnose(error)) {
            (_, failure) if failure.is_of_tls() => Self::Never,
            (Reason::AgentUnreachable | Reason::AssociationMissing, _) => Self::Later,
            (Reason::AgentFailing, ConnectionFailure::ReadTimeout) => Self::Silence,
            _ => Self::Never,
        }
    }
}

impl Default for PodIdentity {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl CredentialSource for PodIdentity {
    fn kind(&self) -> SourceKind {
        SourceKind::PodIdentity
    }

    fn is_configured(&self, environment: &Environment) -> bool {
        [FULL_URI, RELATIVE_URI, TOKEN_FILE, TOKEN].iter().any(|name| environment.var(name).is_some())
    }

    fn kind_in(&self, environment: &Environment) -> SourceKind {
        match environment.var(RELATIVE_URI) {
            Some(_) => SourceKind::Ecs,
            None => SourceKind::PodIdentity,
        }
    }

    async fn load(&self, context: &SourceContext, notes: &mut Notes) -> Outcome {
        let agent = match Agent::find(context.environment(), notes) {
            Ok(Some(agent)) => agent,
            Ok(None) => return not_configured(),
            Err(error) => return Outcome::Failed(error),
        };
        self.ask(&agent, context, notes).await.into()
    }
}

/// The agent's address that the environment names, if it names one.
pub(crate) fn address(environment: &Environment, notes: &mut Notes) -> Result<Option<Endpoint>, Error> {
    Ok(Agent::find(environment, notes)?.map(Agent::into_endpoint))
}

fn not_configured() -> Outcome {
    Skipped::new(Reason::PodIdentityNotActive, "not active in this pod")
        .with_hint(
            "To use EKS Pod Identity, associate a role with this pod's ServiceAccount, then restart the pod: \
             EKS sets the variables only when a pod starts.",
        )
        .into()
}

fn token(environment: &Environment, notes: &mut Notes) -> Result<String, Error> {
    if let Some(path) = notes.var(environment, TOKEN_FILE) {
        return token::read_file(environment, notes, TOKEN_FILE, &path, Form::Header);
    }
    // Without a token the agent is asked all the same: ECS needs none.
    Ok(notes.var(environment, TOKEN).unwrap_or_default())
}
