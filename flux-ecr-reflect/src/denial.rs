//! Whose policy keeps an identity out.

use std::fmt;

/// Which policy is to be changed where AWS denies something, as far as its words tell ([access denied errors]). `Display` is a
/// clause.
///
/// AWS names the kind of policy in most denials within an account; where it does not, the accounts of the caller and the
/// registry decide: across accounts, both must allow.
///
/// [access denied errors]: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Denial {
    /// The identity may not log in: its own policy does not allow `ecr:GetAuthorizationToken` on `*`, or for ECR Public
    /// `ecr-public:GetAuthorizationToken` and `sts:GetServiceBearerToken`. No repository's policy can grant that.
    NoTokenPermission,
    /// The identity may not read this repository: its own policy does not allow it there. Often the ARN in the policy is not
    /// the repository's; [`flux_aws_auth::iam::lint`] says in what.
    NoRepositoryPermission,
    /// The repository's own policy keeps the identity out: it does not name an identity of another account, or it denies.
    RepositoryPolicy,
    /// A policy that only limits: a service control policy, a resource control policy, a permissions boundary, a session policy, or
    /// that of a VPC endpoint. Granting more elsewhere does not help.
    Limit,
}

impl Denial {
    /// By AWS's words in `message`, of a call that logs in or reads a repository of `registry_account`.
    pub(crate) fn of(message: &str, is_login: bool, registry_account: &str) -> Self {
        let message = message.to_ascii_lowercase();
        let says = |policy: &str| message.contains(policy);
        if LIMITS.into_iter().any(says) {
            Self::Limit
        } else if is_login {
            Self::NoTokenPermission
        } else if says("resource-based policy") {
            Self::RepositoryPolicy
        } else if says("identity-based policy") {
            Self::NoRepositoryPermission
        } else {
            match account_of_caller(&message) {
                Some(account) if account != registry_account => Self::RepositoryPolicy,
                _ => Self::NoRepositoryPermission,
            }
        }
    }
}

/// The kinds of policy that grant nothing, in lower case.
const LIMITS: [&str; 5] = [
    "service control policy",
    "resource control policy",
    "vpc endpoint policy",
    "permissions boundary",
    "session policy",
];

/// From `User: arn:aws:sts::111122223333:assumed-role/…`.
fn account_of_caller(message: &str) -> Option<&str> {
    let arn = message.split_once("user: ")?.1.split_whitespace().next()?;
    arn.split(':').nth(4).filter(|account| account.len() == 12)
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NoTokenPermission => "no token permission",
            Self::NoRepositoryPermission => "no repository permission",
            Self::RepositoryPolicy => "the repository's own policy",
            Self::Limit => "a policy that limits",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_is_known_by_aws_s_words_and_else_by_the_accounts() {
        let user = "User: arn:aws:sts::111122223333:assumed-role/flux/s is not authorized to perform: ecr:ListImages on \
                    resource: arn:aws:ecr:eu-west-1:444455556666:repository/apps/mainapp";
        let own = "111122223333";
        let other = "444455556666";
        for (why, is_login, account, denial) in [
            (
                " because no identity-based policy allows the ecr:ListImages action",
                false,
                own,
                Denial::NoRepositoryPermission,
            ),
            (
                " because no identity-based policy allows the ecr:ListImages action",
                false,
                other,
                Denial::NoRepositoryPermission,
            ),
            (
                " because no resource-based policy allows the ecr:ListImages action",
                false,
                other,
                Denial::RepositoryPolicy,
            ),
            (" with an explicit deny in a resource-based policy", false, own, Denial::RepositoryPolicy),
            (
                " with an explicit deny in an identity-based policy",
                false,
                own,
                Denial::NoRepositoryPermission,
            ),
            (" with an explicit deny in a service control policy", false, own, Denial::Limit),
            (" because no VPC endpoint policy allows the ecr:ListImages action", true, own, Denial::Limit),
            (" because no permissions boundary allows the action", true, own, Denial::Limit),
            (
                " because no identity-based policy allows the ecr:GetAuthorizationToken action",
                true,
                own,
                Denial::NoTokenPermission,
            ),
            ("", false, own, Denial::NoRepositoryPermission),
            ("", false, other, Denial::RepositoryPolicy),
            ("", true, other, Denial::NoTokenPermission),
        ] {
            assert_eq!(Denial::of(&format!("{user}{why}"), is_login, account), denial, "{why:?} {account}");
        }
        assert_eq!(Denial::of("", false, own), Denial::NoRepositoryPermission);
    }
}
