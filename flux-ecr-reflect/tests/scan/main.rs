//! Scans as their users see them: what they take, what they say, and what is read back.

#![expect(clippy::expect_used, reason = "the helpers of tests may panic as tests do")]

mod fake;
mod memory;
mod sets;
mod store;
