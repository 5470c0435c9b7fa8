//! The parameters of a query-protocol request, and the constraints of its model.

use std::collections::{BTreeMap, BTreeSet};

use crate::wire::Rejection;

/// Parameters by name; of a repeated one, the last.
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    pub(super) fn parse(form: &[u8]) -> Self {
        Self(form_urlencoded::parse(form).into_owned().collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The names of a list's members, in their order: `Tags.member.1`, `Tags.member.2`.
    pub(super) fn members(&self, list: &str) -> Vec<String> {
        let prefix = format!("{list}.member.");
        let numbers = self
            .0
            .keys()
            .filter_map(|name| name.strip_prefix(&prefix)?.split('.').next()?.parse::<u32>().ok());
        numbers.collect::<BTreeSet<u32>>().into_iter().map(|number| format!("{prefix}{number}")).collect()
    }

    /// The name of the first parameter that is not among `known`, list members by their list's name.
    pub(super) fn unknown<'a>(&'a self, known: &[&str]) -> Option<&'a str> {
        let mut names = self.0.keys().map(|name| name.split('.').next().unwrap_or(name));
        names.find(|name| !known.contains(name))
    }
}

/// Collects what violates the model, to be told in one sentence as AWS does.
#[derive(Default)]
pub(super) struct Constraints(Vec<String>);

impl Constraints {
    /// A text of a length within `length`, of characters that `allowed` takes; empty where it is missing.
    pub(super) fn text<'a>(
        &mut self,
        name: &str,
        value: Option<&'a str>,
        length: (usize, usize),
        pattern: &str,
        allowed: impl Fn(char) -> bool,
    ) -> &'a str {
        let Some(value) = value else {
            self.violated("null", name, "Member must not be null");
            return "";
        };
        let shown = format!("'{value}'");
        if value.len() < length.0 {
            let rule = format!("Member must have length greater than or equal to {}", length.0);
            self.violated(&shown, name, &rule);
        }
        if value.len() > length.1 {
            self.violated(
                &shown,
                name,
                &format!("Member must have length less than or equal to {}", length.1),
            );
        }
        if !value.chars().all(allowed) {
            self.violated(
                &shown,
                name,
                &format!("Member must satisfy regular expression pattern: {pattern}"),
            );
        }
        value
    }

    /// A list of no more than `most` members.
    pub(super) fn count(&mut self, name: &str, members: usize, most: usize) {
        if members > most {
            let rule = format!("Member must have length less than or equal to {most}");
            self.violated(&format!("'[{members} members]'"), name, &rule);
        }
    }

    /// A number within `range`; `default` where it is missing.
    pub(super) fn number(&mut self, name: &str, value: Option<&str>, range: (u64, u64), default: u64) -> u64 {
        let Some(value) = value else { return default };
        let number = value.parse().unwrap_or_default();
        if number < range.0 {
            let rule = format!("Member must have value greater than or equal to {}", range.0);
            self.violated(&format!("'{value}'"), name, &rule);
        }
        if number > range.1 {
            let rule = format!("Member must have value less than or equal to {}", range.1);
            self.violated(&format!("'{value}'"), name, &rule);
        }
        number
    }

    /// An error if anything was violated.
    pub(super) fn check(self) -> Result<(), Rejection> {
        let count = self.0.len();
        if count == 0 {
            return Ok(());
        }
        let noun = if count == 1 { "error" } else { "errors" };
        let message = format!("{count} validation {noun} detected: {}", self.0.join("; "));
        Err(Rejection::bad_request("ValidationError", message))
    }

    fn violated(&mut self, value: &str, name: &str, rule: &str) {
        self.0.push(format!("Value {value} at '{name}' failed to satisfy constraint: {rule}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_violation_is_told() {
        let mut constraints = Constraints::default();
        constraints.text("roleSessionName", Some("a b"), (2, 64), "[\\w+=,.@-]*", |c| c != ' ');
        constraints.text("roleArn", None, (20, 2048), "", |_| true);
        constraints.number("durationSeconds", Some("60"), (900, 43200), 3600);
        let fault = constraints.check().expect_err("three violations");
        assert_eq!(fault.code, "ValidationError");
        assert_eq!(
            fault.message,
            "3 validation errors detected: Value 'a b' at 'roleSessionName' failed to satisfy constraint: Member must \
             satisfy regular expression pattern: [\\w+=,.@-]*; Value null at 'roleArn' failed to satisfy constraint: \
             Member must not be null; Value '60' at 'durationSeconds' failed to satisfy constraint: Member must have \
             value greater than or equal to 900"
        );
    }

    #[test]
    fn what_fits_passes() {
        let mut constraints = Constraints::default();
        assert_eq!(constraints.text("roleSessionName", Some("flux"), (2, 64), "", |_| true), "flux");
        assert_eq!(constraints.number("durationSeconds", None, (900, 43200), 3600), 3600);
        assert_eq!(constraints.check(), Ok(()));
    }

    #[test]
    fn members_are_in_the_order_of_their_numbers() {
        let parameters =
            Parameters::parse(b"Tags.member.10.Key=b&Tags.member.2.Key=a&Tags.member.2.Value=1&Tags.x=2");
        assert_eq!(parameters.members("Tags"), ["Tags.member.2", "Tags.member.10"]);
        assert!(parameters.members("Tag").is_empty());
    }

    #[test]
    fn unknown_parameters_are_found() {
        let parameters = Parameters::parse(b"Action=A&PolicyArns.member.1.arn=x");
        assert_eq!(parameters.unknown(&["Action"]), Some("PolicyArns"));
        assert_eq!(parameters.unknown(&["Action", "PolicyArns"]), None);
    }
}
