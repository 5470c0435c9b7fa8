//! The clock every expiry and every signature is judged by.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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

    /// Whole seconds since 1970, the unit of a JWT's claims.
    pub(crate) fn unix_now(&self) -> u64 {
        unix(self.now())
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

/// Whole seconds between 1970 and `time`; zero for a time before.
pub(crate) fn unix(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for the time")]
fn system_now() -> SystemTime {
    SystemTime::now()
}
