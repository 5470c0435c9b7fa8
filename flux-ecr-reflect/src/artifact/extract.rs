//! A layer's files.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;
use tar::{Archive, Entry, EntryType};
use tempfile::TempPath;

use super::download::folder_of;
use super::{Artifact, Layer, Limits};
use crate::error::Error;

impl Artifact {
    /// Unpacks a layer, a tar archive compressed with gzip, into a new folder: the operation `extract` of Flux's layer selector,
    /// which is its default.
    ///
    /// Unpacked are files and folders. Symbolic links are left out, as in Flux. With any other entry, and with a name that is
    /// absolute or has `..` in it, the whole is refused. Of permissions only that to execute is kept; owners and times are not.
    ///
    /// The layer is whole and checked before anything of it is unpacked, and the folder is there when all of it is: until then it
    /// has another name beside it.
    ///
    /// # Errors
    ///
    /// As [`write_to`](Artifact::write_to); [`ErrorKind::InvalidResponse`](crate::ErrorKind::InvalidResponse) for an archive that
    /// is none, has a name or an entry that is refused, or is above the [limits](super::Limits); and
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) when there is something at `path`. Nothing is left behind
    /// then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind; unpacking ends a little later, on a thread of its own.
    pub async fn extract_to(&self, layer: &Layer, path: impl AsRef<Path> + Send) -> Result<(), Error> {
        let path = path.as_ref();
        let folder = folder_of(path);
        let is_there = || io::Error::from(io::ErrorKind::AlreadyExists);
        if fs::symlink_metadata(path).is_ok() {
            return Err(self.unwritten(layer, is_there()));
        }
        let spooled = self.spool(layer, folder).await?;
        let draft = tempfile::tempdir_in(folder).map_err(|error| self.unwritten(layer, error))?;
        let limits = self.limits;
        let unpacking = tokio::task::spawn_blocking(move || {
            let outcome = unpack(&spooled, draft.path(), limits);
            outcome.map(|()| draft)
        });
        let unpacked = unpacking.await.map_err(|error| self.unwritten(layer, error.into()))?;
        let draft = unpacked.map_err(|failed| match failed {
            Failed::Refused(what) => self.senseless(layer, &what),
            Failed::Unread(error) => {
                self.senseless(layer, "is not a tar archive compressed with gzip").with_source(error)
            }
            Failed::Unwritten(error) => self.unwritten(layer, error),
        })?;
        // A folder takes the place of an empty one without a word.
        if fs::symlink_metadata(path).is_ok() {
            return Err(self.unwritten(layer, is_there()));
        }
        fs::rename(draft.path(), path).map_err(|error| self.unwritten(layer, error))?;
        // There is nothing left to clean up.
        let _ = draft.keep();
        Ok(())
    }
}

enum Failed {
    /// By us, for this reason.
    Refused(String),
    Unread(io::Error),
    Unwritten(io::Error),
}

/// Unpacks into a folder that is new and so has no links to follow.
fn unpack(spooled: &TempPath, into: &Path, limits: Limits) -> Result<(), Failed> {
    let file = OpenOptions::new().read(true).open(spooled).map_err(Failed::Unread)?;
    // One more than allowed, to be told from an archive that is cut. Headers and padding count, too.
    let allowance = limits
        .unpacked_bytes
        .saturating_add(limits.entries.saturating_mul(4 * BLOCK))
        .saturating_add(4 * BLOCK);
    let mut archive = Archive::new(MultiGzDecoder::new(file).take(allowance));
    let (mut entries, mut left) = (0, limits.unpacked_bytes);
    for entry in archive.entries().map_err(Failed::Unread)? {
        let mut entry = entry.map_err(Failed::Unread)?;
        entries += 1;
        if entries > limits.entries {
            return Err(Failed::Refused(format!("has more than {} entries", limits.entries)));
        }
        let name = entry.path().map_err(Failed::Unread)?.into_owned();
        let Some(path) = inside(into, &name) else {
            return Err(Failed::Refused(format!("has an entry that leads out of it: {:?}", shown(&name))));
        };
        match entry.header().entry_type() {
            EntryType::Directory => fs::create_dir_all(&path).map_err(Failed::Unwritten)?,
            EntryType::Regular | EntryType::Continuous => {
                let too_long =
                    || Failed::Refused(format!("has more than {} bytes, unpacked", limits.unpacked_bytes));
                left = left.checked_sub(entry.size()).ok_or_else(too_long)?;
                write(&mut entry, &path)?;
            }
            EntryType::Symlink | EntryType::XGlobalHeader => {}
            _ => {
                return Err(Failed::Refused(format!(
                    "has an entry that is neither a file nor a folder: {:?}",
                    shown(&name)
                )));
            }
        }
    }
    Ok(())
}

/// The path of an entry, if it is one below the folder.
fn inside(folder: &Path, name: &Path) -> Option<PathBuf> {
    let mut path = folder.to_owned();
    for component in name.components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

fn write(entry: &mut Entry<'_, impl Read>, path: &Path) -> Result<(), Failed> {
    let is_executable = entry.header().mode().is_ok_and(|mode| mode & 0o111 != 0);
    let size = entry.size();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Failed::Unwritten)?;
    }
    let mut file = create(path, is_executable).map_err(Failed::Unwritten)?;
    let copied = io::copy(entry, &mut file).map_err(Failed::Unread)?;
    if copied < size {
        return Err(Failed::Unread(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(())
}

#[cfg(unix)]
fn create(path: &Path, is_executable: bool) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mode = if is_executable { 0o755 } else { 0o644 };
    OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)
}

#[cfg(not(unix))]
fn create(path: &Path, _is_executable: bool) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).open(path)
}

fn shown(name: &Path) -> String {
    name.to_string_lossy().chars().take(200).collect()
}

/// Of tar.
const BLOCK: u64 = 512;
