//! The crate computes: it reaches for no file, socket, clock, environment, thread or process.

use std::path::Path;

#[test]
fn the_source_names_no_part_of_std_that_reaches_outside() {
    let mut files = 0;
    read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut files);
    assert!(files > 20, "{files}");
}

#[test]
fn evaluations_can_move_between_threads() {
    fn is_send<T: Send>() {}
    fn is_shared<T: Send + Sync + Clone + std::fmt::Debug>() {}
    is_send::<flux_policy::Selector>();
    is_send::<flux_policy::Explainer>();
    is_shared::<flux_policy::Policy>();
    is_shared::<flux_policy::TagFilter>();
    is_shared::<flux_policy::Decision>();
    is_shared::<flux_policy::Error>();
}

#[allow(clippy::disallowed_methods, reason = "the test looks at the source, which is not built into it")]
fn read(path: &Path, files: &mut usize) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            read(&entry.unwrap().path(), files);
        }
        return;
    }
    *files += 1;
    let source = std::fs::read_to_string(path).unwrap();
    for module in ["fs", "net", "env", "thread", "process"] {
        assert!(!source.contains(&format!("std::{module}")), "std::{module} in {}", path.display());
    }
    // A time is a value that is passed in.
    for clock in ["Instant", "SystemTime::now", "elapsed"] {
        assert!(!source.contains(clock), "{clock} in {}", path.display());
    }
    assert!(
        !source.contains("use std::{"),
        "a grouped import of std hides what it takes: {}",
        path.display()
    );
}
