//! Each service from outside, over plain HTTP: what it answers, and what it refuses.

#![allow(clippy::expect_used, reason = "helpers of tests; a surprise is a failure")]

mod assume_role;
mod client;
mod ecr;
mod ecr_public;
mod faults;
mod generic_registry;
mod issuer;
mod kubernetes;
mod listings;
mod metadata;
mod pages;
mod pod_identity;
mod pushes;
mod registry;
mod scenario;
mod set_up;
mod signed;
mod signing;
mod sts;
mod tenants;
