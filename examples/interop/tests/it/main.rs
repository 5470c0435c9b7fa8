//! What the flux-aws crates do with servers, and beside clients, that nobody here wrote. A server that does not start fails
//! its test.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that panics has failed")]

mod account;
mod docker_registry;
mod guide;
mod guide_page;
mod ministack_identities;
mod ministack_permissions;
mod ministack_tags;
mod moto;
mod server;
