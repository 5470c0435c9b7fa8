//! Whose permissions credentials carry.

use std::fmt;

use crate::arn::RoleArn;

/// Whose permissions credentials carry, as far as the source that gave them says.
///
/// AWS's word for it ([principals]). [`Chain::caller_identity`](crate::Chain::caller_identity) asks STS for certainty.
///
/// [principals]: https://docs.aws.amazon.com/IAM/latest/UserGuide/intro-structure.html
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Principal {
    /// A session of a role that was assumed.
    #[non_exhaustive]
    AssumedRole {
        /// The role.
        role: RoleArn,
        /// The name of the session, as it stands in CloudTrail.
        session_name: String,
    },
    /// A role, of which no session is there yet: what a source is set up for.
    #[non_exhaustive]
    Role {
        /// The role.
        role: RoleArn,
    },
    /// A role of this account; the source does not say which. So it is with Pod Identity, where the association names
    /// the role.
    #[non_exhaustive]
    Account {
        /// The account's id, twelve digits.
        account_id: String,
    },
    /// The node's role.
    #[non_exhaustive]
    InstanceRole {
        /// The role's name.
        name: String,
    },
    /// The owner of an access key.
    #[non_exhaustive]
    AccessKey {
        /// The access key's id, which is not a secret.
        id: String,
    },
    /// The source does not say.
    Unknown,
}

impl Principal {
    /// A session of a role.
    pub fn assumed_role(role: RoleArn, session_name: impl Into<String>) -> Self {
        Self::AssumedRole { role, session_name: session_name.into() }
    }

    /// A role, of which no session is there yet.
    pub fn role(role: RoleArn) -> Self {
        Self::Role { role }
    }

    /// A role of this account.
    pub fn account(account_id: impl Into<String>) -> Self {
        Self::Account { account_id: account_id.into() }
    }

    /// The node's role.
    pub fn instance_role(name: impl Into<String>) -> Self {
        Self::InstanceRole { name: name.into() }
    }

    /// The owner of an access key.
    pub fn access_key(id: impl Into<String>) -> Self {
        Self::AccessKey { id: id.into() }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AssumedRole { role, session_name } => write!(f, "role {role}, session {session_name}"),
            Self::Role { role } => write!(f, "role {role}"),
            Self::Account { account_id } => write!(f, "a role of account {account_id}"),
            Self::InstanceRole { name } => write!(f, "the node's role {name}"),
            Self::AccessKey { id } => write!(f, "the owner of access key {id}"),
            Self::Unknown => f.write_str("an identity that the source does not name"),
        }
    }
}
