//! EKS Pod Identity, and the ECS agent that speaks the same protocol.

use std::time::Duration;

use async_trait::async_trait;
use http::Method;

use super::exchange::{Answer, Exchange, Request, Step, Unanswered};
use super::{
    CredentialSource, Notes, Outcome, Provided, SkipReason, Skipped, SourceContext, SourceKind,
    json_credentials,
};
use crate::endpoint::{Endpoint, Purpose};
use crate::environment::Environment;
use crate::error::{Error, ErrorKind, ResponseFacts};
use crate::principal::Principal;
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
        [FULL_URI, RELATIVE_URI].iter().any(|name| environment.var(name).is_some())
    }

    async fn load(&self, context: &SourceContext, notes: &mut Notes) -> Outcome {
        let endpoint = match endpoint(context.environment(), notes) {
            Ok(Some(endpoint)) => endpoint,
            Ok(None) => return not_configured(),
            Err(error) => return Outcome::Failed(error),
        };
        let token = match token(context.environment(), notes) {
            Ok(token) => token,
            Err(error) => return Outcome::Failed(error),
        };
        exchange(context, notes, &endpoint, &token).await.into()
    }
}

fn not_configured() -> Outcome {
    Skipped::new(SkipReason::NotConfigured, "not active in this pod")
        .with_hint(
            "To use EKS Pod Identity, associate a role with this pod's ServiceAccount, then restart the pod: \
             EKS sets the variables only when a pod starts.",
        )
        .into()
}

fn endpoint(environment: &Environment, notes: &mut Notes) -> Result<Option<Endpoint>, Error> {
    if let Some(path) = environment.var(RELATIVE_URI) {
        notes.add(RELATIVE_URI, "set (the ECS agent)");
        let address = format!("{ECS_AGENT}/{}", path.trim_start_matches('/'));
        return Endpoint::parse(Purpose::ContainerCredentials, RELATIVE_URI, &address).map(Some);
    }
    match notes.var(environment, FULL_URI) {
        Some(address) => Endpoint::parse(Purpose::ContainerCredentials, FULL_URI, &address).map(Some),
        None => Ok(None),
    }
}

fn token(environment: &Environment, notes: &mut Notes) -> Result<String, Error> {
    if let Some(path) = notes.var(environment, TOKEN_FILE) {
        return token::read_file(environment, notes, TOKEN_FILE, &path);
    }
    // Without a token the agent is asked all the same: ECS needs none.
    Ok(notes.var(environment, TOKEN).unwrap_or_default())
}

async fn exchange(
    context: &SourceContext,
    notes: &mut Notes,
    endpoint: &Endpoint,
    token: &str,
) -> Result<Provided, Error> {
    let mut request = Request::to_endpoint(Method::GET, endpoint);
    if !token.is_empty() {
        request = request.header("authorization", token).ok_or_else(|| {
            Error::new(
                ErrorKind::Configuration,
                "the container authorization token has characters that no HTTP header can carry",
            )
            .with_hint(format!("Check what {TOKEN_FILE} or {TOKEN} holds: a token is one line of text."))
        })?;
    }
    let answer = match EXCHANGE.send(context, context.metadata_http_client(), request).await {
        Ok(answer) => answer,
        Err(unanswered) => {
            notes.add(endpoint.to_string(), unanswered.step.describe(&EXCHANGE));
            return Err(unreachable(endpoint, unanswered));
        }
    };
    notes.add(endpoint.to_string(), format!("HTTP {}", answer.status));
    if !answer.is_success() {
        return Err(refused(endpoint, &answer, token));
    }
    let credentials =
        json_credentials::parse(&answer.body, &endpoint.to_string(), "EksPodIdentity", context.now())?;
    let principal = match credentials.account_id() {
        Some(account_id) => Principal::account(account_id.as_str()),
        None => Principal::Unknown,
    };
    Ok(Provided::new(credentials, principal))
}

fn unreachable(endpoint: &Endpoint, unanswered: Unanswered) -> Error {
    let hint = match unanswered.step {
        Step::ReadTimeout => {
            "The agent is there but does not answer: look at the logs of the eks-pod-identity-agent on this node."
        }
        _ => {
            "Check that the eks-pod-identity-agent add-on is installed and runs on this node, and that no network policy keeps this pod from it."
        }
    };
    Error::new(
        ErrorKind::Unavailable,
        format!(
            "the Pod Identity agent at {endpoint} cannot be reached: {}",
            unanswered.step.describe(&EXCHANGE)
        ),
    )
    .with_hint(hint)
    .with_source(unanswered.source)
}

/// The agent passes on what EKS said: the status, and `[request id]: (Code): message` as text.
fn refused(endpoint: &Endpoint, answer: &Answer, token: &str) -> Error {
    let text = answer.text(token);
    let code =
        text.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(code, _)| code.to_owned());
    let (kind, hint) = match (answer.status, code.as_deref()) {
        (429, _) => (ErrorKind::Throttled, "Try again later; many pods ask for credentials at once."),
        (500.., _) => (
            ErrorKind::Unavailable,
            "Try again later; look at the logs of the eks-pod-identity-agent on this node.",
        ),
        (404, _) | (_, Some("ResourceNotFoundException")) => (
            ErrorKind::Denied,
            "No Pod Identity association names this pod's namespace and ServiceAccount. Make one, then restart the pod.",
        ),
        (_, Some("ExpiredTokenException" | "InvalidTokenException")) => (
            ErrorKind::InvalidToken,
            "The token in the mounted file was not accepted. Check this node's clock, and that the file is the one that EKS mounts.",
        ),
        _ => (
            ErrorKind::Denied,
            "Check that the association's role trusts the service pods.eks.amazonaws.com with sts:AssumeRole and sts:TagSession.",
        ),
    };
    let said = if text.is_empty() { String::new() } else { format!(": {text}") };
    Error::new(
        kind,
        format!("the Pod Identity agent at {endpoint} refused with HTTP {}{said}", answer.status),
    )
    .with_hint(hint)
    .with_response(ResponseFacts { status: Some(answer.status), code, request_id: None })
}
