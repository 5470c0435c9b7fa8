//! Which address may be asked for credentials.
//!
//! A request for credentials carries a token, and its answer decides who the program is. So an address is checked before
//! anything is sent to it.
//!
//! | what is asked | variable | `https` | plain `http` |
//! |---|---|---|---|
//! | Pod Identity agent, ECS agent | `AWS_CONTAINER_CREDENTIALS_FULL_URI` | any host | loopback, 169.254.170.2, 169.254.170.23, fd00:ec2::23 |
//! | instance metadata | `AWS_EC2_METADATA_SERVICE_ENDPOINT` | any host | loopback, 169.254.169.254, fd00:ec2::254 |
//! | STS | `AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL` | any host | loopback |
//!
//! The first row is AWS's own rule ([container credential provider]). None accepts a user name or password in the address.
//!
//! [container credential provider]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Uri;

use crate::error::{Error, ErrorKind};

/// What an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    ContainerCredentials,
    InstanceMetadata,
    Sts,
}

/// An address that passed the table above. `Display` and `Debug` leave the query out: it can hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Endpoint(Uri);

impl Endpoint {
    /// Checks `value`, which `setting` named.
    pub(crate) fn parse(purpose: Purpose, setting: &str, value: &str) -> Result<Self, Error> {
        let refuse = |why: &dyn fmt::Display| {
            Error::new(
                ErrorKind::Configuration,
                format!("{setting}: {} is not accepted: {why}", redacted(value)),
            )
            .with_hint(purpose.rule())
        };
        let uri: Uri = value.parse().map_err(|_| refuse(&"it is not a URL"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(refuse(&"it needs a scheme and a host"));
        };
        if authority.as_str().contains('@') {
            return Err(refuse(&"it has a user name in it"));
        }
        match scheme {
            "https" => Ok(Self(uri)),
            "http" if purpose.trusts_plain_http(authority.host()) => Ok(Self(uri)),
            "http" => Err(refuse(&"plain http to this host could be read or answered by others")),
            other => Err(refuse(&format_args!("{other:?} is neither http nor https"))),
        }
    }

    /// The address without query and trailing slash, to put a path behind.
    pub(crate) fn base(&self) -> String {
        self.to_string().trim_end_matches('/').to_owned()
    }

    /// Scheme, host and port.
    pub(crate) fn origin(&self) -> String {
        match (self.0.scheme_str(), self.0.authority()) {
            (Some(scheme), Some(authority)) => format!("{scheme}://{authority}"),
            _ => String::new(),
        }
    }

    /// The path alone.
    pub(crate) fn path(&self) -> &str {
        self.0.path()
    }

    /// Path and query, for the request alone: a query can hold a secret.
    pub(crate) fn path_and_query(&self) -> &str {
        self.0.path_and_query().map_or("/", |path| path.as_str())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin())?;
        match self.0.path() {
            "/" => Ok(()),
            path => f.write_str(path),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

impl Purpose {
    fn trusts_plain_http(self, host: &str) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if bare.eq_ignore_ascii_case("localhost") {
            return true;
        }
        let Ok(address) = bare.parse::<IpAddr>() else { return false };
        address.is_loopback() || self.plain_http_addresses().contains(&address)
    }

    fn plain_http_addresses(self) -> &'static [IpAddr] {
        const fn v4(last: [u8; 2]) -> IpAddr {
            IpAddr::V4(Ipv4Addr::new(169, 254, last[0], last[1]))
        }
        const fn v6(last: u16) -> IpAddr {
            IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, last))
        }
        const CONTAINER_AGENTS: &[IpAddr] = &[v4([170, 2]), v4([170, 23]), v6(0x23)];
        const INSTANCE_METADATA: &[IpAddr] = &[v4([169, 254]), v6(0x254)];
        match self {
            Self::ContainerCredentials => CONTAINER_AGENTS,
            Self::InstanceMetadata => INSTANCE_METADATA,
            Self::Sts => &[],
        }
    }

    fn rule(self) -> &'static str {
        match self {
            Self::ContainerCredentials => {
                "Use https, or plain http to a loopback address, 169.254.170.2 (ECS), 169.254.170.23 or [fd00:ec2::23] (EKS)."
            }
            Self::InstanceMetadata => {
                "Use https, or plain http to a loopback address, 169.254.169.254 or [fd00:ec2::254]."
            }
            Self::Sts => "Use https, or plain http to a loopback address.",
        }
    }
}

/// A refused address as it may be shown: quoted, short, without user name and query.
fn redacted(value: &str) -> String {
    let value = value.split(['?', '#']).next().unwrap_or_default();
    let value = match (value.split_once("://"), value.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        (None, Some((_, host))) => format!("…@{host}"),
        _ => value.to_owned(),
    };
    format!("{:?}", value.chars().take(200).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn accepted(purpose: Purpose, values: &[&str]) {
        for value in values {
            assert!(Endpoint::parse(purpose, "SETTING", value).is_ok(), "{purpose:?} should accept {value}");
        }
    }

    #[track_caller]
    fn refused(purpose: Purpose, values: &[&str]) {
        for value in values {
            let error = Endpoint::parse(purpose, "SETTING", value).expect_err(value);
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(error.to_string().starts_with("SETTING: "), "{error}");
        }
    }

    #[test]
    fn the_table_holds() {
        let everywhere =
            ["https://example.com/x", "http://127.0.0.1:1", "http://[::1]/v1", "http://localhost:80"];
        for purpose in [Purpose::ContainerCredentials, Purpose::InstanceMetadata, Purpose::Sts] {
            accepted(purpose, &everywhere);
            refused(
                purpose,
                &[
                    "http://example.com",
                    "http://10.0.0.1",
                    "http://127.0.0.1.example.com",
                    "http://localhost.example.com",
                    "http://169.254.170.3",
                    "http://user@127.0.0.1",
                    "https://user:word@example.com",
                    "ftp://127.0.0.1",
                    "//127.0.0.1",
                    "127.0.0.1",
                    "",
                    "http://",
                    "not a url",
                ],
            );
        }
        accepted(
            Purpose::ContainerCredentials,
            &["http://169.254.170.23/v1/credentials", "http://[fd00:ec2::23]/"],
        );
        refused(Purpose::ContainerCredentials, &["http://169.254.169.254/"]);
        accepted(Purpose::InstanceMetadata, &["http://169.254.169.254", "http://[fd00:ec2::254]"]);
        refused(Purpose::InstanceMetadata, &["http://169.254.170.23"]);
        refused(Purpose::Sts, &["http://169.254.169.254", "http://169.254.170.2"]);
    }

    #[test]
    fn what_may_be_secret_is_not_shown() {
        let refused =
            Endpoint::parse(Purpose::Sts, "S", "http://me:canary@example.com/p?token=canary").unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains("canary"), "{refused:?}");
        let accepted = Endpoint::parse(Purpose::Sts, "S", "https://example.com/p?token=canary").unwrap();
        assert_eq!(
            format!("{accepted} {accepted:?}"),
            "https://example.com/p Endpoint(https://example.com/p)"
        );
        assert_eq!(accepted.path_and_query(), "/p?token=canary");
    }
}
