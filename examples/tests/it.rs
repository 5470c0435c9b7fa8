//! End to end: the examples and the crates against the embedded AWS.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

#[path = "../reflect/args.rs"]
mod args;
#[path = "../reflect/counting.rs"]
mod counting;
#[path = "../reflect/job.rs"]
mod job;
#[path = "../reflect/json.rs"]
mod json;
#[path = "../reflect/program.rs"]
mod program;
#[path = "../reflect/text.rs"]
mod text;
#[path = "../reflect/world.rs"]
mod world;

#[path = "it/apis.rs"]
mod apis;
#[path = "it/command_line.rs"]
mod command_line;
#[path = "it/iam_documents.rs"]
mod iam_documents;
#[path = "it/permissions.rs"]
mod permissions;
#[path = "it/policies.rs"]
mod policies;
#[path = "it/readme.rs"]
mod readme;
#[path = "it/refusals.rs"]
mod refusals;
#[path = "it/security.rs"]
mod security;
#[path = "it/setups.rs"]
mod setups;
#[path = "it/support.rs"]
mod support;
#[path = "it/terminal.rs"]
mod terminal;
