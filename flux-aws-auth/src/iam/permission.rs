//! Identity-based policies: what a role or a user may do.

use super::document::{PolicyDocument, Statement};
use super::repository::RepositoryPattern;
use super::resource::{BucketArn, KeyArn};
use crate::arn::RoleArn;
use crate::error::{Error, ErrorKind};

/// What a role or a user may read, as a policy to attach to it, in [two forms](super#two-forms).
///
/// A resource in another account needs a [`ResourcePolicy`](super::ResourcePolicy) as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermissionPolicy {
    flux_documented: PolicyDocument,
    minimal: PolicyDocument,
}

impl PermissionPolicy {
    /// Reading private ECR repositories.
    ///
    /// `ecr:GetAuthorizationToken`, the login to the registry, is an action without resources: it is granted on `*`, and
    /// would be granted to nobody anywhere else ([actions of ECR]). The others are granted on the repositories alone. Minimal
    /// are those which reading makes calls for:
    ///
    /// | action | needed for |
    /// |---|---|
    /// | `ecr:GetAuthorizationToken` | logging in to the registry, for digests and pulls by its own protocol |
    /// | `ecr:ListImages` | listing tags |
    /// | `ecr:DescribeImages` | when an image was pushed |
    /// | `ecr:BatchGetImage` | the digest of a tag, and its manifest |
    /// | `ecr:GetDownloadUrlForLayer` | the layers of an artifact |
    ///
    /// [actions of ECR]: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when no repository is named.
    pub fn ecr(repositories: impl IntoIterator<Item = RepositoryPattern>) -> Result<Self, Error> {
        let repositories: Vec<_> = repositories.into_iter().map(|pattern| pattern.to_string()).collect();
        if repositories.is_empty() {
            return Err(none_named("repository"));
        }
        let document = |actions| {
            PolicyDocument::new(vec![
                Statement::allow(&[ECR_LOGIN]).on(["*"]),
                Statement::allow(actions).on(repositories.clone()),
            ])
        };
        Ok(Self { flux_documented: document(ECR_FLUX), minimal: document(ECR_MINIMAL) })
    }

    /// Logging in to private ECR, and no more: what a role needs besides the
    /// [policy of a repository](super::ResourcePolicy::ecr_repository), which cannot grant it.
    pub fn ecr_login() -> PolicyDocument {
        PolicyDocument::new(vec![Statement::allow(&[ECR_LOGIN]).on(["*"])])
    }

    /// Reading the public gallery under a name, which AWS limits less than reading without one.
    ///
    /// Flux's page names an AWS-managed policy ([`ManagedPolicy::EcrPublicReadOnly`](super::ManagedPolicy)), whose actions
    /// stand here. Minimal is the login, which takes a token of STS besides ECR's own ([public registry authentication]);
    /// everybody may read what is public. There is a public gallery in the partition `aws` alone.
    ///
    /// [public registry authentication]: https://docs.aws.amazon.com/AmazonECR/latest/public/public-registry-auth.html
    pub fn ecr_public() -> Self {
        let document = |actions| PolicyDocument::new(vec![Statement::allow(actions).on(["*"])]);
        Self { flux_documented: document(ECR_PUBLIC_FLUX), minimal: document(ECR_PUBLIC_MINIMAL) }
    }

    /// Reading a bucket and its objects.
    ///
    /// The bucket and what is in it are two resources ([Flux on AWS]). Minimal are `s3:ListBucket`, for finding the bucket
    /// and listing it, and `s3:GetObject`.
    ///
    /// [Flux on AWS]: https://fluxcd.io/flux/integrations/aws/#granting-permissions
    pub fn s3(bucket: &BucketArn) -> Self {
        let document =
            |actions| PolicyDocument::new(vec![Statement::allow(actions).on(bucket_and_objects(bucket))]);
        Self { flux_documented: document(S3_FLUX), minimal: document(S3_MINIMAL) }
    }

