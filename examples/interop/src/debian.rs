//! Programs of Debian's packages.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;
use crate::python::{run, target};

/// Where the program of this name is, after installing the package of the same name if it is nowhere.
pub(crate) fn program(name: &str) -> Result<PathBuf, Error> {
    if let Some(found) = find(name) {
        return Ok(found);
    }
    // Several tests may want it at once.
    let directory = target()?.join("interop");
    fs::create_dir_all(&directory)?;
    let lock = File::create(directory.join("apt.lock"))?;
    lock.lock()?;
    if find(name).is_none() {
        let quiet = |arguments: &[&str]| {
            run(Command::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive").args(arguments))
                .map_err(|error| format!("{name} is not there, and could not be installed: {error}"))
        };
        quiet(&["update", "-qq"])?;
        quiet(&["install", "-y", "-qq", name])?;
    }
    find(name).ok_or_else(|| format!("Debian's package {name} has no program of that name").into())
}

fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let mut places = env::split_paths(&path).map(|directory| directory.join(name));
    places.find(|program| Path::is_file(program))
}
