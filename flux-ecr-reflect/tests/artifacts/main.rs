//! OCI artifacts, from a registry played in memory.

#![expect(clippy::expect_used, reason = "the helpers of tests may panic as tests do")]

mod download;
mod extract;
mod fake;
#[path = "../ecr/log.rs"]
mod log;
mod redirects;
mod resolve;
mod secrets;
