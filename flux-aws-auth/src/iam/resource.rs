//! Buckets, keys, clusters, and those to whom a resource's policy gives access.

use std::net::Ipv4Addr;
use std::str::FromStr;

use super::arn::{Parts, arn_text, invalid};
use crate::arn::RoleArn;
use crate::error::Error;
use crate::text::quoted;

/// The ARN of an S3 bucket, such as `arn:aws:s3:::flux-bucket`.
///
/// The name is 3 to 63 lower-case letters, digits, dots and hyphens, beginning and ending with a letter or digit, without two
/// dots in a row, and no IP address ([bucket names]).
///
/// [bucket names]: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketArn(String);

impl FromStr for BucketArn {
    type Err = Error;

    fn from_str(arn: &str) -> Result<Self, Error> {
        let check = || {
            let parts = Parts::of_service(arn, "s3")?.without_region()?;
            if !parts.account.is_empty() {
                return Err("bucket ARNs have no account, so the fifth part is empty".to_owned());
            }
            let name = parts.resource;
            if name.contains('/') {
                return Err("it has a path, but a policy for reading names the bucket".to_owned());
            }
            let of_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
            let framed =
                name.bytes().next().is_some_and(of_word) && name.bytes().next_back().is_some_and(of_word);
            if !(3..=63).contains(&name.len())
                || !framed
                || !name.bytes().all(|b| of_word(b) || b == b'.' || b == b'-')
                || name.contains("..")
                || name.parse::<Ipv4Addr>().is_ok()
            {
                return Err(format!("{} is not a bucket's name", quoted(name)));
            }
            Ok(())
        };
        check()
            .map(|()| Self(arn.to_owned()))
            .map_err(|flaw| invalid("bucket ARN", arn, flaw, "arn:aws:s3:::BUCKET"))
    }
}

arn_text!(BucketArn);

/// The ARN of a KMS key, such as `arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab`.
///
/// Not of an alias: in a policy, an alias's ARN is the alias and never the key behind it ([aliases in policies]).
///
/// [aliases in policies]: https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyArn(String);

impl KeyArn {
    /// The region that the key is in, where STS and KMS have to be asked.
    pub fn region(&self) -> &str {
        self.0.split(':').nth(3).unwrap_or_default()
    }

    /// All of the account that the key is in, as a principal.
    pub(super) fn account_root(&self) -> String {
        let mut parts = self.0.split(':').skip(1);
        let partition = parts.next().unwrap_or_default();
        let account = parts.nth(2).unwrap_or_default();
        format!("arn:{partition}:iam::{account}:root")
    }
}

impl FromStr for KeyArn {
    type Err = Error;

    fn from_str(arn: &str) -> Result<Self, Error> {
        let check = || {
            let parts = Parts::of_service(arn, "kms")?.in_a_region()?.in_an_account()?;
            if parts.resource.starts_with("alias/") {
                return Err("it is an alias, and a policy must name the key itself".to_owned());
            }
            let of_id = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
            match parts.resource.strip_prefix("key/") {
                Some(id) if (1..=64).contains(&id.len()) && id.bytes().all(of_id) => Ok(()),
                Some(id) => Err(format!("{} is not a key's id", quoted(id))),
                None => Err("the resource does not start with `key/`".to_owned()),
            }
        };
        check()
            .map(|()| Self(arn.to_owned()))
            .map_err(|flaw| invalid("key ARN", arn, flaw, "arn:aws:kms:REGION:ACCOUNT_ID:key/KEY_ID"))
    }
}

arn_text!(KeyArn);

/// The ARN of an EKS cluster, such as `arn:aws:eks:eu-west-1:111122223333:cluster/production`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterArn(String);

impl FromStr for ClusterArn {
    type Err = Error;

    fn from_str(arn: &str) -> Result<Self, Error> {
        let check = || {
            let parts = Parts::of_service(arn, "eks")?.in_a_region()?.in_an_account()?;
            let of_name = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            match parts.resource.strip_prefix("cluster/") {
                Some(name)
                    if (1..=100).contains(&name.len())
                        && name.bytes().all(of_name)
                        && name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric()) =>
                {
                    Ok(())
                }
                Some(name) => Err(format!("{} is not a cluster's name", quoted(name))),
                None => Err("the resource does not start with `cluster/`".to_owned()),
            }
        };
        check()
            .map(|()| Self(arn.to_owned()))
            .map_err(|flaw| invalid("cluster ARN", arn, flaw, "arn:aws:eks:REGION:ACCOUNT_ID:cluster/NAME"))
    }
}

arn_text!(ClusterArn);

/// To whom a resource's policy gives access: a role or a user.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PrincipalArn(String);

impl From<RoleArn> for PrincipalArn {
    fn from(role: RoleArn) -> Self {
        Self(role.as_str().to_owned())
    }
}

impl FromStr for PrincipalArn {
    type Err = Error;

    fn from_str(arn: &str) -> Result<Self, Error> {
        let check = || {
            let parts = Parts::of_service(arn, "iam")?.without_region()?.in_an_account()?;
            let Some((kind @ ("role" | "user"), path_and_name)) = parts.resource.split_once('/') else {
                return Err("the resource starts with neither `role/` nor `user/`".to_owned());
            };
            let (path, name) = path_and_name.rsplit_once('/').unwrap_or(("", path_and_name));
            let of_name = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
            if !(1..=64).contains(&name.len()) || !name.bytes().all(of_name) {
                return Err(format!("{} is not a {kind}'s name", quoted(name)));
            }
            if path.len() > 510 || !path.bytes().all(|b| b.is_ascii_graphic() && b != b'*') {
                return Err(format!("{} is not a path that IAM allows", quoted(path)));
            }
            Ok(())
        };
        let form = "arn:aws:iam::ACCOUNT_ID:role/NAME or arn:aws:iam::ACCOUNT_ID:user/NAME";
        check().map(|()| Self(arn.to_owned())).map_err(|flaw| invalid("principal", arn, flaw, form))
    }
}

arn_text!(PrincipalArn);
