//! Which address may be asked for credentials.
//!
//! A request for credentials carries a token, and its answer decides who the program is. So an address is checked before
//! anything is sent to it. The rules stand at [`Endpoint`].

use std::fmt;

use http::Uri;
use http::uri::Authority;

use crate::error::Error;
use crate::reason::Reason;
use crate::text::{is_port, quoted, shown_host};

mod host;
mod sts;
mod trust;

use host::Host;
pub(crate) use sts::{Switches, Variant};
pub(crate) use trust::Purpose;

/// An address that may be asked, because it passed a check before anything is sent to it.
///
/// What passes depends on who named the address. An *operator* runs the program, and sets its environment. A *tenant* writes
/// an object that the program works on, and must not be able to have a token sent elsewhere. A *remote* is a server that
/// was asked, and names another in its answer.
///
/// | what is asked | who names it | in what | `https` | plain `http` |
/// |---|---|---|---|---|
/// | STS | operator | `AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL` | any host | loopback |
/// | another AWS API | operator | the program | any host | loopback |
/// | Pod Identity agent | operator | `AWS_CONTAINER_CREDENTIALS_FULL_URI` | any host | loopback, 169.254.170.2, 169.254.170.23, fd00:ec2::23 |
/// | instance metadata | operator | `AWS_EC2_METADATA_SERVICE_ENDPOINT` | any host | loopback, 169.254.169.254, fd00:ec2::254 |
/// | STS | tenant | an object's spec | AWS's hosts of STS | none |
/// | a registry's token service | remote | a server's answer | public, and allowed | none |
///
/// No row accepts a user name or password in the address, nor a host that could be read in two ways, such as `127.1`. A name is
/// not looked up: what it resolves to is for the network's own policies.
///
/// The third row is AWS's own rule ([container credential provider]). The fifth is that of Flux, narrower and wider: Flux's
/// pattern, `^https://(.+\.)?sts(-fips)?(\.[^.]+)?(\.vpce)?\.amazonaws\.com$`, takes any text for a prefix and any label for a
/// region, and knows one partition ([`ValidateSTSEndpoint`]). Here each label must be what it stands for, in any
/// [partition](crate::Partition), dual-stack included.
///
/// `Display` and `Debug` leave the query out: it can hold a secret.
///
/// [container credential provider]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
/// [`ValidateSTSEndpoint`]: https://pkg.go.dev/github.com/fluxcd/pkg/auth/aws#ValidateSTSEndpoint
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Uri);

