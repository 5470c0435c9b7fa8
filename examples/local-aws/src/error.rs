//! Why a [`LocalAws`](crate::LocalAws) did not start.

use std::io;

/// Why a set-up was refused, or could not be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value of the set-up does not have the form AWS requires of it.
    #[error("{field} `{value}` is not valid: {expected}")]
    Invalid {
        /// The builder's method, or the name AWS uses.
        field: &'static str,
        /// What was given.
        value: String,
        /// What AWS takes.
        expected: &'static str,
    },
    /// A policy document is not one this evaluator reads; it refuses what it would otherwise have to ignore.
    #[error("the {kind} policy of {owner} is not usable: {problem}")]
    Policy {
        /// The role, user or repository that has the policy.
        owner: String,
        /// `trust`, `permission` or `repository`.
        kind: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The set-up names a role that it does not define.
    #[error("{user} names the role `{role}`, which is not defined; add it with `Builder::role`")]
    UnknownRole {
        /// What names it: the node, or a pod identity association.
        user: String,
        /// The name that has no role.
        role: String,
    },
    /// Two parts of the set-up have the same name.
    #[error("there are two {what} named `{name}`")]
    Duplicate {
        /// `roles`, `users` or `repositories`.
        what: &'static str,
        /// The name used twice.
        name: String,
    },
    /// No loopback port could be opened.
    #[error("no port of 127.0.0.1 could be opened for {service}")]
    Listen {
        /// The service that was to listen there.
        service: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// The issuer's signing key could not be made.
    #[error("the issuer's RSA key could not be made: {problem}")]
    Key {
        /// What the cryptographic library said.
        problem: String,
    },
}
