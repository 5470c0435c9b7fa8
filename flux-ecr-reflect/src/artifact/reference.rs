//! Which artifact of a repository.

use flux_policy::{Policy, TagFilter};

use crate::error::{Error, ErrorKind};
use crate::image::{Digest, Tag};

/// Which artifact of a repository is wanted: an OCIRepository's [`.spec.ref`][1]. A digest counts more than a range, a range more
/// than a tag; with nothing set it is the tag `latest`.
///
/// ```
/// use flux_ecr_reflect::artifact::ArtifactRef;
///
/// let newest_candidate = ArtifactRef::semver(">= 6.1.x-0")?.with_semver_filter(".*-rc.*")?;
/// let pinned = newest_candidate.with_digest(format!("sha256:{:064}", 0).parse()?);
/// # let _ = pinned;
/// # Ok::<(), flux_ecr_reflect::Error>(())
/// ```
///
/// [1]: https://fluxcd.io/flux/components/source/ocirepositories/#reference
#[derive(Debug, Clone)]
pub struct ArtifactRef {
    tag: Tag,
    semver: Option<Policy>,
    digest: Option<Digest>,
}

/// What counts.
pub(super) enum Choice<'a> {
    Tag(&'a Tag),
    Semver(&'a Policy),
    Digest(&'a Digest),
}

impl ArtifactRef {
    /// The tag `latest`.
    pub fn latest() -> Self {
        Self::tag(Tag::of_checked("latest"))
    }

    /// A tag.
    pub fn tag(tag: Tag) -> Self {
        Self { tag, semver: None, digest: None }
    }

    /// The greatest version in a range, of the tags that are versions: see [`Policy::semver`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Policy`] when the range cannot be read.
    pub fn semver(range: &str) -> Result<Self, Error> {
        Self::latest().with_semver(range)
    }

    /// A digest.
    pub fn digest(digest: Digest) -> Self {
        Self::latest().with_digest(digest)
    }

    /// Prefers the greatest version in a range to the tag.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Policy`] when the range cannot be read.
    pub fn with_semver(mut self, range: &str) -> Result<Self, Error> {
        self.semver = Some(Policy::semver(range).map_err(|error| wrong("semver", error))?);
        Ok(self)
    }

    /// Looks for versions only among the tags that a pattern finds something in: `.spec.ref.semverFilter`, in the language of
    /// [`TagFilter`]. Without a range it says nothing, as in Flux.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Policy`] when the pattern cannot be read.
    pub fn with_semver_filter(mut self, pattern: &str) -> Result<Self, Error> {
        let filter = TagFilter::new(pattern, "").map_err(|error| wrong("semverFilter", error))?;
        self.semver = self.semver.map(|policy| policy.with_filter(filter));
        Ok(self)
    }

    /// Prefers a digest to everything else.
    #[must_use]
    pub fn with_digest(mut self, digest: Digest) -> Self {
        self.digest = Some(digest);
        self
    }

    pub(super) fn choice(&self) -> Choice<'_> {
        match (&self.digest, &self.semver) {
            (Some(digest), _) => Choice::Digest(digest),
            (None, Some(policy)) => Choice::Semver(policy),
            (None, None) => Choice::Tag(&self.tag),
        }
    }
}

impl Default for ArtifactRef {
    fn default() -> Self {
        Self::latest()
    }
}

fn wrong(field: &str, error: flux_policy::Error) -> Error {
    Error::new(ErrorKind::Policy, format!("the artifact's {field} cannot be read")).with_source(error)
}
