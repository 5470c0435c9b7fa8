//! Behaviour of `flux-aws-auth` through its public API: in-memory HTTP and virtual time, and loopback sockets where the
//! network itself is the point.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod access_keys;
mod authenticator;
mod cache;
mod chain;
mod doctor;
mod expectation;
mod guide;
mod hold;
mod iam;
mod iam_lint;
mod instance_metadata;
mod integration;
#[cfg(feature = "kube")]
mod kube;
mod network;
mod pod_identity;
mod process_environment;
mod report;
mod retries;
mod role_hop;
mod secret;
mod service_account;
mod sockets;
mod support;
mod test_util;
mod traits;
mod two_days;
mod web_identity;
