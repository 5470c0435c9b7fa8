//! The cluster's issuer of ServiceAccount tokens.

mod key;
mod server;
mod token;

pub(crate) use server::{operation, router};
pub use token::{Issuer, ServiceAccountToken};

pub(crate) mod claims;
