//! Which hosts are reached without the proxy.

use std::net::IpAddr;

use ipnet::IpNet;

/// A list in the language of `NO_PROXY`, as Go reads it. The language is described at
/// [`HttpClientBuilder::no_proxy`](super::HttpClientBuilder::no_proxy).
#[derive(Clone, Debug, Default)]
pub(super) struct NoProxy {
    /// The list has `*`.
    everything: bool,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
enum Entry {
    Network(IpNet),
    Address(IpAddr, Option<u16>),
    Domain {
        /// With a dot before it.
        suffix: String,
        /// Whether the name without the dot is meant too.
        itself: bool,
        port: Option<u16>,
    },
}

impl NoProxy {
    /// Reads a list. Like Go, it passes over what is not an entry.
    pub(super) fn parse(list: &str) -> Self {
        let entries = list.split(',').map(|entry| entry.trim().to_ascii_lowercase());
        let entries: Vec<_> = entries.filter(|entry| !entry.is_empty()).collect();
        Self {
            everything: entries.iter().any(|entry| entry == "*"),
            entries: entries.iter().filter_map(|entry| Entry::parse(entry)).collect(),
        }
    }

    /// Whether `host`, as a URL has it, is reached directly.
    pub(super) fn covers(&self, host: &str, port: u16) -> bool {
        let host = host.to_ascii_lowercase();
        let address = address_in(&host);
        self.everything
            || is_local(&host, address)
            || self.entries.iter().any(|entry| entry.covers(&host, address, port))
    }
}

impl Entry {
    fn parse(entry: &str) -> Option<Self> {
        if let Ok(network) = entry.parse() {
            return Some(Self::Network(network));
        }
        let (host, port) = split_port(entry)?;
        if let Some(address) = address_in(host) {
            return Some(Self::Address(address, port));
        }
        let host = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
        if host.is_empty() {
            return None;
        }
        let itself = !host.starts_with('.');
        let suffix = if itself { format!(".{host}") } else { host.to_owned() };
        Some(Self::Domain { suffix, itself, port })
    }

    fn covers(&self, host: &str, address: Option<IpAddr>, at: u16) -> bool {
        match self {
            Self::Network(network) => address.is_some_and(|address| network.contains(&address)),
            Self::Address(own, port) => address == Some(*own) && port.is_none_or(|port| port == at),
            Self::Domain { suffix, itself, port } => {
                let is_itself = *itself && suffix.strip_prefix('.') == Some(host);
                (is_itself || host.ends_with(suffix)) && port.is_none_or(|port| port == at)
            }
        }
    }
}

/// What no list can send through a proxy: it would be the proxy's own machine that is reached there.
fn is_local(host: &str, address: Option<IpAddr>) -> bool {
    /// Where AWS has, beside link-local IPv4, the services of a node.
    const NODE_SERVICES: [u16; 2] = [0xfd00, 0xec2];
    match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(v4)) => v4.is_loopback() || v4.is_link_local(),
        Some(IpAddr::V6(v6)) => {
            v6.is_loopback() || v6.is_unicast_link_local() || v6.segments().starts_with(&NODE_SERVICES)
        }
        None => host == "localhost" || host.ends_with(".localhost"),
    }
}

/// An address, in brackets or without.
fn address_in(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// `host:port`, `[v6]:port` or no port; `None` where what follows the host is not a port.
fn split_port(entry: &str) -> Option<(&str, Option<u16>)> {
    if address_in(entry).is_some() {
        return Some((entry, None));
    }
    match entry.rsplit_once(':') {
        Some((host, port)) => Some((host, Some(port.parse().ok()?))),
        None => Some((entry, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(list: &str, host: &str, port: u16, expected: bool) {
        assert_eq!(NoProxy::parse(list).covers(host, port), expected, "{list:?}, {host}:{port}");
    }

    /// What Go's httpproxy does with each, after its documentation.
    #[test]
    fn a_list_is_read_as_go_reads_it() {
        for (list, host, port, direct) in [
            ("", "sts.amazonaws.com", 443, false),
            ("amazonaws.com", "amazonaws.com", 443, true),
            ("amazonaws.com", "sts.eu-west-1.amazonaws.com", 443, true),
            ("amazonaws.com", "notamazonaws.com", 443, false),
            ("amazonaws.com", "amazonaws.com.evil.example", 443, false),
            (".amazonaws.com", "sts.amazonaws.com", 443, true),
            (".amazonaws.com", "amazonaws.com", 443, false),
            ("*.amazonaws.com", "sts.amazonaws.com", 443, true),
            ("*.amazonaws.com", "amazonaws.com", 443, false),
            ("*amazonaws.com", "sts.amazonaws.com", 443, false),
            ("AmazonAWS.com", "STS.amazonaws.COM", 443, true),
            ("amazonaws.com:443", "sts.amazonaws.com", 443, true),
            ("amazonaws.com:443", "sts.amazonaws.com", 8443, false),
            ("amazonaws.com:https", "sts.amazonaws.com", 443, false),
            (":443", "sts.amazonaws.com", 443, false),
            (" a.example , ,b.example", "b.example", 443, true),
            ("a.example b.example", "b.example", 443, false),
            ("*", "sts.amazonaws.com", 443, true),
            ("*", "10.0.0.1", 443, true),
            ("a.example,*", "sts.amazonaws.com", 443, true),
            ("10.0.0.1", "10.0.0.1", 443, true),
            ("10.0.0.1", "10.0.0.10", 443, false),
            ("10.0.0.1:443", "10.0.0.1", 443, true),
            ("10.0.0.1:443", "10.0.0.1", 80, false),
            ("10.0.0.0/8", "10.200.0.1", 443, true),
            ("10.0.0.0/8", "11.0.0.1", 443, false),
            ("10.0.0.0/8", "10.example", 443, false),
            ("10.0.0.0/33", "10.0.0.1", 443, false),
            ("2001:db8::/32", "[2001:db8::1]", 443, true),
            ("2001:db8::1", "[2001:db8::1]", 443, true),
            ("[2001:db8::1]:443", "[2001:db8::1]", 443, true),
            ("[2001:db8::1]:443", "[2001:db8::1]", 80, false),
            ("2001:db8::1", "[2001:db8::2]", 443, false),
        ] {
            check(list, host, port, direct);
        }
    }

    #[test]
    fn loopback_and_link_local_are_always_direct() {
        for host in [
            "localhost",
            "LOCALHOST",
            "sts.localhost",
            "127.0.0.1",
            "127.9.9.9",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "169.254.169.254",
            "169.254.170.23",
            "[fe80::1]",
            "[fd00:ec2::23]",
            "[fd00:ec2::254]",
        ] {
            check("", host, 80, true);
        }
        for host in ["localhost.example.com", "128.0.0.1", "[fd00::1]", "170.254.0.1", "example.com"] {
            check("", host, 80, false);
        }
    }
}
