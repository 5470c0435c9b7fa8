//! Where tags come from: one page at a time, with digests where the registry gives them.

use std::fmt;

use async_trait::async_trait;

use crate::error::Error;
use crate::image::{Digest, ImageName, Tag};

mod ecr_answer;
pub(crate) mod ecr_api;
pub(crate) mod ecr_client;
mod ecr_error;
mod ecr_login;

/// A listing of an image's tags, in pages.
///
/// [`Reflector`](crate::Reflector) reads private ECR through the ECR API; an implementation of one's own,
/// given to [`tag_source`](crate::ReflectorBuilder::tag_source), serves tests and other registries. The
/// listing ends with the first page without a next cursor. Pages may be empty, and tags may come in any
/// order.
///
/// ```
/// use async_trait::async_trait;
/// use flux_ecr_reflect::{Cursor, Error, PageRequest, Reflector, TagEntry, TagPage, TagSource};
///
/// /// Ten pages of one tag each. A cursor is a page's number.
/// #[derive(Debug)]
/// struct Releases;
///
/// #[async_trait]
/// impl TagSource for Releases {
///     async fn page(&self, request: &PageRequest<'_>) -> Result<TagPage, Error> {
///         let number = request.cursor().and_then(|cursor| cursor.as_str().parse().ok()).unwrap_or(0);
///         let page = TagPage::new(vec![TagEntry::new(format!("1.{number}.0").parse()?)]);
///         Ok(if number < 9 { page.with_next(Cursor::new((number + 1).to_string())) } else { page })
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let reflector = Reflector::builder().tag_source(Releases).build()?;
/// let scan = reflector.scan(&"ghcr.io/org/app".parse()?).await?;
/// assert_eq!((scan.len(), scan.listing().pages()), (10, 10));
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait TagSource: fmt::Debug + Send + Sync {
    /// Reads one page: the first without a cursor, any other with the cursor the page before it gave.
    ///
    /// # Errors
    ///
    /// Whatever stopped the page. The same cursor must be good for another try.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future must lose nothing but the page.
    async fn page(&self, request: &PageRequest<'_>) -> Result<TagPage, Error>;
}

/// Which page a [`TagSource`] is asked for.
#[derive(Debug, Clone, Copy)]
pub struct PageRequest<'a> {
    image: &'a ImageName,
    cursor: Option<&'a Cursor>,
}

impl<'a> PageRequest<'a> {
    /// The first page of an image's tags.
    pub fn new(image: &'a ImageName) -> Self {
        Self { image, cursor: None }
    }

    /// Asks for the page that begins here.
    #[must_use]
    pub fn with_cursor(mut self, cursor: &'a Cursor) -> Self {
        self.cursor = Some(cursor);
        self
    }

    /// The image whose tags are listed.
    pub fn image(&self) -> &'a ImageName {
        self.image
    }

    /// Where the page begins; `None` for the first.
    pub fn cursor(&self) -> Option<&'a Cursor> {
        self.cursor
    }
}

/// One page of a listing.
#[derive(Debug, Clone, Default)]
pub struct TagPage {
    entries: Vec<TagEntry>,
    next: Option<Cursor>,
    requests: u64,
}

impl TagPage {
    /// A page that is the last one, and cost no request.
    pub fn new(entries: Vec<TagEntry>) -> Self {
        Self { entries, next: None, requests: 0 }
    }

    /// Makes the page one that another follows.
    #[must_use]
    pub fn with_next(mut self, next: Cursor) -> Self {
        self.next = Some(next);
        self
    }

    /// Says how many requests the page took, tries that failed included.
    #[must_use]
    pub fn with_requests(mut self, requests: u64) -> Self {
        self.requests = requests;
        self
    }

    /// The tags of the page, in the registry's order.
    pub fn entries(&self) -> &[TagEntry] {
        &self.entries
    }

    /// The cursor of the page that follows; `None` on the last one.
    pub fn next(&self) -> Option<&Cursor> {
        self.next.as_ref()
    }

    /// How many requests the page took.
    pub fn requests(&self) -> u64 {
        self.requests
    }
}

/// A tag, and the digest it pointed to when it was listed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TagEntry {
    tag: Tag,
    digest: Option<Digest>,
}

impl TagEntry {
    /// A tag whose digest is not known.
    pub fn new(tag: Tag) -> Self {
        Self { tag, digest: None }
    }

    /// Adds the digest.
    #[must_use]
    pub fn with_digest(mut self, digest: Digest) -> Self {
        self.digest = Some(digest);
        self
    }

    /// The tag.
    pub fn tag(&self) -> &Tag {
        &self.tag
    }

    /// The digest of the manifest the tag points to, where the listing tells it.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }
}

/// Where the next page begins. Only the registry that issued it can read it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cursor(String);

impl Cursor {
    /// A cursor in the words of its registry.
    pub fn new(cursor: impl Into<String>) -> Self {
        Self(cursor.into())
    }

    /// The words of the registry.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
