//! Resource-based policies: who may do what with one repository, bucket or key.

use super::document::{OneOrMany, PolicyDocument, Principal, Statement};
use super::permission::{
    ECR_FLUX, ECR_MINIMAL, KMS_FLUX, KMS_MINIMAL, S3_MINIMAL, bucket_and_objects, none_named,
};
use super::resource::{BucketArn, KeyArn, PrincipalArn};
use crate::error::Error;

/// Who may read one resource, as the policy to attach to that resource, in [two forms](super#two-forms).
///
/// Flux's page recommends these where tenants share a cluster ([Flux on AWS]). A principal of another account needs a
/// [`PermissionPolicy`](super::PermissionPolicy) as well.
///
/// [Flux on AWS]: https://fluxcd.io/flux/integrations/aws/#authorization
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourcePolicy {
    flux_documented: PolicyDocument,
    minimal: PolicyDocument,
}

impl ResourcePolicy {
    /// The policy of a private ECR repository.
    ///
    /// It has no `Resource`: it is about the repository it is attached to ([repository policies]). Nor has it
    /// `ecr:GetAuthorizationToken`, which is about none; [`PermissionPolicy::ecr_login`](super::PermissionPolicy::ecr_login)
    /// grants that.
    ///
    /// [repository policies]: https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) when no principal is named.
    pub fn ecr_repository(principals: impl IntoIterator<Item = PrincipalArn>) -> Result<Self, Error> {
        let principal = named(principals)?;
        let document = |actions| PolicyDocument::new(vec![Statement::allow(actions).to(principal.clone())]);
        Ok(Self { flux_documented: document(ECR_FLUX), minimal: document(ECR_MINIMAL) })
    }

    /// The policy of an S3 bucket, which names the bucket and its objects: S3 takes no `*` for them ([bucket policies]).
    ///
    /// Of the actions on Flux's page, those are left out that no bucket or object has: `s3:Describe*` and
    /// `s3-object-lambda:*`.
    ///
    /// [bucket policies]: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
    ///
    /// # Errors
    ///
    /// As [`ecr_repository`](Self::ecr_repository).
    pub fn s3_bucket(
        bucket: &BucketArn,
        principals: impl IntoIterator<Item = PrincipalArn>,
    ) -> Result<Self, Error> {
        let principal = named(principals)?;
        let document = |actions| {
            let statement = Statement::allow(actions).to(principal.clone()).on(bucket_and_objects(bucket));
            PolicyDocument::new(vec![statement])
        };
        Ok(Self { flux_documented: document(&["s3:Get*", "s3:List*"]), minimal: document(S3_MINIMAL) })
    }

    /// The policy of a KMS key, which is the key's only one: it replaces the one that is there.
    ///
    /// It keeps the statement of the key's own account that every key is made with. Without it nobody could change the
    /// policy again, and no policy of a role or user would have an effect on the key ([default key policy]). `Resource` is
    /// `*`, which in a key's policy means this key.
    ///
    /// [default key policy]: https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
    ///
    /// # Errors
    ///
    /// As [`ecr_repository`](Self::ecr_repository).
    pub fn kms_key(key: &KeyArn, principals: impl IntoIterator<Item = PrincipalArn>) -> Result<Self, Error> {
        let principal = named(principals)?;
        let document = |actions| {
            PolicyDocument::new(vec![
                Statement::allow(&["kms:*"])
                    .sid("Enable IAM User Permissions")
                    .to(Principal::Aws(OneOrMany::One(key.account_root())))
                    .on(["*"]),
                Statement::allow(actions).to(principal.clone()).on(["*"]),
            ])
        };
        Ok(Self { flux_documented: document(KMS_FLUX), minimal: document(KMS_MINIMAL) })
    }

    /// The actions that Flux's page lists ([Flux on AWS]).
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

fn named(principals: impl IntoIterator<Item = PrincipalArn>) -> Result<Principal, Error> {
    let principals: Vec<_> = principals.into_iter().map(|principal| principal.to_string()).collect();
    if principals.is_empty() {
        return Err(none_named("principal"));
    }
    Ok(Principal::Aws(OneOrMany::from(principals)))
}
