//! How much an artifact may be.

/// How much of an artifact is read and unpacked at most. An artifact is what somebody else has made: a few bytes of gzip can be
/// gigabytes.
///
/// | | unless set |
/// |---|---|
/// | bytes of a layer, as they are sent | 512 MiB |
/// | bytes of its files, unpacked | 2 GiB |
/// | entries of its archive | 100,000 |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub(super) layer_bytes: u64,
    pub(super) unpacked_bytes: u64,
    pub(super) entries: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { layer_bytes: 512 * MIB, unpacked_bytes: 2048 * MIB, entries: 100_000 }
    }
}

impl Limits {
    /// Bytes of a layer, as they are sent.
    #[must_use]
    pub fn with_layer_bytes(mut self, bytes: u64) -> Self {
        self.layer_bytes = bytes;
        self
    }

    /// Bytes of all files together, unpacked.
    #[must_use]
    pub fn with_unpacked_bytes(mut self, bytes: u64) -> Self {
        self.unpacked_bytes = bytes;
        self
    }

    /// Files, folders and whatever else is in an archive.
    #[must_use]
    pub fn with_entries(mut self, entries: u64) -> Self {
        self.entries = entries;
        self
    }
}

const MIB: u64 = 1024 * 1024;
