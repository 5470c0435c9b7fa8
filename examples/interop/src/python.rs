//! Python with packages of PyPI.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::Error;
use crate::server::isolated;

/// A virtual environment below cargo's target directory.
#[derive(Clone, Debug)]
pub struct Python {
    program: PathBuf,
}

impl Python {
    /// The environment of this name with these packages, which are installed if they are not there.
    ///
    /// # Errors
    ///
    /// What `venv` or `pip` say.
    pub fn with(name: &str, requirements: &[&str]) -> Result<Self, Error> {
        let directory = target()?.join("interop").join(name);
        fs::create_dir_all(&directory)?;
        // Tests run at the same time, in one process or several: one installs, the others wait.
        let lock = File::create(directory.join("lock"))?;
        lock.lock()?;
        let program = directory.join("bin/python");
        let installed = directory.join("installed");
        let wanted = requirements.join("\n");
        if fs::read_to_string(&installed).ok().as_ref() != Some(&wanted) {
            run(Command::new("python3").args(["-m", "venv"]).arg(&directory))?;
            if !requirements.is_empty() {
                let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
                run(Command::new(&program).args(pip).args(requirements))?;
            }
            fs::write(installed, wanted)?;
        }
        Ok(Self { program })
    }

    /// The directory of the programs that the packages bring, to be put before others in a `PATH`.
    pub fn programs(&self) -> &Path {
        self.program.parent().unwrap_or(Path::new(""))
    }

    /// The interpreter, to be started with more arguments.
    pub fn command(&self) -> Command {
        Command::new(&self.program)
    }

    /// What a program prints, in a process whose only environment are the `PATH` and these variables.
    ///
    /// # Errors
    ///
    /// What it wrote to standard error, if it failed.
    pub fn run<K, V>(
        &self,
        program: &str,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Result<String, Error>
    where
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        let home = TempDir::new()?;
        let mut command = self.command();
        command.args(["-c", program]).envs(variables);
        run(&mut isolated(command, home.path()))
    }
}

/// Runs a command to its end; gives what it printed.
pub(crate) fn run(command: &mut Command) -> Result<String, Error> {
    let done = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if done.status.success() {
        return Ok(String::from_utf8(done.stdout)?);
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(format!("{} ended with {}: {said}", command.get_program().display(), done.status).into())
}

/// Cargo's target directory, which this program was built in: above the profile's, where cargo keeps its lock.
pub(crate) fn target() -> Result<PathBuf, Error> {
    let program = env::current_exe()?;
    let profile = program.ancestors().find(|directory| directory.join(".cargo-lock").is_file());
    let target = profile.and_then(Path::parent).map(Path::to_owned);
    target.ok_or_else(|| format!("{} was not built by cargo", program.display()).into())
}
