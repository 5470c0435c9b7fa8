//! A policy document as JSON, its elements in the order in which AWS's pages write them.

use std::fmt;

use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

/// A policy document, ready to be given to IAM, ECR, S3 or KMS.
///
/// `Display` is JSON over several lines, [`to_json`](Self::to_json) the same on one. Both are the same every time: elements
/// and actions stand in the order of the pages they come from, and a list of one value is written as that value.
///
/// The grammar is AWS's ([policy grammar]), version 2012-10-17.
///
/// [policy grammar]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyDocument {
    version: &'static str,
    statement: Vec<Statement>,
}

impl PolicyDocument {
    pub(super) fn new(statement: Vec<Statement>) -> Self {
        Self { version: "2012-10-17", statement }
    }

    /// The document on one line, as the APIs of AWS take it. What counts against their limits on a policy's length is this
    /// text.
    pub fn to_json(&self) -> String {
        format!("{:?}", OneLine(self))
    }
}

impl fmt::Display for PolicyDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string_pretty(self).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for PolicyDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PolicyDocument({:?})", OneLine(self))
    }
}

struct OneLine<'a>(&'a PolicyDocument);

impl fmt::Debug for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self.0).map_err(|_| fmt::Error)?)
    }
}

/// A statement that allows. No document of this crate denies.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Statement {
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'static str>,
    effect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<Principal>,
    action: OneOrMany<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<OneOrMany<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<StringEquals>,
}

impl Statement {
    pub(super) fn allow(actions: &[&'static str]) -> Self {
        Self {
            sid: None,
            effect: "Allow",
            principal: None,
            action: OneOrMany::from(actions.to_vec()),
            resource: None,
            condition: None,
        }
    }

    pub(super) fn sid(mut self, sid: &'static str) -> Self {
        self.sid = Some(sid);
        self
    }

    pub(super) fn to(mut self, principal: Principal) -> Self {
        self.principal = Some(principal);
        self
    }

    pub(super) fn on(mut self, resources: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.resource = Some(OneOrMany::from(resources.into_iter().map(Into::into).collect::<Vec<_>>()));
        self
    }

    /// Only where each of these keys has one of its values.
    pub(super) fn when(mut self, keys: Vec<(String, Vec<String>)>) -> Self {
        let keys = keys.into_iter().map(|(key, values)| (key, OneOrMany::from(values))).collect();
        self.condition = Some(StringEquals(keys));
        self
    }
}

/// Whom a statement is about.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub(super) enum Principal {
    #[serde(rename = "AWS")]
    Aws(OneOrMany<String>),
    Federated(String),
    Service(&'static str),
}

#[derive(Clone, PartialEq, Eq)]
struct StringEquals(Vec<(String, OneOrMany<String>)>);

impl Serialize for StringEquals {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Keys<'a>(&'a [(String, OneOrMany<String>)]);
        impl Serialize for Keys<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.iter().map(|(key, values)| (key, values)))
            }
        }
        let mut operators = serializer.serialize_map(Some(1))?;
        operators.serialize_entry("StringEquals", &Keys(&self.0))?;
        operators.end()
    }
}

/// One value, or a list of several: JSON policies write either.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    pub(super) fn iter(&self) -> std::slice::Iter<'_, T> {
        match self {
            Self::One(one) => std::slice::from_ref(one).iter(),
            Self::Many(many) => many.iter(),
        }
    }
}

impl<T> From<Vec<T>> for OneOrMany<T> {
    fn from(mut values: Vec<T>) -> Self {
        match values.pop() {
            Some(only) if values.is_empty() => Self::One(only),
            Some(last) => {
                values.push(last);
                Self::Many(values)
            }
            None => Self::Many(values),
        }
    }
}
