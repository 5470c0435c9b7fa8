//! The cluster's issuer of ServiceAccount tokens.

mod key;
mod server;
mod token;

pub(crate) use server::{operation, router};
pub(crate) use token::uid_of_names;
pub use token::{Issuer, ServiceAccountToken};

pub(crate) mod claims;
