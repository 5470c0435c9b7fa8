//! Identity and access management: policy documents, and what they allow.

mod document;
mod evaluate;
mod role;
mod wildcard;

pub(crate) use document::{Document, Kind};
pub(crate) use evaluate::{Access, Assumer, Caller, Refusal, authorize, trusts};
pub(crate) use role::{CompiledRole, parse};
pub use role::{Role, User};
