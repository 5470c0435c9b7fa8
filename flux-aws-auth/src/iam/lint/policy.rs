//! A whole policy, judged.

use serde::Deserialize;
use serde_json::Value;

use super::{Finding, resource};
use crate::error::{Error, ErrorKind};
use crate::iam::document::OneOrMany;
use crate::iam::permission::{ECR_LOGIN, ECR_MINIMAL};
use crate::iam::repository::RepositoryArn;
use crate::iam::wildcard::{covers, covers_action};

/// What keeps an identity-based policy from letting its role read `repository`: nothing, if it allows every action of
/// [`PermissionPolicy::ecr`](crate::iam::PermissionPolicy::ecr)'s minimal form on it.
///
/// Judges one document on its own: a role may have several, and a permissions boundary, a session policy or the
/// organisation may still deny. A `Condition` is taken to hold; it, `NotAction` and `NotResource` are reported as
/// [`Finding::NotJudged`].
///
/// # Errors
///
/// [`ErrorKind::Configuration`] when `document` is not a policy in JSON.
pub fn policy(document: &str, repository: &RepositoryArn) -> Result<Vec<Finding>, Error> {
    let document: Document = serde_json::from_str(document).map_err(|error| {
        Error::new(ErrorKind::Configuration, "the policy document cannot be read")
            .with_hint("Give the JSON of one policy, with Version and Statement.")
            .with_source(error)
    })?;
    let statements: Vec<_> = document.statement.iter().collect();
    let mut findings = unjudged(&statements);
    findings.extend(login(&statements));
    findings.extend(reads(&statements, repository));
    Ok(findings)
}

fn unjudged(statements: &[&Statement]) -> Vec<Finding> {
    let of_one = |(index, statement): (usize, &&Statement)| {
        let elements = [
            (statement.not_action.is_some(), "NotAction"),
            (statement.not_resource.is_some(), "NotResource"),
            (statement.principal.is_some(), "Principal"),
            (statement.condition.is_some(), "Condition"),
        ];
        let there = elements.into_iter().filter(|(there, _)| *there);
        there.map(move |(_, element)| Finding::NotJudged { statement: index + 1, element })
    };
    statements.iter().enumerate().flat_map(of_one).collect()
}

/// The login is about no resource, which a policy can name as `*` alone.
fn login(statements: &[&Statement]) -> Vec<Finding> {
    match judge(statements, ECR_LOGIN, "*") {
        Judgement::Allowed => Vec::new(),
        Judgement::Denied => vec![Finding::Denied { actions: vec![ECR_LOGIN] }],
        Judgement::NotAllowed => vec![Finding::LoginNotAllowed],
        Judgement::Elsewhere(resources) => {
            let scoped = |resource: &str| Finding::LoginScoped { resource: resource.to_owned() };
            resources.into_iter().map(scoped).collect()
        }
    }
}

/// One finding for all actions that have the same thing wrong with them.
fn reads(statements: &[&Statement], repository: &RepositoryArn) -> Vec<Finding> {
    let (mut denied, mut not_allowed) = (Vec::new(), Vec::new());
    let mut elsewhere: Vec<(&str, Vec<&'static str>)> = Vec::new();
    for action in ECR_MINIMAL {
        match judge(statements, action, repository.as_str()) {
            Judgement::Allowed => {}
            Judgement::Denied => denied.push(*action),
            Judgement::NotAllowed => not_allowed.push(*action),
            Judgement::Elsewhere(resources) => {
                for resource in resources {
                    match elsewhere.iter_mut().find(|(known, _)| *known == resource) {
                        Some((_, actions)) => actions.push(action),
                        None => elsewhere.push((resource, vec![action])),
                    }
                }
            }
        }
    }
    let mut findings = Vec::new();
    if !denied.is_empty() {
        findings.push(Finding::Denied { actions: denied });
    }
    findings.extend(elsewhere.into_iter().map(|(pattern, actions)| Finding::NotCovered {
        actions,
        resource: pattern.to_owned(),
        flaws: resource(pattern, repository),
    }));
    if !not_allowed.is_empty() {
        findings.push(Finding::NotAllowed { actions: not_allowed });
    }
    findings
}

enum Judgement<'a> {
    Allowed,
    Denied,
    NotAllowed,
    /// Allowed on these resources, of which none is the right one.
    Elsewhere(Vec<&'a str>),
}

fn judge<'a>(statements: &[&'a Statement], action: &str, target: &str) -> Judgement<'a> {
    let of_effect =
        |effect| statements.iter().copied().filter(move |one| one.effect == effect && one.names(action));
    let reaches = |statement: &Statement| statement.resources().any(|pattern| covers(pattern, target));
    if of_effect(Effect::Deny).any(reaches) {
        return Judgement::Denied;
    }
    if of_effect(Effect::Allow).any(reaches) {
        return Judgement::Allowed;
    }
    let mut resources: Vec<_> = of_effect(Effect::Allow).flat_map(Statement::resources).collect();
    resources.sort_unstable();
    resources.dedup();
    if resources.is_empty() { Judgement::NotAllowed } else { Judgement::Elsewhere(resources) }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    statement: OneOrMany<Statement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: Effect,
    action: Option<OneOrMany<String>>,
    not_action: Option<Value>,
    resource: Option<OneOrMany<String>>,
    not_resource: Option<Value>,
    principal: Option<Value>,
    condition: Option<Value>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
enum Effect {
    Allow,
    Deny,
}

impl Statement {
    fn names(&self, action: &str) -> bool {
        self.action.iter().flat_map(OneOrMany::iter).any(|pattern| covers_action(pattern, action))
    }

    fn resources(&self) -> impl Iterator<Item = &str> {
        self.resource.iter().flat_map(OneOrMany::iter).map(String::as_str)
    }
}