impl Endpoint {
    /// Checks the address of an AWS service's API that an operator named in `setting`: `https`, or plain `http` to a loopback
    /// address, without a user name and without a query.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration), with the setting, the address without what may be secret
    /// in it, and the rule.
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
        Self::without_query(Purpose::AwsApi, setting, value, &[])
    }

    /// Checks the address of STS that a tenant named in `setting`, such as `spec.sts.endpoint` of Flux's
    /// [Bucket](https://fluxcd.io/flux/components/source/buckets/#sts): a token of the tenant's, or the credentials that come of
    /// it, go to no host but AWS's.
    ///
    /// # Errors
    ///
    /// As [`aws_api`](Self::aws_api).
    ///
    /// ```
    /// use flux_aws_auth::Endpoint;
    ///
    /// for accepted in [
    ///     "https://sts.eu-west-1.amazonaws.com",
    ///     "https://sts-fips.us-east-1.api.aws",
    ///     "https://sts.cn-north-1.amazonaws.com.cn",
    ///     "https://vpce-1a2b3c4d-5e6f7a8b.sts.eu-west-1.vpce.amazonaws.com",
    /// ] {
    ///     assert!(Endpoint::tenant_sts("spec.sts.endpoint", accepted).is_ok());
    /// }
    /// assert!(Endpoint::tenant_sts("spec.sts.endpoint", "https://example.com/.sts.amazonaws.com").is_err());
    /// ```
    pub fn tenant_sts(setting: &str, value: &str) -> Result<Self, Error> {
        // As strict as a pattern: one host has one spelling.
        let is_plain =
            |host: &str| host.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'));
        match value.strip_prefix("https://") {
            Some(host) if is_plain(host) => Self::parse(Purpose::TenantSts, setting, value),
            _ => {
                Err(refusal(Purpose::TenantSts, setting, value, "it is not https:// and a host of STS alone"))
            }
        }
    }

    /// Checks the address of a token service that `server` named in its answer, such as the realm of a registry's challenge
    /// ([distribution's token authentication]). It must be `https`, without a query, on the host that was asked or on one of
    /// `allowed`, and no address that is not public: loopback, private, link-local, multicast, or IPv4 in the clothes of IPv6.
    ///
    /// `server` and `allowed` are hosts as in an image's name: `registry.example.com`, or with a port that is not 443,
    /// `registry.example.com:5000`.
    ///
    /// # Errors
    ///
    /// As [`aws_api`](Self::aws_api).
    ///
    /// ```
    /// use flux_aws_auth::Endpoint;
    ///
    /// let realm = "https://auth.docker.io/token";
    /// assert!(Endpoint::token_service("realm", realm, "registry-1.docker.io", &["auth.docker.io"]).is_ok());
    /// assert!(Endpoint::token_service("realm", realm, "registry-1.docker.io", &[]).is_err());
    /// assert!(Endpoint::token_service("realm", "https://10.0.0.1/token", "10.0.0.1", &[]).is_err());
    /// ```
    ///
    /// [distribution's token authentication]: https://distribution.github.io/distribution/spec/auth/token/
    pub fn token_service(setting: &str, value: &str, server: &str, allowed: &[&str]) -> Result<Self, Error> {
        let hosts = std::iter::once(&server).chain(allowed).filter_map(|host| host_and_port(host));
        Self::without_query(Purpose::TokenService, setting, value, &hosts.collect::<Vec<_>>())
    }

    /// The address without query and trailing slash, to put a path behind.
    pub fn url(&self) -> String {
        self.to_string().trim_end_matches('/').to_owned()
    }

    /// Checks the address of STS that an operator named in `setting`: as [`aws_api`](Self::aws_api).
    pub(crate) fn sts(setting: &str, value: &str) -> Result<Self, Error> {
        Self::without_query(Purpose::Sts, setting, value, &[])
    }

    /// Checks `value`, which `setting` named.
    pub(crate) fn parse(purpose: Purpose, setting: &str, value: &str) -> Result<Self, Error> {
        Self::check(purpose, setting, value, &[])
    }

    fn without_query(
        purpose: Purpose,
        setting: &str,
        value: &str,
        allowed: &[(Host, u16)],
    ) -> Result<Self, Error> {
        let endpoint = Self::check(purpose, setting, value, allowed)?;
        if endpoint.0.query().is_some() || value.contains('#') {
            return Err(refusal(purpose, setting, value, "it has a query or a fragment")
                .with_hint("Give scheme, host, port and path alone."));
        }
        Ok(endpoint)
    }

    fn check(purpose: Purpose, setting: &str, value: &str, allowed: &[(Host, u16)]) -> Result<Self, Error> {
        let refuse = |why: &str| refusal(purpose, setting, value, why);
        // Looked for in the text itself: a parser may take what stands before it for a fragment.
        if before_path(value).contains('@') {
            return Err(refuse("it has a user name in it"));
        }
        if value.contains('\\') {
            return Err(refuse("it has a backslash in it"));
        }
        if value.contains(|c: char| c.is_whitespace() || c.is_control()) {
            let refusal = refuse("it has a line break or a space in it");
            return Err(refusal.with_hint(
                "Write it again. A Secret that was made with `echo` and without `-n` ends in a line break.",
            ));
        }
        let uri: Uri = value.parse().map_err(|_| refuse("it is not a URL"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(refuse("it needs a scheme and a host"));
        };
        // What follows the host must be a port; what is none would be taken for the scheme's own.
        let given_port = authority.as_str().strip_prefix(authority.host());
        if given_port != Some("") && !given_port.is_some_and(is_port) {
            return Err(refuse("its port is not a number from 1 to 65535"));
        }
        let port = authority.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
        let host = Host::parse(authority.host())
            .ok_or_else(|| refuse("its host is neither a name nor an address"))?;
        match purpose.rule().refuses(scheme, &host, port, allowed) {
            Some(why) => Err(refuse(why)),
            None => Ok(Self(uri)),
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

fn refusal(purpose: Purpose, setting: &str, value: &str, why: &str) -> Error {
    let message = format!("{setting}: {} is not accepted: {why}", redacted(value));
    Error::because(Reason::EndpointNotAccepted, message).with_hint(purpose.rule().remedy)
}

/// A host as in an image's name; nothing for what is none.
fn host_and_port(host: &str) -> Option<(Host, u16)> {
    let authority: Authority = host.parse().ok()?;
    let port = if authority.as_str() == authority.host() { 443 } else { authority.port_u16()? };
    Some((Host::parse(authority.host())?, port))
}

/// What a URL has before its path, and more of it if it is written to mislead.
fn before_path(value: &str) -> &str {
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

/// A refused address as it may be shown: without user name and query, and nothing of what may be a token in its place.
fn redacted(value: &str) -> String {
    let is_scheme = |scheme: &&str| scheme.bytes().all(|b| b.is_ascii_alphanumeric());
    let scheme = value.split_once("://").map(|(scheme, _)| scheme).filter(is_scheme);
    let authority = before_path(value).split(['?', '#']).next().unwrap_or_default();
    let (user_info, host) = match before_path(value).rsplit_once('@') {
        Some((_, host)) => ("…@", host.split(['?', '#']).next().unwrap_or_default()),
        None => ("", authority),
    };
    let is_token = scheme.is_none() && host.bytes().any(|b| b.is_ascii_uppercase());
    let host = shown_host(host).filter(|_| !is_token).unwrap_or("…");
    quoted(
        &scheme
            .map_or_else(|| format!("{user_info}{host}"), |scheme| format!("{scheme}://{user_info}{host}")),
    )
}

#[cfg(test)]
mod tests;
