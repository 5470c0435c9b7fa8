//! Guides: a subject from end to end, where the other pages have an item each.

#[doc = include_str!("guide/from_go.md")]
pub mod from_go {}

#[doc = include_str!("guide/scaling_out.md")]
pub mod scaling_out {}

#[cfg_attr(feature = "test-util", doc = include_str!("guide/testing.md"))]
#[cfg_attr(
    not(feature = "test-util"),
    doc = "How to test your own code: a guide that comes with the feature `test-util`."
)]
pub mod testing {}
