//! The decision: an explicit deny wins, an allow is needed, and between accounts both sides must allow.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>.

use std::fmt;

use super::caller::Caller;
use super::context::RequestContext;
use super::document::{Document, Effect, Principal};

/// What a caller wants to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access<'a> {
    /// For example `ecr:ListImages`.
    pub(crate) action: &'a str,
    /// An ARN, or `*` for an action that has no resource.
    pub(crate) resource: &'a str,
    /// The account the resource is in.
    pub(crate) account: &'a str,
    pub(crate) attached: Attached<'a>,
}

/// The resource's own policy.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Attached<'a> {
    /// One that adds to what identity policies allow, where there is one.
    Policy(Option<&'a Document>),
    /// A role's trust policy, without whose consent no identity policy counts.
    Trust(Option<&'a Document>),
}

impl<'a> Attached<'a> {
    fn document(self) -> Option<&'a Document> {
        let (Self::Policy(document) | Self::Trust(document)) = self;
        document
    }
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

impl Refusal {
    /// That `caller` may not assume a role, for a reason STS does not tell.
    pub(crate) fn of_assumption(caller: &Caller, action: &str, role: &str) -> Self {
        Self {
            caller: caller.arn.clone(),
            action: action.to_owned(),
            resource: role.to_owned(),
            reason: Reason::NotAllowed(Side::Assumption),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Reason {
    NotAllowed(Side),
    Denied(Side),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Side {
    Identity,
    Session,
    Resource,
    /// Of the caller's policies and the role's trust, STS does not tell which one lacks the allow.
    Assumption,
    Trust,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { caller, action, resource, reason } = self;
        write!(f, "User: {caller} is not authorized to perform: {action} on resource: {resource}")?;
        match reason {
            Reason::NotAllowed(Side::Identity) => {
                write!(f, " because no identity-based policy allows the {action} action")
            }
            Reason::NotAllowed(Side::Resource) => {
                write!(f, " because no resource-based policy allows the {action} action")
            }
            Reason::NotAllowed(Side::Session) => {
                write!(f, " because no session policy allows the {action} action")
            }
            Reason::NotAllowed(Side::Assumption | Side::Trust) => Ok(()),
            Reason::Denied(Side::Identity) => {
                f.write_str(" with an explicit deny in an identity-based policy")
            }
            Reason::Denied(Side::Session) => f.write_str(" with an explicit deny in a session policy"),
            Reason::Denied(Side::Resource) => {
                f.write_str(" with an explicit deny in a resource-based policy")
            }
            Reason::Denied(Side::Assumption | Side::Trust) => {
                f.write_str(" with an explicit deny in the role trust policy")
            }
        }
    }
}

/// Whether `caller` may do what it asks, in these circumstances.
///
/// A policy of the resource that names the caller's account leaves the decision to the account's own policies; one of the
/// same account that names the caller itself decides. What a session policy leaves out is not had through the role, only
/// where a policy of the resource names the very session.
pub(crate) fn authorize(
    caller: &Caller,
    access: &Access<'_>,
    context: &RequestContext,
) -> Result<(), Refusal> {
    let refuse = |reason| {
        Err(Refusal {
            caller: caller.arn.clone(),
            action: access.action.to_owned(),
            resource: access.resource.to_owned(),
            reason,
        })
    };
    let own = |documents: &[&Document]| Effects::of(documents, access, context);
    let identity = own(&caller.permissions.iter().collect::<Vec<_>>());
    let session = caller.session.policy.as_deref().map(|policy| own(&[policy]));
    let resource = named_effects(caller, access, context);
    let is_trust = matches!(access.attached, Attached::Trust(_));

    if identity.deny {
        return refuse(Reason::Denied(Side::Identity));
    }
    if session.is_some_and(|session| session.deny) {
        return refuse(Reason::Denied(Side::Session));
    }
    if resource.iter().any(|(effect, _)| *effect == Effect::Deny) {
        return refuse(Reason::Denied(if is_trust { Side::Trust } else { Side::Resource }));
    }

    let in_session = session.is_none_or(|session| session.allow);
    let by_identity = identity.allow && in_session;
    let named = resource.iter().map(|(_, named)| *named).max();
    let same_account = access.account == caller.account;
    let by_resource = same_account
        && match named {
            Some(Named::Session) => true,
            Some(Named::Itself) => in_session,
            Some(Named::ByAccount) | None => false,
        };
    let needs_resource = is_trust || !same_account;
    if by_resource || (by_identity && (named.is_some() || !needs_resource)) {
        return Ok(());
    }
    refuse(Reason::NotAllowed(match (is_trust, by_identity, identity.allow) {
        (true, ..) => Side::Assumption,
        (false, true, _) => Side::Resource,
        (false, false, true) => Side::Session,
        (false, false, false) => Side::Identity,
    }))
}

/// What a set of documents says about an access.
#[derive(Clone, Copy)]
struct Effects {
    allow: bool,
    deny: bool,
}

impl Effects {
    fn of(documents: &[&Document], access: &Access<'_>, context: &RequestContext) -> Self {
        let statements = documents.iter().flat_map(|document| &document.statements);
        let covering =
            statements.filter(|statement| statement.covers(access.action, access.resource, context));
        let effects: Vec<Effect> = covering.map(|statement| statement.effect).collect();
        Self { allow: effects.contains(&Effect::Allow), deny: effects.contains(&Effect::Deny) }
    }
}

/// What the resource's policy says about the caller, and how directly it names it.
fn named_effects(caller: &Caller, access: &Access<'_>, context: &RequestContext) -> Vec<(Effect, Named)> {
    let statements = access.attached.document().into_iter().flat_map(|document| &document.statements);
    statements
        .filter(|statement| statement.covers(access.action, access.resource, context))
        .filter_map(|statement| Some((statement.effect, names_caller(statement.principals(), caller)?)))
        .collect()
}

/// Whether the trust policy `document` lets `assumer` perform `action` in these circumstances.
pub(crate) fn trusts(
    document: &Document,
    assumer: &Assumer<'_>,
    action: &str,
    context: &RequestContext,
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

/// How directly a resource's policy names a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    /// Through its account.
    ByAccount,
    /// The user, the role of the session, or everybody.
    Itself,
    /// The very session.
    Session,
}

/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>.
fn names_caller(principals: &[Principal], caller: &Caller) -> Option<Named> {
    let named = principals.iter().filter_map(|principal| match principal {
        Principal::Anyone => Some(Named::Itself),
        Principal::Aws(name) if *name == caller.principal_arn => Some(Named::Itself),
        Principal::Aws(name) if *name == caller.arn => Some(Named::Session),
        Principal::Aws(name) if *name == caller.account => Some(Named::ByAccount),
        Principal::Aws(name) if *name == format!("arn:aws:iam::{}:root", caller.account) => {
            Some(Named::ByAccount)
        }
        _ => None,
    });
    named.max()
}

#[cfg(test)]
mod tests;
