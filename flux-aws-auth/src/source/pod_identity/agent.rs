//! The agent on the node, and what its answers mean.

use std::fmt;
use std::time::Duration;

use http::Method;

use super::refusal::{Kind, Refusal};
use super::{FULL_URI, RELATIVE_URI, TOKEN, TOKEN_FILE};
use crate::connection::ConnectionFailure;
use crate::endpoint::{Endpoint, Purpose};
use crate::environment::Environment;
use crate::error::{Error, ResponseFacts};
use crate::principal::Principal;
use crate::reason::Reason;
use crate::source::exchange::{Answer, Exchange, NoAnswer, Request, Unanswered};
use crate::source::json_credentials::{self, LOOK_BETWEEN};
use crate::source::{Notes, Provided, SourceContext};

const ECS_AGENT: &str = "http://169.254.170.2";

const EXCHANGE: Exchange = Exchange {
    connect_timeout: Duration::from_secs(1),
    read_timeout: Duration::from_secs(5),
    attempts: 3,
    retry_network: true,
    expects_json: true,
};

/// How often an agent is asked that does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tries {
    All,
    /// After one that was in vain.
    AllButOne,
    One,
}

/// Who is asked. `Display` names it with its address.
pub(super) struct Agent {
    kind: Kind,
    endpoint: Endpoint,
}

impl fmt::Display for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} at {}", self.kind.name(), self.endpoint)
    }
}

impl Agent {
    /// The agent that the environment names, if it names one.
    pub(super) fn find(environment: &Environment, notes: &mut Notes) -> Result<Option<Self>, Error> {
        if let Some(path) = environment.var(RELATIVE_URI) {
            notes.add(RELATIVE_URI, "set");
            let address = format!("{ECS_AGENT}/{}", path.trim_start_matches('/'));
            let endpoint = Endpoint::parse(Purpose::ContainerCredentials, RELATIVE_URI, &address)?;
            return Ok(Some(Self { kind: Kind::Ecs, endpoint }));
        }
        if let Some(address) = notes.var(environment, FULL_URI) {
            let endpoint = Endpoint::parse(Purpose::ContainerCredentials, FULL_URI, &address)?;
            return Ok(Some(Self { kind: Kind::Eks, endpoint }));
        }
        let token = [TOKEN_FILE, TOKEN].into_iter().find(|name| environment.var(name).is_some());
        let Some(token) = token else { return Ok(None) };
        let message = format!("{token} is set, but {FULL_URI} is not");
        Err(Error::because(Reason::IncompleteConfiguration, message).with_hint(format!(
            "EKS sets an address and a token file when a pod starts; set {FULL_URI} too, or remove {token}."
        )))
    }

    /// The address alone.
    pub(super) fn into_endpoint(self) -> Endpoint {
        self.endpoint
    }

    /// Asks for credentials, again after 429, a server error or garbage, and as `tries` has it, where nobody answers.
    pub(super) async fn credentials(
        &self,
        context: &SourceContext,
        notes: &mut Notes,
        token: &str,
        tries: Tries,
    ) -> Result<Provided, Error> {
        let mut request = Request::to_endpoint(Method::GET, &self.endpoint);
        if !token.is_empty() {
            request = request.header("authorization", token).ok_or_else(unfit_token)?;
        }
        let exchange = match tries {
            Tries::All => EXCHANGE,
            Tries::AllButOne => Exchange { attempts: EXCHANGE.attempts - 1, ..EXCHANGE },
            Tries::One => Exchange { retry_network: false, ..EXCHANGE },
        };
        let answer =
            exchange.send(context, notes, request).await.map_err(|unanswered| self.unanswered(unanswered))?;
        if !answer.is_success() {
            return Err(self.refused(&answer, token));
        }
        let credentials =
            json_credentials::parse(&answer.body, &self.to_string(), "PodIdentity", Reason::AgentFailing)?;
        let principal = match credentials.account_id() {
            Some(account_id) => Principal::account(account_id.as_str()),
            None => Principal::Unknown,
        };
        Ok(Provided::new(credentials, principal))
    }

    fn unanswered(&self, unanswered: Unanswered) -> Error {
        let (reason, became, hint) = match unanswered.why {
            NoAnswer::TooLong => (Reason::AgentAnswerMalformed, "gave no credentials", LOOK_BETWEEN),
            NoAnswer::Failed(ConnectionFailure::ReadTimeout) => {
                (Reason::AgentFailing, "cannot be reached", self.kind.silent())
            }
            NoAnswer::Failed(failure) if failure.is_of_tls() => {
                (Reason::AgentUnreachable, "cannot be reached", CERTIFICATE)
            }
            NoAnswer::Failed(_) => (Reason::AgentUnreachable, "cannot be reached", self.kind.unreachable()),
        };
        Error::because(reason, format!("{self} {became}: {}", unanswered.describe(&EXCHANGE)))
            .with_hint(hint)
            .with_source(unanswered.source)
    }

    fn refused(&self, answer: &Answer, token: &str) -> Error {
        let refusal = Refusal::of(answer.text(token));
        let (reason, hint) = refusal.meaning(self.kind, answer.status);
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

const CERTIFICATE: &str = "Check the address that is set, and the certificate of what answers there. An agent's is checked against the \
                           operating system's authorities alone: AWS_CA_BUNDLE does not count here.";

fn unfit_token() -> Error {
    Error::because(
        Reason::TokenMalformed,
        "the container authorization token has characters that no HTTP header can carry",
    )
    .with_hint(format!("Check what {TOKEN_FILE} or {TOKEN} holds: a token is one line of text."))
}
