//! Policy documents, read strictly: an element this evaluator would ignore is an error, because ignoring it could allow
//! what IAM denies.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::context::RequestContext;
use super::wildcard::{arn_like, resource_like, string_like};

/// What a document is attached to, which decides what its statements must and must not have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Who may assume a role: statements have a `Principal` and no `Resource`.
    Trust,
    /// What a role or user may do: statements have a `Resource` and no `Principal`.
    Permission,
    /// Who may do what with a repository: statements have a `Principal` and no `Resource`.
    Repository,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Trust => "trust",
            Self::Permission => "permission",
            Self::Repository => "repository",
        }
    }
}

/// A policy document that has been read and checked.
#[derive(Debug)]
pub(crate) struct Document {
    pub(super) statements: Vec<Statement>,
}

#[derive(Debug)]
pub(super) struct Statement {
    pub(super) effect: Effect,
    principals: Vec<Principal>,
    actions: Patterns,
    resources: Patterns,
    conditions: Vec<Condition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub(super) enum Effect {
    Allow,
    Deny,
}

/// One entry of a `Principal` element.
#[derive(Debug, PartialEq)]
pub(super) enum Principal {
    Anyone,
    Aws(String),
    Federated(String),
    Service(String),
}

/// A list that names what is meant, or what is not.
#[derive(Debug)]
enum Patterns {
    Any(Vec<String>),
    NoneOf(Vec<String>),
    Everything,
}

#[derive(Debug)]
struct Condition {
    test: Test,
    key: String,
    values: Vec<String>,
}

/// What the name of a condition operator says.
#[derive(Clone, Copy, Debug)]
struct Test {
    quantifier: Option<Quantifier>,
    operator: Operator,
    negated: bool,
    if_exists: bool,
}

/// For keys of several values.
#[derive(Clone, Copy, Debug)]
enum Quantifier {
    ForAllValues,
    ForAnyValue,
}

#[derive(Clone, Copy, Debug)]
enum Operator {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    ArnLike,
}

impl Document {
    /// Reads a JSON policy document.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong with it, or which element is not evaluated here.
    pub(crate) fn parse(json: &str, kind: Kind) -> Result<Self, String> {
        let wire: Wire = serde_json::from_str(json).map_err(|error| error.to_string())?;
        if !matches!(wire.version.as_str(), "2012-10-17" | "2008-10-17") {
            return Err(format!("Version `{}` is not 2012-10-17", wire.version));
        }
        let statements = wire.statement.into_vec().into_iter().map(|statement| statement.check(kind));
        Ok(Self { statements: statements.collect::<Result<_, _>>()? })
    }

    /// Both documents' statements.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.statements.extend(other.statements);
        self
    }
}

impl Statement {
    /// Whether the statement speaks of this action on this resource in these circumstances.
    pub(super) fn covers(&self, action: &str, resource: &str, context: &RequestContext) -> bool {
        self.actions
            .covers(|pattern| string_like(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase()))
            && self.resources.covers(|pattern| resource_like(pattern, resource))
            && self.conditions.iter().all(|condition| condition.holds(context))
    }

    pub(super) fn principals(&self) -> &[Principal] {
        &self.principals
    }
}

impl Patterns {
    fn covers(&self, matches: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Any(patterns) => patterns.iter().any(|pattern| matches(pattern)),
            Self::NoneOf(patterns) => !patterns.iter().any(|pattern| matches(pattern)),
            Self::Everything => true,
        }
    }

    /// Checks each pattern, and that none has a variable.
    fn check(&self, check: impl Fn(&str) -> Result<(), String>) -> Result<(), String> {
        let (Self::Any(patterns) | Self::NoneOf(patterns)) = self else { return Ok(()) };
        patterns.iter().try_for_each(|pattern| no_variable(pattern).and_then(|()| check(pattern)))
    }
}

impl Condition {
    /// An absent key fails a positive operator and satisfies a negated one; with a quantifier, it satisfies `ForAllValues`
    /// and fails `ForAnyValue`.
    ///
    /// Sources: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>,
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html>.
    fn holds(&self, context: &RequestContext) -> bool {
        let Test { quantifier, operator, negated, if_exists } = self.test;
        let passes = |found: &str| self.values.iter().any(|value| operator.test(value, found)) != negated;
        let mut found = context.values(&self.key).peekable();
        match quantifier {
            Some(Quantifier::ForAllValues) => found.all(passes),
            Some(Quantifier::ForAnyValue) => (if_exists && found.peek().is_none()) || found.any(passes),
            None => found.next().map_or(if_exists || negated, passes),
        }
    }
}

impl Operator {
    fn test(self, value: &str, found: &str) -> bool {
        match self {
            Self::StringEquals => value == found,
            Self::StringEqualsIgnoreCase => value.eq_ignore_ascii_case(found),
            Self::StringLike => string_like(value, found),
            Self::ArnLike => arn_like(value, found),
        }
    }
}

