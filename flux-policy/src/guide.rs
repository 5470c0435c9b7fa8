//! Guides: a subject from end to end, where the other pages have an item each.

#[doc = include_str!("guide/range_language.md")]
pub mod range_language {}