    /// Decrypting with KMS keys.
    ///
    /// It has an effect only where the key's own policy lets the account use policies like this one, as the policy of
    /// [`ResourcePolicy::kms_key`](super::ResourcePolicy::kms_key) does ([key policies]). Minimal is `kms:Decrypt`, the one
    /// call that SOPS makes to decrypt.
    ///
    /// [key policies]: https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when no key is named.
    pub fn kms(keys: impl IntoIterator<Item = KeyArn>) -> Result<Self, Error> {
        let keys: Vec<_> = keys.into_iter().map(|key| key.to_string()).collect();
        if keys.is_empty() {
            return Err(none_named("key"));
        }
        let document = |actions| PolicyDocument::new(vec![Statement::allow(actions).on(keys.clone())]);
        Ok(Self { flux_documented: document(KMS_FLUX), minimal: document(KMS_MINIMAL) })
    }

    /// Assuming other roles: what a role needs besides the trust of those ([`RoleTrust`](super::RoleTrust)).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when no role is named.
    pub fn assume_roles(roles: impl IntoIterator<Item = RoleArn>) -> Result<PolicyDocument, Error> {
        let roles: Vec<_> = roles.into_iter().map(|role| role.to_string()).collect();
        if roles.is_empty() {
            return Err(none_named("role"));
        }
        Ok(PolicyDocument::new(vec![Statement::allow(ASSUME_AND_TAG).on(roles)]))
    }

    /// The actions that Flux's page lists ([Flux on AWS]), on these resources alone.
    ///
    /// [Flux on AWS]: https://fluxcd.io/flux/integrations/aws/#authorization
    pub fn flux_documented(&self) -> &PolicyDocument {
        &self.flux_documented
    }

    /// The actions that reading takes, and no more.
    pub fn minimal(&self) -> &PolicyDocument {
        &self.minimal
    }
}

pub(super) fn none_named(what: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("a policy that names no {what} grants nothing"))
        .with_hint(format!("Name at least one {what}."))
}

pub(super) fn bucket_and_objects(bucket: &BucketArn) -> [String; 2] {
    [bucket.to_string(), format!("{bucket}/*")]
}

/// A session with tags that it passes on can assume a role only where it may tag the new session too.
pub(super) const ASSUME_AND_TAG: &[&str] = &["sts:AssumeRole", "sts:TagSession"];

pub(super) const ECR_LOGIN: &str = "ecr:GetAuthorizationToken";

pub(super) const ECR_FLUX: &[&str] = &[
    "ecr:BatchCheckLayerAvailability",
    "ecr:GetDownloadUrlForLayer",
    "ecr:GetRepositoryPolicy",
    "ecr:DescribeRepositories",
    "ecr:ListImages",
    "ecr:DescribeImages",
    "ecr:BatchGetImage",
    "ecr:GetLifecyclePolicy",
    "ecr:GetLifecyclePolicyPreview",
    "ecr:ListTagsForResource",
    "ecr:DescribeImageScanFindings",
];

pub(super) const ECR_MINIMAL: &[&str] =
    &["ecr:ListImages", "ecr:DescribeImages", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];

const ECR_PUBLIC_FLUX: &[&str] = &[
    "ecr-public:GetAuthorizationToken",
    "sts:GetServiceBearerToken",
    "ecr-public:BatchCheckLayerAvailability",
    "ecr-public:GetRepositoryPolicy",
    "ecr-public:DescribeRepositories",
    "ecr-public:DescribeRegistries",
    "ecr-public:DescribeImages",
    "ecr-public:DescribeImageTags",
    "ecr-public:GetRepositoryCatalogData",
    "ecr-public:GetRegistryCatalogData",
];

const ECR_PUBLIC_MINIMAL: &[&str] = &["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"];

const S3_FLUX: &[&str] =
    &["s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*", "s3-object-lambda:List*"];

pub(super) const S3_MINIMAL: &[&str] = &["s3:GetObject", "s3:ListBucket"];

pub(super) const KMS_FLUX: &[&str] = &["kms:Decrypt", "kms:DescribeKey"];

pub(super) const KMS_MINIMAL: &[&str] = &["kms:Decrypt"];
