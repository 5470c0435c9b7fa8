//! Scans in files: written whole or not at all, read back as they were or not at all.
//!
//! A file is, numbers being little-endian:
//!
//! ```text
//! magic         22 bytes   "flux-ecr-reflect scan\n"
//! version        1 byte    1
//! marks          1 byte    1 if the blocks have marks, else 0
//! image          2 bytes   length, then the name
//! listing       32 bytes   pages, requests, tags, excluded
//! tags           8 bytes   how many follow
//! blocks                   as in memory, 64 tags each and the rest: 2 bytes length of the text, the text, 8 bytes a mark
//! checksum      32 bytes   SHA-256 of all of the above
//! ```

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::Scan;
use super::set::{BLOCK, Block, BlockReader, Mark, TagSet, TagSetWriter};
use crate::error::{Error, ErrorKind};
use crate::image::{ImageName, Tag};
use crate::pages::Listing;

/// Scans in files. What is read back equals what was written, listing and digests included.
///
/// These block the thread, for about a tenth of a second where there are a million tags: in an async program call them in
/// [`spawn_blocking`](https://docs.rs/tokio/latest/tokio/task/fn.spawn_blocking.html).
impl Scan {
    /// Writes the scan to a file, in place of what is there.
    ///
    /// It is written to another file in the same folder, `.NAME.….tmp`, which takes the file's place when it is complete and
    /// on the disk: whoever reads finds the old scan or the new one, and nothing between, also after a crash. A crash can leave
    /// such a file behind. It is a new file, with the permissions that the process gives to those: a symbolic link is replaced, and
    /// not followed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Storage`], with the path. The file is what it was; or the new one, if all that failed was to have the disk
    /// remember its name.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let failed = |error: io::Error| {
            Error::new(
                ErrorKind::Storage,
                format!("the scan of {} cannot be saved to {}", self.image, shown(path)),
            )
            .with_hint("Check that the folder exists, may be written to, and has space left.")
            .with_source(error)
        };
        let draft = Draft::beside(path).map_err(failed)?;
        let mut file = BufWriter::new(&draft.file);
        self.write(&mut file).and_then(|()| file.flush()).map_err(failed)?;
        drop(file);
        draft.publish(path).map_err(failed)
    }

    /// Reads a scan that [`save`](Self::save) wrote; `None` if there is no file. Look at its [`image`](Self::image) before using
    /// it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`] when the file is not what was written, or no scan at all: scan again.
    /// [`ErrorKind::Storage`] when it cannot be read.
    pub fn load(path: impl AsRef<Path>) -> Result<Option<Self>, Error> {
        let path = path.as_ref();
        #[expect(clippy::disallowed_methods, reason = "the file that the caller names")]
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::Io(error).told(&shown(path))),
        };
        Self::read(BufReader::new(file)).map(Some).map_err(|failure| failure.told(&shown(path)))
    }

    /// Writes the scan as [`save`](Self::save) does, to somewhere else than a file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Storage`] when the writer fails.
    pub fn write_to(&self, mut to: impl Write) -> Result<(), Error> {
        self.write(&mut to).and_then(|()| to.flush()).map_err(|error| {
            Error::new(ErrorKind::Storage, format!("the scan of {} cannot be written", self.image))
                .with_source(error)
        })
    }

    /// Reads what [`write_to`](Self::write_to) wrote, to the end. Buffers by itself.
    ///
    /// Takes no more memory than there are bytes to read, whatever they say.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn read_from(from: impl Read) -> Result<Self, Error> {
        Self::read(BufReader::new(from)).map_err(|failure| failure.told("what was read"))
    }

    fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let mut to = Hashing { inner: to, hash: Sha256::new() };
        let image = self.image.to_string();
        to.put(MAGIC)?;
        to.put(&[VERSION, self.tags.has_marks().into()])?;
        to.put(&length(image.len())?)?;
        to.put(image.as_bytes())?;
        for number in self.listing.to_numbers() {
            to.put(&number.to_le_bytes())?;
        }
        to.put(&(self.tags.len() as u64).to_le_bytes())?;
        for block in self.tags.blocks() {
            to.put(&length(block.text.len())?)?;
            to.put(block.text.as_bytes())?;
            for mark in &block.marks {
                to.put(&mark.to_le_bytes())?;
            }
        }
        let Hashing { inner, hash } = to;
        inner.write_all(&hash.finalize())
    }

    fn read(from: impl Read) -> Result<Self, Failure> {
        let mut from = Hashing { inner: from, hash: Sha256::new() };
        if from.get::<{ MAGIC.len() }>()? != *MAGIC {
            return Err(Failure::Damaged("it does not begin like one"));
        }
        let [version, has_marks] = from.get()?;
        if version != VERSION {
            return Err(Failure::Damaged("it is of another version"));
        }
        let has_marks = match has_marks {
            0 => false,
            1 => true,
            _ => return Err(Failure::Damaged(MALFORMED)),
        };
        let name = from.text()?;
        let image: ImageName = name.parse().map_err(|_| Failure::Damaged(MALFORMED))?;
        let mut numbers = [0; 4];
        for number in &mut numbers {
            *number = u64::from_le_bytes(from.get()?);
        }
        let tags = from.tags(has_marks)?;
        let Hashing { mut inner, hash } = from;
        let mut checksum = [0; 32];
        inner.read_exact(&mut checksum)?;
        if checksum[..] != hash.finalize()[..] {
            return Err(Failure::Damaged("its checksum is wrong"));
        }
        if inner.read(&mut [0])? != 0 {
            return Err(Failure::Damaged("something follows it"));
        }
        Ok(Self { image, tags, listing: Listing::from_numbers(numbers) })
    }
}

