//! What became of a repository since it was set up: pushed images and blobs, tags that were added, moved and deleted.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::SystemTime;

use axum::body::Bytes;
use uuid::Uuid;

use super::image::{Description, Manifest, digest_of};
use crate::random;

/// The most bytes that may be pushed to a repository.
pub(crate) const CAPACITY: usize = 64 * 1024 * 1024;

/// Kept in memory. What is in the log has its place there for good, so that a listing goes on where it stopped.
#[derive(Default)]
pub(super) struct Changes {
    pushed: Vec<Pushed>,
    by_digest: HashMap<String, usize>,
    pub(super) log: Vec<Logged>,
    logged: HashSet<u64>,
    /// Where in the log each added tag stands.
    tags: BTreeMap<String, usize>,
    /// Tags of the set-up that were deleted or moved.
    gone: HashSet<String>,
    blobs: HashMap<String, Bytes>,
    uploads: HashMap<Uuid, Vec<u8>>,
    bytes: usize,
}

/// An image that somebody pushed.
struct Pushed {
    manifest: Manifest,
    description: Description,
    at: SystemTime,
}

/// A line of the log.
pub(super) enum Logged {
    /// A tag was given to an image.
    Tag(String, u64),
    /// An image was pushed, or got its first tag or lost its last one.
    Image(u64),
}

/// Why a push is refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum PushFault {
    /// There is no such upload.
    NoUpload,
    /// The bytes do not follow those that are there: so many are.
    OutOfOrder(usize),
    /// The bytes do not have the digest they are said to have.
    OtherDigest,
    /// There would be more than [`CAPACITY`].
    Full,
}

impl Changes {
    pub(super) fn is_gone(&self, tag: &str) -> bool {
        self.gone.contains(tag)
    }

    pub(super) fn any_gone(&self) -> bool {
        !self.gone.is_empty()
    }

    /// The image an added tag is on.
    pub(super) fn tagged(&self, tag: &str) -> Option<u64> {
        let at = *self.tags.get(tag)?;
        match self.log.get(at)? {
            Logged::Tag(_, image) => Some(*image),
            Logged::Image(_) => None,
        }
    }

    /// Whether the line at `at` is the tag's last.
    pub(super) fn is_current(&self, tag: &str, at: usize) -> bool {
        self.tags.get(tag) == Some(&at)
    }

    pub(super) fn tags_of(&self, image: u64) -> impl Iterator<Item = &String> {
        self.tags.keys().filter(move |tag| self.tagged(tag) == Some(image))
    }

    /// The manifest of the pushed image at `at`, what it describes, and when it came.
    pub(super) fn image(&self, at: usize) -> Option<(&Manifest, &Description, SystemTime)> {
        self.pushed.get(at).map(|pushed| (&pushed.manifest, &pushed.description, pushed.at))
    }

    pub(super) fn find(&self, digest: &str) -> Option<usize> {
        self.by_digest.get(digest).copied()
    }

    pub(super) fn blob(&self, digest: &str) -> Option<Bytes> {
        self.blobs.get(digest).cloned()
    }

    /// Keeps a manifest and gives its place among the pushed ones, which it may have already.
    pub(super) fn push(
        &mut self,
        manifest: Manifest,
        description: Description,
        at: SystemTime,
    ) -> Result<usize, PushFault> {
        if let Some(place) = self.find(&manifest.digest) {
            return Ok(place);
        }
        self.reserve(manifest.bytes.len())?;
        let place = self.pushed.len();
        self.by_digest.insert(manifest.digest.clone(), place);
        self.pushed.push(Pushed { manifest, description, at });
        Ok(place)
    }

    /// Gives `tag` to `image`; `of_set_up` says whether the tag is one of the set-up's.
    pub(super) fn tag(&mut self, tag: &str, image: u64, of_set_up: bool) {
        self.untag(tag, of_set_up);
        self.tags.insert(tag.to_owned(), self.log.len());
        self.log.push(Logged::Tag(tag.to_owned(), image));
    }

    /// Takes `tag` from its image.
    pub(super) fn untag(&mut self, tag: &str, of_set_up: bool) {
        self.tags.remove(tag);
        if of_set_up {
            self.gone.insert(tag.to_owned());
        }
    }

    /// Notes that `image` is to be found in the log.
    pub(super) fn log(&mut self, image: u64) {
        if self.logged.insert(image) {
            self.log.push(Logged::Image(image));
        }
    }

    pub(super) fn keep_blob(&mut self, digest: &str, blob: Bytes) -> Result<(), PushFault> {
        if !self.blobs.contains_key(digest) {
            self.reserve(blob.len())?;
            self.blobs.insert(digest.to_owned(), blob);
        }
        Ok(())
    }

    pub(super) fn start_upload(&mut self) -> Uuid {
        let upload = random::uuid();
        self.uploads.insert(upload, Vec::new());
        upload
    }

    /// How many bytes an upload has.
    pub(super) fn uploaded(&self, upload: Uuid) -> Result<usize, PushFault> {
        self.uploads.get(&upload).map(Vec::len).ok_or(PushFault::NoUpload)
    }

    /// Adds to an upload what begins at `start`, if that is said, and gives its new length.
    pub(super) fn append(
        &mut self,
        upload: Uuid,
        start: Option<usize>,
        bytes: &[u8],
    ) -> Result<usize, PushFault> {
        let held = self.uploaded(upload)?;
        if start.is_some_and(|start| start != held) {
            return Err(PushFault::OutOfOrder(held));
        }
        self.reserve(bytes.len())?;
        let content = self.uploads.get_mut(&upload).ok_or(PushFault::NoUpload)?;
        content.extend_from_slice(bytes);
        Ok(content.len())
    }

    /// Makes a blob of an upload. One that has another digest is gone, as is the upload.
    pub(super) fn complete(&mut self, upload: Uuid, digest: &str) -> Result<(), PushFault> {
        let content = self.cancel(upload)?;
        if digest_of(&content) != digest {
            return Err(PushFault::OtherDigest);
        }
        self.keep_blob(digest, content.into())
    }

    /// Ends an upload and gives what it had.
    pub(super) fn cancel(&mut self, upload: Uuid) -> Result<Vec<u8>, PushFault> {
        let content = self.uploads.remove(&upload).ok_or(PushFault::NoUpload)?;
        self.bytes -= content.len();
        Ok(content)
    }

    fn reserve(&mut self, bytes: usize) -> Result<(), PushFault> {
        if self.bytes + bytes > CAPACITY {
            return Err(PushFault::Full);
        }
        self.bytes += bytes;
        Ok(())
    }
}
