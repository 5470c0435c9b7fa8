//! A server in a process of its own.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fmt, thread};

use tempfile::TempDir;

use crate::Error;

/// How often a server is started.
const ATTEMPTS: u32 = 3;
/// How often a server is asked whether it is ready, and the pause between two times: a minute in all.
const ASKED: u32 = 300;
const PAUSE: Duration = Duration::from_millis(200);

/// A server on a free port of loopback, with a directory of its own. Dropping it ends the process.
pub struct Server {
    name: &'static str,
    child: Child,
    address: SocketAddr,
    directory: TempDir,
}

impl Server {
    /// Starts what `command` says for a port and a directory, and waits until `path` answers with 200.
    ///
    /// The process has no environment but the `PATH`, that directory as its home, and what `command` sets.
    ///
    /// # Errors
    ///
    /// What the server wrote before it ended, or when it did not answer for a minute.
    pub fn start(
        name: &'static str,
        path: &str,
        command: impl Fn(u16, &Path) -> Result<Command, Error>,
    ) -> Result<Self, Error> {
        let mut last = Err("it was not started".into());
        for _ in 0..ATTEMPTS {
            last = Self::start_once(name, path, &command);
            if last.is_ok() {
                break;
            }
        }
        last
    }

    fn start_once(
        name: &'static str,
        path: &str,
        command: impl Fn(u16, &Path) -> Result<Command, Error>,
    ) -> Result<Self, Error> {
        let directory = TempDir::new()?;
        // Free now. It can be another's before the server has it, so there are several attempts.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let command = command(address.port(), directory.path())?;
        let log = File::create(directory.path().join(LOG))?;
        let child = isolated(command, directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(|error| format!("{name} does not start: {error}"))?;
        let mut server = Self { name, child, address, directory };
        server.wait(path)?;
        Ok(server)
    }

    /// Its address, as `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its address, as `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    fn wait(&mut self, path: &str) -> Result<(), Error> {
        for _ in 0..ASKED {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("{} ended at its start, with {status}: {}", self.name, self.log()).into());
            }
            if answers(self.address, path) {
                return Ok(());
            }
            thread::sleep(PAUSE);
        }
        Err(format!("{} does not answer at {}: {}", self.name, self.address, self.log()).into())
    }

    /// The end of what it wrote.
    fn log(&self) -> String {
        let log = fs::read(self.directory.path().join(LOG)).unwrap_or_default();
        String::from_utf8_lossy(log.get(log.len().saturating_sub(4000)..).unwrap_or_default()).into_owned()
    }
}

const LOG: &str = "log";

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("name", &self.name)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// The command without this process's environment but for the `PATH`, and with what it sets itself.
pub fn isolated(mut command: Command, home: &Path) -> Command {
    let own: Vec<_> =
        command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
    command.env_clear();
    command.envs(env::var_os("PATH").map(|path| ("PATH", path)));
    command.env("HOME", home).env("TMPDIR", home).env("PYTHONDONTWRITEBYTECODE", "1").envs(own);
    command
}

/// Whether a GET of this path is answered with 200.
fn answers(address: SocketAddr, path: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok(status.ends_with(b" 200"))
    };
    ask().unwrap_or(false)
}
