//! AWS's partitions, and which region is in which.

use crate::error::Error;
use crate::reason::Reason;
use crate::text::quoted;

/// Region prefix and DNS suffix ([AWS service endpoints]); a region with none of these prefixes is in the partition `aws`.
///
/// [AWS service endpoints]: https://docs.aws.amazon.com/general/latest/gr/rande.html
const PARTITIONS: [(&str, &str); 7] = [
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-gov-", "amazonaws.com"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
];

/// The suffix of every service's host in `region`.
pub(crate) fn dns_suffix(region: &str) -> &'static str {
    let of_its_own = PARTITIONS.iter().find(|(prefix, _)| region.starts_with(prefix));
    of_its_own.map_or("amazonaws.com", |(_, suffix)| suffix)
}

/// Checks that `region` is written like a region's name, so that it can be a part of a host's.
pub(crate) fn check_region(region: &str) -> Result<(), Error> {
    let parts: Vec<_> = region.split('-').collect();
    let word =
        |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let ends_in_number = parts.last().is_some_and(|part| part.bytes().all(|b| b.is_ascii_digit()));
    if region.len() <= 32 && parts.len() >= 3 && parts.iter().all(word) && ends_in_number {
        return Ok(());
    }
    Err(Error::because(Reason::RegionMalformed, format!("{} is no AWS region", quoted(region)))
        .with_hint("Write it as in eu-west-1; look for spaces and line breaks in AWS_REGION."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn every_partition_has_its_suffix() {
        for (region, suffix) in [
            ("eu-west-1", "amazonaws.com"),
            ("us-gov-east-1", "amazonaws.com"),
            ("cn-northwest-1", "amazonaws.com.cn"),
            ("eusc-de-east-1", "amazonaws.eu"),
            ("us-iso-east-1", "c2s.ic.gov"),
            ("us-isob-east-1", "sc2s.sgov.gov"),
            ("us-isof-south-1", "csp.hci.ic.gov"),
            ("eu-isoe-west-1", "cloud.adc-e.uk"),
        ] {
            assert!(check_region(region).is_ok(), "{region}");
            assert_eq!(dns_suffix(region), suffix, "{region}");
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
