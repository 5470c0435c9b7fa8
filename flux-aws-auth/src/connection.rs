//! Why there was no connection, or none that could be trusted.

use std::error::Error as StdError;
use std::{fmt, io};

use rustls::CertificateError;

use crate::error::Error;
use crate::http_clients::{Late, ProxyNotReached};
use crate::reason::Reason;

/// How a connection failed: what a request's error tells, looked up in the chain of its causes.
///
/// For errors of the HTTP client of this crate, and of any that is made of the same parts (hyper and rustls, as
/// `aws-smithy-http-client`). Has no address and no secret in it.
///
/// ```
/// use std::io;
///
/// use flux_aws_auth::ConnectionFailure;
///
/// let error = io::Error::from(io::ErrorKind::ConnectionRefused);
/// let failure = ConnectionFailure::diagnose(&error);
/// assert_eq!(failure.reason().as_str(), "ConnectionRefused");
/// assert_eq!(failure.to_string(), "the connection was refused");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ConnectionFailure {
    /// There is no host of this name.
    NameNotFound,
    /// The name could not be looked up: no name server answers.
    NameLookupFailed,
    /// The host refused the connection: nothing listens at the port.
    Refused,
    /// The connection was reset.
    Reset,
    /// There is no route to the host.
    Unreachable,
    /// No connection within the limit; with TLS, that includes its handshake, and with a proxy its answer.
    ConnectTimeout,
    /// A connection, and no answer within the limit.
    ReadTimeout,
    /// The server's certificate is from an authority that is not trusted here.
    TlsUnknownIssuer,
    /// The server's certificate has expired, by this machine's clock.
    TlsExpired,
    /// The server's certificate is not valid yet, by this machine's clock.
    TlsNotYetValid,
    /// The server's certificate is for another host.
    TlsWrongName,
    /// TLS failed for another reason.
    TlsOther,
    /// The proxy could not be reached.
    ProxyUnreachable,
    /// The proxy opened no tunnel to the host.
    ProxyRefused,
    /// The proxy wants a user name and a password, or others than were given.
    ProxyAuthenticationRequired,
    /// Something else. The causes of the error have it.
    Other,
}

