//! What the agent means when it refuses.

use serde_json::Value;

use crate::reason::Reason;
use crate::text::one_line;

/// Which of the two agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Eks,
    Ecs,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Eks => "Pod Identity agent",
            Self::Ecs => "ECS agent",
        }
    }

    /// What to do when nobody answers.
    pub(super) fn unreachable(self) -> &'static str {
        match self {
            Self::Eks => {
                "Check that the eks-pod-identity-agent add-on is installed and runs on this node, and that no network policy \
                 keeps this pod from it."
            }
            Self::Ecs => {
                "Check that this task runs on ECS, that its agent runs on this instance, and that the way to 169.254.170.2 is \
                 free: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is for ECS alone."
            }
        }
    }

    /// What to do when no answer comes.
    pub(super) fn silent(self) -> &'static str {
        match self {
            Self::Eks => {
                "The agent is there but does not answer: look at the logs of the eks-pod-identity-agent on this node."
            }
            Self::Ecs => {
                "The agent is there but does not answer: look at the logs of the ECS agent on this instance."
            }
        }
    }

    fn failing(self) -> &'static str {
        match self {
            Self::Eks => "Try again later; look at the logs of the eks-pod-identity-agent on this node.",
            Self::Ecs => "Try again later; look at the logs of the ECS agent on this instance.",
        }
    }
}

/// How the agent refuses. That of EKS passes on what EKS said, as `[request id]: (Code): message, fault: …`, or has words of its
/// own. That of ECS writes JSON, with `code` and `message`.
pub(super) struct Refusal {
    pub(super) text: String,
    pub(super) code: Option<String>,
    pub(super) request_id: Option<String>,
}

impl Refusal {
    pub(super) fn of(text: String) -> Self {
        if let Some(refusal) = Self::in_json(&text) {
            return refusal;
        }
        let passed_on = text.strip_prefix('[').and_then(|rest| rest.split_once("]: ("));
        let passed_on = passed_on.and_then(|(id, rest)| Some((id, rest.split_once("): ")?.0)));
        match passed_on.filter(|(_, code)| is_code(code)) {
            Some((id, code)) => Self {
                code: Some(code.to_owned()),
                request_id: Some(id.to_owned()).filter(|id| !id.is_empty()),
                text,
            },
            None => Self { text, code: None, request_id: None },
        }
    }

    fn in_json(text: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(text).ok()?;
        let code = json["code"].as_str().filter(|code| is_code(code))?;
        let message = one_line(json["message"].as_str().unwrap_or_default(), 300);
        let text = if message.is_empty() { code.to_owned() } else { format!("{code}: {message}") };
        Some(Self { text, code: Some(code.to_owned()), request_id: None })
    }

    pub(super) fn meaning(&self, kind: Kind, status: u16) -> (Reason, &'static str) {
        match kind {
            Kind::Eks => self.meaning_of_eks(status),
            Kind::Ecs => self.meaning_of_ecs(status),
        }
    }

    /// By the codes of the [agent].
    ///
    /// [agent]: https://github.com/aws/amazon-ecs-agent
    fn meaning_of_ecs(&self, status: u16) -> (Reason, &'static str) {
        match (status, self.code.as_deref()) {
            (429, _) => (Reason::AgentThrottled, "Try again later; many tasks ask for credentials at once."),
            (_, Some("CredentialsUninitialized")) => (
                Reason::AgentFailing,
                "Try again later: the ECS agent has just started, and does not know its tasks yet.",
            ),
            (500.., _) => (Reason::AgentFailing, Kind::Ecs.failing()),
            (_, Some("NoIdInRequest" | "InvalidIdInRequest" | "NoCredentialsAssociated")) => (
                Reason::AccessDenied,
                "The agent knows no task of this address. ECS sets AWS_CONTAINER_CREDENTIALS_RELATIVE_URI for each task that \
                 has a task role: do not set it by hand, and see that the task definition names a taskRoleArn.",
            ),
            (_, Some(_)) => (
                Reason::AccessDenied,
                "Look at the logs of the ECS agent on this instance for the same request.",
            ),
            (_, None) => (Reason::AgentAnswerMalformed, NOT_THE_AGENT),
        }
    }

    fn meaning_of_eks(&self, status: u16) -> (Reason, &'static str) {
        match (status, self.code.as_deref()) {
            (429, _) | (_, Some("ThrottlingException")) => {
                (Reason::AgentThrottled, "Try again later; many pods ask for credentials at once.")
            }
            (500.., _) => (Reason::AgentFailing, Kind::Eks.failing()),
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
            // Neither EKS nor the agent says no in another form.
            (_, None) => (Reason::AgentAnswerMalformed, NOT_THE_AGENT),
            (_, Some(_)) => (
                Reason::AccessDenied,
                "Look at the logs of the eks-pod-identity-agent on this node for the same request.",
            ),
        }
    }
}

const BAD_TOKEN: &str = "The token in the mounted file was not accepted. Check this node's clock, and that the file is the one \
    that EKS mounts.";

const NOT_THE_AGENT: &str = "Most likely it was not the agent that answered: look for a service mesh or a proxy between this \
    container and its node, else at the agent's logs.";

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphabetic())
}
