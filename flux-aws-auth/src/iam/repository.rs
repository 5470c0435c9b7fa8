//! A private ECR repository, and a pattern of several.

use std::str::FromStr;

use super::arn::{Parts, arn_text, invalid, is_account};
use super::wildcard;
use crate::error::Error;
use crate::partition::check_region;
use crate::text::quoted;

const FORM: &str = "arn:aws:ecr:REGION:ACCOUNT_ID:repository/NAME";

/// The ARN of one private ECR repository, such as `arn:aws:ecr:eu-west-1:111122223333:repository/apps/mainapp`.
///
/// The name is 2 to 256 lower-case letters, digits, `.`, `_`, `-` and `/`: parts between slashes, each made of words with a
/// separator between them ([CreateRepository]). It has no tag: permissions are a whole repository's.
///
/// [CreateRepository]: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryArn(String);

impl RepositoryArn {
    /// The repository's name, such as `apps/mainapp`.
    pub fn name(&self) -> &str {
        self.0.split_once(":repository/").map_or("", |(_, name)| name)
    }
}

impl FromStr for RepositoryArn {
    type Err = Error;

    fn from_str(arn: &str) -> Result<Self, Error> {
        let check = || {
            let parts = Parts::of_service(arn, "ecr")?.in_a_region()?.in_an_account()?;
            let name = name_in(parts)?;
            if name.contains(['*', '?']) {
                return Err(format!("{} is a pattern, not one repository", quoted(name)));
            }
            if !(2..=256).contains(&name.len()) || !name.split('/').all(is_component) {
                return Err(format!("{} is not a repository's name", quoted(name)));
            }
            Ok(())
        };
        check().map(|()| Self(arn.to_owned())).map_err(|flaw| invalid("repository ARN", arn, flaw, FORM))
    }
}

arn_text!(RepositoryArn);

/// One or more private ECR repositories: an ARN as a policy's `Resource` has it, in which region, account and name may have
/// IAM's wildcards, such as `arn:aws:ecr:eu-west-1:111122223333:repository/apps/*`.
///
/// `*` stands for any characters, slashes among them: `repository/apps/*` covers `apps/mainapp` and `apps/team/api`, but
/// not `apps`. `?` stands for one character. Neither passes a colon, except that a `*` right before one may ([Resource]).
///
/// Parsed strictly: what could cover no repository, or one of another service, is an error.
///
/// [Resource]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryPattern(String);

impl RepositoryPattern {
    /// Whether the pattern covers this repository.
    ///
    /// ```
    /// use flux_aws_auth::iam::RepositoryPattern;
    ///
    /// let apps: RepositoryPattern = "arn:aws:ecr:eu-west-1:111122223333:repository/apps/*".parse()?;
    /// assert!(apps.covers(&"arn:aws:ecr:eu-west-1:111122223333:repository/apps/mainapp".parse()?));
    /// assert!(!apps.covers(&"arn:aws:ecr:eu-west-1:111122223333:repository/app".parse()?));
    /// # Ok::<(), flux_aws_auth::Error>(())
    /// ```
    pub fn covers(&self, repository: &RepositoryArn) -> bool {
        wildcard::covers(&self.0, repository.as_str())
    }
}

impl FromStr for RepositoryPattern {
    type Err = Error;

    fn from_str(arn: &str) -> Result<Self, Error> {
        let check = || {
            let parts = Parts::of_service(arn, "ecr")?;
            let is_pattern = |text: &str, of_part: fn(u8) -> bool| {
                text.contains(['*', '?']) && text.bytes().all(|b| of_part(b) || b == b'*' || b == b'?')
            };
            let of_region = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            let of_account = |b: u8| b.is_ascii_digit();
            let region_is_right = check_region(parts.region).is_ok() || is_pattern(parts.region, of_region);
            let account_is_right = is_account(parts.account) || is_pattern(parts.account, of_account);
            if !region_is_right {
                return Err(format!("{} is not an AWS region", quoted(parts.region)));
            }
            if !account_is_right {
                return Err("the account is not twelve digits".to_owned());
            }
            name_in(parts).map(|_| ())
        };
        check()
            .map(|()| Self(arn.to_owned()))
            .map_err(|flaw| invalid("pattern of repositories", arn, flaw, FORM))
    }
}

impl From<RepositoryArn> for RepositoryPattern {
    fn from(repository: RepositoryArn) -> Self {
        Self(repository.0)
    }
}

arn_text!(RepositoryPattern);

/// Words of letters and digits, with a separator between each two.
fn is_component(component: &str) -> bool {
    let of_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_separator =
        |between: &str| matches!(between, "" | "." | "_" | "__") || between.bytes().all(|b| b == b'-');
    component.starts_with(of_word)
        && component.ends_with(of_word)
        && component.split(of_word).all(is_separator)
}

/// What follows `repository/`, which may be a pattern.
fn name_in(parts: Parts<'_>) -> Result<&str, String> {
    let Some(name) = parts.resource.strip_prefix("repository/") else {
        return Err("the resource does not start with `repository/`".to_owned());
    };
    if name.contains([':', '@']) {
        return Err("it has a tag or a digest, but permissions are a whole repository's".to_owned());
    }
    let of_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-/*?".contains(&b);
    if name.is_empty() || !name.bytes().all(of_name) {
        return Err(format!("{} is not a repository's name", quoted(name)));
    }
    Ok(name)
}
