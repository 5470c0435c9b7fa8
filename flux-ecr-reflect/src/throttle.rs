//! How fast a registry is asked: one limiter per host and API, shared by all repositories.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, TokioSleep};
use tokio::time::Instant;

use crate::error::Error;

mod lane;
mod retry_after;
mod turn;

use lane::Lane;
pub(crate) use retry_after::retry_after;

/// Slows down where a registry asks for it, and nowhere else.
///
/// Every pair of a registry's host and an API has a limit of its own, which all who share the `Throttle` keep together; a
/// clone shares it. Requests wait their turn in the order in which they came.
///
/// | | |
/// |---|---|
/// | requests at once | 16; halved by an answer that says "slower", down to 1 |
/// | pause after such an answer | what `Retry-After` says, at most 5 minutes; where it says nothing, or no time at all, 1 s, doubled up to 20 s until an answer is none |
/// | faster again | one request more at once for every second of answers that are none |
/// | the longest wait for a turn | 60 s, unless [`with_max_wait`](Self::with_max_wait) says otherwise |
///
/// Amazon documents 2,000 `BatchGetImage`, 3,000 `GetDownloadUrlForLayer` and 500 `GetAuthorizationToken` a second for an
/// account and region, and no rate for the actions that list tags ([service quotas]); public registries tell theirs only by
/// refusing. So no rate is built in: 16 at once is more than Flux's four workers ask for and, at the 50 ms that a page takes,
/// well below those rates, and the rest is learnt from the answers, as TCP learns the capacity of a path (additive increase,
/// multiplicative decrease). Answers to requests that were sent before the last slowing down are not counted against it again.
/// Several processes find the limit each for itself: [scaling out](crate::guide::scaling_out).
///
/// [service quotas]: https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
///
/// ```
/// use flux_ecr_reflect::{Error, RegistryApi, Throttle};
///
/// # async fn ask() -> u16 { 200 }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let throttle = Throttle::new();
/// let permit = throttle.acquire("registry.example.com", RegistryApi::Distribution).await?;
/// match ask().await {
///     429 => permit.throttled(None),
///     _ => permit.ok(),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Throttle {
    lanes: Arc<Lanes>,
    sleep_impl: SharedAsyncSleep,
    max_wait: Duration,
}

/// What a registry is asked through. The APIs of one host have limits of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RegistryApi {
    /// The [API of Amazon ECR](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/Welcome.html), of the registry that
    /// the image's host names.
    Ecr,
    /// The [distribution API](https://github.com/opencontainers/distribution-spec/blob/main/spec.md) of the host itself.
    Distribution,
}

impl Throttle {
    /// The one that all share who ask for it: every [`Reflector`](crate::Reflector) of the process that is given no other.
    ///
    /// Whoever they ask as: what a host says to one of them slows all of them down there, by at most 5 minutes an answer, and
    /// they stand in one queue. Tenants that are not to feel each other get a [`new`](Self::new) one each.
    pub fn process_wide() -> Self {
        static LANES: LazyLock<Arc<Lanes>> = LazyLock::new(Arc::default);
        Self { lanes: LANES.clone(), ..Self::new() }
    }

    /// One of its own: for a tenant that is not to slow down another, or a test.
    pub fn new() -> Self {
        Self {
            lanes: Arc::default(),
            sleep_impl: SharedAsyncSleep::new(TokioSleep::new()),
            max_wait: MAX_WAIT,
        }
    }

