//! Two clocks, and how long everything lasts.

use std::any::Any;
use std::time::{Duration, SystemTime};

use aws_smithy_async::time::SharedTimeSource;
use tokio::time::Instant;

use super::Loaded;
use super::erased::Erased;

/// How long a value without an expiry is fresh.
const WITHOUT_EXPIRY: Duration = Duration::from_mins(5);
/// How long one is, at least, that brought the same expiry as the value before it.
const SAME_EXPIRY: Duration = Duration::from_secs(30);
/// The first pause after a failure, and the longest, while there is a good value.
const WHILE_GOOD: [Duration; 2] = [Duration::from_secs(1), Duration::from_mins(1)];
/// The same while there is none. The longest is below the pauses of those who try again on their own.
const WITHOUT_GOOD: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(2)];
/// What is left of a value is not cut into shorter pauses than this.
const SHORTEST: Duration = Duration::from_secs(1);

/// What both clocks say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    wall: SystemTime,
    pub(super) monotonic: Instant,
}

impl Now {
    #[expect(
        clippy::disallowed_methods,
        reason = "the monotonic clock, which virtual time moves with the timers"
    )]
    pub(super) fn read(time_source: &SharedTimeSource) -> Self {
        Self { wall: time_source.now(), monotonic: Instant::now() }
    }
}

/// A point in time by both clocks. It has come when either of them says so; `None` never comes.
#[derive(Clone, Copy, Debug)]
struct Moment {
    wall: Option<SystemTime>,
    monotonic: Option<Instant>,
}

impl Moment {
    fn after(now: Now, duration: Duration) -> Self {
        Self { wall: now.wall.checked_add(duration), monotonic: now.monotonic.checked_add(duration) }
    }

    fn at(now: Now, wall: SystemTime) -> Self {
        Self { wall: Some(wall), ..Self::after(now, wall.duration_since(now.wall).unwrap_or_default()) }
    }

    fn has_come(self, now: Now) -> bool {
        self.wall.is_some_and(|wall| now.wall >= wall)
            || self.monotonic.is_some_and(|monotonic| now.monotonic >= monotonic)
    }

    fn left(self, now: Now) -> Duration {
        let wall = self.wall.map_or(Duration::MAX, |wall| wall.duration_since(now.wall).unwrap_or_default());
        let monotonic =
            self.monotonic.map_or(Duration::MAX, |at| at.saturating_duration_since(now.monotonic));
        wall.min(monotonic)
    }
}

/// A value in hand.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) value: Erased,
    /// As the loader gave it.
    expiry: Option<SystemTime>,
    stale: Moment,
    expired: Option<Moment>,
}

impl Held {
    pub(super) fn new(loaded: Loaded<dyn Any + Send + Sync>, previous: Option<&Self>, now: Now) -> Self {
        let expiry = loaded.expiry;
        let expired = expiry.map(|expiry| Moment::at(now, expiry));
        let fresh_for = match expired.map(|expired| expired.left(now)) {
            None => WITHOUT_EXPIRY,
            Some(left) if previous.is_some_and(|previous| previous.expiry == expiry) => {
                (left / 16).max(SAME_EXPIRY).min(half_of(left)).min(left)
            }
            Some(left) => left.mul_f64(0.45 + 0.1 * fastrand::f64()),
        };
        Self { value: loaded.value, expiry, stale: Moment::after(now, fresh_for), expired }
    }

    pub(super) fn is_good(&self, now: Now) -> bool {
        self.expired.is_none_or(|expired| !expired.has_come(now))
    }

    pub(super) fn is_fresh(&self, now: Now) -> bool {
        // By both clocks it is stale no later than expired.
        !self.stale.has_come(now)
    }

    fn left(&self, now: Now) -> Duration {
        self.expired.map_or(Duration::MAX, |expired| expired.left(now))
    }

    /// When it expires by the monotonic clock; `None` for never.
    pub(super) fn ends_at(&self) -> Option<Instant> {
        self.expired?.monotonic
    }
}

/// What failed last, and until when nobody tries again.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) error: Erased,
    /// How many have failed one after another.
    in_a_row: u32,
    while_good: Option<Instant>,
    pub(super) without_good: Option<Instant>,
}

impl Failure {
    pub(super) fn new(error: Erased, before: Option<&Self>, held: Option<&Held>, now: Now) -> Self {
        let in_a_row = before.map_or(1, |before| before.in_a_row.saturating_add(1));
        let while_good =
            pause(WHILE_GOOD, in_a_row).min(held.map_or(SHORTEST, |held| half_of(held.left(now))));
        let without_good = pause(WITHOUT_GOOD, in_a_row);
        Self {
            error,
            in_a_row,
            while_good: now.monotonic.checked_add(while_good),
            without_good: now.monotonic.checked_add(without_good),
        }
    }

    pub(super) fn pauses_while_good(&self, now: Now) -> bool {
        self.while_good.is_some_and(|until| now.monotonic < until)
    }

    pub(super) fn pauses_without_good(&self, now: Now) -> bool {
        self.without_good.is_some_and(|until| now.monotonic < until)
    }
}

/// Half of what is left, so that there is time for another try.
fn half_of(left: Duration) -> Duration {
    (left / 2).max(SHORTEST)
}

/// Doubles from the first to the longest, and is shortened by chance, to no less than half.
fn pause([first, longest]: [Duration; 2], in_a_row: u32) -> Duration {
    let factor = 2_u32.saturating_pow(in_a_row.saturating_sub(1));
    first.saturating_mul(factor).min(longest).mul_f64(0.5 + 0.5 * fastrand::f64())
}
