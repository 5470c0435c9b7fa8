//! Why there was no answer.

use std::error::Error as StdError;
use std::time::Duration;

use ::kube::client::AuthError;
use http_body_util::LengthLimitError;

use super::call::Call;
use crate::connection::{ConnectionFailure, causes};
use crate::error::{BoxError, Error};
use crate::reason::Reason;
use crate::text::one_line;

/// No answer within the limit.
pub(super) fn in_time(call: &Call<'_>, limit: Duration) -> Error {
    Error::because(Reason::ApiServerUnreachable, format!("{call}: no answer within {limit:?}")).with_hint(
        "Check that network policies let this pod reach the API server at the address of its kube::Client, and that it is not \
         overloaded: the client spends this time on tries, too, when it is answered with 429, 503 or 504.",
    )
}

/// No answer, or half of one.
pub(super) fn because(call: &Call<'_>, error: ::kube::Error) -> Error {
    let error: BoxError = match error {
        ::kube::Error::Service(error) => error,
        ::kube::Error::HyperError(error) => error.into(),
        other => other.into(),
    };
    let error_ref: &(dyn StdError + 'static) = &*error;
    if let Some(auth) = causes(error_ref).find_map(auth_error) {
        return unauthenticated(call, auth);
    }
    if causes(error_ref).any(<dyn StdError>::is::<LengthLimitError>) {
        return Error::because(
            Reason::ApiServerAnswerMalformed,
            format!("{call}, but a longer answer than an API server gives"),
        )
        .with_hint("Check that the address of the kube::Client is that of an API server.");
    }
    let failure = ConnectionFailure::diagnose(error_ref);
    Error::because(Reason::ApiServerUnreachable, format!("{call}: {failure}"))
        .with_hint(remedy(failure))
        .with_source(error)
}

fn auth_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a AuthError> {
    match error.downcast_ref() {
        Some(::kube::Error::Auth(auth)) => Some(auth),
        _ => error.downcast_ref(),
    }
}

/// The client has nothing to show to the API server. What it says of that is not passed on where there can be a secret in it:
/// the output of a command, say.
fn unauthenticated(call: &Call<'_>, error: &AuthError) -> Error {
    let why = match error {
        AuthError::ReadTokenFile(..) | AuthError::AuthExecStart(_) => one_line(&error.to_string(), 300),
        AuthError::AuthExecRun { cmd, out } => {
            let command = cmd.split(' ').next().unwrap_or_default();
            format!("the command {} failed with {}", one_line(command, 100), out.status)
        }
        _ => "they cannot be used".to_owned(),
    };
    Error::because(
        Reason::ApiServerUnauthorized,
        format!("{call}: there are no credentials to ask it with: {why}"),
    )
    .with_hint("Check the credentials of this program's kube::Client; in a pod, that the token of its own ServiceAccount is \
                mounted.")
}

fn remedy(failure: ConnectionFailure) -> &'static str {
    use ConnectionFailure as F;
    match failure {
        F::TlsUnknownIssuer => {
            "Check the certificate authority in the configuration of the kube::Client; in a pod, that ca.crt is mounted with the \
             token."
        }
        F::TlsWrongName | F::TlsOther => "Check the address in the configuration of the kube::Client.",
        F::TlsExpired | F::TlsNotYetValid => F::TlsExpired.hint(),
        F::ProxyUnreachable | F::ProxyRefused | F::ProxyAuthenticationRequired => {
            "Check the proxy in the configuration of the kube::Client; in a cluster there should be none."
        }
        _ => {
            "Check that network policies let this pod reach the API server at the address of its kube::Client, and that it is \
             running."
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::process::{ExitStatus, Output};

    use rustls::CertificateError;

    use super::*;
    use crate::error::ErrorKind;
    use crate::service_account::ServiceAccountRef;

    fn explained(error: impl Into<BoxError>) -> Error {
        let reference = ServiceAccountRef::new("tenant", "reader");
        because(&Call::GetServiceAccount(&reference), ::kube::Error::Service(error.into()))
    }

    #[test]
    fn a_certificate_that_is_not_trusted_is_the_matter_of_the_client_s_configuration() {
        let error = io::Error::other(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer));
        let error = explained(error);
        assert_eq!((error.kind(), error.reason()), (ErrorKind::Unavailable, Reason::ApiServerUnreachable));
        assert_eq!(
            error.to_string(),
            "Kubernetes gave no ServiceAccount tenant/reader: the server's certificate is from an unknown authority"
        );
        assert!(error.hint().is_some_and(|hint| hint.contains("ca.crt")), "{error:?}");
        assert!(error.source().is_some());
    }

    #[test]
    fn what_a_command_for_credentials_said_is_not_passed_on() {
        let output = |text: &str| text.as_bytes().to_vec();
        let out =
            Output { status: ExitStatus::default(), stdout: output("canary"), stderr: output("canary") };
        let failed = || AuthError::AuthExecRun { cmd: "aws canary".to_owned(), out: Box::new(out.clone()) };
        for error in [explained(failed()), explained(::kube::Error::Auth(failed()))] {
            assert_eq!(error.reason(), Reason::ApiServerUnauthorized);
            assert!(error.to_string().contains("the command aws failed"), "{error}");
            assert!(error.source().is_none());
            assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
        }
        let error = explained(AuthError::AuthExec("canary".to_owned()));
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }

    #[test]
    fn a_token_file_that_is_missing_is_named() {
        let missing = io::Error::from(io::ErrorKind::NotFound);
        let error = explained(AuthError::ReadTokenFile(missing, "/var/run/token".into()));
        assert_eq!(error.kind(), ErrorKind::InvalidToken);
        assert!(error.to_string().contains("/var/run/token"), "{error}");
    }
}
