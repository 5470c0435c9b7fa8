//! The example `doctor`, and the symptoms that people meet: each is produced, and the cause and the remedy are told.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

#[path = "../doctor/args.rs"]
mod args;
#[path = "../doctor/program.rs"]
mod program;
#[allow(dead_code, reason = "the world of the example `reflect`, which uses more of it")]
#[path = "../reflect/world.rs"]
mod world;

#[path = "doctor/command_line.rs"]
mod command_line;
#[path = "doctor/setups.rs"]
mod setups;
#[path = "doctor/symptoms.rs"]
mod symptoms;
