//! The node's role, from the instance metadata service.

use std::time::Duration;

use async_trait::async_trait;
use http::Method;

use super::exchange::{Answer, Exchange, Request, Step, Unanswered};
use super::{
    CredentialSource, Notes, Outcome, Provided, Skipped, SourceContext, SourceKind, json_credentials,
};
use crate::endpoint::{Endpoint, Purpose};
use crate::environment::Environment;
use crate::error::{Error, ErrorKind, ResponseFacts};
use crate::principal::Principal;
use crate::reason::Reason;
use crate::text::quoted;

const DISABLED: &str = "AWS_EC2_METADATA_DISABLED";
const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
const ENDPOINT_MODE: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE";
const IPV4: &str = "http://169.254.169.254";
const IPV6: &str = "http://[fd00:ec2::254]";

const TOKEN_PATH: &str = "/latest/api/token";
const ROLES_PATH: &str = "/latest/meta-data/iam/security-credentials/";

const NEEDS_IDENTITY: &str = "This is no EC2 instance, or pods are kept from its metadata. Give the pod an identity of its own, by \
                              EKS Pod Identity or IRSA.";

/// A black hole is given up within a second and not tried again: on a machine that is no EC2 instance this is the usual
/// case. The limit for an answer counts from the start of the call, so that for a connection must be shorter for the two to
/// be told apart.
const EXCHANGE: Exchange = Exchange {
    service: "InstanceMetadata",
    operation: "GetCredentials",
    connect_timeout: Duration::from_millis(800),
    read_timeout: Duration::from_secs(1),
    attempts: 3,
    retry_network: false,
};

/// The role of the EC2 instance that this program runs on, from IMDSv2 ([Instance Metadata Service]).
///
/// The last resort of the default order: where nothing is configured, everything on the node shares this role. Flux
/// supports it for ECR alone ([Flux on AWS]). A service that does not answer is skipped within about a second.
/// `AWS_EC2_METADATA_DISABLED=true` means that nothing is sent at all, and a value but `true` and `false` is a failure; `AWS_EC2_METADATA_SERVICE_ENDPOINT` and
/// `AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE` (`IPv4`, `IPv6`) say where the service is.
///
/// [Instance Metadata Service]: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
/// [Flux on AWS]: https://fluxcd.io/flux/integrations/aws/#at-the-node-level
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct InstanceMetadata;

impl InstanceMetadata {
    /// The source; it has no settings but those of the environment.
    pub fn new() -> Self {
        Self
    }
}

#[async_trait]
impl CredentialSource for InstanceMetadata {
    fn kind(&self) -> SourceKind {
        SourceKind::InstanceMetadata
    }

    /// Never: the node is there for every pod, and nothing in the environment asks for it.
    fn is_configured(&self, _environment: &Environment) -> bool {
        false
    }

    async fn load(&self, context: &SourceContext, notes: &mut Notes) -> Outcome {
        match context.environment().var(DISABLED) {
            Some(value) if value.eq_ignore_ascii_case("true") => {
                notes.add(DISABLED, "true");
                return Skipped::new(Reason::MetadataDisabled, format!("{DISABLED} is true")).into();
            }
            // The AWS SDKs ignore other values; whoever wrote `1` did not mean to become the node.
            Some(value) if !value.eq_ignore_ascii_case("false") => {
                return Outcome::Failed(not_a_switch(&value));
            }
            _ => {}
        }
        let endpoint = match endpoint(context.environment(), notes) {
            Ok(endpoint) => endpoint,
            Err(error) => return Outcome::Failed(error),
        };
        let service = Service { context, endpoint };
        match service.session_token(notes).await {
            Ok(token) => service.role_credentials(notes, &token).await.unwrap_or_else(Outcome::Failed),
            Err(outcome) => outcome,
        }
    }
}

fn not_a_switch(value: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("{DISABLED} is {}", quoted(value)))
        .with_hint("Use true or false.")
}

fn endpoint(environment: &Environment, notes: &mut Notes) -> Result<Endpoint, Error> {
    if let Some(address) = environment.var(ENDPOINT) {
        notes.add(ENDPOINT, "set");
        return Endpoint::parse(Purpose::InstanceMetadata, ENDPOINT, &address);
    }
    let address = match environment.var(ENDPOINT_MODE) {
        None => IPV4,
        Some(mode) if mode.eq_ignore_ascii_case("ipv4") => IPV4,
        Some(mode) if mode.eq_ignore_ascii_case("ipv6") => IPV6,
        Some(mode) => {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!("{ENDPOINT_MODE} is {}", quoted(&mode)),
            )
            .with_hint("Use IPv4 or IPv6."));
        }
    };
    Endpoint::parse(Purpose::InstanceMetadata, ENDPOINT_MODE, address)
}

struct Service<'a> {
    context: &'a SourceContext,
    endpoint: Endpoint,
}

