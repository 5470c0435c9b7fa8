//! What an error in ECR's words says, and what to do about it.

use std::error::Error as StdError;
use std::fmt;

use aws_sdk_ecr::error::ProvideErrorMetadata;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use flux_aws_auth::Partition;

use crate::denial::Denial;
use crate::error::{ErrorKind, ResponseFacts};
use crate::registry::EcrRegistry;
use crate::tags::ecr_error::Operation;
use crate::tags::ecr_login::LoginApi;

pub(super) const WHO_ANSWERS: &str = "Something between here and ECR may have answered: check proxies, the endpoint_url, and the \
    VPC endpoint.";

/// An answer that holds no page, without the response around it. As an error it is told in AWS's words.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) facts: ResponseFacts,
    message: String,
}

impl Answer {
    pub(super) fn new(error: &impl ProvideErrorMetadata, response: &HttpResponse) -> Self {
        let facts = ResponseFacts {
            status: Some(response.status().as_u16()),
            code: error.code().map(str::to_owned),
            // From the header, which is there even if the body makes no sense.
            request_id: response.headers().get(REQUEST_ID).map(str::to_owned),
        };
        Self { facts, message: error.message().unwrap_or_default().to_owned() }
    }

    pub(super) fn status(&self) -> u16 {
        self.facts.status.unwrap_or_default()
    }

