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
//! A [`Policy`] is a rule (semver, alphabetical, numerical) with an optional [`TagFilter`]. Three ways lead to an answer,
//! and all share one judgement of a tag:
//!
//! * [`Policy::latest`] takes a list of tags and gives a [`Decision`]: the winner, the runner-up, how many tags were left
//!   out for which [`Reason`], and [`Lint`]s.
//! * [`Policy::selector`] gives a [`Selector`], which takes [`Candidate`]s as they arrive and whose memory does not grow
//!   with their number.
//! * [`Policy::explain`] keeps the verdict on every tag in an [`Explanation`].
//!
//! [`ExclusionList`] is what a Flux `ImageRepository` leaves out before any policy sees it. The [`range`], [`version`] and
//! [`number`] modules are the languages of the rules, usable alone. The `manifest` module (feature `serde`) reads Flux's
//! manifests.
//!
//! # The same answers as Flux
//!
//! Versions, ranges, numbers, patterns and templates are read as Flux reads them: the range language of
//! Masterminds/semver, Go's `ParseFloat`, Go's RE2 dialect and `Regexp.Expand`. The crate's tests hold it against more
//! than 70 000 recorded answers of Flux's own Go code. Where Go accepts a pattern for which the same answers cannot be
//! promised, making the policy fails with [`ErrorKind::Unsupported`].
//!
//! Where several candidates are equal, Flux's answer can depend on chance: it keeps extracted keys in a Go map. Here
//! one rule decides, whatever the order of the tags:
//!
//! 1. by value: the precedence of the version, the number, the bytes of the text; what is not a number (`nan`) loses;
//! 2. of different keys with equal value, such as `v1.2.3` and `1.2.3`, the byte-greatest under the semver rule and the
//!    byte-smallest under the numerical rule, in both directions;
//! 3. of different tags with the same extracted key, the byte-smallest.
//!
//! This is Flux's answer wherever Flux has one. [`Selected::ties`] and [`Selected::collisions`] tell when it was needed.
//!
//! # Beyond Flux
//!
//! The most recent push, a minimum age, a hold, denied tags, required patterns, a winner per group and a floor against
//! downgrades are [options of `Policy`](Policy#impl-Policy-1) and of [`Selector`] under names of their own. A policy made
//! from a manifest uses none of them. Time comes in as a value: [`Selector::at`].
//!
//! # Features
//!
//! * none by default: eleven crates below this one, no async, no serde.
//! * `serde`: the `manifest` module, and `Serialize` for [`Decision`] and [`Explanation`].
//!
//! # What it does not do
//!
//! It talks to no registry, reads no file and no clock, starts no thread, knows no async runtime and logs nothing. It does
//! not write manifests back to a cluster and does not sort tags: it finds the one.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod advice;
mod candidate;
mod decision;
mod error;
mod exclusion;
mod explain;
mod filter;
mod glance;
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

// Behind `policy`, so that Policy's documentation begins with what Flux has.
mod beyond;

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
