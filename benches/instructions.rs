//! One evaluation, or one listing, by one contender, for callgrind:
//! `valgrind --tool=callgrind --toggle-collect='*measured*' instructions flux-policy semver 100000`.
#![allow(clippy::print_stdout, reason = "a program")]

use std::process::ExitCode;

use benches::contenders;
use benches::listings::{self, InMemory};
use benches::tag_sets::Set;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [contender, set, count] = &arguments[..] else { return ExitCode::FAILURE };
    let set = Set::ALL.into_iter().find(|known| known.name() == set);
    let (Some(set), Ok(count)) = (set, count.parse()) else { return ExitCode::FAILURE };
    let tags = set.tags(count);
    if let Some((_, evaluate)) = contenders::of(set).into_iter().find(|(name, _)| name == contender) {
        println!("{:?}", measured(|| evaluate(set, &tags)));
        return ExitCode::SUCCESS;
    }
    let mut lists = listings::OF_ECR.into_iter().chain(listings::OF_OCI);
    let Some((_, list)) = lists.find(|(name, _)| name == contender) else { return ExitCode::FAILURE };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return ExitCode::FAILURE };
    let registry = InMemory::new(&tags);
    println!("{:?}", measured(|| runtime.block_on(list(registry.place()))));
    println!("{} requests", registry.requests());
    ExitCode::SUCCESS
}

#[inline(never)]
fn measured(evaluate: impl FnOnce() -> Option<String>) -> Option<String> {
    evaluate()
}
