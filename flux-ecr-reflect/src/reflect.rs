//! The front door: one walk over an image's tags, for a scan, for the latest image, or for both.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_smithy_async::future::timeout::Timeout;
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep};
use aws_smithy_async::time::SharedTimeSource;
use flux_policy::{ExclusionList, Policy, Selector};

use crate::accessory::Accessory;
use crate::error::{Error, ErrorKind};
use crate::image::{Digest, ImageName, ImageRef};
use crate::pages::{Listing, OnPage, Pages};
use crate::preflight::Preflight;
use crate::scan::Scan;
use crate::scan::build::ScanBuilder;
use crate::tags::ecr_error::Operation;
use crate::tags::{Access, Cursor, Detail, PageRequest, TagEntry, TagSource};

pub(crate) mod builder;
pub(crate) mod credentials;
mod digest;
mod from_scan;
mod latest;
#[cfg(feature = "manifest")]
mod manifest;
mod registries;
mod report;
mod status;
mod task;
mod updates;

pub use self::builder::ReflectorBuilder;
pub use self::digest::{DigestReflection, DigestStep};
pub use self::latest::{LatestImage, Reflection};
pub use self::report::Report;
pub use self::status::ImageStatus;
pub use self::task::{ImageTask, ImageUpdate};
pub use self::updates::Updates;

use self::latest::{detail_for, offer};
use self::registries::Registries;

/// Reads the tags of images: all of them as a [`Scan`], the one a policy wants as a [`LatestImage`], or both
/// at once.
///
/// Cheap to clone; clones share the client and its credentials. One reflector serves every account, region
/// and repository its credentials may read.
///
/// Tags on the [exclusion list](ReflectorBuilder::exclusion_list) are left out of scans and decisions alike, and
/// [accessories](ReflectorBuilder::without_accessories) if so wanted.
///
/// # What a page may take
///
/// Per page of private ECR: 20 s to load credentials; then 3 s to connect, 15 s to read, 30 s a try, five tries, 90 s in
/// all; both once more if AWS does not accept the credentials. Where ECR throttles, a page is asked for five times, and waits
/// its turn for 60 s at most: see [`Throttle`](crate::Throttle). A page has 64 MiB at most, and a listing 100,000 pages. For other
/// registries see [`OciRegistry`](crate::OciRegistry#limits).
///
/// The AWS SDK tries failures again out of one allowance that all its clients of ECR in the process share, so that
/// an outage is not made worse by retries; that is left as it is. Throttling does not draw on it: what a busy registry refuses
/// waits in the [`Throttle`](crate::Throttle), and takes no retry away from another.
#[derive(Clone)]
pub struct Reflector {
    inner: Arc<Inner>,
}

struct Inner {
    source: Source,
    exclusion_list: ExclusionList,
    without_accessories: bool,
    track_moves: bool,
    on_page: Option<Arc<OnPage>>,
    time_source: SharedTimeSource,
    sleep_impl: SharedAsyncSleep,
}

/// Where tags come from.
enum Source {
    Registries(Registries),
    Other(Arc<dyn TagSource>),
}

impl Source {
    fn tags(&self) -> &dyn TagSource {
        match self {
            Self::Registries(registries) => registries,
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
        let exclusions = &self.inner.exclusion_list;
        let walk = self.each_tag(image, exclusions, Detail::Digests, |entry| tags.push(entry)).await?;
        Ok(tags.finish(image.clone(), walk.listing))
    }

    /// Finds the image the policy wants, holding one page of tags at a time.
    ///
    /// "No tag satisfies the policy" is an answer, not an error: [`LatestImage::image_ref`] is `None` then.
    ///
    /// A tag that moves while the listing runs may be listed twice, with two digests. The decision counts both, and the
    /// digest that was listed first stays: pull by digest, and it is the image that had the tag at that moment. Where the
    /// listing tells no digests, that of the chosen tag is asked for, with one request more.
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
        let stopwatch = self.stopwatch();
        let mut latest = self.choose(image, policy, &self.inner.exclusion_list, &stopwatch).await?;
        self.add_digest(&mut latest, &stopwatch).await?;
        Ok(latest)
    }

