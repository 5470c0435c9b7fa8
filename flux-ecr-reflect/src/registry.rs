//! The hosts of private Amazon ECR registries, and nothing that only looks like one.

use std::fmt;
use std::str::FromStr;

use flux_aws_auth::Partition;

use crate::error::{Error, ErrorKind};

/// A private Amazon ECR registry: whose it is, and where.
///
/// Parsed from the host of an image name. The whole host must match one row of the table below, letter by
/// letter: the account has 12 digits, the region belongs to the partition the suffix stands for, and nothing
/// stands before or behind. A host that is close (`….amazonaws.com.evil.example`, a trailing dot, an
/// upper-case letter, a port) is refused before anything is sent to it.
///
/// Amazon ECR Public (`public.ecr.aws`) is none of these, and never will be: it has no account in its host, and another
/// API. [`RegistryKind`] tells it from the rest.
///
/// | partition | IPv4 | dual-stack |
/// |---|---|---|
/// | `aws` | `ACCOUNT.dkr.ecr.REGION.amazonaws.com` | `ACCOUNT.dkr-ecr.REGION.on.aws` |
/// | `aws-us-gov` | `….amazonaws.com` | `….on.aws` |
/// | `aws-cn` | `….amazonaws.com.cn` | `….on.amazonwebservices.com.cn` |
/// | `aws-eusc` | `….amazonaws.eu` | `….on.amazonwebservices.eu` |
/// | `aws-iso` | `….c2s.ic.gov` | `….on.aws.ic.gov` |
/// | `aws-iso-b` | `….sc2s.sgov.gov` | `….on.aws.scloud` |
/// | `aws-iso-e` | `….cloud.adc-e.uk` | `….on.cloud-aws.adc-e.uk` |
/// | `aws-iso-f` | `….csp.hci.ic.gov` | `….on.aws.hci.ic.gov` |
///
/// The FIPS form of each says `dkr.ecr-fips` or `dkr-ecr-fips`. Sources: [service endpoints][1], [dual-stack
/// hosts][2], and for the partitions that those pages leave out [the hosts Amazon's credential helper knows][3] and
/// [those that Renovate knows][4].
///
/// ```
/// use flux_ecr_reflect::EcrRegistry;
///
/// let registry: EcrRegistry = "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com".parse()?;
/// assert_eq!(registry.account_id(), "123456789012");
/// assert_eq!((registry.region(), registry.partition()), ("us-gov-west-1", "aws-us-gov"));
/// assert!(registry.is_fips() && !registry.is_dual_stack());
///
/// assert!("123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example".parse::<EcrRegistry>().is_err());
/// # Ok::<(), flux_ecr_reflect::Error>(())
/// ```
///
/// [1]: https://docs.aws.amazon.com/general/latest/gr/ecr.html
/// [2]: https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-requests.html
/// [3]: https://github.com/awslabs/amazon-ecr-credential-helper
/// [4]: https://github.com/renovatebot/renovate/blob/main/lib/modules/datasource/docker/ecr.ts
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EcrRegistry {
    account_id: String,
    region: String,
    form: HostForm,
}

impl EcrRegistry {
    /// The 12-digit account the registry belongs to, which need not be the caller's own.
    pub fn account_id(&self) -> &str {
        &self.account_id
    }

    /// The region, such as `eu-west-1`.
    ///
    /// Its shape and its partition are checked, its existence is not: regions are added while programs run.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The partition, as in an ARN: `aws`, `aws-cn`, `aws-us-gov`, …
    pub fn partition(&self) -> &'static str {
        Partition::of_region(&self.region).name()
    }

    /// Whether the host is the one for FIPS 140 endpoints; the ECR API is then called on its FIPS endpoint
    /// too.
    pub fn is_fips(&self) -> bool {
        self.form.fips
    }

    /// Whether the host answers on IPv6 too; the ECR API is then called on its dual-stack endpoint too.
    pub fn is_dual_stack(&self) -> bool {
        self.form.dual_stack
    }

    /// The address of the ECR API for this registry: of its region, and with FIPS and dual-stack as its host has them
    /// ([service endpoints][1]).
    ///
    /// [1]: https://docs.aws.amazon.com/general/latest/gr/ecr.html
    pub(crate) fn api_url(&self) -> String {
        let partition = Partition::of_region(&self.region);
        let service = if self.form.fips { "ecr-fips" } else { "ecr" };
        if self.form.dual_stack {
            format!("https://{service}.{}.{}", self.region, partition.dual_stack_dns_suffix())
        } else {
            format!("https://api.{service}.{}.{}", self.region, partition.dns_suffix())
        }
    }

    /// The ARN of a repository of this registry, as IAM policies name it.
    ///
    /// ```
    /// # use flux_ecr_reflect::EcrRegistry;
    /// let registry: EcrRegistry = "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn".parse()?;
    /// let arn = registry.repository_arn("apps/app");
    /// assert_eq!(arn, "arn:aws-cn:ecr:cn-north-1:123456789012:repository/apps/app");
    /// # Ok::<(), flux_ecr_reflect::Error>(())
    /// ```
    pub fn repository_arn(&self, repository: &str) -> String {
        format!("arn:{}:ecr:{}:{}:repository/{repository}", self.partition(), self.region, self.account_id)
    }
}

impl FromStr for EcrRegistry {
    type Err = Error;

    /// # Errors
    ///
    /// [`ErrorKind::Configuration`], with the part of the host that does not fit.
    fn from_str(host: &str) -> Result<Self, Error> {
        parse(host).map_err(|reason| {
            Error::new(
                ErrorKind::Configuration,
                format!("registry host {host:?} is not a private Amazon ECR registry: {reason}"),
            )
            .with_hint(if resembles_private_ecr(host) {
                "Use ACCOUNT.dkr.ecr.REGION.amazonaws.com, or the form of the registry's partition."
            } else {
                "Only private Amazon ECR has the ECR API; a Reflector asks other registries through the distribution API."
            })
        })
    }
}

