//! The front door: one walk over an image's tags, for a scan, for the latest image, or for both.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use flux_policy::{Candidate, Decision, ExclusionList, Policy, Selector, Timestamp};

use crate::error::{Error, ErrorKind};
use crate::image::{ImageName, ImageRef};
use crate::pages::{Listing, OnPage, Pages};
use crate::preflight::Preflight;
use crate::scan::Scan;
use crate::scan::build::ScanBuilder;
use crate::tags::ecr_api::EcrApi;
use crate::tags::{Cursor, Detail, PageRequest, TagEntry, TagSource};

pub(crate) mod builder;
pub(crate) mod credentials;
mod digest;
mod status;

pub use self::builder::ReflectorBuilder;
pub use self::digest::{DigestReflection, DigestStep};
pub use self::status::ImageStatus;

/// Reads the tags of images: all of them as a [`Scan`], the one a policy wants as a [`LatestImage`], or both
/// at once.
///
/// Cheap to clone; clones share the client and its credentials. One reflector serves every account, region
/// and repository its credentials may read.
///
/// Tags on the [exclusion list](ReflectorBuilder::exclusion_list) are left out of scans and decisions alike.
#[derive(Clone)]
pub struct Reflector {
    inner: Arc<Inner>,
}

struct Inner {
    source: Source,
    exclusion_list: ExclusionList,
    track_moves: bool,
    on_page: Option<Arc<OnPage>>,
}

/// Where tags come from.
enum Source {
    Ecr(EcrApi),
    Other(Arc<dyn TagSource>),
}

impl Source {
    fn tags(&self) -> &dyn TagSource {
        match self {
            Self::Ecr(ecr) => ecr,
            Self::Other(source) => &**source,
        }
    }
}

impl Reflector {
    /// A reflector with nothing set.
    pub fn builder() -> ReflectorBuilder {
        ReflectorBuilder::default()
    }

    /// Lists all tags of an image.
    ///
    /// # Errors
    ///
    /// Whatever stopped the listing, with the page it stopped at; see [`ErrorKind`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the listing. Nothing of it is kept, and the next call starts at the first
    /// page.
    #[tracing::instrument(skip_all, fields(%image))]
    pub async fn scan(&self, image: &ImageName) -> Result<Scan, Error> {
        let mut tags = ScanBuilder::tracking_moves(self.inner.track_moves);
        let listing = self
            .each_tag(image, Detail::Digests, |entry| {
                tags.push(entry);
                Ok(())
            })
            .await?;
        Ok(tags.finish(image.clone(), listing))
    }

    /// Finds the image the policy wants, holding one page of tags at a time.
    ///
    /// "No tag satisfies the policy" is an answer, not an error: [`LatestImage::image_ref`] is `None` then.
    ///
    /// A tag that moves while the listing runs may be listed twice, with two digests. The decision counts both, and the
    /// digest that was listed first stays: pull by digest, and it is the image that had the tag at that moment.
    ///
    /// # Errors
    ///
    /// Whatever stopped the listing, with the page it stopped at; [`ErrorKind::Policy`] when a tag makes the
    /// policy fail as a whole, as in Flux. See [`ErrorKind`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the listing. Nothing of it is kept, and the next call starts at the first
    /// page.
    #[tracing::instrument(skip_all, fields(%image))]
    pub async fn latest_image(&self, image: &ImageName, policy: &Policy) -> Result<LatestImage, Error> {
        let mut selector = policy.selector();
        let listing = self
            .each_tag(image, detail_for(policy), |entry| {
                offer(&mut selector, entry);
                Ok(())
            })
            .await?;
        LatestImage::new(image, selector, listing)
    }

    /// Scans, and finds the image the policy wants among the same tags: one listing serves both.
    ///
    /// # Errors
    ///
    /// As [`scan`](Self::scan) and [`latest_image`](Self::latest_image).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the listing. Nothing of it is kept, and the next call starts at the first
    /// page.
    #[tracing::instrument(skip_all, fields(%image))]
    pub async fn reflect(&self, image: &ImageName, policy: &Policy) -> Result<Reflection, Error> {
        let mut tags = ScanBuilder::tracking_moves(self.inner.track_moves);
        let mut selector = policy.selector();
        let listing = self
            .each_tag(image, detail_for(policy), |entry| {
                offer(&mut selector, entry);
                tags.push(entry);
                Ok(())
            })
            .await?;
        let latest = LatestImage::new(image, selector, listing)?;
        Ok(Reflection { scan: tags.finish(image.clone(), listing), latest })
    }

    /// Finds out what the credentials may do with an image, and if not, whose policy is to be changed: logs in to its registry
    /// and asks for one page of tags. Nothing is kept of either.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Credentials`] when there are none, and [`ErrorKind::Configuration`] when the image is not in private ECR or
    /// the reflector has a [`tag_source`](ReflectorBuilder::tag_source). What ECR denies is in the [`Preflight`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the requests.
    #[tracing::instrument(skip_all, fields(%image))]
    pub async fn preflight(&self, image: &ImageName) -> Result<Preflight, Error> {
        let Source::Ecr(ecr) = &self.inner.source else {
            let message = "a tag_source of one's own is no ECR, so there is no preflight";
            return Err(Error::new(ErrorKind::Configuration, message));
        };
        let credentials = ecr.credentials_for(image).await?;
        let login = ecr.log_in(image, &credentials).await.map(drop);
        let listing = ecr.page(&PageRequest::new(image)).await.map(|_| ());
        Ok(Preflight { image: image.clone(), login, listing })
    }

