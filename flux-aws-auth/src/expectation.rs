//! Whose credentials a program expects, held against what AWS says.

use crate::arn::RoleArn;
use crate::error::{Error, ErrorKind};
use crate::sts::CallerIdentity;
use crate::text::quoted;

/// What was said of the identity beforehand. Nothing, unless a builder was told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expectation {
    pub(crate) account_id: Option<String>,
    pub(crate) role: Option<RoleArn>,
}

impl Expectation {
    pub(crate) fn is_any(&self) -> bool {
        self.account_id.is_some() || self.role.is_some()
    }

    pub(crate) fn check(&self, identity: &CallerIdentity) -> Result<(), Error> {
        let another = |expected: String| {
            // What to do about it depends on the source, which is not known here.
            Error::new(
                ErrorKind::UnexpectedIdentity,
                format!("the credentials are those of {}, but {expected} was expected", identity.arn),
            )
        };
        match &self.account_id {
            Some(account_id) if *account_id != identity.account_id => {
                return Err(another(format!("account {}", quoted(account_id))));
            }
            _ => {}
        }
        match &self.role {
            Some(role) if !is_session_of(role, &identity.arn) => Err(another(role.to_string())),
            _ => Ok(()),
        }
    }
}

/// A session's ARN has the role's name, and not its path.
fn is_session_of(role: &RoleArn, arn: &str) -> bool {
    let of_role =
        format!("arn:{}:sts::{}:assumed-role/{}/", role.partition(), role.account_id(), role.name());
    arn.strip_prefix(&of_role).is_some_and(|session| !session.is_empty() && !session.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_of_its_role_alone() {
        let role: RoleArn = "arn:aws:iam::111122223333:role/team/flux".parse().unwrap();
        assert!(is_session_of(&role, "arn:aws:sts::111122223333:assumed-role/flux/session"));
        for other in [
            "arn:aws:sts::111122223333:assumed-role/flux-node/session",
            "arn:aws:sts::111122223333:assumed-role/team/flux/session",
            "arn:aws:sts::444455556666:assumed-role/flux/session",
            "arn:aws-cn:sts::111122223333:assumed-role/flux/session",
            "arn:aws:sts::111122223333:assumed-role/flux/",
            "arn:aws:iam::111122223333:role/team/flux",
            "arn:aws:iam::111122223333:user/flux",
        ] {
            assert!(!is_session_of(&role, other), "{other}");
        }
    }
}
