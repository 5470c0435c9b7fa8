//! Each service from outside, over plain HTTP: what it answers, and what it refuses.

#![allow(clippy::expect_used, reason = "helpers of tests; a surprise is a failure")]

mod assume_role;
mod ecr;
mod ecr_public;
mod faults;
mod issuer;
mod kubernetes;
mod metadata;
mod pages;
mod pod_identity;
mod registry;
mod scenario;
mod set_up;
mod signed;
mod signing;
mod sts;
mod tenants;