impl Service<'_> {
    /// The first step of IMDSv2. That nobody answers, or that the service is switched off, is no failure.
    async fn session_token(&self, notes: &mut Notes) -> Result<String, Outcome> {
        let request = Request::to_path(Method::PUT, &self.endpoint, TOKEN_PATH)
            .header("x-aws-ec2-metadata-token-ttl-seconds", "21600");
        let answer = self.send(notes, request).await.map_err(|error| match error {
            NoAnswer::Unanswered(unanswered) => self.unreachable(&unanswered).into(),
            NoAnswer::Unsendable(error) => Outcome::Failed(error),
        })?;
        match answer.status {
            _ if answer.is_success() => Ok(String::from_utf8_lossy(&answer.body).trim().to_owned()),
            403 => Err(Skipped::new(Reason::MetadataDisabledOnInstance, format!("the service at {} is switched off", self.endpoint))
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

    /// Steps two and three: the name of the role, and its credentials.
    async fn role_credentials(&self, notes: &mut Notes, token: &str) -> Result<Outcome, Error> {
        let answer = self.get(notes, ROLES_PATH, token).await?;
        let roles = String::from_utf8_lossy(&answer.body);
        let role = roles.lines().next().map(str::trim).unwrap_or_default();
        if answer.status == 404 || (answer.is_success() && role.is_empty()) {
            return Ok(Skipped::new(Reason::NoInstanceProfile, "the node has no instance profile")
                .with_hint("Attach an instance profile to the node, or give the pod an identity of its own.")
                .into());
        }
        if !answer.is_success() {
            return Err(self.refused(ROLES_PATH, &answer, token));
        }
        if role.len() > 64 || !role.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b)) {
            return Err(Error::because(
                Reason::AgentAnswerMalformed,
                format!("{} answered what is no role name", self.endpoint),
            ));
        }
        let path = format!("{ROLES_PATH}{role}");
        let answer = self.get(notes, &path, token).await?;
        if !answer.is_success() {
            return Err(self.refused(&path, &answer, token));
        }
        let origin = self.endpoint.to_string();
        let credentials = json_credentials::parse(&answer.body, &origin, "InstanceMetadata")?;
        Ok(Outcome::Provided(Provided::new(credentials, Principal::instance_role(role))))
    }

    async fn get(&self, notes: &mut Notes, path: &str, token: &str) -> Result<Answer, Error> {
        let request =
            Request::to_path(Method::GET, &self.endpoint, path).header("x-aws-ec2-metadata-token", token);
        self.send(notes, request).await.map_err(|error| match error {
            NoAnswer::Unsendable(error) => error,
            NoAnswer::Unanswered(unanswered) => Error::because(
                Reason::MetadataFailing,
                format!(
                    "the instance metadata service at {} gave a session token, but then: {}",
                    self.endpoint,
                    unanswered.step.describe(&EXCHANGE)
                ),
            )
            .with_hint("Try again later.")
            .with_source(unanswered.source),
        })
    }

    async fn send(&self, notes: &mut Notes, request: Option<Request>) -> Result<Answer, NoAnswer> {
        let request = request.ok_or_else(|| {
            NoAnswer::Unsendable(Error::because(
                Reason::AgentAnswerMalformed,
                format!("{} answered with a session token that no HTTP header can carry", self.endpoint),
            ))
        })?;
        EXCHANGE.send(self.context, notes, request).await.map_err(NoAnswer::Unanswered)
    }

    fn unreachable(&self, unanswered: &Unanswered) -> Skipped {
        let detail = format!(
            "nobody gives a session token at {}: {}",
            self.endpoint,
            unanswered.step.describe(&EXCHANGE)
        );
        let (reason, hint) = match unanswered.step {
            Step::ReadTimeout => (
                Reason::MetadataHopLimit,
                "A connection without an answer is what a pod sees when the instance's metadata hop limit is 1: pods need 2 or \
                 more. Better, give the pod an identity of its own, by EKS Pod Identity or IRSA.",
            ),
            _ => (Reason::MetadataUnreachable, NEEDS_IDENTITY),
        };
        Skipped::new(reason, detail).with_hint(hint)
    }

    fn refused(&self, path: &str, answer: &Answer, token: &str) -> Error {
        let (reason, hint) = match answer.status {
            429 => (Reason::AgentThrottled, "Try again later."),
            500.. => (Reason::MetadataFailing, "Try again later."),
            401 => (
                Reason::TokenRejected,
                "The session token was not accepted; look for a proxy between this pod and the node.",
            ),
            _ => (
                Reason::Denied,
                "Look at the instance's metadata options, and for a proxy between this pod and the node.",
            ),
        };
        let text = answer.text(token);
        let said = if text.is_empty() { String::new() } else { format!(": {text}") };
        Error::because(
            reason,
            format!(
                "the instance metadata service refused {}{path} with HTTP {}{said}",
                self.endpoint.url(),
                answer.status
            ),
        )
        .with_hint(hint)
        .with_response(ResponseFacts { status: Some(answer.status), code: None, request_id: None })
    }
}

enum NoAnswer {
    Unsendable(Error),
    Unanswered(Unanswered),
}
