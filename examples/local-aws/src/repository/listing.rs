//! How a repository's images are dealt out to pages.

/// How the pages of a repository's listings are made: at the ECR APIs and at the registries.
///
/// Without one the listing is complete and each page but the last is as long as was asked for. It is in no order either
/// way, and its tokens are good for it alone. A tag that is deleted or moved meanwhile is missing from its page, which is
/// then shorter.
///
/// ```
/// use local_aws::{Links, Listing, Repository, TagStyle};
///
/// let ragged = Repository::generated("apps/web", 5_000, TagStyle::Semver)
///     .listing(Listing::new().at_most(70).empty_pages().repeating(3));
/// let plain = Repository::generated("apps/api", 5_000, TagStyle::Semver).listing(Listing::new().unpaged());
/// let relative = Repository::generated("apps/db", 5_000, TagStyle::Semver).listing(Listing::new().links(Links::Relative));
/// ```
///
/// Sources: <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImages.html>,
/// <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags>.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each oddity is there or not, whatever the others")]
pub struct Listing {
    pub(crate) at_most: Option<u64>,
    pub(crate) empty_pages: bool,
    pub(crate) repeating: u64,
    pub(crate) endless: bool,
    pub(crate) unpaged: bool,
    pub(crate) null_tags: bool,
    pub(crate) links: Option<Links>,
}

/// The form in which a registry says where the next page of tags is.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc8288>.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Links {
    /// `<http://127.0.0.1:1234/v2/apps/web/tags/list?last=…&n=…>`: what ECR does.
    Absolute,
    /// `</v2/apps/web/tags/list?last=…&n=…>`: what most other registries do.
    Relative,
    /// `<?last=…&n=…>`, relative to the page it is on.
    Query,
    /// Among other links in one header, with several relations of its own, and with commas and escaped quotes in its
    /// parameters.
    AmongOthers,
    /// In a header of its own, after a header with another link.
    SecondHeader,
    /// Absolute, at another place than the registry's, such as `http://registry.example.com`.
    At(String),
}

impl Listing {
    /// The listing as it is without oddities.
    pub fn new() -> Self {
        Self::default()
    }

    /// No page has more than this many entries, at least one, whatever is asked for.
    #[must_use]
    pub fn at_most(mut self, entries: u64) -> Self {
        self.at_most = Some(entries.max(1));
        self
    }

    /// Between two pages comes one that is empty and has a token.
    #[must_use]
    pub fn empty_pages(mut self) -> Self {
        self.empty_pages = true;
        self
    }

    /// A page begins with the last entries of the one before: this many of them, but never all.
    #[must_use]
    pub fn repeating(mut self, entries: u64) -> Self {
        self.repeating = entries;
        self
    }

    /// The last page leads back to the first.
    #[must_use]
    pub fn endless(mut self) -> Self {
        self.endless = true;
        self
    }

    /// At a registry: all tags in one answer, whatever is asked for.
    #[must_use]
    pub fn unpaged(mut self) -> Self {
        self.unpaged = true;
        self
    }

    /// At a registry: a page without a tag has `null` for its list.
    #[must_use]
    pub fn null_tags(mut self) -> Self {
        self.null_tags = true;
        self
    }

    /// At a registry: the form of the link to the next page; the registry's own unless this is called.
    #[must_use]
    pub fn links(mut self, links: Links) -> Self {
        self.links = Some(links);
        self
    }
}
