//! The services by name, and how each words an error.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::kubernetes::Status;
use crate::wire::Rejection;
use crate::{imds, pod_identity};

/// One of the services, each of which has a port of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Service {
    /// The ECR API.
    Ecr,
    /// The ECR Public API.
    EcrPublic,
    /// The registry that is not AWS's.
    GenericRegistry,
    /// Where its tokens are to be had.
    GenericTokens,
    /// The node's metadata service.
    Imds,
    /// Where the token issuer publishes its keys.
    Issuer,
    /// The Kubernetes API.
    Kubernetes,
    /// Where the registry's blobs are kept.
    Layers,
    /// The EKS Pod Identity agent.
    PodIdentity,
    /// The public registry, its token endpoint included.
    PublicRegistry,
    /// The registry.
    Registry,
    /// The Security Token Service.
    Sts,
}

impl Service {
    /// What its operations begin with in [`LocalAws::requests`](crate::LocalAws::requests).
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ecr => "ecr",
            Self::EcrPublic => "ecr-public",
            Self::GenericRegistry => "generic-registry",
            Self::GenericTokens => "generic-tokens",
            Self::Imds => "imds",
            Self::Issuer => "oidc",
            Self::Kubernetes => "kubernetes",
            Self::Layers => "layers",
            Self::PodIdentity => "pod-identity",
            Self::PublicRegistry => "public-registry",
            Self::Registry => "registry",
            Self::Sts => "sts",
        }
    }

    /// What a caller over its quota is told.
    ///
    /// Sources: <https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html>,
    /// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/common-errors.html>,
    /// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html#instancedata-throttling>,
    /// <https://docs.aws.amazon.com/eks/latest/APIReference/API_auth_AssumeRoleForPodIdentity.html>,
    /// <https://kubernetes.io/docs/concepts/cluster-administration/flow-control/>.
    pub(crate) fn throttled(self) -> Response {
        let (status, code, message) = match self {
            Self::Sts => (400, "Throttling", "Rate exceeded"),
            Self::Ecr | Self::EcrPublic => (400, "ThrottlingException", "Rate exceeded"),
            Self::Registry | Self::PublicRegistry | Self::GenericRegistry | Self::GenericTokens => {
                (429, "TOOMANYREQUESTS", "Rate exceeded")
            }
            Self::PodIdentity => (429, "ThrottlingException", "Rate exceeded"),
            Self::Layers => (503, "SlowDown", "Please reduce your request rate."),
            Self::Issuer => (429, "TooManyRequests", "Too Many Requests"),
            Self::Kubernetes => {
                let message = "Too many requests, please try again later.";
                let mut response = self.error(429, "TooManyRequests", message);
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
                return response;
            }
            Self::Imds => (503, "ServiceUnavailable", "Service Unavailable"),
        };
        self.error(status, code, message)
    }

    /// An error of `status` with the code and the words usual for it.
    pub(crate) fn error_of_status(self, status: u16) -> Response {
        let reason = status_code(status).canonical_reason().unwrap_or("Error");
        let code = match (self, status) {
            (Self::Ecr | Self::EcrPublic, 500) => "ServerException".to_owned(),
            (Self::Ecr | Self::EcrPublic | Self::PodIdentity, _) => {
                format!("{}Exception", reason.replace(' ', ""))
            }
            (Self::Sts, 500) => "InternalFailure".to_owned(),
            _ if self.is_registry() => reason.replace(' ', "_").to_uppercase(),
            _ => reason.replace(' ', ""),
        };
        self.error(status, &code, reason)
    }

    /// An error in the service's own format.
    pub(crate) fn error(self, status: u16, code: &str, message: &str) -> Response {
        let status = status_code(status);
        let rejection = Rejection::new(status, code.to_owned(), message.to_owned());
        match self {
            Self::Sts | Self::Layers => rejection.into_xml(),
            Self::Ecr | Self::EcrPublic => rejection.into_json(),
            Self::Registry | Self::PublicRegistry | Self::GenericRegistry | Self::GenericTokens => {
                rejection.into_registry()
            }
            Self::PodIdentity => pod_identity::service_error(status, code, message),
            Self::Imds => imds::page(status),
            Self::Kubernetes => Status::of(status, message).into_response(),
            Self::Issuer => {
                (status, [(header::CONTENT_TYPE, "text/plain")], message.to_owned()).into_response()
            }
        }
    }

    fn is_registry(self) -> bool {
        matches!(self, Self::Registry | Self::PublicRegistry | Self::GenericRegistry | Self::GenericTokens)
    }

    /// The content type of a right answer.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Sts => "text/xml",
            Self::Ecr | Self::EcrPublic => "application/x-amz-json-1.1",
            Self::Imds => "text/plain",
            Self::Layers => "application/octet-stream",
            Self::Registry
            | Self::PublicRegistry
            | Self::GenericRegistry
            | Self::GenericTokens
            | Self::PodIdentity
            | Self::Issuer
            | Self::Kubernetes => "application/json",
        }
    }
}

/// The status `number` stands for; 500 where it stands for none.
fn status_code(number: u16) -> StatusCode {
    StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
