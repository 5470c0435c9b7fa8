//! The files that the command line names.

#![expect(
    clippy::disallowed_methods,
    reason = "a program reads and writes the files that its command line names"
)]

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// All of a file's text.
pub(crate) fn read_to_string(path: &Path) -> io::Result<String> {
    std::fs::read_to_string(path)
}

/// Writes a file in place of the one that is there, which a crash leaves as it was.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("draft");
    let mut file = File::create(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&draft, path)
}
