//! The examples as processes, for their tests.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// The program of an example of this package, up to date.
///
/// Cargo builds a package's examples before it runs all of its tests, but not before `cargo test --test NAME`. So what is not
/// there, or older than its sources, is built.
///
/// # Panics
///
/// When it cannot be built.
pub fn of_example(name: &str) -> PathBuf {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    // A test is in `target/PROFILE/deps`, an example in `target/PROFILE/examples`.
    let test = std::env::current_exe().unwrap_or_default();
    let profile = test.ancestors().nth(2).unwrap_or(Path::new("."));
    let program = profile.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if !is_fresh(&program).unwrap_or(false) {
        build(name, profile);
    }
    program
}

/// Whether a program is newer than all that it was built from, which Cargo has written down beside it.
#[allow(clippy::disallowed_methods, reason = "what Cargo has written")]
fn is_fresh(program: &Path) -> io::Result<bool> {
    let built_at = program.metadata()?.modified()?;
    let written = fs::read_to_string(program.with_extension("d"))?;
    let (_, sources) = written.split_once(": ").unwrap_or_default();
    // A space in a path is written as `\ `.
    let sources = sources.trim_end().replace("\\ ", "\0");
    let changed_at =
        |source: &str| -> io::Result<SystemTime> { fs::metadata(source.replace('\0', " "))?.modified() };
    let mut times = sources.split(' ').map(changed_at);
    times.try_fold(true, |is_fresh, changed_at| Ok(is_fresh && changed_at? <= built_at))
}

fn build(name: &str, profile: &Path) {
    let kind = match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(kind) => kind,
    };
    let target = profile.parent().unwrap_or(profile);
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", env!("CARGO_PKG_NAME"), "--example", name, "--profile", kind])
        .arg("--target-dir")
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.is_ok_and(|status| status.success()), "the example {name} does not build");
}
