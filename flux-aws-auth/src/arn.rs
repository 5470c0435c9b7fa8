//! The name of an IAM role.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::reason::Reason;
use crate::text::quoted;

/// The ARN of an IAM role, such as `arn:aws:iam::111122223333:role/flux/image-reflector`.
///
/// Parsed strictly: a partition (`aws`, `aws-cn`, `aws-us-gov`, …), an account of twelve digits, and a role path and name
/// in the characters IAM allows ([IAM identifiers]). Flux itself is laxer about the account's digits and the name.
///
/// [IAM identifiers]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
///
/// ```
/// use flux_aws_auth::RoleArn;
///
/// let role: RoleArn = "arn:aws:iam::111122223333:role/flux/image-reflector".parse()?;
/// assert_eq!((role.partition(), role.account_id(), role.name()), ("aws", "111122223333", "image-reflector"));
/// # Ok::<(), flux_aws_auth::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoleArn(String);

impl RoleArn {
    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition: `aws`, `aws-cn`, `aws-us-gov` and so on.
    pub fn partition(&self) -> &str {
        self.segment(1)
    }

    /// The account that owns the role: twelve digits.
    pub fn account_id(&self) -> &str {
        self.segment(4)
    }

    /// The role's name, without its path.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    fn segment(&self, index: usize) -> &str {
        self.0.split(':').nth(index).unwrap_or_default()
    }
}

impl FromStr for RoleArn {
    type Err = Error;

    fn from_str(arn: &str) -> Result<Self, Error> {
        match flaw(arn) {
            None => Ok(Self(arn.to_owned())),
            Some(flaw) => Err(Error::because(
                Reason::RoleArnMalformed,
                format!("invalid AWS role ARN {}: {flaw}", shown(arn)),
            )
            .with_hint("Write it as arn:aws:iam::ACCOUNT_ID:role/ROLE_NAME.")),
        }
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RoleArn({})", self.0)
    }
}

/// What stands in the place of an ARN, unless it may be a secret, such as a token that was put there.
pub(crate) fn shown(arn: &str) -> String {
    // No base64 and no JWT has a colon, and none of either is as short as this.
    if arn.contains(':') || arn.len() < 20 { quoted(arn) } else { "(not shown)".to_owned() }
}

/// Whether `text` is an account's id.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn flaw(arn: &str) -> Option<&'static str> {
    let mut segments = arn.splitn(6, ':');
    let mut next = || segments.next().unwrap_or_default();
    if next() != "arn" {
        return Some("it does not start with `arn:`");
    }
    let partition = next();
    if !partition.starts_with("aws")
        || !partition.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    {
        return Some("the partition is not one of AWS's");
    }
    if next() != "iam" {
        return Some("the service is not `iam`");
    }
    if !next().is_empty() {
        return Some("IAM has no regions, so the fourth part is empty");
    }
    let account = next();
    if !is_account(account) {
        return Some("the account is not twelve digits");
    }
    let Some(path_and_name) = next().strip_prefix("role/") else {
        return Some("the resource does not start with `role/`");
    };
    role_flaw(path_and_name)
}

fn role_flaw(path_and_name: &str) -> Option<&'static str> {
    let (path, name) = path_and_name.rsplit_once('/').unwrap_or(("", path_and_name));
    let allowed_in_name = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(allowed_in_name) {
        return Some("the role's name is not 1 to 64 letters, digits or _+=,.@-");
    }
    if path.len() > 510 || !path.bytes().all(|b| b.is_ascii_graphic()) {
        return Some("the role's path has characters that IAM does not allow");
    }
    None
}
