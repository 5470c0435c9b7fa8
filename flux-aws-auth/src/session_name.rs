//! The name under which a role's session stands in CloudTrail.

use std::fmt;

use crate::error::{Error, ErrorKind};

/// STS's limits for a session name: 2 to 64 letters, digits or `_+=,.@-` ([AssumeRoleWithWebIdentity]).
///
/// [AssumeRoleWithWebIdentity]: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
const MAX_LENGTH: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SessionName(String);

impl SessionName {
    /// Checks a name that `setting` gave.
    pub(crate) fn new(setting: &str, name: &str) -> Result<Self, Error> {
        let fits = (2..=MAX_LENGTH).contains(&name.len()) && name.chars().all(is_allowed);
        if fits {
            return Ok(Self(name.to_owned()));
        }
        Err(Error::new(ErrorKind::Configuration, format!("{setting} is {name:?}, which STS does not accept"))
            .with_hint("Use 2 to 64 of letters, digits and `_+=,.@-`."))
    }

    /// Flux's name for the session of a ServiceAccount, `<name>.<namespace>.<region>.fluxcd.io`. Where that is longer than
    /// STS takes, the end is left out first, then the region, and then both names are cut to their share.
    pub(crate) fn for_service_account(namespace: &str, name: &str, region: &str) -> Self {
        let whole = [
            format!("{name}.{namespace}.{region}.fluxcd.io"),
            format!("{name}.{namespace}.{region}"),
            format!("{name}.{namespace}"),
        ];
        let fitting = whole.into_iter().find(|candidate| candidate.chars().count() <= MAX_LENGTH);
        let candidate = fitting.unwrap_or_else(|| {
            let room = MAX_LENGTH - 1;
            let left_by_name = room.saturating_sub(name.chars().count());
            let namespace_share = namespace.chars().count().min(left_by_name.max(room / 2));
            let start = |text: &str, length| text.chars().take(length).collect::<String>();
            format!("{}.{}", start(name, room - namespace_share), start(namespace, namespace_share))
        });
        Self(candidate.chars().map(|c| if is_allowed(c) { c } else { '-' }).collect())
    }

    /// Flux's name for the session of a further role, `<role>.<region>.fluxcd.io`, without the end where that is too long. A
    /// role's name has at most 64 characters.
    pub(crate) fn for_hop(role: &str, region: &str) -> Self {
        let whole = [format!("{role}.{region}.fluxcd.io"), format!("{role}.{region}")];
        let fitting = whole.into_iter().find(|candidate| candidate.len() <= MAX_LENGTH);
        Self(fitting.unwrap_or_else(|| role.chars().take(MAX_LENGTH).collect()))
    }

    /// The name where nothing better is known.
    pub(crate) fn fallback() -> Self {
        Self("flux-aws-auth".to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flux_s_name_is_shortened_from_the_end() {
        let name =
            |namespace: &str, name: &str| SessionName::for_service_account(namespace, name, "eu-west-1").0;
        assert_eq!(
            name("flux-system", "kustomize-controller"),
            "kustomize-controller.flux-system.eu-west-1.fluxcd.io"
        );
        assert_eq!(name("flux-system", &"n".repeat(40)), format!("{}.flux-system.eu-west-1", "n".repeat(40)));
        assert_eq!(name("flux-system", &"n".repeat(52)), format!("{}.flux-system", "n".repeat(52)));
        assert_eq!(name(&"s".repeat(63), &"n".repeat(253)), format!("{}.{}", "n".repeat(32), "s".repeat(31)));
        assert_eq!(name("s", &"n".repeat(253)), format!("{}.s", "n".repeat(62)));
        assert_eq!(name(&"s".repeat(63), "n"), format!("n.{}", "s".repeat(62)));
    }

    #[test]
    fn a_hop_s_name_is_shortened_from_the_end() {
        let name = |role: &str| SessionName::for_hop(role, "eu-west-1").0;
        assert_eq!(name("reader"), "reader.eu-west-1.fluxcd.io");
        assert_eq!(name(&"r".repeat(50)), format!("{}.eu-west-1", "r".repeat(50)));
        assert_eq!(name(&"r".repeat(64)), "r".repeat(64));
    }

    #[test]
    fn a_given_name_is_checked_not_changed() {
        assert_eq!(SessionName::new("S", "a+b=c,d.e@f-g_h").unwrap().as_str(), "a+b=c,d.e@f-g_h");
        for refused in ["", "a", "a b", "a/b", "ä", &"a".repeat(65)] {
            let error = SessionName::new("AWS_ROLE_SESSION_NAME", refused).unwrap_err();
            assert!(error.to_string().contains("AWS_ROLE_SESSION_NAME"), "{error}");
        }
    }
}
