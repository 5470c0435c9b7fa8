//! Which address may be asked for credentials.
//!
//! A request for credentials carries a token, and its answer decides who the program is. So an address is checked before
//! anything is sent to it. The rules stand at [`Endpoint`].

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Uri;

use crate::error::Error;
use crate::reason::Reason;
use crate::text::quoted;

/// What an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    ContainerCredentials,
    InstanceMetadata,
    AwsApi,
}

/// An address that may be asked, because it passed a check before anything is sent to it.
///
/// The addresses that the environment names for STS, for the Pod Identity agent and for the instance metadata service are
/// checked so by this crate; [`aws_api`](Self::aws_api) does it for the API of any other AWS service. `Display` and `Debug`
/// leave the query out: it can hold a secret.
///
/// | what is asked | named by | `https` | plain `http` |
/// |---|---|---|---|
/// | STS | `AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL` | any host | loopback |
/// | other AWS APIs | the program | any host | loopback |
/// | Pod Identity agent | `AWS_CONTAINER_CREDENTIALS_FULL_URI` | any host | loopback, 169.254.170.2, 169.254.170.23, fd00:ec2::23 |
/// | instance metadata | `AWS_EC2_METADATA_SERVICE_ENDPOINT` | any host | loopback, 169.254.169.254, fd00:ec2::254 |
///
/// The third row is AWS's own rule ([container credential provider]). None accepts a user name or password in the address.
///
/// [container credential provider]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Uri);

impl Endpoint {
    /// Checks the address of an AWS service's API that `setting` named: `https`, or plain `http` to a loopback address, without
    /// a user name and without a query.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration), with the setting, the address without what may be secret in it, and the rule.
    ///
    /// ```
    /// use flux_aws_auth::Endpoint;
    ///
    /// let vpc = Endpoint::aws_api("endpoint_url", "https://vpce-1a2b3c4d.api.ecr.eu-west-1.vpce.amazonaws.com/")?;
    /// assert_eq!(vpc.url(), "https://vpce-1a2b3c4d.api.ecr.eu-west-1.vpce.amazonaws.com");
    /// assert!(Endpoint::aws_api("endpoint_url", "http://ecr.example.com").is_err());
    /// # Ok::<(), flux_aws_auth::Error>(())
    /// ```
    pub fn aws_api(setting: &str, value: &str) -> Result<Self, Error> {
        let endpoint = Self::parse(Purpose::AwsApi, setting, value)?;
        if endpoint.0.query().is_some() || value.contains('#') {
            let message =
                format!("{setting}: {} is not accepted: it has a query or a fragment", redacted(value));
            return Err(Error::because(Reason::EndpointNotAccepted, message)
                .with_hint("Give scheme, host, port and path alone."));
        }
        Ok(endpoint)
    }

    /// The address without query and trailing slash, to put a path behind.
    pub fn url(&self) -> String {
        self.to_string().trim_end_matches('/').to_owned()
    }

    /// Checks `value`, which `setting` named.
    pub(crate) fn parse(purpose: Purpose, setting: &str, value: &str) -> Result<Self, Error> {
        let refuse = |why: &str| {
            Error::because(
                Reason::EndpointNotAccepted,
                format!("{setting}: {} is not accepted: {why}", redacted(value)),
            )
            .with_hint(purpose.rule())
        };
        // Looked for in the text itself: a parser may take what stands before it for a fragment.
        if before_path(value).contains('@') {
            return Err(refuse("it has a user name in it"));
        }
        let uri: Uri = value.parse().map_err(|_| refuse("it is not a URL"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(refuse("it needs a scheme and a host"));
        };
        // What follows the host must be a port; what is none would be taken for the scheme's own.
        let port = authority.as_str().strip_prefix(authority.host());
        if port != Some("") && authority.port_u16().is_none_or(|port| port == 0) {
            return Err(refuse("its port is not a number from 1 to 65535"));
        }
        match scheme {
            "https" => Ok(Self(uri)),
            "http" if purpose.trusts_plain_http(authority.host()) => Ok(Self(uri)),
            "http" => Err(refuse("plain http to this host could be read or answered by others")),
            _ => Err(refuse("its scheme is neither http nor https")),
        }
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
    pub(crate) fn path_and_query(&self) -> String {
        let path_and_query = self.0.path_and_query().map_or("", |path| path.as_str());
        if path_and_query.starts_with('/') { path_and_query.to_owned() } else { format!("/{path_and_query}") }
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
        if host.eq_ignore_ascii_case("localhost") {
            return true;
        }
        let address = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(bracketed) => bracketed.parse::<Ipv6Addr>().map(IpAddr::V6),
            None => host.parse::<Ipv4Addr>().map(IpAddr::V4),
        };
        address.is_ok_and(|address| address.is_loopback() || self.plain_http_addresses().contains(&address))
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
            Self::AwsApi => &[],
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
            Self::AwsApi => "Use https, or plain http to a loopback address.",
        }
    }
}

/// What a URL has before its path, and more of it if it is written to mislead.
fn before_path(value: &str) -> &str {
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

/// A refused address as it may be shown: without user name and query.
fn redacted(value: &str) -> String {
    let scheme = value.split_once("://").map(|(scheme, _)| format!("{scheme}://")).unwrap_or_default();
    let host = match before_path(value).rsplit_once('@') {
        Some((_, host)) => format!("…@{host}"),
        None => before_path(value).to_owned(),
    };
    let shown = format!("{scheme}{host}");
    quoted(shown.split(['?', '#']).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

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
        for purpose in [Purpose::ContainerCredentials, Purpose::InstanceMetadata, Purpose::AwsApi] {
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
                    "http://127.0.0.1:99999/x",
                    "http://127.0.0.1:abc/",
                    "http://127.0.0.1:",
                    "http://127.0.0.1:0",
                    "https://example.com:99999",
                    "https://user:pa#ss@example.com/x",
                    "http://[127.0.0.1]/",
                    "http://[localhost]/",
                    "http://2130706433/",
                    "http://[::ffff:127.0.0.1]/",
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
        refused(Purpose::AwsApi, &["http://169.254.169.254", "http://169.254.170.2"]);
    }

    #[test]
    fn an_api_s_address_has_no_query_and_no_fragment() {
        for refused in
            ["https://example.com/?canary", "https://example.com/#canary", "https://example.com?canary"]
        {
            let error = Endpoint::aws_api("endpoint_url", refused).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
        }
        assert_eq!(Endpoint::aws_api("S", "http://127.0.0.1:4566/").unwrap().url(), "http://127.0.0.1:4566");
    }

    #[test]
    fn what_may_be_secret_is_not_shown() {
        let refused =
            Endpoint::parse(Purpose::AwsApi, "S", "http://me:canary@example.com/p?token=canary").unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains("canary"), "{refused:?}");
        for hidden in
            ["ftp://canary:se?cret@example.com", "https://user:canary#x@example.com/", "http://h/?canary"]
        {
            let refused = Endpoint::parse(Purpose::AwsApi, "S", hidden).unwrap_err();
            assert!(!format!("{refused} {refused:?}").contains("canary"), "{refused:?}");
        }
        let bare = Endpoint::parse(Purpose::AwsApi, "S", "http://127.0.0.1?x").unwrap();
        assert_eq!(bare.path_and_query(), "/?x");
        let accepted = Endpoint::parse(Purpose::AwsApi, "S", "https://example.com/p?token=canary").unwrap();
        assert_eq!(
            format!("{accepted} {accepted:?}"),
            "https://example.com/p Endpoint(https://example.com/p)"
        );
        assert_eq!(accepted.path_and_query(), "/p?token=canary");
    }
}