    /// Scans, and finds the image the policy wants among the same tags: one listing serves both.
    ///
    /// ```
    /// use flux_ecr_reflect::{ImageName, Reflection, Reflector};
    /// use flux_policy::Policy;
    /// # use aws_credential_types::Credentials;
    /// # use aws_smithy_http_client::test_util::infallible_client_fn;
    ///
    /// async fn reflect(reflector: &Reflector, image: &ImageName) -> Result<(), Box<dyn std::error::Error>> {
    ///     let Reflection { scan, latest, .. } = reflector.reflect(image, &Policy::semver(">=1.0.0")?).await?;
    ///     println!("{scan}"); // successful scan: found 2 tags with checksum 559481729
    ///     match latest.image_ref() {
    ///         Some(image) => println!("{image}"), // …/apps/mainapp:1.10.0@sha256:0000…
    ///         None => println!("no tag fits: {}", latest.decision()),
    ///     }
    /// #   assert_eq!(scan.to_string(), "successful scan: found 2 tags with checksum 559481729");
    /// #   assert_eq!(latest.image_ref().and_then(|image| image.tag()).map(|tag| tag.as_str()), Some("1.10.0"));
    ///     Ok(())
    /// }
    /// # let digest = format!("sha256:{:064}", 0);
    /// # let id = |tag| format!(r#"{{"imageTag":"{tag}","imageDigest":"{digest}"}}"#);
    /// # let body = format!(r#"{{"imageIds":[{},{}]}}"#, id("1.9.0"), id("1.10.0"));
    /// # let client = infallible_client_fn(move |_| http::Response::new(body.clone()));
    /// # let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "docs");
    /// # let reflector = Reflector::builder().credentials(credentials).http_client(client).build()?;
    /// # let image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp".parse()?;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// # runtime.block_on(reflect(&reflector, &image))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
        let stopwatch = self.stopwatch();
        let mut tags = ScanBuilder::tracking_moves(self.inner.track_moves);
        let mut selector = stopwatch.selector(policy);
        let walk = self
            .each_tag(image, &self.inner.exclusion_list, detail_for(policy), |entry| {
                offer(&mut selector, entry);
                tags.push(entry);
            })
            .await?;
        let mut latest = LatestImage::new(image, selector, stopwatch.report(walk))?;
        self.add_digest(&mut latest, &stopwatch).await?;
        Ok(Reflection { scan: tags.finish(image.clone(), walk.listing), latest })
    }

    /// Finds the image that a task wants, and what is to be recorded of it: one reconciliation of a Flux ImagePolicy.
    ///
    /// # Errors
    ///
    /// As [`latest_image`](Self::latest_image); [`ErrorKind::NotFound`] when a digest is to be recorded and the registry tells
    /// none, and [`ErrorKind::Unavailable`] when the task's timeout is over.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the listing. The task is as it was.
    #[tracing::instrument(skip_all, fields(image = %task.image()))]
    pub async fn update(&self, task: &ImageTask) -> Result<ImageUpdate, Error> {
        self.in_time(task, self.update_in_any_time(task)).await
    }

    /// The same of many images, some at a time, each by itself. Of one registry and identity they share login and
    /// [limiter](crate::Throttle).
    ///
    /// ```
    /// use flux_ecr_reflect::{ImageTask, Reflector};
    ///
    /// async fn update(reflector: &Reflector, tasks: Vec<ImageTask>) {
    ///     let mut updates = reflector.update_all(tasks);
    ///     while let Some((task, update)) = updates.next().await {
    ///         match update {
    ///             Ok(update) => println!("{}: {:?}", task.image(), update.status().latest()),
    ///             Err(error) => println!("{}: {error}", task.image()),
    ///         }
    ///     }
    /// }
    /// ```
    pub fn update_all<T>(&self, tasks: T) -> Updates<T::IntoIter>
    where
        T: IntoIterator<Item = ImageTask, IntoIter: Send>,
    {
        Updates::new(self.clone(), tasks.into_iter())
    }

    /// The digest that a tag has now; `None` if there is no such tag, or a
    /// [`tag_source`](ReflectorBuilder::tag_source) of your own tells none.
    ///
    /// # Errors
    ///
    /// Whatever stopped the request; see [`ErrorKind`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the request.
    #[tracing::instrument(skip_all, fields(%image))]
    pub async fn digest(&self, image: &ImageRef) -> Result<Option<Digest>, Error> {
        self.inner.source.tags().digest(image).await
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
        self.preflight_in(image, Detail::Digests).await
    }

    /// The same for one policy, whose listing may take another permission: push times take `ecr:DescribeImages` in place of
    /// `ecr:ListImages`.
    ///
    /// # Errors
    ///
    /// As [`preflight`](Self::preflight).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the requests.
    #[tracing::instrument(skip_all, fields(%image))]
    pub async fn preflight_for(&self, image: &ImageName, policy: &Policy) -> Result<Preflight, Error> {
        self.preflight_in(image, detail_for(policy)).await
    }

    async fn preflight_in(&self, image: &ImageName, detail: Detail) -> Result<Preflight, Error> {
        let ecr = match &self.inner.source {
            Source::Registries(registries) => registries.ecr_of(image)?,
            Source::Other(_) => {
                let message = "a preflight asks Amazon ECR, and this reflector has a tag_source in its place";
                return Err(Error::new(ErrorKind::Configuration, message));
            }
        };
        let credentials = ecr.credentials_for(image).await?;
        let login = ecr.log_in(image, &credentials).await.map(drop);
        let listing = ecr.page(&PageRequest::new(image).with_detail(detail)).await.map(|_| ());
        Ok(Preflight { image: image.clone(), login, operation: Operation::for_detail(detail), listing })
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

    async fn update_in_any_time(&self, task: &ImageTask) -> Result<ImageUpdate, Error> {
        let stopwatch = self.stopwatch();
        let latest = self.choose(&task.image, &task.policy, self.exclusions_of(task), &stopwatch).await?;
        self.finish(task, latest, &stopwatch).await
    }

    /// Records the choice, with the digest that is wanted.
    async fn finish(
        &self,
        task: &ImageTask,
        mut latest: LatestImage,
        stopwatch: &Stopwatch,
    ) -> Result<ImageUpdate, Error> {
        if task.digest_step(&latest) == DigestStep::Look {
            self.add_digest(&mut latest, stopwatch).await?;
        }
        task.finish(latest)
    }

    /// The update, unless the task's timeout is over before.
    async fn in_time(
        &self,
        task: &ImageTask,
        update: impl Future<Output = Result<ImageUpdate, Error>> + Send,
    ) -> Result<ImageUpdate, Error> {
        let update = pin!(update);
        let Some(timeout) = task.timeout else { return update.await };
        let in_time = Timeout::new(update, self.inner.sleep_impl.sleep(timeout)).await;
        in_time.unwrap_or_else(|_| {
            let message = format!("the update of {} took longer than {timeout:?}", task.image);
            let hint = "Give it more time (spec.timeout of the ImageRepository), or find out what is slow.";
            Err(Error::new(ErrorKind::Unavailable, message).with_hint(hint))
        })
    }

    fn exclusions_of<'a>(&'a self, task: &'a ImageTask) -> &'a ExclusionList {
        task.exclusion_list.as_ref().unwrap_or(&self.inner.exclusion_list)
    }

    async fn choose(
        &self,
        image: &ImageName,
        policy: &Policy,
        exclusions: &ExclusionList,
        stopwatch: &Stopwatch,
    ) -> Result<LatestImage, Error> {
        let mut selector = stopwatch.selector(policy);
        let walk =
            self.each_tag(image, exclusions, detail_for(policy), |entry| offer(&mut selector, entry)).await?;
        LatestImage::new(image, selector, stopwatch.report(walk))
    }

    /// Asks for the digest of the chosen tag, if the listing did not tell it.
    async fn add_digest(&self, latest: &mut LatestImage, stopwatch: &Stopwatch) -> Result<(), Error> {
        if let Some(chosen) = latest.image_ref().filter(|chosen| chosen.digest().is_none())
            && let Some(digest) = self.digest(chosen).await?
        {
            latest.add_digest(digest, stopwatch.elapsed());
        }
        Ok(())
    }

    fn leaves_out(&self, entry: &TagEntry, exclusions: &ExclusionList) -> bool {
        exclusions.excludes(entry.tag().as_str()).is_some()
            || (self.inner.without_accessories && Accessory::of(entry).is_some())
    }

    /// The one walk: every tag that is not excluded, page by page.
    async fn each_tag(
        &self,
        image: &ImageName,
        exclusions: &ExclusionList,
        detail: Detail,
        mut visit: impl FnMut(&TagEntry) + Send,
    ) -> Result<Walk, Error> {
        let mut pages = self.pages(image).with_detail(detail);
        let (mut excluded, mut access) = (0, None);
        while let Some(page) = pages.next().await? {
            access = page.access().or(access);
            for entry in page.entries() {
                if self.leaves_out(entry, exclusions) {
                    excluded += 1;
                } else {
                    visit(entry);
                }
            }
        }
        Ok(Walk { listing: pages.into_listing(excluded), access })
    }

    fn stopwatch(&self) -> Stopwatch {
        let time_source = self.inner.time_source.clone();
        Stopwatch { started_at: time_source.now(), time_source }
    }
}

/// A listing that came to its end.
#[derive(Clone, Copy)]
struct Walk {
    listing: Listing,
    access: Option<Access>,
}

/// When a piece of work began.
struct Stopwatch {
    time_source: SharedTimeSource,
    started_at: SystemTime,
}

impl Stopwatch {
    /// None at all if the clock was set back meanwhile.
    fn elapsed(&self) -> Duration {
        self.time_source.now().duration_since(self.started_at).unwrap_or_default()
    }

    /// An evaluation for which "now" is when the work began.
    fn selector(&self, policy: &Policy) -> Selector {
        policy.selector().at(self.started_at.into())
    }

    fn report(&self, walk: Walk) -> Report {
        Report {
            listing: walk.listing,
            access: walk.access,
            asked_for_digest: false,
            duration: self.elapsed(),
        }
    }
}

impl fmt::Debug for Reflector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reflector").field("source", &self.inner.source.tags()).finish_non_exhaustive()
    }
}