impl ConnectionFailure {
    /// All that there are.
    pub const ALL: &'static [Self] = &[
        Self::NameNotFound,
        Self::NameLookupFailed,
        Self::Refused,
        Self::Reset,
        Self::Unreachable,
        Self::ConnectTimeout,
        Self::ReadTimeout,
        Self::TlsUnknownIssuer,
        Self::TlsExpired,
        Self::TlsNotYetValid,
        Self::TlsWrongName,
        Self::TlsOther,
        Self::ProxyUnreachable,
        Self::ProxyRefused,
        Self::ProxyAuthenticationRequired,
        Self::Other,
    ];

    /// Looks `error` and its causes through. What lies deeper tells more, so a handshake that failed on the way to a proxy is
    /// a failure of TLS.
    pub fn diagnose(error: &(dyn StdError + 'static)) -> Self {
        let causes: Vec<_> = causes(error).collect();
        let late = causes.iter().find_map(|cause| cause.downcast_ref()).map(of_time);
        let tls = causes.iter().find_map(|cause| cause.downcast_ref()).map(of_tls);
        let proxy = || causes.iter().find_map(|cause| cause.downcast_ref()).map(of_proxy);
        let said = || causes.iter().find_map(|cause| said(&cause.to_string()));
        let io = || causes.iter().find_map(|cause| of_io(cause.downcast_ref()?));
        late.or(tls).or_else(proxy).or_else(said).or_else(io).unwrap_or(Self::Other)
    }

    /// Whether there was a connection, and the two did not agree on TLS. No waiting mends that.
    pub(crate) const fn is_of_tls(self) -> bool {
        matches!(
            self,
            Self::TlsUnknownIssuer
                | Self::TlsExpired
                | Self::TlsNotYetValid
                | Self::TlsWrongName
                | Self::TlsOther
        )
    }

    /// The stable code of an error that failed so.
    pub const fn reason(self) -> Reason {
        match self {
            Self::NameNotFound => Reason::NameNotFound,
            Self::NameLookupFailed => Reason::NameLookupFailed,
            Self::Refused => Reason::ConnectionRefused,
            Self::Reset => Reason::ConnectionReset,
            Self::Unreachable => Reason::HostUnreachable,
            Self::ConnectTimeout => Reason::ConnectTimeout,
            Self::ReadTimeout => Reason::ReadTimeout,
            Self::TlsUnknownIssuer => Reason::TlsUnknownIssuer,
            Self::TlsExpired => Reason::TlsExpired,
            Self::TlsNotYetValid => Reason::TlsNotYetValid,
            Self::TlsWrongName => Reason::TlsWrongName,
            Self::TlsOther => Reason::TlsFailed,
            Self::ProxyUnreachable => Reason::ProxyUnreachable,
            Self::ProxyRefused => Reason::ProxyRefused,
            Self::ProxyAuthenticationRequired => Reason::ProxyAuthenticationRequired,
            Self::Other => Reason::Unavailable,
        }
    }

    /// The next thing to do, in a sentence or two.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::NameNotFound => {
                "Check the region and the endpoint that are set, and that the cluster's DNS knows the host: a private zone or a \
                 VPC endpoint can hide it."
            }
            Self::NameLookupFailed => {
                "Check the cluster's DNS, and that network policies let this pod reach it."
            }
            Self::Refused | Self::Unreachable => {
                "Check that this pod may reach the host: network policies, routes, the NAT gateway or the VPC endpoint; and whether \
                 a proxy is needed."
            }
            Self::ConnectTimeout => {
                "Check that this pod may reach the host: network policies, security groups, the NAT gateway or the VPC endpoint; \
                 and whether a proxy is needed."
            }
            Self::Reset => {
                "Try again. If it lasts, look for a firewall, a service mesh or a proxy between that resets connections."
            }
            Self::ReadTimeout => {
                "Try again. If it lasts, look for a firewall or a proxy between that lets connections through, but no answers."
            }
            Self::TlsUnknownIssuer => {
                "If a proxy inspects TLS, or the endpoint is private, set AWS_CA_BUNDLE to a file with the certificates of its \
                 authority; else check that ca-certificates is installed, and that it is AWS that answers."
            }
            Self::TlsExpired => {
                "Check this node's clock. If it is right, it is the server's certificate that must be renewed."
            }
            Self::TlsNotYetValid => {
                "Check this node's clock. If it is right, the server has its new certificate too early: wait, or see that it takes \
                 one that is valid."
            }
            Self::TlsWrongName => {
                "Check the endpoint that is set: what answers there has a certificate for another host."
            }
            Self::TlsOther => {
                "Check that what answers at this host and port speaks TLS 1.2 or later, and look for a proxy between."
            }
            Self::ProxyUnreachable => {
                "Check HTTPS_PROXY, and that this pod may reach the proxy; or list the host in NO_PROXY."
            }
            Self::ProxyRefused => {
                "Check that the proxy allows CONNECT to the host, and that it is a proxy; or list the host in NO_PROXY."
            }
            Self::ProxyAuthenticationRequired => {
                "Give the proxy's user name and password, percent-encoded in HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT."
            }
            Self::Other => "Check the network between this pod and the host, and the causes of the error.",
        }
    }
}

/// Writes a clause that can follow an address and a colon.
impl fmt::Display for ConnectionFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NameNotFound => "there is no host of this name",
            Self::NameLookupFailed => "the name could not be looked up",
            Self::Refused => "the connection was refused",
            Self::Reset => "the connection was reset",
            Self::Unreachable => "there is no route to the host",
            Self::ConnectTimeout => "no connection in time",
            Self::ReadTimeout => "no answer in time",
            Self::TlsUnknownIssuer => "the server's certificate is from an unknown authority",
            Self::TlsExpired => "the server's certificate has expired, by this machine's clock",
            Self::TlsNotYetValid => "the server's certificate is not valid yet, by this machine's clock",
            Self::TlsWrongName => "the server's certificate is for another host",
            Self::TlsOther => "TLS failed",
            Self::ProxyUnreachable => "the proxy could not be reached",
            Self::ProxyRefused => "the proxy opened no tunnel",
            Self::ProxyAuthenticationRequired => {
                "the proxy requires a user name and a password that it accepts"
            }
            Self::Other => "no connection",
        })
    }
}

/// The error of this crate among the causes: of a client that could not be made.
pub(crate) fn own_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// The error and its causes. An `io::Error` leaves out of its `source` the error that it carries.
pub(crate) fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|carried| carried as _),
        None => error.source(),
    })
}

fn of_time(late: &Late) -> ConnectionFailure {
    match late {
        Late::Connection(_) => ConnectionFailure::ConnectTimeout,
        Late::Answer(_) => ConnectionFailure::ReadTimeout,
    }
}

fn of_proxy(_: &ProxyNotReached) -> ConnectionFailure {
    ConnectionFailure::ProxyUnreachable
}

