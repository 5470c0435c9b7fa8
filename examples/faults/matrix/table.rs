//! The table in `matrix.md`, which is both what is expected and what people read.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::cell::Cell;

/// The rows, without the words around them.
pub(crate) struct Table(Vec<String>);

const HEAD: &str = "\
# Every fault of every remote

What comes of each fault, by `cargo test -p faults`, which holds this table cell by cell. One remote has the fault, all
others are well; a fault is there once, or lasts. Where credentials come from the remote, the outcome is whose they are: the
node would give `the node's`, the agent `the pod's`, STS `the role's`, so another identity than the one asked for would be
seen. Where tags come from it, the fault is met at the second of three pages. *Requests* are those to the remote. *Within*
is virtual time, in seconds. Every failure has a hint, none shows a secret, and no request ever follows a redirect to another
host.

| remote | fault | span | outcome | requests | within |
|---|---|---|---|---:|---:|
";

impl Table {
    pub(crate) fn of(cells: &[Cell]) -> Self {
        Self(cells.iter().map(|&cell| format!("{}{}", prefix(cell), cell.play().row)).collect())
    }

    #[expect(clippy::disallowed_methods, reason = "the table is a file")]
    pub(crate) fn read() -> Self {
        let text = std::fs::read_to_string(path()).unwrap_or_default();
        Self(text.lines().filter(|line| line.starts_with("| ")).skip(1).map(str::to_owned).collect())
    }

    #[expect(clippy::disallowed_methods, reason = "asked to on the command line")]
    pub(crate) fn write(&self) {
        let mut text = HEAD.to_owned();
        for row in &self.0 {
            writeln!(text, "{row}").unwrap();
        }
        std::fs::write(path(), text).unwrap();
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &String> {
        self.0.iter()
    }

    pub(crate) fn row_of(&self, cell: Cell) -> Option<String> {
        self.0.iter().find_map(|row| row.strip_prefix(&prefix(cell))).map(str::to_owned)
    }

    pub(crate) fn is_row_of(row: &str, cell: Cell) -> bool {
        row.starts_with(&prefix(cell))
    }
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("matrix.md")
}

fn prefix(cell: Cell) -> String {
    format!("| {} | {} | {} ", cell.remote, cell.fault, cell.span)
}
