//! Which tag is the latest, and why: Flux CD's
//! [`ImagePolicy`](https://fluxcd.io/flux/components/image/imagepolicies/) as a library. It gives the answer Flux gives,
//! one documented answer where Flux's own depends on chance, and says what became of every tag.
//!
//! ```
//! use flux_policy::{Order, Policy, TagFilter};
//!
//! let tags = ["main-1a2b3c4-1606364286", "main-9f8e7d6-1606280000", "v1.4.2", "latest"];
//!
//! let newest_build = Policy::numerical(Order::Asc)
//!     .with_filter(TagFilter::new("^main-[a-f0-9]+-(?P<ts>[0-9]+)$", "$ts")?);
//! let decision = newest_build.latest(tags)?;
//!
//! assert_eq!(decision.winner().unwrap().tag(), "main-1a2b3c4-1606364286");
//! println!("{decision}");
//! # Ok::<(), flux_policy::Error>(())
//! ```
//!
//! # How the types relate
//!
//! A [`Policy`] is a rule (semver, alphabetical, numerical) with an optional [`TagFilter`]. [`Policy::latest`] takes a
//! list of tags; a [`Selector`] takes [`Candidate`]s as they arrive. Both end in a [`Decision`]: the winner, the
//! runner-up, and how many tags were left out for which [`Reason`].
//!
//! # What it does not do
//!
//! It talks to no registry, reads no file and no clock, starts no thread and knows no async runtime. It needs `std`
//! only where `alloc` would not do.

mod advice;
mod beyond;
mod candidate;
mod decision;
mod error;
mod exclusion;
mod explain;
mod filter;
mod judge;
mod lint;
#[cfg(feature = "serde")]
pub mod manifest;
pub mod number;
mod pattern;
mod podium;
mod policy;
pub mod range;
mod reason;
mod select;
#[cfg(feature = "serde")]
mod serialize;
mod standing;
mod tally;
mod template;
pub mod version;

pub use beyond::Hold;
pub use candidate::{Candidate, Timestamp};
pub use decision::{Decision, GroupDecision, Selected};
pub use error::{Error, ErrorKind};
pub use exclusion::ExclusionList;
pub use explain::{Explainer, Explanation, Loss, Ruling, Verdict};
pub use filter::TagFilter;
pub use lint::Lint;
pub use policy::{Order, Policy};
pub use reason::{Reason, Rejection};
pub use select::Selector;
