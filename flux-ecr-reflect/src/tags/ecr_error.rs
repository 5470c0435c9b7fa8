//! What a failed call to the ECR API means for the caller.

use std::error::Error as StdError;
use std::fmt;
use std::time::{Duration, SystemTime};

use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use flux_aws_auth::AnswerLimit;

use crate::error::{Error, ErrorKind};
use crate::image::ImageName;
use crate::registry::EcrRegistry;
use crate::tags::ecr_answer::{Answer, WHO_ANSWERS};
use crate::tags::ecr_client::MAX_ANSWER_MIB;
use crate::tags::{Cursor, Detail};
use crate::throttle::retry_after;

/// What is called to list tags.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation {
    ListImages,
    DescribeImages,
}

impl Operation {
    pub(crate) fn for_detail(detail: Detail) -> Self {
        match detail {
            Detail::Digests => Self::ListImages,
            Detail::Images => Self::DescribeImages,
        }
    }

    /// The permission it takes.
    pub(crate) fn action(self) -> &'static str {
        match self {
            Self::ListImages => "ecr:ListImages",
            Self::DescribeImages => "ecr:DescribeImages",
        }
    }

    /// What it tells.
    pub(crate) fn listed(self) -> &'static str {
        match self {
            Self::ListImages => "tags",
            Self::DescribeImages => "tags and push times",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A call for a page of tags, as its errors name it.
pub(super) struct Call<'a> {
    pub(super) operation: Operation,
    pub(super) image: &'a ImageName,
    pub(super) registry: &'a EcrRegistry,
    pub(super) cursor: Option<&'a Cursor>,
    pub(super) endpoint_url: Option<&'a str>,
}

/// A call that failed.
pub(crate) struct Failed {
    pub(crate) error: Error,
    /// Whether other credentials of the same identity could do better.
    pub(crate) credentials_rejected: bool,
    pub(super) throttled: Option<Throttled>,
}

/// That ECR asked to slow down.
pub(super) struct Throttled {
    /// For how long, where it says that.
    pub(super) retry_after: Option<Duration>,
}

impl From<Error> for Failed {
    /// What has nothing to do with credentials and rates.
    fn from(error: Error) -> Self {
        Self { error, credentials_rejected: false, throttled: None }
    }
}

impl Call<'_> {
    pub(super) fn has_no_credentials(&self, error: flux_aws_auth::Error) -> Error {
        let message = format!("no AWS credentials to list the tags of {}", self.image);
        let failed = Error::new(ErrorKind::Credentials, message).with_retryable(error.is_retryable());
        match error.hint().map(str::to_owned) {
            Some(hint) => failed.with_hint(hint),
            None => failed,
        }
        .with_source(error)
    }

    pub(super) fn failed<E>(&self, error: SdkError<E, HttpResponse>, now: SystemTime) -> Failed
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        if let SdkError::ServiceError(context) = error {
            let answer = Answer::new(context.err(), context.raw());
            let credentials_rejected = answer.rejects_credentials();
            let headers = context.raw().headers();
            let throttled = answer.is_throttling().then(|| Throttled {
                retry_after: headers
                    .get("retry-after")
                    .and_then(|value| retry_after(value, headers.get("date"), now)),
            });
            return Failed {
                error: self.answered(answer, context.into_err()),
                credentials_rejected,
                throttled,
            };
        }
        self.unanswered(error).into()
    }

    fn unanswered<E>(&self, error: SdkError<E, HttpResponse>) -> Error
    where
        E: StdError + Send + Sync + 'static,
    {
        let region = self.registry.region();
        unanswered(error, &format!("the ECR API of {region}"), region, self.endpoint_url)
    }

    fn answered<E>(&self, answer: Answer, error: E) -> Error
    where
        E: StdError + Send + Sync + 'static,
    {
        let kind = answer.kind();
        let Call { operation, image, registry, .. } = *self;
        if answer.facts.code.is_some() {
            let failed = Error::new(kind, self.refusal(kind))
                .with_response(answer.facts.clone())
                .with_denial(answer.denial(registry));
            return failed.with_hint(answer.remedy(registry, operation, kind)).with_source(answer);
        }
        if answer.is_success() {
            return Error::new(kind, format!("ECR's answer to {operation} of {image} cannot be read"))
                .with_hint(WHO_ANSWERS)
                .with_response(answer.facts)
                .with_source_from(error.into(), says_something::<E>);
        }
        let status = answer.status();
        Error::new(
            kind,
            format!("{operation} of {image} was answered with HTTP {status} and no AWS error code"),
        )
        .with_hint(answer.remedy_without_code())
        .with_response(answer.facts)
    }

    fn refusal(&self, kind: ErrorKind) -> String {
        let Call { operation, image, registry, .. } = self;
        let (account, region, repository) = (registry.account_id(), registry.region(), image.repository());
        match kind {
            ErrorKind::AccessDenied => {
                format!("{} on {} is denied", operation.action(), registry.repository_arn(repository))
            }
            ErrorKind::NotFound => format!("account {account} has no repository {repository:?} in {region}"),
            ErrorKind::Credentials => {
                format!("AWS does not accept the credentials used to list the tags of {image}")
            }
            ErrorKind::Throttled => format!("ECR throttled {operation} of {image}"),
            ErrorKind::Configuration => format!("ECR refused the parameters of {operation} of {image}"),
            _ => format!("ECR failed to list the tags of {image}"),
        }
    }
}

/// What it means that there was no answer of `api`, in a region and at its own address unless another is configured.
pub(super) fn unanswered<E>(
    error: SdkError<E, HttpResponse>,
    api: &str,
    region: &str,
    endpoint_url: Option<&str>,
) -> Error
where
    E: StdError + Send + Sync + 'static,
{
    let failed = match &error {
        SdkError::ConstructionFailure(_) => {
            Error::new(ErrorKind::Configuration, format!("no request to {api} could be made"))
        }
        // Of the HTTP client itself, which says what it lacks.
        SdkError::DispatchFailure(failure) if failure.is_user() => {
            Error::new(ErrorKind::Configuration, "the HTTP client cannot send requests to ECR")
        }
        error if AnswerLimit::was_exceeded(error) => Error::new(
            ErrorKind::InvalidResponse,
            format!("{api} sent an answer of more than {MAX_ANSWER_MIB} MiB"),
        )
        .with_hint(WHO_ANSWERS),
        SdkError::ResponseError(_) => {
            unavailable(format!("{api} cut its answer short"), region, endpoint_url)
        }
        SdkError::TimeoutError(_) => {
            unavailable(format!("{api} did not answer in time"), region, endpoint_url)
        }
        _ => unavailable(format!("{api} could not be reached"), region, endpoint_url),
    };
    failed.with_source_from(error.into(), says_something::<E>)
}

pub(super) fn unavailable(message: String, region: &str, endpoint_url: Option<&str>) -> Error {
    let hint = match endpoint_url {
        Some(url) => format!("Check that the configured endpoint {url} can be reached from here."),
        None => format!(
            "Check the spelling of the region {region}, then DNS, routes and firewalls between here and its ECR endpoint, and \
             the proxy, if the HTTP client uses one."
        ),
    };
    Error::new(ErrorKind::Unavailable, message).with_hint(hint)
}

/// The SDK's and the HTTP client's own layers only name themselves: "dispatch failure", "io error", "client error
/// (Connect)".
fn says_something<E: StdError + 'static>(error: &(dyn StdError + 'static)) -> bool {
    !error.is::<SdkError<E, HttpResponse>>()
        && !error.is::<E>()
        && !error.is::<ConnectorError>()
        && !error.to_string().starts_with("client error (")
}
