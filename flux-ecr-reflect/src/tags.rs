//! Where tags come from: one page at a time, with digests where the registry gives them.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;

use crate::error::Error;
use crate::image::{Digest, ImageName, ImageRef, Tag};

mod access;
mod ecr_answer;
pub(crate) mod ecr_api;
pub(crate) mod ecr_client;
mod ecr_digest;
pub(crate) mod ecr_error;
mod ecr_list;
pub(crate) mod ecr_login;
mod ecr_page;
mod ecr_turn;

pub use self::access::{Access, Caller};

/// A listing of an image's tags, in pages.
///
/// [`Reflector`](crate::Reflector) reads private ECR through the ECR API and other registries through the distribution API; an
/// implementation of your own, given to [`tag_source`](crate::ReflectorBuilder::tag_source), takes the place of both. The listing
/// ends with the first page without a next cursor. Pages may be empty, and tags may come in any order.
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

    /// The digest that a tag has now; `None` if there is no such tag.
    ///
    /// Asked of sources whose pages tell no digests. Unless overridden, it tells none.
    ///
    /// # Errors
    ///
    /// Whatever stopped it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future must lose nothing.
    async fn digest(&self, image: &ImageRef) -> Result<Option<Digest>, Error> {
        let _ = image;
        Ok(None)
    }
}

/// Which page a [`TagSource`] is asked for.
#[derive(Debug, Clone, Copy)]
pub struct PageRequest<'a> {
    image: &'a ImageName,
    cursor: Option<&'a Cursor>,
    detail: Detail,
}

impl<'a> PageRequest<'a> {
    /// The first page of an image's tags.
    pub fn new(image: &'a ImageName) -> Self {
        Self { image, cursor: None, detail: Detail::default() }
    }

    /// Asks for the page that begins here.
    #[must_use]
    pub fn with_cursor(mut self, cursor: &'a Cursor) -> Self {
        self.cursor = Some(cursor);
        self
    }

    /// Says how much is wanted of each tag.
    #[must_use]
    pub fn with_detail(mut self, detail: Detail) -> Self {
        self.detail = detail;
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

    /// How much is wanted of each tag.
    pub fn detail(&self) -> Detail {
        self.detail
    }
}

/// How much a listing is to tell of each tag.
///
/// It is a wish: a source that cannot tell more answers with what it has, and one that always tells everything may do so.
/// A listing asks for the same from its first page to its last, and its cursors are good for no other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Detail {
    /// Tags, and digests where they come along. Of ECR: `ListImages`.
    #[default]
    Digests,
    /// The [`ImageFacts`] too, push time among them. Of ECR: `DescribeImages`, which takes the permission
    /// `ecr:DescribeImages` in place of `ecr:ListImages`.
    Images,
}

/// One page of a listing.
#[derive(Debug, Clone, Default)]
pub struct TagPage {
    entries: Vec<TagEntry>,
    next: Option<Cursor>,
    requests: u64,
    access: Option<Access>,
}

impl TagPage {
    /// A page that is the last one, and cost no request.
    pub fn new(entries: Vec<TagEntry>) -> Self {
        Self { entries, next: None, requests: 0, access: None }
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

    /// Says how it was come by.
    #[must_use]
    pub fn with_access(mut self, access: Access) -> Self {
        self.access = Some(access);
        self
    }

    /// The tags of the page, in the registry's order.
    pub fn entries(&self) -> &[TagEntry] {
        &self.entries
    }

    /// The same, without the rest of the page.
    pub fn into_entries(self) -> Vec<TagEntry> {
        self.entries
    }

    /// The cursor of the page that follows; `None` on the last one.
    pub fn next(&self) -> Option<&Cursor> {
        self.next.as_ref()
    }

    /// How many requests the page took.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Through which API it came, and as whom it was asked for, where its source says.
    pub fn access(&self) -> Option<Access> {
        self.access
    }
}

/// A tag, the digest it pointed to when it was listed, and what is known of the image behind it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TagEntry {
    tag: Tag,
    digest: Option<Digest>,
    facts: Option<Arc<ImageFacts>>,
}

impl TagEntry {
    /// A tag of whose image nothing is known.
    pub fn new(tag: Tag) -> Self {
        Self { tag, digest: None, facts: None }
    }

    /// Adds the digest.
    #[must_use]
    pub fn with_digest(mut self, digest: Digest) -> Self {
        self.digest = Some(digest);
        self
    }

    /// Adds the push time to what is known of the image.
    #[must_use]
    pub fn with_pushed_at(mut self, pushed_at: SystemTime) -> Self {
        Arc::make_mut(self.facts.get_or_insert_default()).pushed_at = Some(pushed_at);
        self
    }

    /// Adds what is known of the image, in place of what was. The tags of one image can share it.
    #[must_use]
    pub fn with_facts(mut self, facts: impl Into<Arc<ImageFacts>>) -> Self {
        self.facts = Some(facts.into());
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

    /// When the image was pushed, where the listing tells it: see [`ImageFacts::pushed_at`] for what a tag that moved shows.
    pub fn pushed_at(&self) -> Option<SystemTime> {
        self.facts.as_ref()?.pushed_at
    }

    /// What is known of the image; `None` unless the listing was asked for [`Detail::Images`], or tells it unasked.
    pub fn facts(&self) -> Option<&ImageFacts> {
        self.facts.as_deref()
    }
}

/// What a registry tells of an image besides its digest. All of it belongs to the image, and none of it to a tag.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ImageFacts {
    /// When the registry received the image: ECR's [`imagePushedAt`][1].
    ///
    /// It is the push time of the image, not of the tag. A tag that is moved to an older image shows the older time: a
    /// rollback makes a tag no newer, and does not start its minimum age again. All tags of an image show the same time,
    /// whenever they were given. An image that is deleted and pushed again starts over.
    ///
    /// [1]: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageDetail.html
    pub pushed_at: Option<SystemTime>,
    /// The compressed size in bytes; of an index, that of its largest image.
    pub size: Option<u64>,
    /// The media type of the manifest, such as `application/vnd.oci.image.index.v1+json`.
    pub media_type: Option<String>,
    /// The type of artifact: of an image its config's media type, such as `application/vnd.oci.image.config.v1+json`.
    pub artifact_type: Option<String>,
    /// The image that this one says something about: a signature, an attestation or an SBOM has one.
    pub subject: Option<Digest>,
}

/// Where the next page begins. Only the registry that issued it can read it, and `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Hash)]
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

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor").finish_non_exhaustive()
    }
}
