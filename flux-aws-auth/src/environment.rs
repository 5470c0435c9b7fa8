//! What a source may know about the process: its variables and its files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The largest file [`Environment::read_file`] reads. A ServiceAccount token is about one kilobyte, and STS takes at
/// most 20,000 characters.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// The variables and files that credential sources read.
///
/// This is the only place where these crates touch the process, and it only reads. An environment is either the
/// process's own ([`from_process`](Self::from_process)) or made of values ([`empty`](Self::empty) and the `with_…`
/// methods), which is how tests and programs that hold several environments use it. Cloning is cheap.
///
/// `Debug` shows the names of variables and files, never their contents.
///
/// Each [source](crate::source) says which variables it reads. These decide how AWS is reached; what is wrong with one is an
/// error at the first use that names it:
///
/// | variable | decides | read |
/// |---|---|---|
/// | `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`, in lower case too | the [`Proxy`](crate::Proxy), and what is reached without it | when a chain is built |
/// | `AWS_CA_BUNDLE` | the file with the root certificates | when a chain is built |
/// | `AWS_REGION`, else `AWS_DEFAULT_REGION` | the region whose STS is asked, before the [`Resource`](crate::Resource)'s; not for an object's identity | at every exchange |
/// | `AWS_ENDPOINT_URL_STS`, else `AWS_ENDPOINT_URL` | another address of STS; [`Endpoint`](crate::Endpoint) says which | at every exchange |
/// | `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` | whether those two count | at every exchange |
/// | `AWS_USE_FIPS_ENDPOINT`, `AWS_USE_DUALSTACK_ENDPOINT` | STS's hosts with FIPS 140 cryptography, or with IPv6 | at every exchange |
///
/// ```
/// use flux_aws_auth::Environment;
///
/// let environment = Environment::empty()
///     .with_var("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/flux")
///     .with_file("/var/run/token", "a.b.c");
/// assert_eq!(environment.var("AWS_ROLE_ARN").as_deref(), Some("arn:aws:iam::111122223333:role/flux"));
/// assert!(environment.var("AWS_REGION").is_none());
/// ```
#[derive(Clone)]
pub struct Environment {
    variables: Arc<BTreeMap<String, String>>,
    files: Arc<BTreeMap<PathBuf, Vec<u8>>>,
    /// Whether variables that are not given are looked up in the process.
    process_variables: bool,
    /// Who reads files that are not given.
    file_reader: Option<Arc<FileReader>>,
}

type FileReader = dyn Fn(&Path) -> io::Result<Vec<u8>> + Send + Sync;

impl Environment {
    /// The process's own variables, and the files of the machine.
    ///
    /// Nothing is read now: each variable and each file is read when a source asks for it, so a rotated token file is
    /// seen at the next exchange.
    pub fn from_process() -> Self {
        Self { process_variables: true, ..Self::empty() }.with_files_from_disk()
    }

    /// No variables and no files.
    pub fn empty() -> Self {
        Self { variables: Arc::default(), files: Arc::default(), process_variables: false, file_reader: None }
    }

    /// Sets a variable. It hides one of the same name in the process; a blank value hides it as if it were absent.
    #[must_use]
    pub fn with_var(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.variables).insert(name.into(), value.into());
        self
    }

    /// Sets a file's contents. It hides one at the same path on the machine.
    #[must_use]
    pub fn with_file(mut self, path: impl Into<PathBuf>, contents: impl Into<Vec<u8>>) -> Self {
        Arc::make_mut(&mut self.files).insert(path.into(), contents.into());
        self
    }

    /// Reads files that were not given from the machine, as [`from_process`](Self::from_process) does.
    #[must_use]
    pub fn with_files_from_disk(self) -> Self {
        self.with_file_reader(read_regular_file)
    }

    /// Reads files that were not given with `read`, each time that a source asks for one: files that change or cannot be
    /// read, without a disk.
    ///
    /// ```
    /// use std::io;
    ///
    /// use flux_aws_auth::Environment;
    ///
    /// let environment = Environment::empty().with_file_reader(|path| match path.to_str() {
    ///     Some("/var/run/token") => Ok(b"a.b.c".to_vec()),
    ///     _ => Err(io::ErrorKind::PermissionDenied.into()),
    /// });
    /// assert_eq!(environment.read_file("/var/run/token")?, b"a.b.c");
    /// assert!(environment.read_file("/var/run/other").is_err());
    /// # Ok::<(), io::Error>(())
    /// ```
    #[must_use]
    pub fn with_file_reader(
        mut self,
        read: impl Fn(&Path) -> io::Result<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        self.file_reader = Some(Arc::new(read));
        self
    }

    /// The value of a variable.
    ///
    /// `None` when it is absent or blank: the AWS SDKs take blank for absent. What is not UTF-8 comes with replacement
    /// characters, so that it is refused for what it is and not taken for absent.
    pub fn var(&self, name: &str) -> Option<String> {
        let value = match self.variables.get(name) {
            Some(value) => value.clone(),
            None if self.process_variables => process_variable(name)?.to_string_lossy().into_owned(),
            None => return None,
        };
        (!value.trim().is_empty()).then_some(value)
    }

    /// The contents of a file, read on the calling thread: meant for small files on local file systems, as Kubernetes
    /// mounts tokens.
    ///
    /// # Errors
    ///
    /// Those of the file system, and [`io::ErrorKind::InvalidInput`] for what is not a regular file (a directory, a named
    /// pipe) or is larger than one megabyte: reading it could block or exhaust memory.
    pub fn read_file(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        let path = path.as_ref();
        match (self.files.get(path), &self.file_reader) {
            (Some(contents), _) => Ok(contents.clone()),
            (None, Some(read)) => read(path),
            (None, None) => Err(io::Error::new(io::ErrorKind::NotFound, "no such file")),
        }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("variables", &self.variables.keys().collect::<Vec<_>>())
            .field("files", &self.files.keys().collect::<Vec<_>>())
            .field("process_variables", &self.process_variables)
            .field("reads_files", &self.file_reader.is_some())
            .finish()
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the process's variables")]
fn process_variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's files")]
fn read_regular_file(path: &Path) -> io::Result<Vec<u8>> {
    // Asked before opening: to open a named pipe that nobody writes to blocks.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut contents = Vec::new();
    std::fs::File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut contents)?;
    if contents.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "larger than one megabyte"));
    }
    Ok(contents)
}
