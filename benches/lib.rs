//! The tag sets and the contenders that `policy.rs` times and `instructions.rs` runs once.

pub mod contenders;
pub mod tags;
