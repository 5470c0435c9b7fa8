//! What credentials are for, and so in which region.

use crate::arn::is_account;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::integration::Integration;
use crate::partition::{Partition, check_region};
use crate::reason::Reason;
use crate::text::quoted;

/// What credentials are for: a registry, a bucket or a key. It says the [`Integration`] and the region.
///
/// For an object's own identity STS is asked in that region, as Flux does it: the controller's may be another, even in another
/// partition. For the controller's identity it is asked there when neither the builder nor `AWS_REGION` says a region, as on a node
/// of EKS without IRSA and Pod Identity. (Flux asks in the resource's region even if `AWS_REGION` is set. Here one session then
/// serves all resources: it is good in every region of its partition.) Where the resource's name has the region, it is read from
/// there.
///
/// ```
/// use flux_aws_auth::{Integration, Resource};
///
/// let image = Resource::image("111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp")?;
/// assert_eq!((image.integration(), image.region()), (Integration::Ecr, Some("eu-west-1")));
///
/// let key = Resource::kms_key("arn:aws:kms:eu-central-1:111122223333:alias/sops")?;
/// assert_eq!((key.integration(), key.region()), (Integration::Kms, Some("eu-central-1")));
///
/// let bucket = Resource::bucket_in("us-east-1")?; // Bucket's spec.region
/// # Ok::<(), flux_aws_auth::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    integration: Integration,
    region: Option<String>,
    sts_endpoint: Option<Endpoint>,
}

impl Resource {
    /// Something of an integration, without a region. That will do for the controller's own identity, and for an object's
    /// after [`with_region`](Self::with_region).
    pub fn new(integration: Integration) -> Self {
        Self { integration, region: None, sts_endpoint: None }
    }

    /// A container image, or a registry's host: private ECR in any of its forms, or `public.ecr.aws`, which is in
    /// `us-east-1` for everybody ([registry authentication]).
    ///
    /// [registry authentication]: https://docs.aws.amazon.com/AmazonECR/latest/public/public-registry-auth.html
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) when the host is neither. Flux finds an ECR host also in
    /// the middle of a longer one; here the whole host must be one.
    pub fn image(image: &str) -> Result<Self, Error> {
        let without_scheme = image.strip_prefix("oci://").unwrap_or(image);
        let host = without_scheme.split('/').next().unwrap_or_default();
        if matches!(host, "public.ecr.aws" | "ecr-public.aws.com") {
            return Self::new(Integration::EcrPublic).with_region("us-east-1");
        }
        let region = region_of_registry(host).ok_or_else(|| {
            Error::because(Reason::InvalidConfiguration, format!("{} is not an Amazon ECR registry", quoted(host))).with_hint(
                "Use ACCOUNT_ID.dkr.ecr.REGION.amazonaws.com, or the form of the registry's partition, or public.ecr.aws.",
            )
        })?;
        Self::new(Integration::Ecr).with_region(region)
    }

    /// A bucket in `region`, as in a Bucket's `spec.region`.
    ///
    /// # Errors
    ///
    /// Those of [`with_region`](Self::with_region).
    pub fn bucket_in(region: &str) -> Result<Self, Error> {
        Self::new(Integration::S3).with_region(region)
    }

    /// A KMS key, by its ARN or by that of an alias, as in the metadata of a file that SOPS encrypted.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) when it is neither.
    pub fn kms_key(arn: &str) -> Result<Self, Error> {
        let region = region_of_key(arn).ok_or_else(|| {
            Error::because(
                Reason::InvalidConfiguration,
                format!("{} is not the ARN of a KMS key", quoted(arn)),
            )
            .with_hint("Write it as arn:aws:kms:REGION:ACCOUNT_ID:key/KEY_ID, or with alias/NAME at its end.")
        })?;
        Self::new(Integration::Kms).with_region(region)
    }

    /// Says the region, in place of any that was read from a name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) when it is not written like one.
    pub fn with_region(mut self, region: &str) -> Result<Self, Error> {
        check_region(region)?;
        self.region = Some(region.to_owned());
        Ok(self)
    }

    /// Says where an object's own identity asks STS, as in a Bucket's `spec.sts.endpoint`.
    ///
    /// # Errors
    ///
    /// Those of [`Endpoint::tenant_sts`].
    pub fn with_sts_endpoint(mut self, address: &str) -> Result<Self, Error> {
        self.sts_endpoint = Some(Endpoint::tenant_sts("STS endpoint", address)?);
        Ok(self)
    }

    /// The integration.
    pub fn integration(&self) -> Integration {
        self.integration
    }

    /// The region, if it is known.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    pub(crate) fn given_sts_endpoint(&self) -> Option<&Endpoint> {
        self.sts_endpoint.as_ref()
    }
}

