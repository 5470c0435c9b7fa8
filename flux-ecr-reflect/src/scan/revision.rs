//! The checksums by which Flux tells two scans apart.

use adler2::Adler32;
use sha2::{Digest as _, Sha256};

use super::set::TagSet;

/// Where image-reflector-controller keeps the tags it scanned, which decides what a [revision] looks like.
///
/// [revision]: super::Scan::revision_in
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TagStorage {
    /// [Badger], the default: the Adler-32, in decimal, of the JSON array of the tags in descending byte order.
    ///
    /// [Badger]: https://github.com/fluxcd/image-reflector-controller/blob/main/internal/database/badger.go
    #[default]
    Badger,
    /// [Files], which the feature gate `FluxStorage` opts in to: `sha256:` and the SHA-256, in hexadecimal, of the tags in
    /// descending byte order, a line each. It is that of the text, also where the controller compresses the file.
    ///
    /// [Files]: https://github.com/fluxcd/image-reflector-controller/blob/main/internal/storage/filesystem.go
    Files,
}

impl TagStorage {
    pub(super) fn revision(self, tags: &TagSet) -> String {
        match self {
            Self::Badger => {
                let mut checksum = Adler32::new();
                let mut before = "[\"";
                feed(
                    tags,
                    |chunk, tag| {
                        // A tag's alphabet has nothing that JSON would escape.
                        chunk.push_str(before);
                        chunk.push_str(tag);
                        before = "\",\"";
                    },
                    |chunk| checksum.write_slice(chunk),
                );
                checksum.write_slice(if tags.len() == 0 { b"[]" } else { b"\"]" });
                checksum.checksum().to_string()
            }
            Self::Files => {
                let mut checksum = Sha256::new();
                feed(
                    tags,
                    |chunk, tag| {
                        chunk.push_str(tag);
                        chunk.push('\n');
                    },
                    |chunk| checksum.update(chunk),
                );
                let mut revision = "sha256:".to_owned();
                revision.extend(checksum.finalize().iter().flat_map(|&byte| hex(byte)));
                revision
            }
        }
    }
}

/// Writes the tags in Flux's order, and hands them on a few thousand bytes at a time: checksums of many small pieces take
/// longer.
fn feed(tags: &TagSet, mut write: impl FnMut(&mut String, &str), mut take: impl FnMut(&[u8])) {
    let mut chunk = String::with_capacity(CHUNK + 256);
    tags.for_each_descending(|tag| {
        write(&mut chunk, tag);
        if chunk.len() >= CHUNK {
            take(chunk.as_bytes());
            chunk.clear();
        }
    });
    take(chunk.as_bytes());
}

const CHUNK: usize = 4096;

fn hex(byte: u8) -> impl Iterator<Item = char> {
    [byte >> 4, byte & 0xf].into_iter().filter_map(|digit| char::from_digit(digit.into(), 16))
}