    /// The same limits, for a caller who waits no longer than this for a turn.
    #[must_use]
    pub fn with_max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = max_wait;
        self
    }

    /// The same limits, waited for by a timer of your own in place of tokio's.
    #[must_use]
    pub fn with_sleep_impl(mut self, sleep_impl: impl AsyncSleep + 'static) -> Self {
        self.sleep_impl = SharedAsyncSleep::new(sleep_impl);
        self
    }

    /// How many answers have asked to slow down so far, of all hosts and APIs, whoever of those who share the limits got them: a
    /// counter for metrics.
    pub fn throttled_answers(&self) -> u64 {
        self.lanes.throttled_answers()
    }

    /// Waits for the turn to send one request to `host`. Hold the [`Permit`] until its answer is there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Throttled`](crate::ErrorKind::Throttled) when the turn does not come in time: at once, where the host's
    /// pause is longer than the longest wait.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the queue to the next one.
    pub async fn acquire(&self, host: &str, api: RegistryApi) -> Result<Permit, Error> {
        self.acquire_by(host, api, self.deadline()).await
    }

    /// When a wait that begins now is too long: to be shared by the tries of one request.
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline { at: now() + self.max_wait.min(FOR_EVER), max_wait: self.max_wait }
    }

    /// [`acquire`](Self::acquire), with what is left of a wait that began earlier.
    pub(crate) async fn acquire_by(
        &self,
        host: &str,
        api: RegistryApi,
        deadline: Deadline,
    ) -> Result<Permit, Error> {
        let lane = self.lanes.lane(host, api);
        turn::wait(lane, host, &self.sleep_impl, deadline).await
    }
}

impl Default for Throttle {
    fn default() -> Self {
        Self::process_wide()
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle").field("max_wait", &self.max_wait).finish_non_exhaustive()
    }
}

/// The turn to send one request, from [`Throttle::acquire`].
///
/// Dropped without a word it says nothing of the registry: the request failed in another way, or was given up.
#[derive(Debug)]
#[must_use = "the turn is over when the permit is dropped"]
pub struct Permit {
    lane: Arc<Lane>,
    /// How often the lane had slowed down when the turn began.
    epoch: u64,
}

impl Permit {
    /// The registry answered, and did not ask to slow down.
    pub fn ok(self) {
        self.lane.answered(self.epoch, now());
    }

    /// The registry asked to slow down: HTTP 429, `ThrottlingException`, `TOOMANYREQUESTS`. `retry_after` is what the answer's
    /// [`Retry-After`](https://www.rfc-editor.org/rfc/rfc9110#field.retry-after) says, if it has one; nobody sends to the host
    /// before, though no longer than five minutes. Zero, and so a date that has passed, says no more than `None`.
    pub fn throttled(self, retry_after: Option<Duration>) {
        self.lane.slow_down(self.epoch, retry_after, now());
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.lane.release();
    }
}

/// The end of a wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    at: Instant,
    max_wait: Duration,
}

/// The limiters, by host and API.
#[derive(Default)]
struct Lanes(Mutex<Known>);

#[derive(Default)]
struct Known {
    lanes: HashMap<(String, RegistryApi), Arc<Lane>>,
    /// What those that were forgotten had counted.
    throttled_answers: u64,
}

impl Lanes {
    fn lane(&self, host: &str, api: RegistryApi) -> Arc<Lane> {
        let key = (host.to_ascii_lowercase(), api);
        let mut known = self.known();
        let Known { lanes, throttled_answers } = &mut *known;
        if lanes.len() >= TIDY_AT && !lanes.contains_key(&key) {
            let now = now();
            lanes.retain(|_, lane| {
                let stays = Arc::strong_count(lane) > 1 || !lane.is_rested(now);
                *throttled_answers += if stays { 0 } else { lane.throttled_answers() };
                stays
            });
        }
        lanes.entry(key).or_default().clone()
    }

    fn throttled_answers(&self) -> u64 {
        let known = self.known();
        known.throttled_answers + known.lanes.values().map(|lane| lane.throttled_answers()).sum::<u64>()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The monotonic clock, which virtual time moves with the timers.
#[expect(clippy::disallowed_methods, reason = "no time of day: how long ago an answer was")]
fn now() -> Instant {
    Instant::now()
}

const MAX_WAIT: Duration = Duration::from_secs(60);
/// A longer wait could end behind the last instant that the clock can tell.
const FOR_EVER: Duration = Duration::from_hours(24 * 365);
/// From so many hosts on, those are forgotten that nobody has asked for a minute.
const TIDY_AT: usize = 1024;

#[cfg(test)]
mod tests;
