//! What the process uses.

use std::fmt;
use std::process::{Command, ExitCode};

use crate::notes::Notes;

/// The account keeps every session and every secret that it gave out, and so grows with the requests.
const BYTES_PER_REQUEST: u64 = 512;
const BYTES: u64 = 24 << 20;
/// Idle connections in pools, which differ from one moment to another.
const TASKS: usize = 100;
const DESCRIPTORS: usize = 200;
/// At any time, with all that is on its way.
const MOST_TASKS: usize = 600;
const MOST_DESCRIPTORS: usize = 900;

/// Runs this program again, with its arguments, such that what glibc's heap has free goes back to the system: then the resident set is
/// what is in use, and not what fragments left.
pub(crate) fn run_measured() -> ExitCode {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(std::env::args_os().skip(1))
        .arg("--measured")
        .envs([
            ("MALLOC_ARENA_MAX", "1"),
            ("MALLOC_TRIM_THRESHOLD_", "65536"),
            ("MALLOC_MMAP_THRESHOLD_", "65536"),
        ])
        .status()
        .unwrap();
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// At one time, or the most at several.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Use {
    /// Bytes in memory.
    memory: u64,
    /// Of the runtime that this is asked on: the callers'.
    pub(crate) tasks: usize,
    /// Open files, of which sockets are all but a few; both ends of each connection.
    descriptors: usize,
}

impl Use {
    pub(crate) fn now() -> Self {
        Self {
            memory: memory(),
            tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks(),
            descriptors: std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count),
        }
    }

    pub(crate) fn max(self, other: Self) -> Self {
        Self {
            memory: self.memory.max(other.memory),
            tasks: self.tasks.max(other.tasks),
            descriptors: self.descriptors.max(other.descriptors),
        }
    }

    /// Compares a quiet time after everything with one `before` it, and with the `most` between.
    pub(crate) fn check(self, before: Self, most: Self, requests: u64, notes: &Notes) {
        let bytes = before.memory + BYTES + requests * BYTES_PER_REQUEST;
        notes.check(self.memory <= bytes, || format!("memory grew: {before}, then {self}"));
        notes.check(self.tasks <= before.tasks + TASKS, || format!("tasks grew: {before}, then {self}"));
        let descriptors = before.descriptors + DESCRIPTORS;
        notes.check(self.descriptors <= descriptors, || format!("connections grew: {before}, then {self}"));
        let is_bounded = most.tasks <= MOST_TASKS && most.descriptors <= MOST_DESCRIPTORS;
        notes.check(is_bounded, || format!("too much at once: {most}"));
    }
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MiB, {} tasks, {} open files", self.memory >> 20, self.tasks, self.descriptors)
    }
}

/// The resident set. Its pages have 4 KiB on all machines that this is run on; where they are larger, the bounds are wider.
#[expect(clippy::disallowed_methods, reason = "the process's own memory is what is measured")]
fn memory() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default() * 4096
}
