//! The decision: an explicit deny wins, an allow is needed, and between accounts both sides must allow.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>.

use std::fmt;
use std::sync::Arc;

use super::document::{Document, Effect, Principal, Statement};

/// Somebody with credentials: an IAM user, or the session of a role.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// `arn:aws:iam::…:user/…` or `arn:aws:sts::…:assumed-role/…/…`.
    pub(crate) arn: String,
    /// `AIDA…`, or `AROA…:session-name`.
    pub(crate) user_id: String,
    pub(crate) account: String,
    /// The role of a session; for a user, the user itself: what `aws:PrincipalArn` says.
    pub(crate) principal_arn: String,
    pub(crate) permissions: Arc<[Document]>,
}

/// What a caller wants to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access<'a> {
    /// For example `ecr:ListImages`.
    pub(crate) action: &'a str,
    /// An ARN, or `*` for an action that has no resource.
    pub(crate) resource: &'a str,
    /// The account the resource is in.
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    /// The resource's own policy, where it has one.
    pub(crate) policy: Option<&'a Document>,
}

/// Why an access is refused; its `Display` is the message AWS sends.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>.
#[derive(Debug, PartialEq)]
pub(crate) struct Refusal {
    caller: String,
    action: String,
    resource: String,
    reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Reason {
    NotAllowed(Side),
    Denied(Side),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Side {
    Identity,
    Resource,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { caller, action, resource, reason } = self;
        write!(f, "User: {caller} is not authorized to perform: {action} on resource: {resource} ")?;
        match reason {
            Reason::NotAllowed(side) => {
                write!(f, "because no {side}-based policy allows the {action} action")
            }
            Reason::Denied(side) => {
                write!(f, "with an explicit deny in {} {side}-based policy", side.article())
            }
        }
    }
}

impl Side {
    fn article(self) -> &'static str {
        match self {
            Self::Identity => "an",
            Self::Resource => "a",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identity => "identity",
            Self::Resource => "resource",
        })
    }
}

/// Whether `caller` may do what it asks.
pub(crate) fn authorize(caller: &Caller, access: &Access<'_>) -> Result<(), Refusal> {
    let refuse = |reason| {
        Err(Refusal {
            caller: caller.arn.clone(),
            action: access.action.to_owned(),
            resource: access.resource.to_owned(),
            reason,
        })
    };
    let context = [
        ("aws:PrincipalArn", caller.principal_arn.as_str()),
        ("aws:PrincipalAccount", caller.account.as_str()),
        ("aws:RequestedRegion", access.region),
    ];
    let covers = |statement: &&Statement| statement.covers(access.action, access.resource, &context);

    let identity: Vec<Effect> = caller
        .permissions
        .iter()
        .flat_map(|document| &document.statements)
        .filter(covers)
        .map(|statement| statement.effect)
        .collect();
    let resource: Vec<(Effect, Named)> = access
        .policy
        .iter()
        .flat_map(|document| &document.statements)
        .filter(covers)
        .filter_map(|statement| Some((statement.effect, names_caller(statement.principals(), caller)?)))
        .collect();

    if identity.contains(&Effect::Deny) {
        return refuse(Reason::Denied(Side::Identity));
    }
    if resource.iter().any(|(effect, _)| *effect == Effect::Deny) {
        return refuse(Reason::Denied(Side::Resource));
    }

    let by_identity = identity.contains(&Effect::Allow);
    if access.account == caller.account {
        // Naming the account as a whole leaves the decision to the account's own identity policies.
        let by_resource = resource.contains(&(Effect::Allow, Named::Itself));
        return if by_identity || by_resource { Ok(()) } else { refuse(Reason::NotAllowed(Side::Identity)) };
    }
    match (by_identity, resource.iter().any(|(effect, _)| *effect == Effect::Allow)) {
        (true, true) => Ok(()),
        (false, _) => refuse(Reason::NotAllowed(Side::Identity)),
        (true, false) => refuse(Reason::NotAllowed(Side::Resource)),
    }
}

/// Whether the trust policy `document` lets `assumer` perform `action` in these circumstances.
pub(crate) fn trusts(
    document: &Document,
    assumer: &Assumer<'_>,
    action: &str,
    context: &[(&str, &str)],
) -> bool {
    let effects: Vec<Effect> = document
        .statements
        .iter()
        .filter(|statement| statement.principals().iter().any(|principal| assumer.is(principal)))
        .filter(|statement| statement.covers(action, "", context))
        .map(|statement| statement.effect)
        .collect();
    effects.contains(&Effect::Allow) && !effects.contains(&Effect::Deny)
}

/// Who wants to assume a role without credentials of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Assumer<'a> {
    /// The ARN of an OpenID Connect provider.
    Federated(&'a str),
    /// A service's name, such as `ec2.amazonaws.com`.
    Service(&'a str),
}

impl Assumer<'_> {
    /// `"*"` alone means everybody, the federated and the services included.
    fn is(self, principal: &Principal) -> bool {
        match (self, principal) {
            (_, Principal::Anyone) => true,
            (Self::Federated(arn), Principal::Federated(named)) => arn == named,
            (Self::Service(name), Principal::Service(named)) => name == named,
            _ => false,
        }
    }
}

/// How directly a resource policy names a caller.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Named {
    /// Through its account.
    ByAccount,
    /// The user, the role or the session, or everybody.
    Itself,
}

/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>.
fn names_caller(principals: &[Principal], caller: &Caller) -> Option<Named> {
    let named = principals.iter().filter_map(|principal| match principal {
        Principal::Anyone => Some(Named::Itself),
        Principal::Aws(name) if *name == caller.arn || *name == caller.principal_arn => Some(Named::Itself),
        Principal::Aws(name) if *name == caller.account => Some(Named::ByAccount),
        Principal::Aws(name) if *name == format!("arn:aws:iam::{}:root", caller.account) => {
            Some(Named::ByAccount)
        }
        _ => None,
    });
    named.fold(None, |best, next| if best < Some(next) { Some(next) } else { best })
}

#[cfg(test)]
mod tests;
