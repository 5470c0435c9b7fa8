//! What the agent means when it refuses.

use crate::reason::Reason;

/// How the agent refuses: what EKS said, as `[request id]: (Code): message, fault: …`, or words of its own.
pub(super) struct Refusal {
    pub(super) text: String,
    pub(super) code: Option<String>,
    pub(super) request_id: Option<String>,
}

impl Refusal {
    pub(super) fn of(text: String) -> Self {
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

    pub(super) fn meaning(&self, status: u16) -> (Reason, &'static str) {
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
