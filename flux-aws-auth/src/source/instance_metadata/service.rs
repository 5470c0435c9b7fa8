//! The requests to the instance metadata service, and what its answers mean.

use std::time::Duration;

use http::{HeaderValue, Method};

use super::session::Sessions;
use crate::connection::ConnectionFailure;
use crate::endpoint::Endpoint;
use crate::error::{Error, ResponseFacts};
use crate::principal::Principal;
use crate::reason::Reason;
use crate::source::exchange::{Answer, Exchange, NoAnswer, Request, Unanswered};
use crate::source::json_credentials::{self, LOOK_BETWEEN};
use crate::source::{Notes, Outcome, Provided, Skipped, SourceContext};

const TOKEN_PATH: &str = "/latest/api/token";
const ROLES_PATH: &str = "/latest/meta-data/iam/security-credentials/";
const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";

const NEEDS_IDENTITY: &str = "This is no EC2 instance, or pods are kept from its metadata. Give the pod an identity of its own, by \
                              EKS Pod Identity or IRSA.";

pub(super) struct Service<'a> {
    pub(super) context: &'a SourceContext,
    pub(super) endpoint: Endpoint,
    pub(super) exchange: Exchange,
    pub(super) sessions: &'a Sessions,
}

impl Service<'_> {
    /// The credentials of the node's role, in the session that is open or in a new one.
    pub(super) async fn credentials(&self, notes: &mut Notes) -> Outcome {
        let open = self.sessions.token(&self.endpoint, self.context.now());
        let token = match open {
            Some(token) => token,
            None => match self.new_session(notes).await {
                Ok(token) => token,
                Err(outcome) => return outcome,
            },
        };
        match self.role_credentials(notes, &token).await {
            Err(GetError::SessionOver(_)) => {}
            done => return done.unwrap_or_else(|error| Outcome::Failed(error.into())),
        }
        // A session that is over is opened again, once.
        self.sessions.close();
        match self.new_session(notes).await {
            Ok(token) => {
                let done = self.role_credentials(notes, &token).await;
                done.unwrap_or_else(|error| Outcome::Failed(error.into()))
            }
            Err(Outcome::Skipped(skipped)) => Outcome::Failed(self.lost(&skipped)),
            Err(outcome) => outcome,
        }
    }

    /// The first step of IMDSv2. That nobody answers, or that the service is switched off, is not a failure.
    async fn new_session(&self, notes: &mut Notes) -> Result<String, Outcome> {
        let request = Request::to_path(Method::PUT, &self.endpoint, TOKEN_PATH)
            .header(TTL, "21600")
            .ok_or_else(|| self.unfit());
        let request = request.map_err(Outcome::Failed)?;
        let answer = self.exchange.send(self.context, notes, request).await;
        let answer = answer.map_err(|unanswered| self.unanswered(unanswered))?;
        match answer.status {
            _ if answer.is_success() => self.opened(&answer).map_err(Outcome::Failed),
            403 => Err(Skipped::new(
                Reason::MetadataDisabledOnInstance,
                format!("the service at {} is switched off", self.endpoint),
            )
            .with_hint("The instance's metadata options disable the HTTP endpoint; enable it to use the node's role.")
            .into()),
            // Other clouds have a service at the same address, and refuse a PUT.
            400 | 404 | 405 => Err(Skipped::new(
                Reason::MetadataNotEc2,
                format!("what answers at {} is not EC2's instance metadata: HTTP {}", self.endpoint, answer.status),
            )
            .with_hint(NEEDS_IDENTITY)
            .into()),
            _ => Err(Outcome::Failed(self.refused(TOKEN_PATH, &answer, ""))),
        }
    }

    /// The token in `answer`, which is kept if it can be used and the answer says for how long it is good.
    fn opened(&self, answer: &Answer) -> Result<String, Error> {
        let token = String::from_utf8_lossy(&answer.body).trim().to_owned();
        if token.is_empty() {
            let message = format!("{} answered with an empty session token", self.endpoint);
            return Err(Error::because(Reason::AgentAnswerMalformed, message).with_hint(LOOK_BETWEEN));
        }
        if HeaderValue::from_str(&token).is_err() {
            return Err(self.unfit());
        }
        let lifetime = answer.header(TTL).and_then(|seconds| seconds.trim().parse().ok());
        if let Some(lifetime) = lifetime.filter(|seconds| *seconds <= MAX_TTL).map(Duration::from_secs) {
            self.sessions.open(&self.endpoint, &token, self.context.now(), lifetime);
        }
        Ok(token)
    }

    /// Steps two and three: the name of the role, and its credentials.
    ///
    /// Between the two the role can have been replaced, so that nothing is known of it any more: then its name is asked for once
    /// more.
    async fn role_credentials(&self, notes: &mut Notes, token: &str) -> Result<Outcome, GetError> {
        let mut role = match self.role(notes, token).await? {
            Ok(role) => role,
            Err(skipped) => return Ok(skipped.into()),
        };
        let mut answer = self.credentials_of(&role, notes, token).await?;
        if answer.status == 404 {
            role = match self.role(notes, token).await? {
                Ok(role) => role,
                Err(skipped) => return Ok(skipped.into()),
            };
            answer = self.credentials_of(&role, notes, token).await?;
        }
        match answer.status {
            404 => return Err(self.without_credentials(&role).into()),
            _ if !answer.is_success() => {
                return Err(self.refused(&format!("{ROLES_PATH}{role}"), &answer, token).into());
            }
            _ => {}
        }
        let origin = self.endpoint.to_string();
        let credentials =
            json_credentials::parse(&answer.body, &origin, "InstanceMetadata", Reason::MetadataFailing)?;
        let provided = Provided::new(credentials, Principal::instance_role(role));
        Ok(Outcome::Provided(provided.that_may_outlive()))
    }

    /// The name of the node's role; that it has none is not a failure.
    async fn role(&self, notes: &mut Notes, token: &str) -> Result<Result<String, Skipped>, GetError> {
        let answer = self.get(notes, ROLES_PATH, token).await?;
        let roles = String::from_utf8_lossy(&answer.body);
        let role = roles.lines().next().map(str::trim).unwrap_or_default();
        if answer.status == 404 || (answer.is_success() && role.is_empty()) {
            return Ok(Err(Skipped::new(Reason::NoInstanceProfile, "the node has no instance profile")
                .with_hint(
                    "Attach an instance profile to the node, or give the pod an identity of its own.",
                )));
        }
        if !answer.is_success() {
            return Err(self.refused(ROLES_PATH, &answer, token).into());
        }
        if role.len() > 64 || !role.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b)) {
            let message = format!("{} answered with something other than a role's name", self.endpoint);
            return Err(Error::because(Reason::AgentAnswerMalformed, message).with_hint(LOOK_BETWEEN).into());
        }
        Ok(Ok(role.to_owned()))
    }

    async fn credentials_of(&self, role: &str, notes: &mut Notes, token: &str) -> Result<Answer, GetError> {
        self.get(notes, &format!("{ROLES_PATH}{role}"), token).await
    }

    async fn get(&self, notes: &mut Notes, path: &str, token: &str) -> Result<Answer, GetError> {
        let request = Request::to_path(Method::GET, &self.endpoint, path)
            .header("x-aws-ec2-metadata-token", token)
            .ok_or_else(|| self.unfit())?;
        let answer = self.exchange.send(self.context, notes, request).await;
        let answer = answer.map_err(|unanswered| {
            let what = unanswered.describe(&self.exchange);
            let message = format!(
                "the instance metadata service at {} gave a session token, but then: {what}",
                self.endpoint
            );
            let (reason, hint) = match unanswered.why {
                NoAnswer::TooLong => (Reason::AgentAnswerMalformed, LOOK_BETWEEN),
                NoAnswer::Failed(_) => (Reason::MetadataFailing, "Try again later."),
            };
            Error::because(reason, message).with_hint(hint).with_source(unanswered.source)
        })?;
        match answer.status {
            401 => Err(GetError::SessionOver(self.refused(path, &answer, token))),
            _ => Ok(answer),
        }
    }

    /// What it means that there is no session token. Where nobody answers, there is no such service; where somebody does, at too
    /// great a length, something else is in its place.
    fn unanswered(&self, unanswered: Unanswered) -> Outcome {
        let what = unanswered.describe(&self.exchange);
        let failure = match unanswered.why {
            NoAnswer::Failed(failure) => failure,
            NoAnswer::TooLong => {
                let message = format!("{} gave no session token: {what}", self.endpoint);
                let error = Error::because(Reason::AgentAnswerMalformed, message).with_hint(LOOK_BETWEEN);
                return Outcome::Failed(error.with_source(unanswered.source));
            }
        };
        let detail = format!("no session token from {}: {what}", self.endpoint);
        let (reason, hint) = match failure {
            ConnectionFailure::ReadTimeout => (
                Reason::MetadataHopLimit,
                "A connection without an answer is what a pod sees when the instance's metadata hop limit is 1: pods need 2 or \
                 more. Better, give the pod an identity of its own, by EKS Pod Identity or IRSA.",
            ),
            _ => (Reason::MetadataUnreachable, NEEDS_IDENTITY),
        };
        Skipped::new(reason, detail).with_hint(hint).into()
    }

    fn lost(&self, skipped: &Skipped) -> Error {
        let message = format!(
            "the instance metadata service at {} no longer accepts its session token, and gives no other: {}",
            self.endpoint,
            skipped.detail()
        );
        Error::because(Reason::MetadataFailing, message).with_hint("Try again later.")
    }

    fn refused(&self, path: &str, answer: &Answer, token: &str) -> Error {
        let (reason, hint) = match answer.status {
            429 => (Reason::AgentThrottled, "Try again later."),
            408 | 500.. => (Reason::MetadataFailing, "Try again later."),
            300..=399 => (Reason::AgentAnswerMalformed, LOOK_BETWEEN),
            401 => (
                Reason::TokenRejected,
                "The session token was not accepted; look for a proxy between this pod and the node.",
            ),
            _ => (
                Reason::AccessDenied,
                "Look at the instance's metadata options, and for a proxy between this pod and the node.",
            ),
        };
        let text = answer.text(token);
        let said = if text.is_empty() { String::new() } else { format!(": {text}") };
        let address = self.endpoint.url();
        let message = format!(
            "the instance metadata service refused {address}{path} with HTTP {}{said}",
            answer.status
        );
        Error::because(reason, message)
            .with_hint(hint)
            .with_response(ResponseFacts { status: Some(answer.status), ..ResponseFacts::default() })
    }

    /// While an instance profile is replaced, the service can name a role and know nothing of it.
    fn without_credentials(&self, role: &str) -> Error {
        let message = format!(
            "the instance metadata service at {} names the role {role}, but has no credentials for it",
            self.endpoint
        );
        Error::because(Reason::MetadataFailing, message)
            .with_hint("Try again later. If it lasts, attach the instance profile again.")
            .with_response(ResponseFacts { status: Some(404), ..ResponseFacts::default() })
    }

    fn unfit(&self) -> Error {
        let message =
            format!("{} answered with a session token that no HTTP header can carry", self.endpoint);
        Error::because(Reason::AgentAnswerMalformed, message).with_hint(LOOK_BETWEEN)
    }
}

/// The longest life that a session may have, in seconds ([use IMDSv2]).
///
/// [use IMDSv2]: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
const MAX_TTL: u64 = 21_600;

/// Why there is no answer to a request within a session.
enum GetError {
    /// The session token is not accepted, or no longer.
    SessionOver(Error),
    Failed(Error),
}

impl From<Error> for GetError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<GetError> for Error {
    fn from(error: GetError) -> Self {
        match error {
            GetError::SessionOver(error) | GetError::Failed(error) => error,
        }
    }
}
