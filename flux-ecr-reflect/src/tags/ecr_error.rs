//! What a failed call to the ECR API means for the caller.

use std::error::Error as StdError;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ecr::operation::RequestId;
use aws_sdk_ecr::operation::list_images::ListImagesError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::error::{Error, ErrorKind};
use crate::image::ImageName;
use crate::registry::EcrRegistry;

/// A call of `ListImages`, as its errors name it.
pub(crate) struct Call<'a> {
    pub(crate) image: &'a ImageName,
    pub(crate) registry: &'a EcrRegistry,
    pub(crate) endpoint_url: Option<&'a str>,
}

impl Call<'_> {
    pub(crate) fn failed(&self, error: SdkError<ListImagesError, HttpResponse>) -> Error {
        if has_credentials_error(&error) {
            return Error::new(
                ErrorKind::Credentials,
                format!("no AWS credentials to list the tags of {}", self.image),
            )
            .with_hint("see the credentials provider's own error among the sources")
            .with_source(error);
        }
        match error {
            SdkError::ServiceError(context) => {
                let status = context.raw().status().as_u16();
                self.answered(ServiceAnswer::new(context.err(), status), context.into_err())
            }
            SdkError::ConstructionFailure(_) => Error::new(
                ErrorKind::Configuration,
                format!("no request to ECR could be made for {}", self.image),
            )
            .with_source(error),
            SdkError::ResponseError(_) => self
                .unavailable(format!("the ECR API of {} broke off its answer", self.registry.region()))
                .with_source(error),
            SdkError::TimeoutError(_) => self
                .unavailable(format!("the ECR API of {} did not answer in time", self.registry.region()))
                .with_source(error),
            _ => self
                .unavailable(format!("the ECR API of {} could not be reached", self.registry.region()))
                .with_source(error),
        }
    }

    fn unavailable(&self, message: String) -> Error {
        let error = Error::new(ErrorKind::Unavailable, message);
        match self.endpoint_url {
            Some(url) => {
                error.with_hint(format!("check that the configured endpoint {url} is reachable from here"))
            }
            None => error.with_hint("check DNS, routes and proxies from here to the region's ECR endpoint"),
        }
    }

    fn answered(&self, answer: ServiceAnswer, error: ListImagesError) -> Error {
        let kind = answer.kind();
        if kind == ErrorKind::Response && answer.code.is_none() {
            // A success that could not be read: the SDK's error says where the body went wrong.
            let message = format!("the answer to ListImages of {} is not what ECR promises", self.image);
            return Error::new(kind, message).with_source(error);
        }
        let error = Error::new(kind, self.message(kind)).with_source(answer);
        match self.remedy(kind) {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }

    fn message(&self, kind: ErrorKind) -> String {
        let Call { image, registry, .. } = self;
        let (account, region, repository) = (registry.account_id(), registry.region(), image.repository());
        match kind {
            ErrorKind::AccessDenied => {
                format!("{ACTION} on {} is denied", registry.repository_arn(repository))
            }
            ErrorKind::NotFound => format!("account {account} has no repository {repository:?} in {region}"),
            ErrorKind::Credentials => {
                format!("AWS does not accept the credentials used to list the tags of {image}")
            }
            ErrorKind::Throttled => format!("ECR throttled ListImages of {image}"),
            ErrorKind::Configuration => format!("ECR refused the parameters of ListImages of {image}"),
            _ => format!("ECR failed to list the tags of {image}"),
        }
    }

    fn remedy(&self, kind: ErrorKind) -> Option<String> {
        Some(match kind {
            ErrorKind::AccessDenied => format!(
                "allow {ACTION} on that resource in the identity's IAM policy, and, if the identity belongs \
                 to another account than {}, in the repository's policy too",
                self.registry.account_id()
            ),
            ErrorKind::NotFound => {
                "check the spelling, the account and the region of the image name".to_owned()
            }
            ErrorKind::Credentials => {
                "renew them; check this machine's clock, and that they belong to the partition \
                                       of the image's registry"
                    .to_owned()
            }
            ErrorKind::Throttled => "scan less often, or ask AWS for a higher ListImages rate".to_owned(),
            _ => return None,
        })
    }
}

const ACTION: &str = "ecr:ListImages";

/// What AWS answered, without the response around it.
#[derive(Debug)]
struct ServiceAnswer {
    status: u16,
    code: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
}

impl ServiceAnswer {
    fn new(error: &ListImagesError, status: u16) -> Self {
        Self {
            status,
            code: error.code().map(str::to_owned),
            message: error.message().map(str::to_owned),
            request_id: error.request_id().map(str::to_owned),
        }
    }

    /// By [the operation's errors][1], the [errors common to all actions][2], and else the status.
    ///
    /// [1]: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImages.html#API_ListImages_Errors
    /// [2]: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/CommonErrors.html
    fn kind(&self) -> ErrorKind {
        match self.code.as_deref().unwrap_or_default() {
            "AccessDeniedException" | "AccessDenied" | "NotAuthorized" | "UnauthorizedOperation" => {
                ErrorKind::AccessDenied
            }
            "RepositoryNotFoundException" => ErrorKind::NotFound,
            "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "ExpiredTokenException"
            | "ExpiredToken"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "IncompleteSignature"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
            | "InvalidAccessKeyId"
            | "OptInRequired"
            | "RequestExpired" => ErrorKind::Credentials,
            "ThrottlingException" | "Throttling" | "TooManyRequestsException" | "RequestLimitExceeded" => {
                ErrorKind::Throttled
            }
            "InvalidParameterException" | "ValidationException" | "ValidationError" => {
                ErrorKind::Configuration
            }
            "ServerException" | "InternalFailure" | "ServiceUnavailable" => ErrorKind::Unavailable,
            _ => match self.status {
                429 => ErrorKind::Throttled,
                401 => ErrorKind::Credentials,
                403 => ErrorKind::AccessDenied,
                500.. => ErrorKind::Unavailable,
                _ => ErrorKind::Response,
            },
        }
    }
}

impl fmt::Display for ServiceAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{code}")?,
            None => write!(f, "HTTP status {}", self.status)?,
        }
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        if let Some(id) = &self.request_id {
            write!(f, " (request {id})")?;
        }
        Ok(())
    }
}

impl StdError for ServiceAnswer {}

/// The SDK reports a provider's failure as one of dispatching the request; its source chain tells them apart.
fn has_credentials_error(error: &SdkError<ListImagesError, HttpResponse>) -> bool {
    let mut next: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(source) = next {
        if source.is::<CredentialsError>() {
            return true;
        }
        next = source.source();
    }
    false
}
