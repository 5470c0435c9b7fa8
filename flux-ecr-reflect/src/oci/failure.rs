//! What a failed request means for the caller.

use std::error::Error as StdError;
use std::fmt;

use aws_smithy_runtime_api::client::result::ConnectorError;
use flux_aws_auth::ConnectionFailure;
use serde_json::Value;

use super::origin::Origin;
use super::wire::{Answer, TOO_MANY_REQUESTS, Unanswered};
use crate::denial::Denial;
use crate::error::{Error, ErrorKind, ResponseFacts};
use crate::image::ImageName;

/// What is asked, as its errors name it.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) image: &'a ImageName,
    pub(super) origin: &'a Origin,
    /// The tag or digest of a manifest or a blob; `None` for the list of tags.
    pub(super) reference: Option<&'a str>,
    pub(super) is_blob: bool,
}

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let image = self.image;
        match self.reference {
            None => write!(f, "the tags of {image}"),
            Some(digest) if self.is_blob => write!(f, "the blob {digest} of {image}"),
            Some(digest) if digest.contains(':') => write!(f, "the manifest {image}@{digest}"),
            Some(tag) => write!(f, "the manifest {image}:{tag}"),
        }
    }
}

impl<'a> Subject<'a> {
    pub(super) fn tags(image: &'a ImageName, origin: &'a Origin) -> Self {
        Self { image, origin, reference: None, is_blob: false }
    }

    pub(super) fn manifest(image: &'a ImageName, origin: &'a Origin, reference: &'a str) -> Self {
        Self { image, origin, reference: Some(reference), is_blob: false }
    }

    pub(super) fn registry(&self) -> String {
        self.origin.authority()
    }

    /// An answer that makes no sense.
    pub(super) fn senseless(&self, answer: &Answer, message: impl fmt::Display) -> Error {
        let message = format!("{} answered for {self} with {message}", self.registry());
        Error::new(ErrorKind::InvalidResponse, message).with_hint(WHO_ANSWERS).with_response(facts(answer))
    }

    pub(super) fn unanswered(&self, unanswered: Unanswered) -> Error {
        let is_page_too_long = self.reference.is_none() && matches!(unanswered, Unanswered::TooLong(_));
        let error = no_answer(unanswered, &self.registry(), &format!("for {self}"));
        if is_page_too_long {
            error.with_hint(
                "If the registry has that many tags and knows no pages, set a greater max_page_bytes.",
            )
        } else {
            error
        }
    }

    pub(super) fn not_in_time(&self, was_throttled: bool) -> Error {
        let registry = self.registry();
        if was_throttled {
            let message = format!("{registry} throttled the request for {self} until the time was up");
            return Error::new(ErrorKind::Throttled, message).with_hint(SLOW_DOWN);
        }
        let message = format!("{registry} gave no answer for {self} in time");
        Error::new(ErrorKind::Unavailable, message)
            .with_hint("Try again. If it lasts, set a longer timeout, or check the registry's status.")
    }

    /// An answer that is not a success. `asker` is who asked, `secrets` what proved it.
    pub(super) fn refused(&self, answer: &Answer, asker: &str, secrets: &[&str]) -> Error {
        let Self { image, .. } = self;
        let registry = self.registry();
        let said = Said::read(answer, secrets);
        let kind = said.kind(answer.status);
        let message = match kind {
            ErrorKind::Credentials => format!("{registry} does not accept {asker} for {self}"),
            ErrorKind::AccessDenied => format!("{registry} denies {asker} access to {self}"),
            ErrorKind::NotFound if self.reference.is_some() => format!("{registry} does not have {self}"),
            ErrorKind::NotFound => format!("{registry} has no repository {:?}", image.repository()),
            ErrorKind::Throttled => format!("{registry} throttled the request for {self}"),
            ErrorKind::Configuration => format!("{registry} refused the request for {self} as invalid"),
            _ => format!("{registry} answered the request for {self} with HTTP {}", answer.status),
        };
        let error = Error::new(kind, message).with_response(facts(answer));
        let error = match image.ecr_registry() {
            Ok(ecr) if kind == ErrorKind::AccessDenied => error
                .with_denial(Some(Denial::of(&said.message, false, ecr.account_id())))
                .with_hint(format!(
                    "Allow ecr:ListImages and ecr:BatchGetImage on {} in the identity's IAM policy, and, if the identity belongs \
                     to another account, in the repository's policy too.",
                    ecr.repository_arn(image.repository())
                )),
            _ => error.with_hint(self.remedy(kind, answer.status)),
        };
        said.into_source_of(error)
    }

    fn remedy(&self, kind: ErrorKind, status: u16) -> &'static str {
        let is_ecr = self.image.ecr_registry().is_ok();
        match kind {
            ErrorKind::Credentials if is_ecr => {
                "Log in again: a password of Amazon ECR is good for twelve hours."
            }
            ErrorKind::Credentials => {
                "Check the name of the image first: a registry may answer so for one that does not exist. Then give a login that \
                 may pull it."
            }
            ErrorKind::AccessDenied => "Give this login the right to pull the image.",
            ErrorKind::NotFound => "Check the spelling of the image, and that the login may see it.",
            ErrorKind::Throttled if self.registry().ends_with("docker.io") => {
                "Docker Hub limits requests by account, and more tightly without a login: give one, or scan less often."
            }
            ErrorKind::Throttled => SLOW_DOWN,
            ErrorKind::Configuration => {
                "Check the spelling of the image. If it is right, set a smaller page_size."
            }
            _ if status == 407 => {
                "A proxy asks for a password: give it to the HTTP client, or exempt the registry from the proxy."
            }
            ErrorKind::InvalidResponse if matches!(status, 404 | 405) => {
                "Check that the host is a registry, and that it offers a list of tags: not every one does."
            }
            ErrorKind::Unavailable => "Try again. If it lasts, check the registry's status.",
            _ => WHO_ANSWERS,
        }
    }
}

