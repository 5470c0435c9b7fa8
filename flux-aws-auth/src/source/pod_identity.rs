//! EKS Pod Identity, and the ECS agent that speaks the same protocol.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use http::Method;

use super::exchange::{Answer, Exchange, Request, Step, Unanswered};
use super::{
    CredentialSource, Notes, Outcome, Provided, Skipped, SourceContext, SourceKind, json_credentials,
};
use crate::endpoint::{Endpoint, Purpose};
use crate::environment::Environment;
use crate::error::{Error, ResponseFacts};
use crate::principal::Principal;
use crate::reason::Reason;
use crate::token;

const FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const RELATIVE_URI: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const ECS_AGENT: &str = "http://169.254.170.2";

const EXCHANGE: Exchange = Exchange {
    service: "PodIdentityAgent",
    operation: "GetCredentials",
    connect_timeout: Duration::from_secs(1),
    read_timeout: Duration::from_secs(5),
    attempts: 3,
    retry_network: true,
};

/// The role that an EKS Pod Identity association gives to this pod's ServiceAccount.
///
/// EKS sets `AWS_CONTAINER_CREDENTIALS_FULL_URI` and `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` in pods that start after the
/// association was made; the token file is read again at every exchange. On ECS,
/// `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` names a path at 169.254.170.2 and wins over the full address, and a token
/// file wins over `AWS_CONTAINER_AUTHORIZATION_TOKEN`, as AWS defines it ([container credential provider]).
///
/// [container credential provider]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PodIdentity;

impl PodIdentity {
    /// The source; it has no settings but those of the environment.
    pub fn new() -> Self {
        Self
    }
}

#[async_trait]
impl CredentialSource for PodIdentity {
    fn kind(&self) -> SourceKind {
        SourceKind::PodIdentity
    }

    fn is_configured(&self, environment: &Environment) -> bool {
        [FULL_URI, RELATIVE_URI, TOKEN_FILE].iter().any(|name| environment.var(name).is_some())
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
        let token = match token(context.environment(), notes) {
            Ok(token) => token,
            Err(error) => return Outcome::Failed(error),
        };
        agent.credentials(context, notes, &token).await.into()
    }
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
        return token::read_file(environment, notes, TOKEN_FILE, &path);
    }
    // Without a token the agent is asked all the same: ECS needs none.
    Ok(notes.var(environment, TOKEN).unwrap_or_default())
}

/// Who is asked. `Display` names it with its address.
struct Agent {
    name: &'static str,
    endpoint: Endpoint,
}

impl fmt::Display for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} at {}", self.name, self.endpoint)
    }
}

impl Agent {
    fn find(environment: &Environment, notes: &mut Notes) -> Result<Option<Self>, Error> {
        if let Some(path) = environment.var(RELATIVE_URI) {
            notes.add(RELATIVE_URI, "set");
            let address = format!("{ECS_AGENT}/{}", path.trim_start_matches('/'));
            let endpoint = Endpoint::parse(Purpose::ContainerCredentials, RELATIVE_URI, &address)?;
            return Ok(Some(Self { name: "ECS agent", endpoint }));
        }
        if let Some(address) = notes.var(environment, FULL_URI) {
            let endpoint = Endpoint::parse(Purpose::ContainerCredentials, FULL_URI, &address)?;
            return Ok(Some(Self { name: "Pod Identity agent", endpoint }));
        }
        if environment.var(TOKEN_FILE).is_some() {
            return Err(Error::because(
                Reason::IncompleteConfiguration,
                format!("{TOKEN_FILE} is set, but {FULL_URI} is not"),
            )
            .with_hint(format!(
                "EKS sets both when a pod starts; set {FULL_URI} too, or remove {TOKEN_FILE}."
            )));
        }
        Ok(None)
    }

    async fn credentials(
        &self,
        context: &SourceContext,
        notes: &mut Notes,
        token: &str,
    ) -> Result<Provided, Error> {
        let mut request = Request::to_endpoint(Method::GET, &self.endpoint);
        if !token.is_empty() {
            request = request.header("authorization", token).ok_or_else(unfit_token)?;
        }
        let answer = EXCHANGE
            .send(context, notes, request)
            .await
            .map_err(|unanswered| self.unreachable(unanswered))?;
        if !answer.is_success() {
            return Err(self.refused(&answer, token));
        }
        let credentials = json_credentials::parse(&answer.body, &self.to_string(), "PodIdentity")?;
        let principal = match credentials.account_id() {
            Some(account_id) => Principal::account(account_id.as_str()),
            None => Principal::Unknown,
        };
        Ok(Provided::new(credentials, principal))
    }

