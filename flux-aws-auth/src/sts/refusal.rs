//! How a call to STS fails: what is kept of it, what it means and what to do.

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::{AUDIENCE, Sts};
use crate::arn::RoleArn;
use crate::error::{BoxError, Error, ErrorKind, ResponseFacts};
use crate::text::one_line;
use crate::token::Claims;

/// What remains of a failed call: facts for the error, and no raw response, which could hold a secret.
pub(super) struct Failure {
    pub(super) facts: ResponseFacts,
    pub(super) summary: String,
    /// The request could not even be made.
    unsendable: bool,
    cause: Option<BoxError>,
}

impl Sts<'_> {
    /// What a refused exchange means and what to do, by AWS's code and by what the token claims.
    pub(super) fn explain_web_identity(
        &self,
        failure: &Failure,
        role: &RoleArn,
        claims: &Claims,
    ) -> (ErrorKind, String) {
        let account = role.account_id();
        match failure.facts.code.as_deref() {
            Some("ExpiredTokenException") => (ErrorKind::InvalidToken, self.expired_hint(claims)),
            Some("InvalidIdentityToken") if *claims == Claims::default() => (
                ErrorKind::InvalidToken,
                "The file does not hold a ServiceAccount token: check what is mounted there.".to_owned(),
            ),
            Some("InvalidIdentityToken") if !claims.audiences().iter().any(|audience| audience == AUDIENCE) => (
                ErrorKind::InvalidToken,
                format!("The token must be issued for the audience {AUDIENCE}; this one has {claims}."),
            ),
            Some("InvalidIdentityToken") if failure.summary.contains("verification key") => (
                ErrorKind::InvalidToken,
                format!(
                    "AWS could not get the key that signed the token. Check that the keys of the token's issuer are public and \
                     current. The token has {claims}."
                ),
            ),
            Some("InvalidIdentityToken") => (
                ErrorKind::InvalidToken,
                format!(
                    "Account {account} needs an IAM OIDC provider for the token's issuer, with {AUDIENCE} among its client ids. \
                     The token has {claims}."
                ),
            ),
            Some("AccessDenied") => (
                ErrorKind::Denied,
                format!(
                    "Check that the role exists, and that its trust policy allows sts:AssumeRoleWithWebIdentity to what the token \
                     has: {claims}."
                ),
            ),
            Some("IDPCommunicationError") => (
                ErrorKind::Unavailable,
                "AWS could not reach the token's issuer. Try again later; if it lasts, check that the issuer is public.".to_owned(),
            ),
            Some("RegionDisabledException") => (
                ErrorKind::Configuration,
                format!("Activate STS in {} for account {account}, or use another region.", self.region),
            ),
            _ => self.explain(failure),
        }
    }

    /// What any failed call means and what to do.
    pub(super) fn explain(&self, failure: &Failure) -> (ErrorKind, String) {
        let kind = failure.kind();
        let hint = match kind {
            ErrorKind::Unavailable if failure.facts.status.is_none() => format!(
                "Check that this pod may reach {}: network policies, the NAT gateway or the VPC endpoint for STS, and the proxy.",
                self.address()
            ),
            ErrorKind::Unavailable | ErrorKind::Throttled => "Try again later.".to_owned(),
            ErrorKind::InvalidToken => {
                "AWS does not accept these credentials: check that they are current, and this machine's clock.".to_owned()
            }
            ErrorKind::Configuration => "Check the role, the session name and the region that are set.".to_owned(),
            ErrorKind::InvalidResponse => format!("Check that it is AWS that answers at {}.", self.address()),
            _ => "Look AWS's error code up, and the call in CloudTrail.".to_owned(),
        };
        (kind, hint)
    }

    fn expired_hint(&self, claims: &Claims) -> String {
        match claims.is_expired(self.context.now()) {
            Some(false) => {
                "AWS says that the token has expired, but by this machine's clock it has not: check the clock of this node.".to_owned()
            }
            _ => "The token has expired. Kubernetes renews a projected token in time, so check that the pod mounts it as a \
                  projected volume and not as a copy."
                .to_owned(),
        }
    }

    pub(super) fn error(&self, failure: Failure, kind: ErrorKind, call: &str, hint: String) -> Error {
        let error = Error::new(kind, format!("{self}: {call} failed: {}", failure.summary))
            .with_hint(hint)
            .with_response(failure.facts);
        match failure.cause {
            Some(cause) => error.with_source(cause),
            None => error,
        }
    }
}

impl Failure {
    pub(super) fn of<E>(error: SdkError<E, HttpResponse>, token: &str) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let facts = ResponseFacts {
            status: error.raw_response().map(|response| response.status().as_u16()),
            code: error.code().map(str::to_owned),
            request_id: error.request_id().map(str::to_owned),
        };
        let said = match (error.code(), error.message()) {
            (Some(code), Some(message)) => Some(format!("{code}: {message}")),
            (Some(code), None) => Some(code.to_owned()),
            _ => None,
        };
        let summary = said.unwrap_or_else(|| match &error {
            SdkError::TimeoutError(_) => "no answer in time".to_owned(),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => "no answer in time".to_owned(),
            SdkError::DispatchFailure(_) => "no connection".to_owned(),
            SdkError::ConstructionFailure(_) => "the request could not be made".to_owned(),
            _ => match facts.status {
                Some(status) => format!("an answer that could not be read, HTTP {status}"),
                None => "no usable answer".to_owned(),
            },
        });
        let summary = one_line(&if token.is_empty() { summary } else { summary.replace(token, "…") }, 400);
        let unsendable = matches!(error, SdkError::ConstructionFailure(_));
        // Of an error that AWS modelled all is said already.
        let cause = if facts.code.is_some() { None } else { error.into_source().ok() };
        Self { facts, summary, unsendable, cause }
    }

    fn kind(&self) -> ErrorKind {
        match (self.facts.status, self.facts.code.as_deref()) {
            (None, _) if self.unsendable => ErrorKind::Configuration,
            (None, _) => ErrorKind::Unavailable,
            (_, Some("Throttling" | "ThrottlingException" | "RequestLimitExceeded")) | (Some(429), _) => {
                ErrorKind::Throttled
            }
            (Some(500..), _) => ErrorKind::Unavailable,
            (_, Some("ValidationError")) => ErrorKind::Configuration,
            (
                _,
                Some("InvalidClientTokenId" | "SignatureDoesNotMatch" | "ExpiredToken" | "RequestExpired"),
            ) => ErrorKind::InvalidToken,
            (_, Some(_)) => ErrorKind::Denied,
            (_, None) => ErrorKind::InvalidResponse,
        }
    }
}
