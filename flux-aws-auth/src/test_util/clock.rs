//! A clock that a test moves.

use std::collections::BTreeMap;
use std::collections::btree_map::OccupiedEntry;
use std::fmt;
use std::future::{self, Future};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use aws_smithy_async::time::TimeSource;

/// A clock that stands still until a test moves it, and wakes those who sleep by it.
///
/// It is a [`TimeSource`] and an [`AsyncSleep`], so it goes into every builder of these crates and of the AWS SDK that takes the
/// two. It works in every runtime, and none has to be paused. Clones are the same clock.
///
/// ```
/// use std::time::Duration;
///
/// use aws_smithy_async::rt::sleep::AsyncSleep;
/// use flux_aws_auth::test_util::ManualClock;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let clock = ManualClock::new();
/// let sleeper = tokio::spawn(clock.sleep(Duration::from_secs(60)));
///
/// clock.let_pass(Duration::from_secs(59)).await;
/// assert!(!sleeper.is_finished());
/// clock.let_pass(Duration::from_secs(1)).await;
/// assert!(sleeper.is_finished());
/// # }
/// ```
///
/// Credentials turn stale and expire by this clock. The pause after a failure, in which nobody is asked again, is measured by
/// tokio's: [`Chain::forget`](crate::Chain::forget) ends it.
#[derive(Clone)]
pub struct ManualClock {
    start: SystemTime,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    elapsed: Duration,
    /// By when they wake, and in the order in which they fell asleep.
    sleepers: BTreeMap<(Duration, u64), Option<Waker>>,
    slept: u64,
    /// Who waits until somebody falls asleep.
    idle: Vec<Waker>,
}

impl ManualClock {
    /// A clock that stands at 2027-01-15T08:00:00Z, always the same.
    pub fn new() -> Self {
        Self::starting_at(SystemTime::UNIX_EPOCH + START)
    }

    /// A clock that stands at `start`.
    pub fn starting_at(start: SystemTime) -> Self {
        Self { start, inner: Arc::default() }
    }

    /// The time.
    pub fn now(&self) -> SystemTime {
        self.start + self.elapsed()
    }

    /// How far it was moved since it was made.
    pub fn elapsed(&self) -> Duration {
        self.lock().elapsed
    }

    /// Moves the clock, at once. Who sleeps until then is woken in the order in which the sleeps end, and runs when the runtime
    /// gets to it; by then all of the time has passed.
    ///
    /// For code that only reads the clock. For code that sleeps there are [`let_pass`](Self::let_pass) and [`run`](Self::run).
    pub fn advance(&self, duration: Duration) {
        let end = self.elapsed().saturating_add(duration);
        while self.wake_next(end) {}
        self.move_to(end);
    }

    /// Lets time pass: from one end of a sleep to the next, with a turn for everybody else in between, before the first and after
    /// the last.
    ///
    /// So who is woken can fall asleep again, and is woken again when that is due within `duration`: a loop that sleeps for a
    /// second ticks ten times in ten seconds. That is so on a runtime of one thread, as `#[tokio::test]` is unless told otherwise,
    /// with up to a thousand tasks or so. On one of several threads, time may go on while others still work.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the clock where it is by then.
    pub async fn let_pass(&self, duration: Duration) {
        give_way().await;
        let end = self.elapsed().saturating_add(duration);
        while self.wake_next(end) {
            give_way().await;
        }
        self.move_to(end);
        give_way().await;
    }

    /// Drives a future to its end, and lets time pass meanwhile: whenever nothing else goes on, until the next sleep ends.
    ///
    /// For what sleeps by itself, however long, such as a call that is tried again or runs into a timeout:
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use aws_smithy_async::rt::sleep::AsyncSleep;
    /// # use flux_aws_auth::test_util::ManualClock;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let clock = ManualClock::new();
    /// clock.run(clock.sleep(Duration::from_secs(3600))).await;
    /// assert_eq!(clock.elapsed(), Duration::from_secs(3600));
    /// # }
    /// ```
    ///
    /// What goes on outside the runtime's thread, such as an answer on a socket, is nothing to this clock: it does not wait.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the one that it drives, and leaves the clock where it is by then.
    pub async fn run<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let mut turns = TURNS;
        future::poll_fn(|context| {
            let polled = future.as_mut().poll(context);
            if polled.is_pending() {
                turns -= 1;
                if turns > 0 || self.wake_next(Duration::MAX) {
                    context.waker().wake_by_ref();
                } else {
                    self.lock().idle.push(context.waker().clone());
                }
                turns = if turns == 0 { TURNS } else { turns };
            }
            polled
        })
        .await
    }

    /// Moves on to the first sleep that ends by `end`, if there is one, and ends it.
    fn wake_next(&self, end: Duration) -> bool {
        let mut inner = self.lock();
        let first = inner.sleepers.first_entry().filter(|sleeper| sleeper.key().0 <= end);
        let Some(((due, _), waker)) = first.map(OccupiedEntry::remove_entry) else { return false };
        inner.elapsed = inner.elapsed.max(due);
        drop(inner);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    fn move_to(&self, elapsed: Duration) {
        let mut inner = self.lock();
        inner.elapsed = inner.elapsed.max(elapsed);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl TimeSource for ManualClock {
    fn now(&self) -> SystemTime {
        Self::now(self)
    }
}

impl AsyncSleep for ManualClock {
    fn sleep(&self, duration: Duration) -> Sleep {
        let mut inner = self.lock();
        inner.slept += 1;
        let place = (inner.elapsed.saturating_add(duration), inner.slept);
        if !duration.is_zero() {
            inner.sleepers.insert(place, None);
        }
        let idle = std::mem::take(&mut inner.idle);
        drop(inner);
        idle.into_iter().for_each(Waker::wake);
        Sleep::new(Sleeper { clock: self.clone(), place })
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.lock();
        f.debug_struct("ManualClock")
            .field("elapsed", &inner.elapsed)
            .field("sleepers", &inner.sleepers.len())
            .finish_non_exhaustive()
    }
}

struct Sleeper {
    clock: ManualClock,
    place: (Duration, u64),
}

impl Future for Sleeper {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // To drop a waker can drop a task, and another sleeper with it, so that is done outside the lock.
        let replaced = match self.clock.lock().sleepers.get_mut(&self.place) {
            Some(waker) => waker.replace(context.waker().clone()),
            None => return Poll::Ready(()),
        };
        drop(replaced);
        Poll::Pending
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let left = self.clock.lock().sleepers.remove(&self.place);
        drop(left);
    }
}

/// Lets every other task of the runtime take some turns.
async fn give_way() {
    let mut turns = TURNS;
    future::poll_fn(|context| {
        if turns == 0 {
            return Poll::Ready(());
        }
        turns -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// As many as work takes that is handed from task to task, and then some.
const TURNS: u32 = 64;

const START: Duration = Duration::from_secs(1_800_000_000);