    /// Whether it would have been a page, could it be read.
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status())
    }

    /// By [the operation's errors][1], the [errors common to all actions][2], and else the status. What is not in AWS's
    /// words says nothing of identity and permission: a proxy may have said it.
    ///
    /// [1]: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImages.html#API_ListImages_Errors
    /// [2]: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/CommonErrors.html
    pub(super) fn kind(&self) -> ErrorKind {
        match self.code() {
            "AccessDeniedException" | "AccessDenied" | "NotAuthorized" | "UnauthorizedOperation" => {
                ErrorKind::AccessDenied
            }
            "RepositoryNotFoundException" => ErrorKind::NotFound,
            _ if self.rejection().is_some() => ErrorKind::Credentials,
            "ThrottlingException" | "Throttling" | "TooManyRequestsException" | "RequestLimitExceeded" => {
                ErrorKind::Throttled
            }
            "InvalidParameterException" | "ValidationException" | "ValidationError" => {
                ErrorKind::Configuration
            }
            "ServerException" | "InternalFailure" | "ServiceUnavailable" => ErrorKind::Unavailable,
            code => match self.status() {
                429 => ErrorKind::Throttled,
                401 if !code.is_empty() => ErrorKind::Credentials,
                403 if !code.is_empty() => ErrorKind::AccessDenied,
                407 | 500.. => ErrorKind::Unavailable,
                _ => ErrorKind::InvalidResponse,
            },
        }
    }

    /// Whether the registry asks to slow down.
    pub(super) fn is_throttling(&self) -> bool {
        self.kind() == ErrorKind::Throttled
    }

    /// Whether other credentials of the same identity could do better: not with a wrong clock, and not in a region that is
    /// not the one that answered.
    pub(super) fn rejects_credentials(&self) -> bool {
        matches!(self.rejection(), Some(Rejection::Expired | Rejection::Unknown | Rejection::Signature))
    }

    /// Whose policy denies, if that is what the answer says.
    pub(super) fn denial(&self, registry: &EcrRegistry) -> Option<Denial> {
        let is_denial = self.kind() == ErrorKind::AccessDenied;
        is_denial.then(|| Denial::of(&self.message, false, registry.account_id()))
    }

    /// The same of a login.
    pub(super) fn denial_of_login(&self) -> Option<Denial> {
        let is_denial = self.kind() == ErrorKind::AccessDenied;
        is_denial.then(|| Denial::of(&self.message, true, ""))
    }

    /// The next thing to do about a login that was refused with an AWS error code.
    pub(super) fn remedy_of_login(&self, api: &LoginApi) -> String {
        let actions = api.actions();
        match (self.kind(), self.denial_of_login()) {
            (_, Some(Denial::NoTokenPermission)) if !self.is_explicit() => format!(
                "Allow {actions} in the identity's IAM policy, in a statement of its own with the resource `*`: no resource \
                 can be named for that, and no repository's policy can grant it."
            ),
            (_, Some(_)) => self.permission("", actions),
            (ErrorKind::Credentials, _) => self.renewal(api.region()),
            (ErrorKind::Throttled, _) => "Log in less often: a token is good for twelve hours.".to_owned(),
            (ErrorKind::Unavailable, _) => health(api.region()),
            _ => "Look up the code among the errors of GetAuthorizationToken in ECR's API reference; and check that it is ECR \
                  that answers."
                .to_owned(),
        }
    }

    /// The next thing to do about an answer that has an AWS error code.
    pub(super) fn remedy(&self, registry: &EcrRegistry, operation: Operation, kind: ErrorKind) -> String {
        let region = registry.region();
        match kind {
            ErrorKind::AccessDenied => self.permission(registry.account_id(), operation.action()),
            ErrorKind::NotFound => {
                "Check the spelling, the account and the region of the image name.".to_owned()
            }
            ErrorKind::Credentials => self.renewal(region),
            ErrorKind::Throttled => {
                format!("Scan less often, or ask AWS for a higher rate of {operation}.")
            }
            ErrorKind::Configuration => {
                "Check the image name. If the listing was resumed at a cursor, begin it again from the start: cursors expire."
                    .to_owned()
            }
            ErrorKind::Unavailable => health(region),
            _ => format!(
                "Look up the code among the errors of {operation} in ECR's API reference; and check that it is ECR that answers."
            ),
        }
    }

    /// The next thing to do about an answer that has none.
    pub(super) fn remedy_without_code(&self) -> &'static str {
        match self.status() {
            407 => {
                "A proxy asks for a password: give it to the HTTP client, or exempt the ECR endpoint from the proxy."
            }
            _ => WHO_ANSWERS,
        }
    }

    /// By the kind of policy that AWS names ([troubleshoot access denied errors][1]): a grant elsewhere does not help
    /// against a deny, nor beyond a limit.
    ///
    /// [1]: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    fn permission(&self, account: &str, action: &str) -> String {
        let text = self.message.to_ascii_lowercase();
        let policy = POLICIES.into_iter().find(|policy| text.contains(&policy.name.to_ascii_lowercase()));
        match policy {
            policy if self.is_explicit() => format!(
                "{} denies {action} explicitly, and no allow elsewhere overrides that: change its Deny statement.",
                policy.map_or_else(|| "A policy".to_owned(), |policy| format!("The {}", policy.name))
            ),
            Some(Policy { name, limits: true }) => format!(
                "Allow {action} on that resource in the {name} too: it limits what the identity's own policy can grant."
            ),
            _ => format!(
                "Allow {action} on that resource in the identity's IAM policy, and, if the identity belongs to another \
                 account than {account}, in the repository's policy too."
            ),
        }
    }

    /// Whether a policy says no, rather than none saying yes.
    fn is_explicit(&self) -> bool {
        self.message.to_ascii_lowercase().contains("explicit deny")
    }

    fn renewal(&self, region: &str) -> String {
        let partition = Partition::of_region(region);
        match self.rejection() {
            Some(Rejection::Expired) => {
                "They have expired: see that their source renews them, and check this machine's clock."
                    .to_owned()
            }
            Some(Rejection::Clock) => "Set this machine's clock right.".to_owned(),
            Some(Rejection::Scope) => format!(
                "The request was signed for {region}: check that the endpoint_url is one of that region."
            ),
            Some(Rejection::Signature) => {
                "Check that the secret key belongs to the access key, and that no proxy changes the request."
                    .to_owned()
            }
            Some(Rejection::Unsigned) => {
                "Check that no proxy takes the Authorization header out of the request.".to_owned()
            }
            Some(Rejection::NotOptedIn) => format!("Enable {region} for the account of these credentials."),
            Some(Rejection::Unknown) | None => format!(
                "Check that they are still active and belong to partition {partition}. If {region} is an opt-in region, \
                 enable it for their account, and take session tokens from a regional STS endpoint."
            ),
        }
    }

    /// By code and, where several reasons share one, by AWS's words ([signature troubleshooting][1], [opt-in
    /// regions][2]).
    ///
    /// [1]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
    /// [2]: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html
    fn rejection(&self) -> Option<Rejection> {
        let says = |text: &str| self.message.contains(text);
        Some(match self.code() {
            "ExpiredTokenException" | "ExpiredToken" => Rejection::Expired,
            "UnrecognizedClientException" | "InvalidClientTokenId" | "InvalidAccessKeyId" => {
                Rejection::Unknown
            }
            "RequestExpired" => Rejection::Clock,
            "InvalidSignatureException" | "SignatureDoesNotMatch" | "IncompleteSignature" => {
                if says("Signature expired") || says("Signature not yet current") {
                    Rejection::Clock
                } else if says("Credential should be scoped") {
                    Rejection::Scope
                } else {
                    Rejection::Signature
                }
            }
            "MissingAuthenticationTokenException" | "MissingAuthenticationToken" => Rejection::Unsigned,
            "OptInRequired" => Rejection::NotOptedIn,
            _ => return None,
        })
    }

    fn code(&self) -> &str {
        self.facts.code.as_deref().unwrap_or_default()
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())?;
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        if let Some(id) = &self.facts.request_id {
            write!(f, " (request {id})")?;
        }
        Ok(())
    }
}

impl StdError for Answer {}

fn health(region: &str) -> String {
    format!("Try again. If it lasts, see the AWS Health Dashboard for ECR in {region}.")
}

/// Why AWS does not accept credentials.
#[derive(Clone, Copy)]
enum Rejection {
    Expired,
    /// AWS knows no such key or token, here.
    Unknown,
    Signature,
    /// The signature's date is not that of AWS's clock.
    Clock,
    /// The signature is for another region or service than the one that answered.
    Scope,
    Unsigned,
    NotOptedIn,
}

const REQUEST_ID: &str = "x-amzn-requestid";

/// A kind of policy, as AWS names it in its refusals.
struct Policy {
    name: &'static str,
    /// Whether it grants nothing, and only limits what others grant.
    limits: bool,
}

const POLICIES: [Policy; 7] = [
    Policy { name: "service control policy", limits: true },
    Policy { name: "resource control policy", limits: true },
    Policy { name: "VPC endpoint policy", limits: true },
    Policy { name: "permissions boundary", limits: true },
    Policy { name: "session policy", limits: true },
    Policy { name: "identity-based policy", limits: false },
    Policy { name: "resource-based policy", limits: false },
];
