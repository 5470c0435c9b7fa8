//! Who may name which address, as data.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::host::Host;
use super::sts::is_sts_host;

/// What an address is for, and who names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Sts,
    AwsApi,
    ContainerCredentials,
    InstanceMetadata,
    TenantSts,
    TokenService,
}

/// Which addresses a purpose has. What is shown of it at [`Endpoint`](super::Endpoint) is held to this by a test.
pub(super) struct Rule {
    https: Hosts,
    http: Hosts,
    pub(super) remedy: &'static str,
}

/// A set of hosts.
enum Hosts {
    None,
    Any,
    /// This machine, and these addresses of the node.
    LocalOr(&'static [IpAddr]),
    /// AWS's own of STS.
    Sts,
    /// That of the server which named it and those on a list, if they are public.
    Allowed,
}

impl Purpose {
    pub(super) const fn rule(self) -> Rule {
        match self {
            Self::Sts | Self::AwsApi => Rule {
                https: Hosts::Any,
                http: Hosts::LocalOr(&[]),
                remedy: "Use https, or plain http to a loopback address.",
            },
            Self::ContainerCredentials => Rule {
                https: Hosts::Any,
                http: Hosts::LocalOr(AGENTS),
                remedy: "Use https, or plain http to a loopback address, 169.254.170.2 (ECS), 169.254.170.23 or [fd00:ec2::23] \
                         (EKS).",
            },
            Self::InstanceMetadata => Rule {
                https: Hosts::Any,
                http: Hosts::LocalOr(INSTANCE_METADATA),
                remedy: "Use https, or plain http to a loopback address, 169.254.169.254 or [fd00:ec2::254].",
            },
            Self::TenantSts => Rule {
                https: Hosts::Sts,
                http: Hosts::None,
                remedy: "Use https and one of AWS's own hosts of STS, as https://sts.REGION.amazonaws.com or \
                         https://vpce-ID.sts.REGION.vpce.amazonaws.com, and nothing behind it.",
            },
            Self::TokenService => Rule {
                https: Hosts::Allowed,
                http: Hosts::None,
                remedy: "If the host is to be trusted, add it to the list of those that are; it must have https and a public \
                         address.",
            },
        }
    }
}

impl Rule {
    /// Why this address is none of the rule's, if it is none. `allowed` are the hosts, with their ports, that
    /// [`Hosts::Allowed`] means.
    pub(super) fn refuses(
        &self,
        scheme: &str,
        host: &Host,
        port: u16,
        allowed: &[(Host, u16)],
    ) -> Option<&'static str> {
        let hosts = match scheme {
            "https" => &self.https,
            "http" => &self.http,
            _ => return Some("its scheme is neither http nor https"),
        };
        let is_accepted = match hosts {
            Hosts::None => false,
            Hosts::Any => true,
            Hosts::LocalOr(addresses) => {
                host.is_loopback() || matches!(host, Host::Address(address) if addresses.contains(address))
            }
            Hosts::Sts => port == 443 && is_sts_host(host),
            Hosts::Allowed => host.is_public() && allowed.iter().any(|(of, at)| of == host && *at == port),
        };
        if is_accepted {
            return None;
        }
        Some(match hosts {
            Hosts::Sts => "it is not a host of STS",
            Hosts::Allowed if !host.is_public() => "it is not a public address",
            Hosts::Allowed => "it is neither the host that named it nor on the list",
            _ => "plain http to this host could be read or answered by others",
        })
    }
}

/// Of ECS, and of EKS.
const AGENTS: &[IpAddr] = &[v4([170, 2]), v4([170, 23]), v6(0x23)];
const INSTANCE_METADATA: &[IpAddr] = &[v4([169, 254]), v6(0x254)];

const fn v4(last: [u8; 2]) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(169, 254, last[0], last[1]))
}

const fn v6(last: u16) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Hosts {
        fn documented(&self) -> String {
            match self {
                Self::None => "none".to_owned(),
                Self::Any => "any host".to_owned(),
                Self::LocalOr(addresses) => {
                    let addresses = addresses.iter().map(ToString::to_string);
                    std::iter::once("loopback".to_owned()).chain(addresses).collect::<Vec<_>>().join(", ")
                }
                Self::Sts => "AWS's hosts of STS".to_owned(),
                Self::Allowed => "public, and allowed".to_owned(),
            }
        }
    }

    /// What is asked, who names it, and in what.
    const DOCUMENTED: [(Purpose, &str); 6] = [
        (Purpose::Sts, "STS | operator | `AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL`"),
        (Purpose::AwsApi, "another AWS API | operator | the program"),
        (
            Purpose::ContainerCredentials,
            "Pod Identity agent | operator | `AWS_CONTAINER_CREDENTIALS_FULL_URI`",
        ),
        (Purpose::InstanceMetadata, "instance metadata | operator | `AWS_EC2_METADATA_SERVICE_ENDPOINT`"),
        (Purpose::TenantSts, "STS | tenant | an object's spec"),
        (Purpose::TokenService, "a registry's token service | remote | a server's answer"),
    ];

    #[test]
    fn the_documentation_shows_the_rules() {
        let table: Vec<_> = include_str!("../endpoint.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("/// | ")?.strip_suffix(" |"))
            .filter(|row| !row.starts_with("what is asked"))
            .map(str::to_owned)
            .collect();
        let rules = DOCUMENTED.map(|(purpose, documented)| {
            let rule = purpose.rule();
            format!("{documented} | {} | {}", rule.https.documented(), rule.http.documented())
        });
        assert_eq!(table, rules);
    }

    #[test]
    fn a_remedy_names_the_rule_s_addresses() {
        for (purpose, _) in DOCUMENTED {
            if let Hosts::LocalOr(addresses) = purpose.rule().http {
                let remedy = purpose.rule().remedy;
                assert!(addresses.iter().all(|address| remedy.contains(&address.to_string())), "{remedy}");
            }
        }
    }
}
