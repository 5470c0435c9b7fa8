//! One evaluation by one contender, for callgrind:
//! `valgrind --tool=callgrind --toggle-collect='*measured*' instructions flux-policy semver 100000`.
#![allow(clippy::print_stdout, reason = "a program")]

use std::process::ExitCode;

use benches::contenders;
use benches::tags::{Set, Tags};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [contender, set, count] = &arguments[..] else { return ExitCode::FAILURE };
    let set = Set::ALL.into_iter().find(|known| known.name() == set);
    let (Some(set), Ok(count)) = (set, count.parse()) else { return ExitCode::FAILURE };
    let Some((_, evaluate)) = contenders::of(set).into_iter().find(|(name, _)| name == contender) else {
        return ExitCode::FAILURE;
    };
    println!("{:?}", measured(evaluate, set, &set.tags(count)));
    ExitCode::SUCCESS
}

#[inline(never)]
fn measured(evaluate: fn(Set, &Tags) -> Option<String>, set: Set, tags: &Tags) -> Option<String> {
    evaluate(set, tags)
}
