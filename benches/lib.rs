//! The tag sets and the contenders that the benches time, and that `instructions.rs` runs once.

pub mod contenders;
pub mod listings;
pub mod tag_sets;
