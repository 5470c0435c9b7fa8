//! Identity and access management: policy documents, and what they allow.

mod caller;
mod context;
mod document;
mod evaluate;
mod role;
mod wildcard;

pub(crate) use caller::{Caller, SessionAttributes, SessionTag};
pub(crate) use context::RequestContext;
pub(crate) use document::{Document, Kind};
pub(crate) use evaluate::{Access, Assumer, Attached, Refusal, authorize, trusts};
pub(crate) use role::{CompiledRole, parse, valid_account};
pub use role::{Role, User};
