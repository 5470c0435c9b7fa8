//! Faults in AWS's own forms: the crates believe that they speak with AWS, and microburst stands in between.
//!
//! `README.md` of this package has the table that comes of it, beside the one of the same faults in memory.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that panics has failed")]
#![allow(clippy::disallowed_methods, reason = "processes answer, and they do so in real time")]

mod cases;
mod memory;
mod throttled;
mod way;
mod world;

use std::fmt::Write as _;
use std::time::Duration;

use crate::cases::Case;
use crate::memory::Memory;
use crate::world::World;

/// What a row may take beyond its bound in memory: two processes of Python answer, and all rows are played at once.
const SLACK: Duration = Duration::from_secs(20);

const HEAD: &str =
    "| call | fault on the wire | span | outcome | requests | in memory |\n|---|---|---|---|---:|---|\n";

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_comes_to_what_the_table_says() {
    let cases = Case::all();
    let world = World::start(&cases).await;
    let memory = Memory::read();
    let playing: Vec<_> =
        (0..cases.len()).map(|number| tokio::spawn(world.play(number, cases[number]))).collect();
    let mut table = HEAD.to_owned();
    let mut flaws = Vec::new();
    for (case, played) in cases.iter().zip(playing) {
        let played = played.await.unwrap();
        let like = memory.row(case.call, case.fault.like, case.span);
        writeln!(
            table,
            "| {} | {} | {} | {} | {} | {} |",
            case.call,
            case.fault.name,
            case.span,
            played.outcome,
            played.requests,
            like.beside(&played.outcome, played.requests),
        )
        .unwrap();
        flaws.extend(played.flaws.iter().map(|flaw| format!("{case}: {flaw}")));
        if played.taken > like.within + SLACK {
            flaws.push(format!("{case}: it took {:?}, in memory at most {:?}", played.taken, like.within));
        }
    }
    assert!(flaws.is_empty(), "{}\n{table}", flaws.join("\n"));
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&table), "the table in README.md of this package should be\n{table}");
}
