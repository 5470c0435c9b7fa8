//! Which tag is the latest, and why: Flux CD's
//! [`ImagePolicy`](https://fluxcd.io/flux/components/image/imagepolicies/) as a library. It gives the answer Flux gives,
//! one documented answer where Flux's own depends on chance, and says what became of every tag.
//!
//! ```
//! use flux_policy::Policy;
//!
//! fn main() -> Result<(), flux_policy::Error> {
//!     let tags = ["1.0.0", "1.1.0", "1.2.0-rc.1", "2.0.0", "latest"];
//!     let decision = Policy::semver("^1.0.0")?.latest(tags)?;
//!     println!("{decision}");
//!     Ok(())
//! }
//! ```
//!
//! ```text
//! 1.1.0 is the highest version in "^1.0.0"
//!   next: 1.0.0
//!   5 tags: 2 eligible, 3 left out
//!     1 not a version: latest
//!     1 prerelease, which the range does not admit: 1.2.0-rc.1
//!     1 outside the range: 2.0.0
//! ```
//!
//! # Guide
//!
//! [The range language](guide::range_language): every operator, every pitfall, what npm and Cargo read otherwise, and in which
//! tags a version is seen.
//!
//! # The types
//!
//! ```text
//! TagFilter ──┐            ┌─ latest(tags) ────────────────────► Decision
//!             ├─► Policy ──┼─ selector() ─► Selector.finish() ─► Decision
//! ImagePolicy ┘            └─ explain(tags) ───────────────────► Explanation
//! ```
//!
//! * A [`Policy`] is a rule (semver, alphabetical, numerical) with an optional [`TagFilter`]. It is made by hand, or of the
//!   manifest of an `ImagePolicy`.
//! * [`Policy::latest`] takes a list of tags and gives a [`Decision`]: the winner, the runner-up, how many tags were left
//!   out for which [`Reason`], and [`Lint`]s.
//! * [`Policy::selector`] gives a [`Selector`], which takes [`Candidate`]s as they arrive and whose memory does not grow
//!   with their number.
//! * [`Policy::explain`] keeps the verdict on every tag in an [`Explanation`].
//!
//! All three share one judgement of a tag. [`ExclusionList`] is what a Flux `ImageRepository` leaves out before any policy
//! sees it. The [`range`], [`version`] and [`number`] modules are the languages of the rules, usable alone.
//!
//! # What it does not do
//!
//! It talks to no registry, reads no file and no clock, starts no thread, knows no async runtime and logs nothing. It does
//! not write manifests back to a cluster and does not sort tags: it finds the one.
//!
//! # Contracts
//!
//! * **The same answers as Flux.** Versions, ranges, numbers, patterns and templates are read as Flux reads them: the range
//!   language of Masterminds/semver, Go's `ParseFloat`, Go's RE2 dialect and `Regexp.Expand`. The crate's tests hold it
//!   against more than 70 000 recorded answers of Flux's own Go code. Where Go accepts a pattern for which the same answers
//!   cannot be promised, making the policy fails with [`ErrorKind::Unsupported`].
//! * **One answer.** [Where several candidates are equal](Policy#of-equals-one), one rule decides, whatever the order of the
//!   tags; Flux's answer can depend on chance there.
//! * **Nothing beyond Flux unasked.** The most recent push, a minimum age, a hold, denied tags, required patterns, a winner
//!   per group and a floor against downgrades are [options of `Policy`](Policy#impl-Policy-1) and of [`Selector`] under names
//!   of their own. A policy made from a manifest uses none of them.
//! * **Errors.** "No tag matched" is a decision without a winner, with [advice](Decision::advice). An [`Error`] is of a policy
//!   that cannot be read, or that a tag makes fail as a whole, as in Flux.
//! * **Time** comes in as a value: [`Selector::at`].
//! * **Bounded.** A selector's memory does not depend on the number of tags, and judging one takes time linear in its length.
//! * **Cancellation.** Nothing is async. A [`Selector`] is `Send`, and can be kept across an `.await` and dropped at any time.
//! * **Secrets.** There are none: texts and `Debug` show policies and tags.
//!
//! # Features
//!
//! * none by default: ten crates below this one, no async, no serde.
//! * `serde`: the `manifest` module, which reads Flux's manifests, and `Serialize` for [`Decision`] and [`Explanation`]. It
//!   brings serde and a parser for YAML, ten crates more.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod advice;
mod candidate;
mod decision;
mod error;
mod exclusion;
mod explain;
mod filter;
mod glance;
pub mod guide;
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