impl fmt::Display for EcrRegistry {
    /// Writes the host, exactly as it was parsed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let partition = Partition::of_region(&self.region);
        let suffix = suffix_of(partition, self.form.dual_stack);
        write!(f, "{}.{}.{}.{suffix}", self.account_id, self.form.label(), self.region)
    }
}

/// Whose registry a host is, and so how one logs in there: [`ImageName::registry_kind`](crate::ImageName::registry_kind).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RegistryKind {
    /// Private Amazon ECR.
    Ecr(EcrRegistry),
    /// [Amazon ECR Public](https://docs.aws.amazon.com/AmazonECR/latest/public/public-ecr-requests.html).
    #[non_exhaustive]
    EcrPublic {
        /// Whether the host is `ecr-public.aws.com`, which answers on IPv6 too, and not `public.ecr.aws`.
        dual_stack: bool,
    },
    /// Any other registry of the distribution API.
    Other,
}

impl RegistryKind {
    pub(crate) fn of(host: &str) -> Result<Self, Error> {
        if let Some(place) = PUBLIC_HOSTS.iter().position(|public| *public == host) {
            return Ok(Self::EcrPublic { dual_stack: place == 1 });
        }
        match host.parse() {
            Ok(registry) => Ok(Self::Ecr(registry)),
            Err(error) if resembles_ecr(host) => Err(error),
            Err(_) => Ok(Self::Other),
        }
    }
}

/// The hosts of ECR Public: on IPv4, and on IPv6 too.
pub(crate) const PUBLIC_HOSTS: [&str; 2] = ["public.ecr.aws", "ecr-public.aws.com"];

/// The middle of a host: which of the four kinds of endpoint it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct HostForm {
    fips: bool,
    dual_stack: bool,
}

impl HostForm {
    const ALL: [Self; 4] = [
        Self { fips: false, dual_stack: false },
        Self { fips: true, dual_stack: false },
        Self { fips: false, dual_stack: true },
        Self { fips: true, dual_stack: true },
    ];

    fn label(self) -> &'static str {
        match (self.dual_stack, self.fips) {
            (false, false) => "dkr.ecr",
            (false, true) => "dkr.ecr-fips",
            (true, false) => "dkr-ecr",
            (true, true) => "dkr-ecr-fips",
        }
    }
}

/// The suffix of a partition's registries: of those on IPv4 it is the one of all services; of those on IPv6 too it has `on.`
/// where that of the services has `api.`.
fn suffix_of(partition: Partition, dual_stack: bool) -> &'static str {
    if !dual_stack {
        return partition.dns_suffix();
    }
    match partition.name() {
        "aws-cn" => "on.amazonwebservices.com.cn",
        "aws-eusc" => "on.amazonwebservices.eu",
        "aws-iso" => "on.aws.ic.gov",
        "aws-iso-b" => "on.aws.scloud",
        "aws-iso-e" => "on.cloud-aws.adc-e.uk",
        "aws-iso-f" => "on.aws.hci.ic.gov",
        // `aws` and `aws-us-gov`
        _ => "on.aws",
    }
}

fn parse(host: &str) -> Result<EcrRegistry, String> {
    if PUBLIC_HOSTS.contains(&host) {
        return Err("it is Amazon ECR Public".to_owned());
    }
    let (account_id, rest) = host.split_once('.').ok_or("it has no account and region")?;
    if account_id.len() != 12 || !account_id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("{account_id:?} is not an account of 12 digits"));
    }
    let (form, rest) = HostForm::ALL
        .into_iter()
        .find_map(|form| Some((form, rest.strip_prefix(form.label())?.strip_prefix('.')?)))
        .ok_or("the account is not followed by dkr.ecr, dkr.ecr-fips, dkr-ecr or dkr-ecr-fips")?;
    let (region, suffix) = rest.split_once('.').ok_or("it ends after the region")?;
    if !is_region(region) {
        return Err(format!("{region:?} is not an AWS region"));
    }
    let partition = Partition::of_region(region);
    let expected = suffix_of(partition, form.dual_stack);
    if suffix != expected {
        return Err(format!(
            "a {} host of region {region} ends in {expected:?}, not in {suffix:?}",
            form.label()
        ));
    }
    Ok(EcrRegistry { account_id: account_id.to_owned(), region: region.to_owned(), form })
}

/// Whether whoever wrote it meant a host of the table.
fn resembles_private_ecr(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let digits = host.bytes().take_while(u8::is_ascii_digit).count();
    host.contains("dkr") || host.contains("amazonaws") || digits >= 8
}

/// Whether a host that is none of ECR's has the marks of one. It may be AWS's or not: nothing of AWS's is sent to it.
fn resembles_ecr(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let is_public = PUBLIC_HOSTS.iter().any(|public| host.contains(public));
    is_public || [".dkr.ecr", ".dkr-ecr", "amazonaws"].into_iter().any(|mark| host.contains(mark))
}

/// Two letters or more, one or more words, a number: `us-east-1`, `us-gov-west-1`, `eusc-de-east-1`.
fn is_region(region: &str) -> bool {
    let mut parts = region.split('-');
    let (Some(area), Some(number)) = (parts.next(), parts.next_back()) else { return false };
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let mut words = parts.peekable();
    area.len() >= 2
        && is_word(area)
        && words.peek().is_some()
        && words.all(is_word)
        && matches!(number.len(), 1 | 2)
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