fn of_tls(error: &rustls::Error) -> ConnectionFailure {
    let rustls::Error::InvalidCertificate(certificate) = error else {
        return ConnectionFailure::TlsOther;
    };
    match certificate {
        // A signature is bad, too, where an authority was recreated under its old name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            ConnectionFailure::TlsUnknownIssuer
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => ConnectionFailure::TlsExpired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            ConnectionFailure::TlsNotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            ConnectionFailure::TlsWrongName
        }
        _ => ConnectionFailure::TlsOther,
    }
}

/// What only the text tells: the types of these errors are private to their crates (hyper-util's tunnel and connector, the
/// SDK's timeouts, hyper, getaddrinfo).
fn said(text: &str) -> Option<ConnectionFailure> {
    use ConnectionFailure as F;
    Some(match text {
        "tunnel error: proxy authorization required" => F::ProxyAuthenticationRequired,
        "tunnel error: failed to create underlying connection"
        | "tunnel error: io error establishing tunnel" => F::ProxyUnreachable,
        "connection closed before message completed" => F::Reset,
        _ if text.starts_with("tunnel error: ") => F::ProxyRefused,
        _ if text.starts_with("HTTP connect timeout") => F::ConnectTimeout,
        _ if text.starts_with("HTTP read timeout") => F::ReadTimeout,
        _ if text.starts_with("operation ") && text.contains(" timeout ") => F::ReadTimeout,
        _ if text.starts_with("failed to lookup address information") => {
            // glibc's words and musl's.
            let later = text.ends_with("Temporary failure in name resolution") || text.ends_with("Try again");
            if later { F::NameLookupFailed } else { F::NameNotFound }
        }
        _ => return None,
    })
}

fn of_io(error: &io::Error) -> Option<ConnectionFailure> {
    use io::ErrorKind;
    Some(match error.kind() {
        ErrorKind::ConnectionRefused => ConnectionFailure::Refused,
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => ConnectionFailure::Reset,
        ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable => ConnectionFailure::Unreachable,
        ErrorKind::TimedOut => ConnectionFailure::ConnectTimeout,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// An error that says `text`, below one that says less.
    fn saying(text: &str) -> io::Error {
        io::Error::other(io::Error::other(text.to_owned()))
    }

    #[test]
    fn what_only_the_text_tells_is_understood() {
        const LOOKUP: &str = "failed to lookup address information: ";
        for (text, failure) in [
            (format!("{LOOKUP}Name or service not known"), ConnectionFailure::NameNotFound),
            (format!("{LOOKUP}Name does not resolve"), ConnectionFailure::NameNotFound),
            (format!("{LOOKUP}No address associated with hostname"), ConnectionFailure::NameNotFound),
            (format!("{LOOKUP}Temporary failure in name resolution"), ConnectionFailure::NameLookupFailed),
            (format!("{LOOKUP}Try again"), ConnectionFailure::NameLookupFailed),
            ("tunnel error: unsuccessful".to_owned(), ConnectionFailure::ProxyRefused),
            ("tunnel error: unexpected end of file".to_owned(), ConnectionFailure::ProxyRefused),
            ("connection closed before message completed".to_owned(), ConnectionFailure::Reset),
            ("a riddle".to_owned(), ConnectionFailure::Other),
        ] {
            assert_eq!(ConnectionFailure::diagnose(&saying(&text)), failure, "{text}");
        }
    }

    #[test]
    fn what_the_operating_system_says_is_understood() {
        use io::ErrorKind as Kind;
        for (kind, failure) in [
            (Kind::ConnectionRefused, ConnectionFailure::Refused),
            (Kind::ConnectionReset, ConnectionFailure::Reset),
            (Kind::ConnectionAborted, ConnectionFailure::Reset),
            (Kind::BrokenPipe, ConnectionFailure::Reset),
            (Kind::UnexpectedEof, ConnectionFailure::Reset),
            (Kind::NetworkUnreachable, ConnectionFailure::Unreachable),
            (Kind::HostUnreachable, ConnectionFailure::Unreachable),
            (Kind::TimedOut, ConnectionFailure::ConnectTimeout),
            (Kind::PermissionDenied, ConnectionFailure::Other),
        ] {
            assert_eq!(
                ConnectionFailure::diagnose(&io::Error::other(io::Error::from(kind))),
                failure,
                "{kind}"
            );
        }
    }

    #[test]
    fn each_failure_has_words_and_a_reason_of_its_own() {
        let all = ConnectionFailure::ALL;
        let distinct =
            |text: fn(&ConnectionFailure) -> String| all.iter().map(text).collect::<BTreeSet<_>>().len();
        assert_eq!(distinct(|failure| failure.reason().to_string()), all.len());
        assert_eq!(distinct(ToString::to_string), all.len());
        assert!(all.iter().all(|failure| failure.hint().ends_with('.')));
    }
}
