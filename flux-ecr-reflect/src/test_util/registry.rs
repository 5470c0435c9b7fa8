//! A registry in memory.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::SharedTimeSource;
use flux_aws_auth::test_util::ManualClock;

use super::fault::{Call, Fault, fake_error};
use crate::error::{Error, ErrorKind};
use crate::image::{Digest, ImageName, ImageRef, Tag};
use crate::tags::{Cursor, Detail, ImageFacts, PageRequest, TagEntry, TagPage, TagSource};

/// A registry as a [`TagSource`]: repositories to push to, requests that fail as told, and a note of each.
///
/// Pages hold tags in the order of their bytes, with digests, and with push times where they are
/// [asked for](Detail::Images): what private ECR tells. A repository that nobody pushed to is not found. Clones are the same
/// registry, so that a test can change it while a [`Reflector`](crate::Reflector) holds the other one, in the middle of a listing
/// too.
///
/// ```
/// use flux_ecr_reflect::test_util::FakeRegistry;
/// use flux_ecr_reflect::{ImageName, Reflector};
/// use flux_policy::Policy;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let image: ImageName = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp".parse()?;
/// let registry = FakeRegistry::new().with_page_size(2);
/// registry.push_all(&image, ["1.0.0", "1.1.0", "latest"])?;
///
/// let reflector = Reflector::builder().tag_source(registry.clone()).build()?;
/// let policy = Policy::semver("1.x")?;
/// let latest = reflector.latest_image(&image, &policy).await?;
/// assert_eq!(latest.tag().map(|tag| tag.as_str()), Some("1.1.0"));
/// assert_eq!(registry.requests(), [format!("tags of {image}, page 1"), format!("tags of {image}, page 2")]);
///
/// let digest = registry.push(&image, "1.2.0")?;
/// assert_eq!(reflector.latest_image(&image, &policy).await?.digest(), Some(&digest));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FakeRegistry {
    page_size: usize,
    tells_digests: bool,
    time_source: SharedTimeSource,
    sleep_impl: SharedAsyncSleep,
    contents: Arc<Mutex<Contents>>,
}

#[derive(Debug, Default)]
struct Contents {
    repositories: BTreeMap<ImageName, BTreeMap<Tag, Image>>,
    pushes: u64,
    faults: Vec<Fault>,
    requests: Vec<String>,
}

#[derive(Clone, Debug)]
struct Image {
    digest: Digest,
    facts: Arc<ImageFacts>,
}

impl FakeRegistry {
    /// A registry without repositories, whose pages hold a thousand tags, as ECR's do.
    ///
    /// What is pushed is dated as of where a new [`ManualClock`] stands, and a [slow](Fault::delay) request waits by tokio's
    /// timers: unless it is given a [clock](Self::with_clock).
    pub fn new() -> Self {
        Self {
            page_size: 1000,
            tells_digests: true,
            time_source: SharedTimeSource::new(ManualClock::new()),
            sleep_impl: SharedAsyncSleep::new(TokioSleep::new()),
            contents: Arc::default(),
        }
    }

    /// The same with so many tags on a page, but at least one.
    #[must_use]
    pub fn with_page_size(self, tags: usize) -> Self {
        Self { page_size: tags.max(1), ..self }
    }

    /// The same, whose pages tell tags alone and neither digests nor push times, as those of the distribution API. The digest of a
    /// tag then takes a request of its own.
    #[must_use]
    pub fn without_digests(self) -> Self {
        Self { tells_digests: false, ..self }
    }

    /// The same on this clock, which dates what is pushed from now on, and by which slow requests wait.
    #[must_use]
    pub fn with_clock(self, clock: &ManualClock) -> Self {
        let (time_source, sleep_impl) =
            (SharedTimeSource::new(clock.clone()), SharedAsyncSleep::new(clock.clone()));
        Self { time_source, sleep_impl, ..self }
    }

    /// Pushes a new image under this tag, and tells its digest. The tag moves, if there is one. A repository is made if there is
    /// none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when the tag is malformed.
    pub fn push(&self, image: &ImageName, tag: &str) -> Result<Digest, Error> {
        self.push_entry(image, &TagEntry::new(tag.parse()?))
    }

    /// Pushes a new image under each of these tags. Without any, it makes an empty repository.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn push_all<T>(&self, image: &ImageName, tags: impl IntoIterator<Item = T>) -> Result<(), Error>
    where
        T: AsRef<str>,
    {
        self.lock().repositories.entry(image.clone()).or_default();
        tags.into_iter().try_for_each(|tag| self.push(image, tag.as_ref()).map(drop))
    }