    /// Lists all tags of an image with their digests, page by page, and leaves none out, excluded or not. The
    /// [`on_page`](ReflectorBuilder::on_page) hook is told of these pages too.
    ///
    /// For what a scan and a decision do not keep: every tag's digest, or a listing that goes on where it stopped.
    ///
    /// ```
    /// use flux_ecr_reflect::{Error, ImageName, Reflector};
    ///
    /// async fn print(reflector: &Reflector, image: &ImageName) -> Result<(), Error> {
    ///     let mut pages = reflector.pages(image);
    ///     while let Some(page) = pages.next().await? {
    ///         for entry in page.entries() {
    ///             println!("{} {}", entry.tag(), entry.digest().map_or("", |digest| digest.as_str()));
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn pages<'a>(&'a self, image: &'a ImageName) -> Pages<'a> {
        Pages::new(self.inner.source.tags(), image, self.inner.on_page.as_deref())
    }

    /// The same from a page on: with [`TagPage::next`](crate::TagPage::next) of the last page there is, or
    /// [`Error::cursor`] of one that failed.
    ///
    /// How long a cursor stays good is the registry's to say.
    pub fn pages_from<'a>(&'a self, image: &'a ImageName, cursor: Cursor) -> Pages<'a> {
        self.pages(image).beginning_at(cursor)
    }

    /// The one walk: every tag that is not excluded, page by page.
    async fn each_tag(
        &self,
        image: &ImageName,
        detail: Detail,
        mut visit: impl FnMut(&TagEntry) -> Result<(), Error> + Send,
    ) -> Result<Listing, Error> {
        let mut pages = self.pages(image).with_detail(detail);
        let mut excluded = 0;
        while let Some(page) = pages.next().await? {
            for entry in page.entries() {
                if self.inner.exclusion_list.excludes(entry.tag().as_str()).is_some() {
                    excluded += 1;
                } else {
                    visit(entry)?;
                }
            }
        }
        Ok(pages.into_listing(excluded))
    }
}

impl fmt::Debug for Reflector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reflector").field("source", &self.inner.source.tags()).finish_non_exhaustive()
    }
}

/// The image a policy wants, or why there is none.
#[derive(Debug, Clone)]
#[must_use = "it may hold no image: ask image_ref()"]
pub struct LatestImage {
    name: ImageName,
    image_ref: Option<ImageRef>,
    decision: Decision,
    listing: Listing,
}

impl LatestImage {
    fn new(image: &ImageName, selector: Selector, listing: Listing) -> Result<Self, Error> {
        let decision = selector.finish().map_err(|error| {
            let wrapped =
                Error::new(ErrorKind::Policy, format!("the policy cannot judge the tags of {image}"));
            match error.hint().map(str::to_owned) {
                Some(hint) => wrapped.with_hint(hint),
                None => wrapped,
            }
            .with_source(error)
        })?;
        let image_ref = match decision.winner() {
            None => None,
            Some(winner) => {
                let tagged = image.clone().with_tag(winner.tag().parse()?);
                Some(match winner.digest() {
                    Some(digest) => tagged.with_digest(digest.parse()?),
                    None => tagged,
                })
            }
        };
        Ok(Self { name: image.clone(), image_ref, decision, listing })
    }

    /// `name:tag@sha256:…`, or `None` when no tag satisfies the policy.
    ///
    /// The digest is the one the registry listed beside the tag. A tag can move between that moment and a
    /// pull, so pull by the digest.
    pub fn image_ref(&self) -> Option<&ImageRef> {
        self.image_ref.as_ref()
    }

    /// The image that was asked about.
    pub fn name(&self) -> &ImageName {
        &self.name
    }

    /// Why this tag, or why none: the winner, the runner-up, and what was left out for which reason.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// What the listing took: pages, requests, tags listed and excluded.
    pub fn listing(&self) -> Listing {
        self.listing
    }
}

/// A scan and the latest image, of one listing.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Reflection {
    /// All tags.
    pub scan: Scan,
    /// The image the policy wants.
    pub latest: LatestImage,
}

/// What a listing has to tell for this policy.
fn detail_for(policy: &Policy) -> Detail {
    if policy.needs_push_time() { Detail::Images } else { Detail::Digests }
}

fn offer(selector: &mut Selector, entry: &TagEntry) {
    let mut candidate = Candidate::new(entry.tag().as_str());
    if let Some(digest) = entry.digest() {
        candidate = candidate.with_digest(digest.as_str());
    }
    if let Some(pushed_at) = entry.pushed_at() {
        candidate = candidate.with_pushed_at(timestamp(pushed_at));
    }
    selector.push(&candidate);
}

/// To the millisecond, which is how exactly registries tell it.
fn timestamp(at: SystemTime) -> Timestamp {
    let millis = |length: Duration| i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_unix_millis(match at.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => millis(since),
        Err(before) => -millis(before.duration()),
    })
}