    fn unreachable(&self, unanswered: Unanswered) -> Error {
        let (reason, hint) = match unanswered.step {
            Step::ReadTimeout => (
                Reason::AgentFailing,
                "The agent is there but does not answer: look at the logs of the eks-pod-identity-agent on this node.",
            ),
            _ => (
                Reason::AgentUnreachable,
                "Check that the eks-pod-identity-agent add-on is installed and runs on this node, and that no network policy \
                 keeps this pod from it.",
            ),
        };
        Error::because(reason, format!("{self} cannot be reached: {}", unanswered.step.describe(&EXCHANGE)))
            .with_hint(hint)
            .with_source(unanswered.source)
    }

    fn refused(&self, answer: &Answer, token: &str) -> Error {
        let refusal = Refusal::of(answer.text(token));
        let (reason, hint) = refusal.meaning(answer.status);
        let said = if refusal.text.is_empty() { String::new() } else { format!(": {}", refusal.text) };
        Error::because(reason, format!("{self} refused with HTTP {}{said}", answer.status))
            .with_hint(hint)
            .with_response(ResponseFacts {
                status: Some(answer.status),
                code: refusal.code,
                request_id: refusal.request_id,
            })
    }
}

fn unfit_token() -> Error {
    Error::because(
        Reason::TokenMalformed,
        "the container authorization token has characters that no HTTP header can carry",
    )
    .with_hint(format!("Check what {TOKEN_FILE} or {TOKEN} holds: a token is one line of text."))
}

/// How the agent refuses: what EKS said, as `[request id]: (Code): message, fault: …`, or words of its own.
struct Refusal {
    text: String,
    code: Option<String>,
    request_id: Option<String>,
}

impl Refusal {
    fn of(text: String) -> Self {
        let passed_on = text.strip_prefix('[').and_then(|rest| rest.split_once("]: ("));
        let passed_on = passed_on.and_then(|(id, rest)| Some((id, rest.split_once("): ")?.0)));
        let is_code = |code: &str| !code.is_empty() && code.bytes().all(|b| b.is_ascii_alphabetic());
        match passed_on.filter(|(_, code)| is_code(code)) {
            Some((id, code)) => Self {
                code: Some(code.to_owned()),
                request_id: Some(id.to_owned()).filter(|id| !id.is_empty()),
                text,
            },
            None => Self { text, code: None, request_id: None },
        }
    }

    fn meaning(&self, status: u16) -> (Reason, &'static str) {
        match (status, self.code.as_deref()) {
            (429, _) | (_, Some("ThrottlingException")) => {
                (Reason::AgentThrottled, "Try again later; many pods ask for credentials at once.")
            }
            (500.., _) => (
                Reason::AgentFailing,
                "Try again later; look at the logs of the eks-pod-identity-agent on this node.",
            ),
            (_, Some("ResourceNotFoundException")) => (
                Reason::AssociationMissing,
                "No Pod Identity association names this pod's namespace and ServiceAccount. Make one, then restart the pod.",
            ),
            (_, Some("ExpiredTokenException")) => (Reason::TokenExpired, BAD_TOKEN),
            (_, Some("InvalidTokenException")) => (Reason::TokenRejected, BAD_TOKEN),
            (_, Some("AccessDeniedException")) => (
                Reason::NotTrusted,
                "Check that the association's role trusts the service pods.eks.amazonaws.com with sts:AssumeRole and \
                 sts:TagSession.",
            ),
            (_, None) if self.text.starts_with("Service account token") => {
                let expired = self.text.contains("expired");
                (if expired { Reason::TokenExpired } else { Reason::TokenRejected }, BAD_TOKEN)
            }
            (_, None) if self.text.contains("invalid address") => (
                Reason::EndpointNotAccepted,
                "Use the address that EKS sets: 169.254.170.23, or [fd00:ec2::23] on IPv6 nodes.",
            ),
            _ => (
                Reason::Denied,
                "Look at the logs of the eks-pod-identity-agent on this node for the same request.",
            ),
        }
    }
}

const BAD_TOKEN: &str = "The token in the mounted file was not accepted. Check this node's clock, and that the file is the one that EKS mounts.";
