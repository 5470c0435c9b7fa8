//! The hosts that STS has: where it is asked, and how they are told from others.

use std::fmt;

use super::host::Host;
use crate::environment::Environment;
use crate::error::Error;
use crate::partition::{Partition, is_region};
use crate::reason::Reason;
use crate::text::quoted;

/// Which of a service's hosts in a region: with FIPS 140 cryptography, on IPv6 too, or neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) fips: bool,
    pub(crate) dual_stack: bool,
}

/// The switches of a builder, which win over those of the environment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Switches {
    pub(crate) fips: Option<bool>,
    pub(crate) dual_stack: Option<bool>,
}

impl Switches {
    /// Reads what the builder left open ([FIPS and dual-stack]).
    ///
    /// [FIPS and dual-stack]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-endpoints.html
    pub(crate) fn resolve(self, environment: &Environment) -> Result<Variant, Error> {
        let switch = |given: Option<bool>, name| given.map_or_else(|| read_switch(environment, name), Ok);
        Ok(Variant {
            fips: switch(self.fips, "AWS_USE_FIPS_ENDPOINT")?,
            dual_stack: switch(self.dual_stack, "AWS_USE_DUALSTACK_ENDPOINT")?,
        })
    }
}

fn read_switch(environment: &Environment, name: &str) -> Result<bool, Error> {
    match environment.var(name) {
        None => Ok(false),
        Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
        Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
        Some(value) => Err(Error::because(
            Reason::InvalidConfiguration,
            format!("{name}: {} is neither true nor false", quoted(&value)),
        )
        .with_hint(format!("Set {name} to true or false, or remove it."))),
    }
}

impl Variant {
    /// Whether it is the plain one.
    pub(crate) fn is_plain(self) -> bool {
        self == Self::default()
    }

    /// STS's address in `region`, as AWS's own endpoint rules have it.
    pub(crate) fn sts_address(self, region: &str) -> String {
        let partition = Partition::of_region(region);
        // GovCloud's regional hosts are the FIPS ones; there is no other.
        let fips_in_name = self.fips && (self.dual_stack || partition.name() != "aws-us-gov");
        let service = if fips_in_name { "sts-fips" } else { "sts" };
        let suffix = if self.dual_stack { partition.dual_stack_dns_suffix() } else { partition.dns_suffix() };
        format!("https://{service}.{region}.{suffix}")
    }
}

/// Writes ` (FIPS, dual-stack)` or less of it, to put behind a region.
impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.fips, self.dual_stack) {
            (false, false) => "",
            (true, false) => " (FIPS)",
            (false, true) => " (dual-stack)",
            (true, true) => " (FIPS, dual-stack)",
        })
    }
}

/// Whether a host is STS's own: of a region, the global one, or a VPC endpoint's. Every label is looked at, so that no host of
/// another service that has `sts` in its name can be meant.
pub(super) fn is_sts_host(host: &Host) -> bool {
    let Host::Name(host) = host else { return false };
    host == "sts.amazonaws.com" || Partition::ALL.iter().any(|partition| is_sts_host_in(*partition, host))
}

fn is_sts_host_in(partition: Partition, host: &str) -> bool {
    let is_region = |region: &str| is_region(region) && Partition::of_region(region) == partition;
    let before = |suffix: &str| host.strip_suffix(suffix).and_then(|host| host.strip_suffix('.'));
    let of_a_region =
        |host: &str| matches!(host.split_once('.'), Some(("sts" | "sts-fips", region)) if is_region(region));
    let of_a_vpc = |host: &str| {
        let endpoint = host.strip_suffix(".vpce").and_then(|host| host.split_once('.'));
        endpoint.is_some_and(|(id, rest)| id.starts_with("vpce-") && of_a_region(rest))
    };
    before(partition.dns_suffix()).is_some_and(|host| of_a_region(host) || of_a_vpc(host))
        || before(partition.dual_stack_dns_suffix()).is_some_and(of_a_region)
}

#[cfg(test)]
mod tests;
