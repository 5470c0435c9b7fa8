//! Random interleavings of everything that can happen to a cache: callers come and go, loads end well, badly, by panic or not
//! at all, clocks are set, values forgotten, handles dropped, a runtime stands still or ends.
//!
//! All of it is in virtual time and in the order that a seed decides. A failure names its seed; `REPLAY` repeats it. A release
//! build runs a hundred thousand, a debug build some of them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

#[path = "interleavings/case.rs"]
mod case;
#[path = "interleavings/world.rs"]
mod world;

use case::Case;

const CASES: u64 = if cfg!(debug_assertions) { 5_000 } else { 100_000 };
/// The seed of a failure, to see it alone.
const REPLAY: Option<u64> = None;

#[test]
fn no_interleaving_hangs_or_gives_what_it_should_not() {
    let mut loads = 0;
    let mut calls = 0;
    for seed in REPLAY.map_or(0..CASES, |seed| seed..seed + 1) {
        let run = catch_unwind(AssertUnwindSafe(|| Case::new(seed).run()));
        let seen = run.unwrap_or_else(|panic| {
            eprintln!("the seed of this failure: {seed}");
            resume_unwind(panic)
        });
        loads += seen.loads;
        calls += seen.calls;
    }
    if REPLAY.is_none() {
        assert!(
            loads > CASES * 4 && calls > CASES * 7,
            "{loads} loads, {calls} calls: hardly anything happened"
        );
    }
}
