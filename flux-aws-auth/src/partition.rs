//! AWS's partitions, and which region is in which.

use std::fmt;

use crate::error::Error;
use crate::reason::Reason;
use crate::text::quoted;

/// One of AWS's partitions: a group of regions with identities and host names of its own.
///
/// The facts are those of the AWS SDKs' own endpoint rules, for all eight partitions ([AWS service endpoints]).
///
/// ```
/// use flux_aws_auth::Partition;
///
/// let china = Partition::of_region("cn-north-1");
/// assert_eq!((china.name(), china.dns_suffix()), ("aws-cn", "amazonaws.com.cn"));
/// assert_eq!(Partition::of_region("eu-west-1").dual_stack_dns_suffix(), "api.aws");
/// ```
///
/// [AWS service endpoints]: https://docs.aws.amazon.com/general/latest/gr/rande.html
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition {
    name: &'static str,
    region_prefix: &'static str,
    dns_suffix: &'static str,
    dual_stack_dns_suffix: &'static str,
}

impl Partition {
    /// All that there are. The last is `aws`, which takes every region that no other claims, so that a new commercial region
    /// needs no new release.
    pub const ALL: &'static [Self] = &[
        Self::new("aws-cn", "cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
        Self::new("aws-eusc", "eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
        Self::new("aws-us-gov", "us-gov-", "amazonaws.com", "api.aws"),
        Self::new("aws-iso", "us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
        Self::new("aws-iso-b", "us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
        Self::new("aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
        Self::new("aws-iso-f", "us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
        Self::AWS,
    ];

    const AWS: Self = Self::new("aws", "", "amazonaws.com", "api.aws");

    const fn new(
        name: &'static str,
        region_prefix: &'static str,
        dns_suffix: &'static str,
        dual_stack_dns_suffix: &'static str,
    ) -> Self {
        Self { name, region_prefix, dns_suffix, dual_stack_dns_suffix }
    }

    /// The partition of a region, by the start of its name. It is not checked that there is such a region.
    pub fn of_region(region: &str) -> Self {
        let claims = |partition: &&Self| region.starts_with(partition.region_prefix);
        Self::ALL.iter().find(claims).copied().unwrap_or(Self::AWS)
    }

    /// The name, as in an ARN: `aws`, `aws-cn`, `aws-us-gov`, …
    pub fn name(self) -> &'static str {
        self.name
    }

    /// The suffix of a service's host: `amazonaws.com` and its like.
    pub fn dns_suffix(self) -> &'static str {
        self.dns_suffix
    }

    /// The suffix of a service's host that answers on IPv6 too: `api.aws` and its like. A service's image or bucket hosts may
    /// have others.
    pub fn dual_stack_dns_suffix(self) -> &'static str {
        self.dual_stack_dns_suffix
    }
}

/// Writes the name.
impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

/// Checks that `region` is written like a region's name, so that it can be a part of a host's.
pub(crate) fn check_region(region: &str) -> Result<(), Error> {
    if is_region(region) {
        return Ok(());
    }
    Err(Error::because(Reason::RegionMalformed, format!("{} is not an AWS region", quoted(region)))
        .with_hint("Write it as in eu-west-1; look for spaces and line breaks."))
}

/// Whether `region` is written like a region's name: three words or more, the last one a number.
pub(crate) fn is_region(region: &str) -> bool {
    let parts: Vec<_> = region.split('-').collect();
    let word =
        |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let ends_in_number = parts.last().is_some_and(|part| part.bytes().all(|b| b.is_ascii_digit()));
    region.len() <= 32 && parts.len() >= 3 && parts.iter().all(word) && ends_in_number
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn every_partition_has_its_regions() {
        for (region, name, suffix) in [
            ("eu-west-1", "aws", "amazonaws.com"),
            ("us-gov-east-1", "aws-us-gov", "amazonaws.com"),
            ("cn-northwest-1", "aws-cn", "amazonaws.com.cn"),
            ("eusc-de-east-1", "aws-eusc", "amazonaws.eu"),
            ("us-iso-east-1", "aws-iso", "c2s.ic.gov"),
            ("us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov"),
            ("us-isof-south-1", "aws-iso-f", "csp.hci.ic.gov"),
            ("eu-isoe-west-1", "aws-iso-e", "cloud.adc-e.uk"),
            ("mars-north-1", "aws", "amazonaws.com"),
        ] {
            assert!(check_region(region).is_ok(), "{region}");
            let partition = Partition::of_region(region);
            assert_eq!((partition.name(), partition.dns_suffix()), (name, suffix), "{region}");
        }
    }

    #[test]
    fn what_is_no_region_is_refused() {
        for region in [
            "",
            "eu",
            "eu-west",
            "eu-west-1\n",
            " eu-west-1",
            "EU-WEST-1",
            "us east 1",
            "eu-west-1.evil.example",
            "eu--1",
        ] {
            let error = check_region(region).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }
}
