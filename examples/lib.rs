//! The programs in the README, compiled as documentation tests. The examples are the package's example targets.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
