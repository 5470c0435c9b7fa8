//! Guides: a subject from end to end, where the other pages have an item each.

#[doc = include_str!("guide/from_go.md")]
pub mod from_go {}

#[doc = include_str!("guide/scaling_out.md")]
pub mod scaling_out {}
