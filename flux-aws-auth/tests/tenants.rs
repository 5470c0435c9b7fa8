//! Two tenants and a controller in one program, under everything that a hostile tenant and a bad day can do: roles are
//! annotated anew, with those of the neighbour too; ServiceAccounts are deleted and made again; the Kubernetes API and STS
//! answer late, refuse, fail or say nothing; callers are dropped; the clock is set. Nobody ever gets what is not theirs.
//!
//! All of it is in virtual time and in the order that a seed decides. A failure names its seed; `REPLAY` repeats it. A release
//! build runs a hundred thousand, a debug build some of them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

#[path = "tenants/case.rs"]
mod case;
#[path = "tenants/world.rs"]
mod world;

use case::{Case, Seen};

const CASES: u64 = if cfg!(debug_assertions) { 2_000 } else { 100_000 };
/// The seed of a failure, to see it alone.
const REPLAY: Option<u64> = None;

#[test]
fn no_interleaving_gives_anybody_what_is_not_theirs() {
    let mut all = Seen::default();
    for seed in REPLAY.map_or(0..CASES, |seed| seed..seed + 1) {
        let run = catch_unwind(AssertUnwindSafe(|| Case::new(seed).run()));
        let seen = run.unwrap_or_else(|panic| {
            eprintln!("the seed of this failure: {seed}");
            resume_unwind(panic)
        });
        all.calls += seen.calls;
        all.given += seen.given;
        all.refused += seen.refused;
        all.changes += seen.changes;
    }
    if REPLAY.is_none() {
        let enough =
            all.calls > CASES * 5 && all.given > CASES && all.refused > CASES && all.changes > CASES * 3;
        assert!(enough, "hardly anything happened: {all:?}");
    }
}
