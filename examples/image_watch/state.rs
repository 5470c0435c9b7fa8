//! What is kept in a folder, so that a restart goes on where the last run ended: of each repository its scan, and what was
//! observed and chosen with it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use examples::failure::Failure;
use flux_ecr_reflect::{Error, Scan};
use serde::{Deserialize, Serialize};

use crate::files;
use crate::health::Health;
use crate::object::Object;
use crate::times;

/// The folder.
#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

/// What is kept of a repository beside its scan. Flux has the same in `.status` of its objects.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Saved {
    pub(crate) scanned: Option<Scanned>,
    pub(crate) failing: Option<Failing>,
    /// By `namespace/name`.
    pub(crate) policies: BTreeMap<String, SavedPolicy>,
}

/// What was observed with the last scan that succeeded.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Scanned {
    pub(crate) image: String,
    pub(crate) at: String,
    pub(crate) exclusion_list: Vec<String>,
    pub(crate) reconcile_request: String,
}

/// Since when what fails.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Failing {
    kind: String,
    since: String,
    failures: u64,
}

/// What a policy chose.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SavedPolicy {
    pub(crate) latest: Option<String>,
    pub(crate) previous: Option<String>,
    pub(crate) matches_nothing: bool,
    pub(crate) failing: Option<Failing>,
}

/// Whether the last attempt to save failed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Saving {
    fails: bool,
}

impl Saving {
    /// Why it fails, if it did not before.
    pub(crate) fn is_news(&mut self, outcome: Result<(), String>) -> Option<String> {
        let failed_before = std::mem::replace(&mut self.fails, outcome.is_err());
        outcome.err().filter(|_| !failed_before)
    }
}

impl Folder {
    /// The folder, made if it is not there.
    ///
    /// # Errors
    ///
    /// Why it cannot be used.
    pub(crate) fn open(path: PathBuf) -> Result<Self, Failure> {
        std::fs::create_dir_all(&path).map_err(|error| {
            Failure::about(format!("The folder {} cannot be used", path.display()), error)
        })?;
        Ok(Self(path))
    }

    /// What was saved of a repository; without its scan, if that is damaged or gone.
    ///
    /// # Errors
    ///
    /// Why something that is there is not taken.
    pub(crate) fn load(&self, repository: &Object) -> (Saved, Option<Scan>, Vec<String>) {
        let mut problems = Vec::new();
        let path = self.path(repository, "json");
        let saved = match files::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).unwrap_or_else(|error| {
                problems.push(format!("{} is not what was saved: {error}", path.display()));
                Saved::default()
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Saved::default(),
            Err(error) => {
                problems.push(format!("{} cannot be read: {error}", path.display()));
                Saved::default()
            }
        };
        let scan = Scan::load(self.path(repository, "scan")).unwrap_or_else(|error| {
            problems.push(error.to_string());
            None
        });
        (saved, scan, problems)
    }

    /// Saves what is known of a repository; the scan only if it is another than before.
    ///
    /// # Errors
    ///
    /// Why it cannot be saved.
    pub(crate) async fn save(
        &self,
        repository: &Object,
        saved: &Saved,
        scan: Option<Arc<Scan>>,
    ) -> Result<(), String> {
        let (path, scan_path) = (self.path(repository, "json"), self.path(repository, "scan"));
        let saved = serde_json::to_string_pretty(saved).map_err(|error| error.to_string())?;
        let saving = tokio::task::spawn_blocking(move || {
            if let Some(scan) = scan {
                scan.save(scan_path).map_err(|error| told(&error))?;
            }
            files::replace(&path, &saved)
                .map_err(|error| format!("{} cannot be written: {error}", path.display()))
        });
        saving.await.unwrap_or_else(|error| Err(error.to_string()))
    }

    /// Names in Kubernetes have no underscore, and names in files can have anything.
    fn path(&self, repository: &Object, extension: &str) -> PathBuf {
        let (namespace, name) = (escaped(&repository.namespace), escaped(&repository.name));
        self.0.join(format!("{namespace}_{name}.{extension}"))
    }
}

impl Failing {
    pub(crate) fn of(health: &Health) -> Option<Self> {
        match health {
            Health::Failing { kind, since, failures } => {
                Some(Self { kind: kind.clone(), since: times::rfc3339(*since), failures: *failures })
            }
            Health::Unknown | Health::Ready => None,
        }
    }

    pub(crate) fn health(&self) -> Option<Health> {
        let since = times::parse(&self.since)?;
        Some(Health::Failing { kind: self.kind.clone(), since, failures: self.failures })
    }
}

fn told(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn escaped(name: &str) -> String {
    let mut text = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' => text.push(char::from(byte)),
            _ => text.extend(['%', hex(byte >> 4), hex(byte & 15)]),
        }
    }
    text
}

fn hex(digit: u8) -> char {
    char::from_digit(digit.into(), 16).unwrap_or_default()
}
