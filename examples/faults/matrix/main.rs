//! Every remote, and every fault that it can have: what comes of it, after how many requests, and how soon.
//!
//! All of it in memory and in virtual time. What is expected is written down in `matrix.md`, cell by cell; a cell that comes
//! out otherwise fails. `cargo test -p faults --test matrix -- --bless` writes the table anew: read the difference, for whatever
//! is in the table is what users are promised. Beyond the table, some things hold for every cell: see `cell.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod answers;
mod body;
mod cell;
mod clock;
mod fault;
mod remote;
mod table;
mod world;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use cell::Cell;
use table::Table;

fn main() -> ExitCode {
    let (bless, arguments): (Vec<_>, Vec<_>) = std::env::args().partition(|argument| argument == "--bless");
    if !bless.is_empty() {
        Table::of(&Cell::all()).write();
    }
    let recorded = Table::read();
    let mut trials: Vec<_> = Cell::all()
        .into_iter()
        .map(|cell| {
            let expected = recorded.row_of(cell);
            Trial::test(cell.to_string(), move || Ok(cell.check(expected.as_deref())?))
        })
        .collect();
    trials.push(Trial::test("the_table_has_no_other_rows", move || {
        let cells = Cell::all();
        let stale = recorded.rows().find(|row| !cells.iter().any(|&cell| Table::is_row_of(row, cell)));
        stale.map_or(Ok(()), |row| Err(format!("no such cell any more: {row}").into()))
    }));
    libtest_mimic::run(&Arguments::from_iter(arguments), trials).exit_code()
}
