//! How a call to STS fails: what is kept of it, what it means and what to do.

use std::error::Error as StdError;

use aws_credential_types::Credentials;
use aws_runtime::retries::classifiers::{THROTTLING_ERRORS, TRANSIENT_ERRORS};
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::recorder::Recorded;
use super::{AUDIENCE, Sts};
use crate::arn::RoleArn;
use crate::clock_skew::ClockSkew;
use crate::connection::{ConnectionFailure, causes, own_error};
use crate::error::{BoxError, Error, ResponseFacts};
use crate::reason::Reason;
use crate::text::one_line;
use crate::token::Claims;

/// What remains of a failed call: facts for the error, and no raw response, which could hold a secret.
pub(super) struct Failure {
    pub(super) facts: ResponseFacts,
    /// What happened, in one line: AWS's code and message, if it gave them.
    summary: String,
    /// More than AWS tolerates.
    skew: Option<ClockSkew>,
    /// The request could not even be made.
    unsendable: bool,
    /// There was no answer.
    connection: Option<ConnectionFailure>,
    /// The HTTP client could not be made.
    client: Option<Error>,
    cause: Option<BoxError>,
    /// The request was made with credentials that do not end.
    without_end: bool,
}

/// With what a request shows who makes it.
#[derive(Clone, Copy)]
pub(super) enum Proof<'a> {
    Token(&'a str),
    Credentials(&'a Credentials),
}

impl Proof<'_> {
    /// `text` without the secrets, should the other side have repeated them.
    fn out_of(self, text: &str) -> String {
        let secrets = match self {
            Self::Token(token) => [token, ""],
            Self::Credentials(of) => [of.secret_access_key(), of.session_token().unwrap_or_default()],
        };
        let secrets = secrets.into_iter().filter(|secret| !secret.is_empty());
        secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "…"))
    }
}

impl Failure {
    /// What remains of `error`.
    pub(super) fn of<E>(error: SdkError<E, HttpResponse>, recorded: &Recorded, proof: Proof<'_>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let clean = |text: &str| one_line(&proof.out_of(text), 400);
        // When the time for all tries is over in the midst of one, what a try before was answered tells more.
        let answered = recorded.response.status.filter(|status| !(200..300).contains(status));
        let cut_short = answered.is_some() && is_out_of_time(&error);
        let (status, request_id, said) = if cut_short {
            (answered, recorded.response.request_id.as_deref(), &recorded.said)
        } else {
            let status = error.raw_response().map(|response| response.status().as_u16());
            (status, error.request_id(), error.meta())
        };
        let facts = ResponseFacts { status, code: said.code().map(clean), request_id: request_id.map(clean) };
        let client = own_error(&error).cloned();
        let unanswered = matches!(error, SdkError::TimeoutError(_) | SdkError::DispatchFailure(_));
        let connection = (unanswered && !cut_short).then(|| ConnectionFailure::diagnose(&error));
        let said = match (said.code(), said.message()) {
            (Some(code), Some(message)) => Some(format!("{code}: {message}")),
            (Some(code), None) => Some(code.to_owned()),
            _ => None,
        };
        let mut summary = said.unwrap_or_else(|| match (&error, &client, connection) {
            (_, Some(client), _) => client.to_string(),
            (_, _, Some(connection)) => connection.to_string(),
            (SdkError::ConstructionFailure(_), ..) => "the request could not be made".to_owned(),
            _ => match facts.status {
                Some(status @ 200..300) => format!("an answer that could not be read, HTTP {status}"),
                Some(status) => format!("HTTP {status}, without an error in AWS's form"),
                None => "no usable answer".to_owned(),
            },
        });
        if cut_short {
            summary.push_str("; another try took too long");
        }
        let summary = clean(&summary);
        let skew = recorded.clock_skew.filter(|skew| !skew.is_tolerated());
        let unsendable = matches!(error, SdkError::ConstructionFailure(_));
        // What an answer says is told already, and what a parser says of it may have a part of a secret in it.
        let is_broken_off = ConnectionFailure::diagnose(&error) != ConnectionFailure::Other;
        let is_told = client.is_some() || (facts.status.is_some() && !is_broken_off) || cut_short;
        let cause = if is_told { None } else { error.into_source().ok() };
        let without_end = matches!(proof, Proof::Credentials(of) if of.expiry().is_none());
        Self { facts, summary, skew, unsendable, connection, client, cause, without_end }
    }

