//! Repositories: a name, tags and images, given as a list or as a rule.

mod artifact;
mod catalog;
mod changes;
mod image;
mod listing;
mod names;
mod order;
mod tag_style;

use std::fmt;
use std::sync::Arc;

pub use artifact::Artifact;
pub(crate) use catalog::{Catalog, Image, Listed, Status, Which};
pub(crate) use changes::{CAPACITY, PushFault};
pub(crate) use image::{Description, Manifest, digest_of};
pub use listing::{Links, Listing};
pub(crate) use names::{check_tag, valid_name};
pub use tag_style::{TagScheme, TagStyle};

/// A repository.
///
/// Nothing of a generated repository is stored: image `i` has the tag the scheme gives for `i`, a manifest made from
/// `i`, its digest, and a push time one minute after image `i - 1`. A million tags cost as much memory as ten. What is
/// pushed to a repository afterwards is kept in memory, at most 64 MiB of it.
///
/// ```
/// use local_aws::{Repository, TagStyle};
///
/// let small = Repository::with_tags("apps/api", ["1.0.0", "1.1.0"]).also_tagged("1.1.0", "latest");
/// let large = Repository::generated("apps/web", 1_000_000, TagStyle::BranchBuild);
/// let own = Repository::generated("apps/worker", 500, |i| format!("build-{i}"));
/// let to_push_to = Repository::empty("apps/new");
/// ```
#[derive(Clone)]
pub struct Repository {
    name: String,
    account: Option<String>,
    tags: Tags,
    aliases: Vec<(String, String)>,
    archived: Vec<String>,
    artifacts: Vec<(String, Artifact)>,
    untagged: u64,
    policy: Option<String>,
    listing: Listing,
}

/// Where the tags come from.
#[derive(Clone)]
enum Tags {
    Listed(Vec<String>),
    Generated { count: u64, scheme: Arc<dyn TagScheme> },
}

impl Repository {
    /// A repository with these tags, each on an image of its own, pushed in this order.
    pub fn with_tags<T: Into<String>>(name: impl Into<String>, tags: impl IntoIterator<Item = T>) -> Self {
        Self::new(name.into(), Tags::Listed(tags.into_iter().map(Into::into).collect()))
    }

    /// A repository of `count` images with the tags `scheme` gives for `0..count`.
    ///
    /// The scheme is a [`TagStyle`] or a function of the index; it must give each index a tag of its own.
    pub fn generated(name: impl Into<String>, count: u64, scheme: impl TagScheme + 'static) -> Self {
        Self::new(name.into(), Tags::Generated { count, scheme: Arc::new(scheme) })
    }

    /// A repository without an image.
    pub fn empty(name: impl Into<String>) -> Self {
        Self::new(name.into(), Tags::Listed(Vec::new()))
    }

    fn new(name: String, tags: Tags) -> Self {
        Self {
            name,
            account: None,
            tags,
            aliases: Vec::new(),
            archived: Vec::new(),
            artifacts: Vec::new(),
            untagged: 0,
            policy: None,
            listing: Listing::new(),
        }
    }

    /// Gives the image tagged `tag` another tag as well.
    #[must_use]
    pub fn also_tagged(mut self, tag: impl Into<String>, alias: impl Into<String>) -> Self {
        self.aliases.push((tag.into(), alias.into()));
        self
    }

    /// Adds `count` images without a tag, pushed after the others.
    #[must_use]
    pub fn untagged(mut self, count: u64) -> Self {
        self.untagged = count;
        self
    }

    /// Adds an image or artifact with content of its own, pushed after the others, under a tag that the others do not have.
    #[must_use]
    pub fn artifact(mut self, tag: impl Into<String>, artifact: Artifact) -> Self {
        self.artifacts.push((tag.into(), artifact));
        self
    }

    /// Puts the image tagged `tag` into the archive: it cannot be pulled, and is listed to who asks for archived images.
    ///
    /// Source: <https://docs.aws.amazon.com/AmazonECR/latest/userguide/archive-image.html>.
    #[must_use]
    pub fn archived(mut self, tag: impl Into<String>) -> Self {
        self.archived.push(tag.into());
        self
    }

    /// How its listings are dealt out to pages; in whole pages unless this is called.
    #[must_use]
    pub fn listing(mut self, listing: Listing) -> Self {
        self.listing = listing;
        self
    }

    /// Puts the repository into another account's registry; by default it is in the account of the set-up.
    #[must_use]
    pub fn in_account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Its repository policy, a JSON document.
    ///
    /// Source: <https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html>.
    #[must_use]
    pub fn policy(mut self, document: impl Into<String>) -> Self {
        self.policy = Some(document.into());
        self
    }
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tags = match &self.tags {
            Tags::Listed(tags) => tags.len() as u64,
            Tags::Generated { count, .. } => *count,
        };
        f.debug_struct("Repository").field("name", &self.name).field("tags", &tags).finish_non_exhaustive()
    }
}