impl Test {
    /// What an IAM name stands for.
    fn parse(name: &str) -> Option<Self> {
        let (quantifier, rest) = match name.split_once(':') {
            Some(("ForAllValues", rest)) => (Some(Quantifier::ForAllValues), rest),
            Some(("ForAnyValue", rest)) => (Some(Quantifier::ForAnyValue), rest),
            Some(_) => return None,
            None => (None, name),
        };
        let (base, if_exists) = rest.strip_suffix("IfExists").map_or((rest, false), |base| (base, true));
        let (operator, negated) = match base {
            "StringEquals" => (Operator::StringEquals, false),
            "StringNotEquals" => (Operator::StringEquals, true),
            "StringEqualsIgnoreCase" => (Operator::StringEqualsIgnoreCase, false),
            "StringNotEqualsIgnoreCase" => (Operator::StringEqualsIgnoreCase, true),
            "StringLike" => (Operator::StringLike, false),
            "StringNotLike" => (Operator::StringLike, true),
            // IAM gives the two positive and the two negative ARN operators the same meaning.
            "ArnEquals" | "ArnLike" => (Operator::ArnLike, false),
            "ArnNotEquals" | "ArnNotLike" => (Operator::ArnLike, true),
            _ => return None,
        };
        Some(Self { quantifier, operator, negated, if_exists })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Wire {
    version: String,
    #[serde(rename = "Id")]
    _id: Option<String>,
    statement: OneOrMany<WireStatement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct WireStatement {
    #[serde(rename = "Sid")]
    _sid: Option<String>,
    effect: Effect,
    principal: Option<WirePrincipal>,
    action: Option<OneOrMany<String>>,
    not_action: Option<OneOrMany<String>>,
    resource: Option<OneOrMany<String>>,
    not_resource: Option<OneOrMany<String>>,
    #[serde(default)]
    condition: BTreeMap<String, BTreeMap<String, OneOrMany<String>>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WirePrincipal {
    Anyone(String),
    Named(BTreeMap<String, OneOrMany<String>>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

impl WireStatement {
    fn check(self, kind: Kind) -> Result<Statement, String> {
        let actions = either("Action", self.action, self.not_action)?.ok_or("a statement has no Action")?;
        actions.check(|action| {
            let well_formed =
                action == "*" || action.split_once(':').is_some_and(|(service, _)| !service.is_empty());
            if well_formed { Ok(()) } else { Err(format!("the action `{action}` does not name a service")) }
        })?;
        let resources = either("Resource", self.resource, self.not_resource)?;
        if let Some(resources) = &resources {
            resources.check(|resource| {
                let well_formed = resource == "*" || resource.starts_with("arn:");
                if well_formed {
                    Ok(())
                } else {
                    Err(format!("the resource `{resource}` is neither an ARN nor `*`"))
                }
            })?;
        }
        let principals = self.principal.map(WirePrincipal::check).transpose()?;
        let (principals, resources) = match (kind, principals, resources) {
            (Kind::Permission, None, Some(resources)) => (Vec::new(), resources),
            (Kind::Permission, Some(_), _) => return Err("a permission policy has no Principal".to_owned()),
            (Kind::Permission, None, None) => return Err("a statement has no Resource".to_owned()),
            (_, Some(principals), None) => (principals, Patterns::Everything),
            (_, None, _) => return Err("a statement has no Principal".to_owned()),
            (_, Some(_), Some(_)) => return Err(format!("a {} policy has no Resource", kind.name())),
        };
        let mut conditions = Vec::new();
        for (operator, keys) in self.condition {
            conditions.extend(read_conditions(&operator, keys)?);
        }
        Ok(Statement { effect: self.effect, principals, actions, resources, conditions })
    }
}

impl WirePrincipal {
    fn check(self) -> Result<Vec<Principal>, String> {
        let named = match self {
            Self::Anyone(star) if star == "*" => return Ok(vec![Principal::Anyone]),
            Self::Anyone(other) => return Err(format!("Principal `{other}` is neither `*` nor an object")),
            Self::Named(named) => named,
        };
        let mut principals = Vec::new();
        for (kind, values) in named {
            let make: fn(String) -> Principal = match kind.as_str() {
                "AWS" => |value| if value == "*" { Principal::Anyone } else { Principal::Aws(value) },
                "Federated" => Principal::Federated,
                "Service" => Principal::Service,
                _ => return Err(format!("Principal type `{kind}` is not evaluated here")),
            };
            principals.extend(values.into_vec().into_iter().map(make));
        }
        Ok(principals)
    }
}

/// At most one of an element and its negation.
fn either(
    name: &str,
    any: Option<OneOrMany<String>>,
    none_of: Option<OneOrMany<String>>,
) -> Result<Option<Patterns>, String> {
    match (any, none_of) {
        (Some(any), None) => Ok(Some(Patterns::Any(any.into_vec()))),
        (None, Some(none_of)) => Ok(Some(Patterns::NoneOf(none_of.into_vec()))),
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(format!("a statement has both {name} and Not{name}")),
    }
}

fn read_conditions(name: &str, keys: BTreeMap<String, OneOrMany<String>>) -> Result<Vec<Condition>, String> {
    let test =
        Test::parse(name).ok_or_else(|| format!("condition operator `{name}` is not evaluated here"))?;
    keys.into_iter()
        .map(|(key, values)| {
            let values = values.into_vec();
            values.iter().try_for_each(|value| no_variable(value))?;
            Ok(Condition { test, key, values })
        })
        .collect()
}

fn no_variable(value: &str) -> Result<(), String> {
    if value.contains("${") {
        Err(format!("the policy variable in `{value}` is not evaluated here"))
    } else {
        Ok(())
    }
}
