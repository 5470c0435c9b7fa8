//! The example `docker_credential_flux`, run as Docker runs it, and the logins that it gives before a registry.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

#[allow(dead_code, reason = "shared with the example, which uses more of it")]
#[path = "../docker_credential_flux/helper.rs"]
mod helper;
#[allow(dead_code, reason = "the world of the example `reflect`, which uses more of it")]
#[path = "../reflect/world.rs"]
mod world;

#[path = "docker_credential_flux/before_a_registry.rs"]
mod before_a_registry;
#[path = "docker_credential_flux/listing.rs"]
mod listing;
#[path = "docker_credential_flux/protocol.rs"]
mod protocol;
