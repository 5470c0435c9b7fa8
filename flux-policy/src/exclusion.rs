//! The tags an `ImageRepository` leaves out before any policy sees them.

use std::sync::Arc;

use crate::error::Error;
use crate::pattern::{Matcher, Pattern};

/// Patterns of tags to leave out, as in `spec.exclusionList` of Flux's
/// [ImageRepository](https://fluxcd.io/flux/components/image/imagerepositories/#exclusion-list).
///
/// A tag is left out as soon as one pattern matches anywhere in it. The default is Flux's: `^.*\.sig$`, the
/// signatures that cosign stores beside an image.
///
/// ```
/// use flux_policy::ExclusionList;
///
/// let list = ExclusionList::new([r"^.*\.sig$", "^pr-", "nightly"])?;
/// assert_eq!(list.excludes("1.4.2-nightly.7"), Some("nightly"));
/// assert_eq!(list.excludes("1.4.2"), None);
/// assert!(ExclusionList::default().excludes("sha256-0a1b.sig").is_some());
/// # Ok::<(), flux_policy::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ExclusionList {
    patterns: Arc<[Pattern]>,
}

impl ExclusionList {
    /// What Flux excludes where a repository says nothing, or gives an empty list.
    pub const DEFAULT_PATTERN: &str = r"^.*\.sig$";

    /// Compiles patterns in Go's [RE2 dialect](https://pkg.go.dev/regexp/syntax).
    ///
    /// No pattern at all excludes nothing; for Flux's reading of an empty list use the default.
    ///
    /// # Errors
    ///
    /// Those of [`TagFilter::new`](crate::TagFilter::new).
    pub fn new(patterns: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, Error> {
        let patterns: Result<_, _> =
            patterns.into_iter().map(|pattern| Pattern::new(pattern.as_ref())).collect();
        Ok(Self { patterns: patterns? })
    }

    /// The first pattern that leaves this tag out.
    pub fn excludes(&self, tag: &str) -> Option<&str> {
        self.patterns.iter().find(|pattern| pattern.is_match(tag)).map(Pattern::as_str)
    }

    /// The patterns as they were written.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().map(Pattern::as_str)
    }

    pub(crate) fn matchers(&self) -> Vec<Matcher> {
        self.patterns.iter().map(|pattern| pattern.matcher(0)).collect()
    }

    #[inline]
    pub(crate) fn first_match(&self, tag: &str, matchers: &mut [Matcher]) -> Option<usize> {
        let mut pairs = self.patterns.iter().zip(matchers);
        pairs.position(|(pattern, matcher)| pattern.find(tag, matcher))
    }
}

impl Default for ExclusionList {
    fn default() -> Self {
        // The default pattern is one of ours, and a test compiles it.
        Self { patterns: Pattern::new(Self::DEFAULT_PATTERN).into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_excludes_signatures() {
        let list = ExclusionList::default();
        assert_eq!(list.patterns().collect::<Vec<_>>(), [ExclusionList::DEFAULT_PATTERN]);
        assert_eq!(list.excludes("a.sig"), Some(ExclusionList::DEFAULT_PATTERN));
        assert_eq!(list.excludes("a.signed"), None);
        assert!(ExclusionList::new(["("]).is_err());
    }
}