/// There was no answer of `host`, which was asked `what`.
pub(super) fn no_answer(unanswered: Unanswered, host: &str, what: &str) -> Error {
    match unanswered {
        Unanswered::NotSent(source) => {
            let message = format!("the HTTP client cannot send a request to {host}");
            Error::new(ErrorKind::Configuration, message).with_source_from(source, says_something)
        }
        Unanswered::Connection(failure, source) => {
            let message = format!("{host} could not be asked {what}: {failure}");
            Error::new(ErrorKind::Unavailable, message)
                .with_hint(failure.hint())
                .with_source_from(source, says_something)
        }
        Unanswered::NoTurn(error) => error,
        Unanswered::TimedOut => {
            Error::new(ErrorKind::Unavailable, format!("{host} gave no answer {what} in time"))
                .with_hint(ConnectionFailure::ReadTimeout.hint())
        }
        Unanswered::TooLong(limit) => {
            let message = format!("the answer of {host} {what} is longer than {limit} bytes");
            Error::new(ErrorKind::InvalidResponse, message).with_hint(WHO_ANSWERS)
        }
    }
}

pub(super) fn facts(answer: &Answer) -> ResponseFacts {
    ResponseFacts { status: Some(answer.status), ..ResponseFacts::default() }
}

/// What a registry says of an error ([error codes]). As an error it is told in the registry's words.
///
/// [error codes]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    code: String,
    message: String,
}

impl Said {
    /// The first error in the answer, in whichever of the usual forms. `secrets` are taken out should it repeat them.
    pub(super) fn read(answer: &Answer, secrets: &[&str]) -> Self {
        let Ok(answer) = serde_json::from_slice::<Value>(&answer.body) else { return Self::default() };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (code, message) = if let Some(error) = answer["errors"].get(0) {
            (text(&error["code"]), text(&error["message"]))
        } else {
            let messages = ["error_description", "details", "message"].map(|name| text(&answer[name]));
            let message = messages.into_iter().find(|text| !text.is_empty());
            (text(&answer["error"]), message.unwrap_or_default())
        };
        Self { code: shown(&code, 60, secrets), message: shown(&message, 300, secrets) }
    }

    /// By the code and, where there is none that decides it, the status.
    pub(super) fn kind(&self, status: u16) -> ErrorKind {
        match self.code.as_str() {
            _ if self.is_of_expired_login(status) => ErrorKind::Credentials,
            "UNAUTHORIZED" => ErrorKind::Credentials,
            "DENIED" => ErrorKind::AccessDenied,
            "NAME_UNKNOWN" | "MANIFEST_UNKNOWN" => ErrorKind::NotFound,
            "TOOMANYREQUESTS" => ErrorKind::Throttled,
            "NAME_INVALID" | "TAG_INVALID" | "PAGINATION_NUMBER_INVALID" => ErrorKind::Configuration,
            _ => match status {
                401 => ErrorKind::Credentials,
                403 => ErrorKind::AccessDenied,
                // Without a code it may be no registry that answers.
                404 if !self.code.is_empty() => ErrorKind::NotFound,
                TOO_MANY_REQUESTS => ErrorKind::Throttled,
                407 | 408 | 500.. => ErrorKind::Unavailable,
                _ => ErrorKind::InvalidResponse,
            },
        }
    }

    /// Amazon ECR answers so to a password or token that was good once, or never: with [403 where it is private][1] and [400
    /// where it is public][2].
    ///
    /// [1]: https://docs.aws.amazon.com/AmazonECR/latest/userguide/common-errors-docker.html
    /// [2]: https://github.com/aws/containers-roadmap/issues/2835
    pub(super) fn is_of_expired_login(&self, status: u16) -> bool {
        let message = self.message.to_ascii_lowercase();
        let words = ["authorization token has expired", "authorization token is invalid"];
        matches!(status, 400 | 403) && words.into_iter().any(|words| message.contains(words))
    }

    pub(super) fn into_source_of(self, error: Error) -> Error {
        if self == Self::default() { error } else { error.with_source(self) }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let between = if self.code.is_empty() || self.message.is_empty() { "" } else { ": " };
        write!(f, "{}{between}{}", self.code, self.message)
    }
}

impl StdError for Said {}

const WHO_ANSWERS: &str = "Check that the host is a registry, and that it is the registry that answers: a proxy or a page to log \
    in may have answered in its place.";

const SLOW_DOWN: &str = "Scan less often, or fewer repositories at once.";

/// At most `limit` characters of text from outside, on one line and without secrets.
fn shown(text: &str, limit: usize, secrets: &[&str]) -> String {
    let mut text = text.trim().to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "…");
    }
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(limit).collect()
}

/// The HTTP client's own layers only name themselves.
fn says_something(error: &(dyn StdError + 'static)) -> bool {
    !error.is::<ConnectorError>() && !error.to_string().starts_with("client error (")
}
