//! A layer's bytes, checked while they come.

use std::path::Path;

use sha2::{Digest as _, Sha256, Sha512};
use tempfile::{NamedTempFile, TempPath};
use tokio::fs::File;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::{Artifact, Layer};
use crate::error::{Error, ErrorKind};

impl Artifact {
    /// Sends the bytes of a layer to `writer` as they come, and says how many they were.
    ///
    /// Only when this returns are they known to be the layer's: until then `writer` has what the registry sent. It is flushed then,
    /// and not closed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidResponse`] when they are not of the layer's digest, fewer or more than its manifest says;
    /// [`ErrorKind::Configuration`] when they are more than the [limit](super::Limits) or cannot be written; and whatever stopped
    /// the requests. A connection that breaks off is not taken up again.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves `writer` with what has been written.
    pub async fn write_to(
        &self,
        layer: &Layer,
        mut writer: impl AsyncWrite + Send + Unpin,
    ) -> Result<u64, Error> {
        let limit = self.limits.layer_bytes;
        if layer.size() > limit {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!(
                    "{} has {} bytes, which is above the limit of {limit}",
                    self.what(layer),
                    layer.size()
                ),
            )
            .with_hint("If it is to be trusted, set a greater limit with Limits::with_layer_bytes."));
        }
        let mut blob = self.registry.blob(self.name(), layer.digest()).await?;
        let mut check = Check::of(layer);
        while let Some(piece) = blob.next().await? {
            let piece = piece.as_ref();
            check.update(piece);
            if check.bytes > layer.size() {
                return Err(self
                    .senseless(layer, &format!("is longer than the {} bytes it is to have", layer.size())));
            }
            writer.write_all(piece).await.map_err(|error| self.unwritten(layer, error))?;
        }
        if check.bytes < layer.size() {
            let (got, of) = (check.bytes, layer.size());
            return Err(self
                .senseless(layer, &format!("is cut short after {got} of {of} bytes"))
                .with_retryable(true));
        }
        let bytes = check.bytes;
        if !check.passes() {
            return Err(self.senseless(layer, "does not have its digest"));
        }
        writer.flush().await.map_err(|error| self.unwritten(layer, error))?;
        Ok(bytes)
    }

    /// Puts a layer as it is into a file: the operation `copy` of Flux's layer selector.
    ///
    /// The file takes the place of one that is there, at once, when the layer is whole and checked; it is this user's alone. Until
    /// then it has another name beside it.
    ///
    /// # Errors
    ///
    /// As [`write_to`](Self::write_to). Nothing is left behind then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn copy_to(&self, layer: &Layer, path: impl AsRef<Path> + Send) -> Result<(), Error> {
        let path = path.as_ref();
        let (mut file, draft) = self.draft_in(layer, folder_of(path))?;
        self.write_to(layer, &mut file).await?;
        file.sync_all().await.map_err(|error| self.unwritten(layer, error))?;
        draft.persist(path).map_err(|error| self.unwritten(layer, error.error))
    }

    /// A layer, checked, in a file that goes away when it is dropped.
    pub(super) async fn spool(&self, layer: &Layer, folder: &Path) -> Result<TempPath, Error> {
        let (mut file, draft) = self.draft_in(layer, folder)?;
        self.write_to(layer, &mut file).await?;
        Ok(draft)
    }

    fn draft_in(&self, layer: &Layer, folder: &Path) -> Result<(File, TempPath), Error> {
        let draft = NamedTempFile::new_in(folder).map_err(|error| self.unwritten(layer, error))?;
        let (file, draft) = draft.into_parts();
        Ok((File::from_std(file), draft))
    }

    pub(super) fn what(&self, layer: &Layer) -> String {
        format!("layer {} of {}", layer.digest(), self.name())
    }

    pub(super) fn senseless(&self, layer: &Layer, what: &str) -> Error {
        Error::new(ErrorKind::InvalidResponse, format!("{} {what}", self.what(layer)))
    }

    pub(super) fn unwritten(&self, layer: &Layer, error: std::io::Error) -> Error {
        Error::new(ErrorKind::Configuration, format!("{} cannot be written", self.what(layer)))
            .with_source(error)
    }
}

/// Where a path is.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What has come, and what it is to be.
struct Check<'a> {
    bytes: u64,
    digest: &'a str,
    hasher: Hasher,
}

enum Hasher {
    Sha256(Sha256),
    Sha512(Box<Sha512>),
}

impl<'a> Check<'a> {
    fn of(layer: &'a Layer) -> Self {
        let digest = layer.digest().as_str();
        let hasher = if digest.starts_with("sha512:") {
            Hasher::Sha512(Box::default())
        } else {
            Hasher::Sha256(Sha256::new())
        };
        Self { bytes: 0, digest, hasher }
    }

    fn update(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        match &mut self.hasher {
            Hasher::Sha256(hasher) => hasher.update(piece),
            Hasher::Sha512(hasher) => hasher.update(piece),
        }
    }

    fn passes(self) -> bool {
        let hex = match self.hasher {
            Hasher::Sha256(hasher) => hex(&hasher.finalize()),
            Hasher::Sha512(hasher) => hex(&hasher.finalize()),
        };
        self.digest.split_once(':').is_some_and(|(_, expected)| expected == hex)
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|half| DIGITS.get(usize::from(half)))
        .collect()
}
