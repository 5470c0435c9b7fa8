//! The digest of a manifest.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind};

/// The digest of a manifest: `sha256:` and 64, or `sha512:` and 128, lower-case hexadecimal digits.
///
/// These are the two algorithms the [image specification][1] registers; ECR uses the first.
///
/// [1]: https://github.com/opencontainers/image-spec/blob/main/descriptor.md#registered-algorithms
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(String);

impl Digest {
    /// The digest as text, with its algorithm.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `None` if it is not one.
    pub(crate) fn read(text: &[u8]) -> Option<Self> {
        if is_digest(text) { String::from_utf8(text.to_vec()).ok().map(Self) } else { None }
    }
}

impl TryFrom<String> for Digest {
    type Error = Error;

    /// Takes the text over without a copy.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when the text is not a digest.
    fn try_from(digest: String) -> Result<Self, Error> {
        if is_digest(digest.as_bytes()) {
            return Ok(Self(digest));
        }
        Err(Error::new(
            ErrorKind::Configuration,
            format!(
                "digest {digest:?} is malformed; use \"sha256:\" and 64 hexadecimal digits in lower case"
            ),
        ))
    }
}

impl FromStr for Digest {
    type Err = Error;

    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when the text is not a digest.
    fn from_str(digest: &str) -> Result<Self, Error> {
        digest.to_owned().try_into()
    }
}

impl AsRef<str> for Digest {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_digest(text: &[u8]) -> bool {
    let (hex, digits) = match text.strip_prefix(b"sha256:") {
        Some(hex) => (hex, 64),
        None => (text.strip_prefix(b"sha512:").unwrap_or_default(), 128),
    };
    // No early end: so it is checked many bytes at a time.
    let is_hex = |byte: &u8| byte.is_ascii_digit() | (b'a'..=b'f').contains(byte);
    hex.len() == digits && hex.iter().fold(true, |all, byte| all & is_hex(byte))
}