    /// Pushes an image of which more is known, such as one that a real registry listed. It gets a digest and a push time, where it
    /// has none.
    ///
    /// # Errors
    ///
    /// None that an entry can cause.
    pub fn push_entry(&self, image: &ImageName, entry: &TagEntry) -> Result<Digest, Error> {
        let mut contents = self.lock();
        contents.pushes += 1;
        let digest = match entry.digest() {
            Some(digest) => digest.clone(),
            None => format!("sha256:{:064x}", contents.pushes).parse()?,
        };
        let mut facts = entry.facts().cloned().unwrap_or_default();
        facts.pushed_at.get_or_insert_with(|| self.time_source.now());
        let pushed = Image { digest: digest.clone(), facts: Arc::new(facts) };
        contents.repositories.entry(image.clone()).or_default().insert(entry.tag().clone(), pushed);
        Ok(digest)
    }

    /// Gives the image that has the tag `from` the tag `to` as well. That one moves, if there is one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is no `from`, and [`ErrorKind::Configuration`] when a tag is malformed.
    pub fn retag(&self, image: &ImageName, from: &str, to: &str) -> Result<(), Error> {
        let (from, to): (Tag, Tag) = (from.parse()?, to.parse()?);
        let mut contents = self.lock();
        let tags = contents.repositories.get_mut(image);
        let tagged = tags.and_then(|tags| Some((tags.get(&from)?.clone(), tags)));
        let (tagged, tags) =
            tagged.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("{image} has no tag {from}")))?;
        tags.insert(to, tagged);
        Ok(())
    }

    /// Deletes a tag, if there is one.
    pub fn delete(&self, image: &ImageName, tag: &str) {
        if let Some(tags) = self.lock().repositories.get_mut(image) {
            tags.retain(|held, _| held.as_str() != tag);
        }
    }

    /// Deletes a repository with all of its tags, if there is one.
    pub fn delete_repository(&self, image: &ImageName) {
        self.lock().repositories.remove(image);
    }

    /// Has requests fail, or take time, until the fault is [over](Fault::times) or the registry [recovers](Self::recover).
    ///
    /// There can be several: a request takes the time of all that apply to it, and fails by the one that was told of first.
    pub fn fail(&self, fault: impl Into<Fault>) {
        self.lock().faults.push(fault.into());
    }

    /// Ends all faults.
    pub fn recover(&self) {
        self.lock().faults.clear();
    }

    /// What was asked so far, in order: `tags of ghcr.io/org/app, page 1` for a page, `images of …` for one with
    /// [push times](Detail::Images), and `digest of ghcr.io/org/app:1.0.0` for a digest.
    pub fn requests(&self) -> Vec<String> {
        self.lock().requests.clone()
    }

    /// Notes a call and lets the faults have their way with it.
    async fn admit(&self, call: Call<'_>) -> Result<(), Error> {
        let (delay, error) = {
            let mut contents = self.lock();
            contents.requests.push(call.to_string());
            Fault::meet(&mut contents.faults, &call)
        };
        if !delay.is_zero() {
            self.sleep_impl.sleep(delay).await;
        }
        error.map_or(Ok(()), Err)
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for FakeRegistry {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl TagSource for FakeRegistry {
    async fn page(&self, request: &PageRequest<'_>) -> Result<TagPage, Error> {
        let (number, after) = request.cursor().map_or(Ok((1, None)), read)?;
        self.admit(Call::Page { request, number }).await?;
        let contents = self.lock();
        let tags = contents.repository(request.image())?;
        let start = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = tags.range((start, Bound::Unbounded)).peekable();
        let page: Vec<_> = rest.by_ref().take(self.page_size).collect();
        let next = page.last().filter(|_| rest.peek().is_some());
        let next = next.map(|(tag, _)| Cursor::new(format!("{} {tag}", number + 1)));
        let facts = request.detail() == Detail::Images;
        let entries = page.into_iter().map(|(tag, image)| match self.tells_digests {
            true if facts => image.entry(tag).with_facts(image.facts.clone()),
            true => image.entry(tag),
            false => TagEntry::new(tag.clone()),
        });
        let page = TagPage::new(entries.collect()).with_requests(1);
        Ok(match next {
            Some(next) => page.with_next(next),
            None => page,
        })
    }

    async fn digest(&self, image: &ImageRef) -> Result<Option<Digest>, Error> {
        self.admit(Call::Digest(image)).await?;
        let contents = self.lock();
        let tags = contents.repository(image.name())?;
        Ok(image.tag().and_then(|tag| tags.get(tag)).map(|held| held.digest.clone()))
    }
}

impl Contents {
    fn repository(&self, image: &ImageName) -> Result<&BTreeMap<Tag, Image>, Error> {
        self.repositories.get(image).ok_or_else(|| fake_error(ErrorKind::NotFound))
    }
}

impl Image {
    fn entry(&self, tag: &Tag) -> TagEntry {
        TagEntry::new(tag.clone()).with_digest(self.digest.clone())
    }
}

/// The number of a page, and the tag that it begins after.
fn read(cursor: &Cursor) -> Result<(u64, Option<Tag>), Error> {
    let parts = cursor.as_str().split_once(' ');
    let read = parts.and_then(|(number, tag)| Some((number.parse().ok()?, Some(tag.parse().ok()?))));
    read.ok_or_else(|| Error::new(ErrorKind::Configuration, "the cursor is not one of this registry"))
}