const MAGIC: &[u8; 22] = b"flux-ecr-reflect scan\n";
const VERSION: u8 = 1;
const MALFORMED: &str = "it is malformed";

/// Lengths of names and blocks are far below it.
fn length(length: usize) -> io::Result<[u8; 2]> {
    let length = u16::try_from(length).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    Ok(length.to_le_bytes())
}

/// In quotes, and on one line whatever it is.
fn shown(path: &Path) -> String {
    format!("{:?}", path.to_string_lossy())
}

/// Why nothing was read.
enum Failure {
    Io(io::Error),
    Damaged(&'static str),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Damaged("it ends too early"),
            _ => Self::Io(error),
        }
    }
}

impl Failure {
    fn told(self, what: &str) -> Error {
        match self {
            Self::Io(error) => {
                Error::new(ErrorKind::Storage, format!("{what} cannot be read")).with_source(error)
            }
            Self::Damaged(how) => {
                Error::new(ErrorKind::Damaged, format!("{what} is not a saved scan: {how}"))
                    .with_hint("Scan again, and save that in its place.")
            }
        }
    }
}

/// Hashes everything that passes.
struct Hashing<T> {
    inner: T,
    hash: Sha256,
}

impl<W: Write> Hashing<W> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.inner.write_all(bytes)
    }
}

impl<R: Read> Hashing<R> {
    fn fill(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.inner.read_exact(bytes)?;
        self.hash.update(bytes);
        Ok(())
    }

    fn get<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn text(&mut self) -> Result<String, Failure> {
        let mut bytes = vec![0; u16::from_le_bytes(self.get()?).into()];
        self.fill(&mut bytes)?;
        String::from_utf8(bytes).map_err(|_| Failure::Damaged(MALFORMED))
    }

    /// Nothing of a block is believed: each tag is checked, and written again.
    fn tags(&mut self, has_marks: bool) -> Result<TagSet, Failure> {
        let mut left = u64::from_le_bytes(self.get()?);
        let mut set = TagSetWriter::new(has_marks);
        while left > 0 {
            let count = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
            let text = self.text()?.into_boxed_str();
            let marks = (0..if has_marks { count } else { 0 }).map(|_| self.get().map(Mark::from_le_bytes));
            let block = Block { text, marks: marks.collect::<io::Result<_>>()? };
            let mut reader = BlockReader::default();
            while reader.advance(&block) {
                let is_tag = Tag::try_from(reader.tag().to_owned()).is_ok();
                if !is_tag || !set.push_new(reader.tag(), reader.mark(&block)) {
                    return Err(Failure::Damaged(MALFORMED));
                }
            }
            if reader.count() != count || !reader.is_at_end(&block) {
                return Err(Failure::Damaged(MALFORMED));
            }
            left -= count as u64;
        }
        Ok(set.finish())
    }
}

/// A file that is to take another's place, and goes away if it does not.
struct Draft {
    file: File,
    path: PathBuf,
}

impl Draft {
    fn beside(path: &Path) -> io::Result<Self> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        let mut draft = OsString::from(".");
        draft.push(name);
        // Of the process's random state, which is another for each: two that save at once do not meet.
        draft.push(format!(".{:016x}.tmp", RandomState::new().hash_one(path)));
        let path = path.with_file_name(draft);
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        Ok(Self { file, path })
    }

    fn publish(mut self, path: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        std::fs::rename(&self.path, path)?;
        self.path.clear();
        sync_folder(path)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            // Whatever stopped the saving is being told already.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The new name is only on the disk when its folder is.
#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "the folder of the file that the caller names")]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