    pub(super) fn code(&self) -> Option<&str> {
        self.facts.code.as_deref()
    }

    /// Whether AWS's message has these words in it.
    pub(super) fn says(&self, words: &str) -> bool {
        self.summary.contains(words)
    }

    /// Who made the call, where AWS's message says it.
    pub(super) fn caller(&self) -> Option<String> {
        let (_, after) = self.summary.split_once("User: ")?;
        after.split(' ').next().filter(|caller| caller.starts_with("arn:")).map(str::to_owned)
    }

    /// AWS's code alone; where there is none, what happened.
    pub(super) fn brief(&self) -> &str {
        self.code().unwrap_or(&self.summary)
    }

    /// How far our clock is behind, if that is too much. What has expired for others may then be good for us; never when it is
    /// ahead.
    fn late_clock(&self) -> Option<ClockSkew> {
        self.skew.filter(|skew| !skew.is_ahead())
    }

    fn reason(&self) -> Reason {
        if let Some(client) = &self.client {
            return client.reason();
        }
        if let Some(connection) = self.connection {
            return connection.reason();
        }
        match (self.facts.status, self.code()) {
            (None, _) if self.unsendable => Reason::InvalidConfiguration,
            (None, _) => Reason::Unavailable,
            (Some(429), _) => Reason::Throttled,
            (_, Some(code)) if THROTTLING_ERRORS.contains(&code) => Reason::Throttled,
            (Some(408 | 500..), _) => Reason::Unavailable,
            (_, Some(code)) if TRANSIENT_ERRORS.contains(&code) => Reason::Unavailable,
            (_, Some("ValidationError")) => Reason::InvalidConfiguration,
            (_, Some("RegionDisabledException")) => Reason::RegionDisabled,
            (_, Some("ExpiredToken")) if self.late_clock().is_some() && !self.without_end => {
                Reason::ClockSkewed
            }
            (_, Some("ExpiredToken")) => Reason::AccessKeyRejected,
            (_, Some(code)) if MEANS_CLOCK.contains(&code) && self.skew.is_some() => Reason::ClockSkewed,
            (_, Some(code)) if MEANS_CLOCK.contains(&code) => Reason::AccessKeyRejected,
            (_, Some("InvalidClientTokenId")) => Reason::AccessKeyRejected,
            (_, Some(_)) => Reason::AccessDenied,
            (_, None) => Reason::MalformedAnswer,
        }
    }
}

/// Whether the time for all tries is over; the SDK's type for it is private.
fn is_out_of_time(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| cause.to_string().starts_with("operation timeout "))
}

/// How AWS refuses a request that a wrong clock made, though each of them can have another cause.
const MEANS_CLOCK: [&str; 5] = [
    "InvalidSignatureException",
    "RequestExpired",
    "RequestInTheFuture",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
];

