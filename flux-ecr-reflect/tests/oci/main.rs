//! Registries that speak the distribution API, played in memory.

#![expect(clippy::expect_used, reason = "the helpers of tests may panic as tests do")]

mod access;
mod digest;
mod errors;
mod fake;
mod limits;
#[path = "../ecr/log.rs"]
mod log;
mod logins;
mod paging;
mod secrets;
mod tokens;
mod unlinked;
mod whose;
