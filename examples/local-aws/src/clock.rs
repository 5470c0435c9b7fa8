//! The clock every expiry and every signature is judged by.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::fault::ClockError;

/// The time of day inside a [`LocalAws`](crate::LocalAws): token and credential expiry, signature age, push times.
///
/// Clones share one clock, so a test keeps a clone and moves it while the services run:
///
/// ```
/// use std::time::Duration;
/// use local_aws::Clock;
///
/// let clock = Clock::system();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(6 * 3600));
/// assert!(clock.now() >= before + Duration::from_secs(6 * 3600));
/// ```
#[derive(Clone)]
pub struct Clock {
    start: Start,
    advanced_millis: Arc<AtomicU64>,
}

#[derive(Clone, Copy, Debug)]
enum Start {
    System,
    Fixed(SystemTime),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self { start: Start::System, advanced_millis: Arc::default() }
    }

    /// A clock that stands still at `time` until it is [advanced](Self::advance).
    pub fn fixed(time: SystemTime) -> Self {
        Self { start: Start::Fixed(time), advanced_millis: Arc::default() }
    }

    /// Moves this clock and all its clones forward by `by`, in whole milliseconds.
    pub fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.advanced_millis.fetch_add(millis, Ordering::SeqCst);
    }

    /// The time it shows.
    pub fn now(&self) -> SystemTime {
        let start = match self.start {
            Start::System => system_now(),
            Start::Fixed(time) => time,
        };
        start + Duration::from_millis(self.advanced_millis.load(Ordering::SeqCst))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").field("start", &self.start).field("now", &self.now()).finish_non_exhaustive()
    }
}

tokio::task_local! {
    /// How far off the clock of the service is that answers the request of this task.
    static OFF: Option<ClockError>;
}

/// Runs `answer` with the clock of its service off by this much.
pub(crate) async fn off_by<T>(error: Option<ClockError>, answer: impl Future<Output = T>) -> T {
    OFF.scope(error, answer).await
}

/// What a service takes for `time`.
pub(crate) fn as_seen_by_service(time: SystemTime) -> SystemTime {
    match OFF.try_get().ok().flatten() {
        Some(ClockError::Ahead(by)) => time + by,
        Some(ClockError::Behind(by)) => time - by,
        None => time,
    }
}

/// Whole seconds between 1970 and `time`; zero for a time before.
pub(crate) fn unix(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for the time")]
fn system_now() -> SystemTime {
    SystemTime::now()
}
