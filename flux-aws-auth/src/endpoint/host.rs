//! The host of an address, and of which class it is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host as a URL has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// In lower case.
    Name(String),
    Address(IpAddr),
}

impl Host {
    /// `None` where a reader of another kind could see another host in it.
    pub(super) fn parse(host: &str) -> Option<Self> {
        if let Some(bracketed) = host.strip_prefix('[') {
            let address = bracketed.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?;
            return Some(Self::Address(address.into()));
        }
        if let Ok(address) = host.parse::<Ipv4Addr>() {
            return Some(Self::Address(address.into()));
        }
        let name = host.to_ascii_lowercase();
        let is_label = |label: &str| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        // Some read `0x7f.1` and `2130706433` as addresses; no top-level domain is a number.
        let ends_in_number =
            |label: &str| label.starts_with("0x") || label.bytes().all(|b| b.is_ascii_digit());
        let is_name = name.split('.').all(is_label) && !name.rsplit('.').next().is_some_and(ends_in_number);
        is_name.then_some(Self::Name(name))
    }

    pub(super) fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => name == "localhost",
            Self::Address(address) => address.is_loopback(),
        }
    }

    /// Whether the whole internet sees the same at this address. Of a name that cannot be told: it is not looked up.
    pub(super) fn is_public(&self) -> bool {
        match self {
            Self::Name(name) => name != "localhost" && !name.ends_with(".localhost"),
            Self::Address(IpAddr::V4(address)) => is_public_v4(*address),
            Self::Address(IpAddr::V6(address)) => is_public_v6(*address),
        }
    }
}

/// After IANA's registry of special-purpose addresses (<https://www.iana.org/assignments/iana-ipv4-special-registry>).
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || address.is_private()
        || (a == 100 && b & 0xc0 == 64)
        || address.is_loopback()
        || address.is_link_local()
        || (a == 192 && b == 0 && (c == 0 || c == 2))
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && b & 0xfe == 18)
        || address.is_documentation()
        || a >= 224)
}

/// Global unicast is `2000::/3`; all else, mapped and translated IPv4 too, is not public, and of it neither is what carries
/// an IPv4 address (6to4, Teredo) or is for documentation.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    first & 0xe000 == 0x2000
        && first != 0x2002
        && !(first == 0x2001 && (second < 0x200 || second == 0xdb8))
        && !(first == 0x3fff && second < 0x1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_public_is_known() {
        for host in [
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:8.8.8.8]",
            "[::10.0.0.1]",
            "[64:ff9b::a00:1]",
            "[64:ff9b:1::1]",
            "[100::1]",
            "[2001::1]",
            "[2001:db8::1]",
            "[2002:a00:1::]",
            "[3fff::1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
            "localhost",
            "LOCALHOST",
            "a.localhost",
        ] {
            assert!(!Host::parse(host).unwrap().is_public(), "{host}");
        }
        for host in [
            "8.8.8.8",
            "100.63.0.1",
            "100.128.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.1",
            "[2600:1f00::1]",
            "[2001:200::1]",
            "example.com",
            "localhost.example.com",
        ] {
            assert!(Host::parse(host).unwrap().is_public(), "{host}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_no_host() {
        for host in [
            "",
            ".",
            "a..b",
            ".a",
            "a.",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "a.1",
            "[127.0.0.1]",
            "[::1",
            "[fe80::1%25eth0]",
            "ex ample",
            "ex%61mple",
            "exämple",
            "a:b",
            "a/b",
            "a\\b",
            "a@b",
            "a,b",
        ] {
            assert_eq!(Host::parse(host), None, "{host}");
        }
    }
}
