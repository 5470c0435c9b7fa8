//! AWS's own policies.

use std::fmt;

use crate::arn::RoleArn;
use crate::error::{Error, ErrorKind};

/// A policy that AWS keeps, to attach to a role by its ARN ([AWS managed policies]). Each gives access to every repository or
/// bucket of the account; KMS has none.
///
/// [AWS managed policies]: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ManagedPolicy {
    /// [AmazonEC2ContainerRegistryReadOnly], which Flux's page recommends for ECR where there are no tenants.
    ///
    /// [AmazonEC2ContainerRegistryReadOnly]: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonEC2ContainerRegistryReadOnly.html
    EcrReadOnly,
    /// [AmazonEC2ContainerRegistryPullOnly], for nodes. It pulls images but lists no tags: not enough to reflect a
    /// repository.
    ///
    /// [AmazonEC2ContainerRegistryPullOnly]: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonEC2ContainerRegistryPullOnly.html
    EcrPullOnly,
    /// [AmazonElasticContainerRegistryPublicReadOnly], which Flux's page recommends for public ECR.
    ///
    /// [AmazonElasticContainerRegistryPublicReadOnly]: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonElasticContainerRegistryPublicReadOnly.html
    EcrPublicReadOnly,
    /// [AmazonS3ReadOnlyAccess], which Flux's page recommends for S3 where there are no tenants.
    ///
    /// [AmazonS3ReadOnlyAccess]: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonS3ReadOnlyAccess.html
    S3ReadOnly,
}

impl ManagedPolicy {
    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::EcrReadOnly => "AmazonEC2ContainerRegistryReadOnly",
            Self::EcrPullOnly => "AmazonEC2ContainerRegistryPullOnly",
            Self::EcrPublicReadOnly => "AmazonElasticContainerRegistryPublicReadOnly",
            Self::S3ReadOnly => "AmazonS3ReadOnlyAccess",
        }
    }

    /// The ARN, in the partition of the role that the policy is for.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when that partition has no such policy: there is a public gallery in `aws` alone.
    ///
    /// ```
    /// use flux_aws_auth::iam::ManagedPolicy;
    ///
    /// let role = "arn:aws-cn:iam::111122223333:role/flux-source".parse()?;
    /// let arn = ManagedPolicy::S3ReadOnly.arn_for(&role)?;
    /// assert_eq!(arn, "arn:aws-cn:iam::aws:policy/AmazonS3ReadOnlyAccess");
    /// # Ok::<(), flux_aws_auth::Error>(())
    /// ```
    pub fn arn_for(self, role: &RoleArn) -> Result<String, Error> {
        let partition = role.partition();
        if self == Self::EcrPublicReadOnly && partition != "aws" {
            let message =
                format!("{partition} has no policy {self}: public ECR is in the partition aws alone");
            return Err(Error::new(ErrorKind::Configuration, message)
                .with_hint("Use a role of the partition aws, or read the public gallery anonymously."));
        }
        Ok(format!("arn:{partition}:iam::aws:policy/{self}"))
    }
}

impl fmt::Display for ManagedPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
