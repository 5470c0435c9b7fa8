//! Scheme, host and port: what credentials are for.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A scheme, a host and a port. `Display` is a URL without a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    is_https: bool,
    /// In lower case.
    host: String,
    port: u16,
}

impl Origin {
    /// That of a host as in an image's name, which may have a port.
    pub(super) fn of_host(host: &str, is_https: bool) -> Option<Self> {
        let (host, port) = split_port(host)?;
        let port = match port {
            Some(port) => port,
            None => default_port(is_https),
        };
        Some(Self { is_https, host: host.to_ascii_lowercase(), port })
    }

    /// That of a URL, and the path and query behind it. `None` for what has a user name in it, or is no such URL.
    pub(super) fn of_url(url: &str) -> Option<(Self, &str)> {
        let (scheme, rest) = url.split_once("://")?;
        Self::split(scheme, rest)
    }

    /// As [`of_url`](Self::of_url), for what stands before and behind `://`.
    pub(super) fn split<'a>(scheme: &str, rest: &'a str) -> Option<(Self, &'a str)> {
        let is_https = match scheme {
            _ if scheme.eq_ignore_ascii_case("https") => true,
            _ if scheme.eq_ignore_ascii_case("http") => false,
            _ => return None,
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        Some((Self::of_host(authority, is_https)?, path))
    }

    pub(super) fn scheme(&self) -> &'static str {
        if self.is_https { "https" } else { "http" }
    }

    /// The host, and its port if it is not the scheme's own.
    pub(super) fn authority(&self) -> String {
        if self.port == default_port(self.is_https) {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Whether it is on this machine.
    pub(super) fn is_loopback(&self) -> bool {
        let address = self.host.trim_start_matches('[').trim_end_matches(']');
        self.host == "localhost"
            || address.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
            || address.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.authority())
    }
}

fn default_port(is_https: bool) -> u16 {
    if is_https { 443 } else { 80 }
}

fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = if authority.starts_with('[') {
        let end = authority.find(']')? + 1;
        let (host, port) = authority.split_at(end);
        host.trim_matches(['[', ']']).parse::<Ipv6Addr>().ok()?;
        (host, port.strip_prefix(':').or(port.is_empty().then_some(""))?)
    } else {
        let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if host.is_empty() || !host.bytes().all(is_host) {
            return None;
        }
        (host, port)
    };
    if port.is_empty() {
        return (!authority.ends_with(':')).then_some((host, None));
    }
    let port = port.bytes().all(|byte| byte.is_ascii_digit()).then(|| port.parse().ok())??;
    Some((host, Some(port)))
}
