//! The crate as its users see it, against an ECR API played in memory.

#![expect(clippy::expect_used, reason = "the helpers of tests may panic as tests do")]

mod answers;
mod chain;
mod credentials;
mod default_client;
mod errors;
mod fake;
mod fake_registry;
mod first_program;
mod images;
mod interruptions;
mod listing;
mod log;
mod login;
mod paging;
mod preflight;
mod registries;
mod remedies;
mod secrets;
mod thousand;
mod throttle;
mod tls_server;
mod traits;
mod transport;
mod updates;
