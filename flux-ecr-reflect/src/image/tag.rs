//! One tag.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind};

/// A tag: 1 to 128 ASCII letters, digits, `_`, `.` and `-`, not starting with `.` or `-`.
///
/// The grammar is the [distribution specification's][1], which ECR keeps to.
///
/// [1]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(String);

impl Tag {
    /// The most characters a tag has.
    pub const MAX_LEN: usize = 128;

    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `None` if it is not one.
    pub(crate) fn read(text: &[u8]) -> Option<Self> {
        if is_tag(text) { String::from_utf8(text.to_vec()).ok().map(Self) } else { None }
    }

    /// The same of a text.
    pub(crate) fn of(text: &str) -> Option<Self> {
        is_tag(text.as_bytes()).then(|| Self::of_checked(text))
    }

    /// What was a tag before.
    pub(crate) fn of_checked(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl TryFrom<String> for Tag {
    type Error = Error;

    /// Takes the text over without a copy.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when the text is not a tag.
    fn try_from(tag: String) -> Result<Self, Error> {
        if is_tag(tag.as_bytes()) {
            return Ok(Self(tag));
        }
        Err(Error::new(
            ErrorKind::Configuration,
            format!(
                "tag {tag:?} is malformed; use 1 to 128 letters, digits, '_', '.' and '-', the first not '.' or '-'"
            ),
        ))
    }
}

impl FromStr for Tag {
    type Err = Error;

    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when the text is not a tag.
    fn from_str(tag: &str) -> Result<Self, Error> {
        tag.to_owned().try_into()
    }
}

impl AsRef<str> for Tag {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_tag(text: &[u8]) -> bool {
    let Some(first) = text.first() else { return false };
    text.len() <= Tag::MAX_LEN
        && !matches!(first, b'.' | b'-')
        && text.iter().all(|&byte| OF_A_TAG[byte as usize])
}

/// The bytes a tag may have. A table, because long listings are looked up in it byte by byte.
const OF_A_TAG: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'.' | b'-');
        byte += 1;
    }
    table
};