impl Sts<'_> {
    /// What a refused exchange means and what to do, by AWS's code and by what the token claims.
    pub(super) fn explain_web_identity(
        &self,
        failure: &Failure,
        role: &RoleArn,
        claims: &Claims,
    ) -> (Reason, String) {
        match failure.code() {
            Some("ExpiredTokenException") => self.explain_expired(failure, claims),
            Some("InvalidIdentityToken") => explain_invalid(failure, role, claims),
            Some("AccessDenied") => (
                Reason::NotTrusted,
                format!(
                    "Check that the role exists, and that its trust policy allows sts:AssumeRoleWithWebIdentity to what the token \
                     has: {claims}."
                ),
            ),
            Some("IDPCommunicationError") => (
                Reason::IssuerUnreachable,
                "AWS could not reach the token's issuer. Try again later; if it lasts, check that the issuer is public.".to_owned(),
            ),
            Some("RegionDisabledException") => (
                Reason::RegionDisabled,
                format!(
                    "Activate STS in {} for account {}, or use another region.",
                    self.region,
                    role.account_id()
                ),
            ),
            _ => self.explain(failure),
        }
    }

    /// What any failed call means and what to do.
    pub(super) fn explain(&self, failure: &Failure) -> (Reason, String) {
        let reason = failure.reason();
        if let Some(hint) = failure.client.as_ref().and_then(Error::hint) {
            return (reason, hint.to_owned());
        }
        if let Some(connection) = failure.connection.filter(|failure| *failure != ConnectionFailure::Other) {
            return (reason, format!("{} The address is {}.", connection.hint(), self.address()));
        }
        let hint = match reason {
            Reason::Unavailable if failure.facts.status.is_none() => format!(
                "Check that this pod may reach {}: network policies, the NAT gateway or the VPC endpoint for STS, and the proxy.",
                self.address()
            ),
            Reason::Unavailable | Reason::Throttled => "Try again later.".to_owned(),
            Reason::ClockSkewed => clock_hint(failure.skew),
            Reason::AccessKeyRejected => {
                "AWS does not accept these credentials: check that they are current, and this machine's clock.".to_owned()
            }
            Reason::InvalidConfiguration => "Check the role, the session name and the region that are set.".to_owned(),
            Reason::RegionDisabled => format!("Activate STS in {} for this account, or use another region.", self.region),
            Reason::MalformedAnswer => format!("Check that it is AWS that answers at {}.", self.address()),
            _ => "Look up AWS's error code, and the call in CloudTrail.".to_owned(),
        };
        (reason, hint)
    }

    fn explain_expired(&self, failure: &Failure, claims: &Claims) -> (Reason, String) {
        match (claims.is_expired(self.context.now()), failure.late_clock()) {
            (Some(false), Some(skew)) => (Reason::ClockSkewed, clock_hint(Some(skew))),
            (Some(false), None) => (
                Reason::TokenExpired,
                "AWS says that the token has expired, but by this machine's clock it has not: check the clock of this node, and \
                 that of the Kubernetes API server, which issued the token."
                    .to_owned(),
            ),
            _ => (
                Reason::TokenExpired,
                "The token has expired. Kubernetes renews a projected token in time, so check that the pod mounts it as a \
                 projected volume and not as a copy."
                    .to_owned(),
            ),
        }
    }

    pub(super) fn error(&self, failure: Failure, call: &str, (reason, hint): (Reason, String)) -> Error {
        let error = Error::because(reason, format!("{self}: {call} failed: {}", failure.summary))
            .with_hint(hint)
            .with_response(failure.facts);
        match failure.cause {
            Some(cause) => error.with_source(cause),
            None => error,
        }
    }
}

/// STS has one code for all that is wrong with a token; its words tell more, and so does the token.
fn explain_invalid(failure: &Failure, role: &RoleArn, claims: &Claims) -> (Reason, String) {
    let says = |words: &str| failure.says(words);
    let account = role.account_id();
    if says("provider found") {
        return (
            Reason::UnknownIssuer,
            format!(
                "Account {account} needs an IAM OIDC provider for the token's issuer, with {AUDIENCE} among its client ids. \
                 The token has {claims}."
            ),
        );
    }
    if says("verification key") || says("thumbprint") {
        return (
            Reason::SigningKeyUnavailable,
            format!(
                "AWS could not get the key that signed the token. Check that the keys of the token's issuer are public and \
                 current. The token has {claims}."
            ),
        );
    }
    if *claims == Claims::default() {
        return (
            Reason::TokenMalformed,
            "The file does not hold a ServiceAccount token: check what is mounted there.".to_owned(),
        );
    }
    if says("audience") || !claims.audiences().iter().any(|audience| audience == AUDIENCE) {
        return (
            Reason::WrongAudience,
            format!("The token must be issued for the audience {AUDIENCE}; this one has {claims}."),
        );
    }
    (
        Reason::TokenRejected,
        format!(
            "Check that the token is one that Kubernetes has just issued, and that account {account} has an IAM OIDC provider \
             for its issuer, with {AUDIENCE} among the client ids. The token has {claims}."
        ),
    )
}

fn clock_hint(skew: Option<ClockSkew>) -> String {
    match skew {
        Some(skew) => format!("This machine's clock is {skew}, by AWS's; set it right."),
        None => "Check this machine's clock; if it is right, try again in a minute.".to_owned(),
    }
}