/// The region in the host of a private registry ([service endpoints], [dual-stack hosts]).
///
/// [service endpoints]: https://docs.aws.amazon.com/general/latest/gr/ecr.html
/// [dual-stack hosts]: https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-requests.html
fn region_of_registry(host: &str) -> Option<&str> {
    let (_, rest) = host.split_once('.').filter(|(account, _)| is_account(account))?;
    let dual_stack = ["dkr-ecr.", "dkr-ecr-fips."];
    let ipv4 = ["dkr.ecr.", "dkr.ecr-fips."];
    let after = |labels: [&str; 2]| labels.into_iter().find_map(|label| rest.strip_prefix(label));
    let (place, is_dual_stack) =
        after(ipv4).map(|place| (place, false)).or_else(|| after(dual_stack).map(|place| (place, true)))?;
    let (region, suffix) = place.split_once('.')?;
    let partition = Partition::of_region(region);
    let expected = match (is_dual_stack, partition.name()) {
        (false, _) => partition.dns_suffix(),
        (true, "aws" | "aws-us-gov") => "on.aws",
        (true, "aws-cn") => "on.amazonwebservices.com.cn",
        (true, _) => return None,
    };
    (suffix == expected).then_some(region)
}

fn region_of_key(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(6, ':');
    let mut next = || parts.next().unwrap_or_default();
    let (prefix, partition, service, region, account, resource) =
        (next(), next(), next(), next(), next(), next());
    let is_named = resource.split_once('/').is_some_and(|(kind, name)| {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"_-/".contains(&b);
        matches!(kind, "key" | "alias") && !name.is_empty() && name.bytes().all(fits)
    });
    let of_kms = prefix == "arn" && service == "kms" && Partition::of_region(region).name() == partition;
    (of_kms && is_account(account) && is_named).then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_its_region() {
        for (image, region) in [
            ("111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/app:1", "eu-west-1"),
            ("oci://111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
            ("111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/a", "cn-north-1"),
            ("111122223333.dkr.ecr.eusc-de-east-1.amazonaws.eu/a", "eusc-de-east-1"),
            ("111122223333.dkr-ecr.eu-west-1.on.aws/a", "eu-west-1"),
            ("111122223333.dkr-ecr-fips.us-east-2.on.aws/a", "us-east-2"),
        ] {
            assert_eq!(Resource::image(image).unwrap().region(), Some(region), "{image}");
        }
        for other in [
            "",
            "docker.io/library/alpine",
            "1.dkr.ecr.eu-west-1.amazonaws.com/a",
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com.evil.example/a",
            "evil.example/111122223333.dkr.ecr.eu-west-1.amazonaws.com",
            "111122223333.dkr.ecr.cn-north-1.amazonaws.com/a",
            "111122223333.dkr.ecr.eu-west-1.on.aws/a",
            "111122223333.dkr.ecr.EU-WEST-1.amazonaws.com/a",
            "x111122223333.dkr.ecr.eu-west-1.amazonaws.com/a",
            "111122223333.dkr.ecr..amazonaws.com/a",
        ] {
            assert!(Resource::image(other).is_err(), "{other}");
        }
        let public = Resource::image("public.ecr.aws/flux/app").unwrap();
        assert_eq!((public.integration(), public.region()), (Integration::EcrPublic, Some("us-east-1")));
    }

    #[test]
    fn a_key_s_arn_has_its_region() {
        for (arn, region) in [
            ("arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab", "eu-west-1"),
            ("arn:aws:kms:eu-west-1:111122223333:key/mrk-1234", "eu-west-1"),
            ("arn:aws-cn:kms:cn-north-1:111122223333:alias/team/sops", "cn-north-1"),
        ] {
            assert_eq!(Resource::kms_key(arn).unwrap().region(), Some(region), "{arn}");
        }
        for other in [
            "",
            "alias/sops",
            "arn:aws:kms:eu-west-1:1:key/x",
            "arn:aws:kms:eu-west-1:111122223333:key/",
            "arn:aws:kms::111122223333:key/x",
            "arn:aws:kms:cn-north-1:111122223333:key/x",
            "arn:aws:s3:eu-west-1:111122223333:key/x",
            "arn:aws:kms:eu-west-1:111122223333:grant/x",
            "arn:aws:kms:eu-west-1:111122223333:key/x\n",
        ] {
            assert!(Resource::kms_key(other).is_err(), "{other:?}");
        }
    }
}
