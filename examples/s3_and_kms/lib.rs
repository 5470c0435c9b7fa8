//! The programs in the README, compiled as documentation tests: this package has all that they need.

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
