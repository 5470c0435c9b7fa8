//! The crate as its users see it.
#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]

mod beyond;
mod explanations;
mod first_program;
mod guide;
mod properties;
mod purity;
mod traits;
mod vectors;
