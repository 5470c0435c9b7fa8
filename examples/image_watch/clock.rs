//! The time of day, and waiting for it.

use std::collections::BTreeSet;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_smithy_async::rt::sleep::{AsyncSleep, TokioSleep};
use aws_smithy_async::time::{SystemTimeSource, TimeSource};
use tokio::sync::Notify;

/// The machine's time, or that of a story.
#[derive(Clone, Debug)]
pub(crate) enum Clock {
    Machine,
    Story(Story),
}

/// A time that stands still while somebody has a [`Turn`], and is skipped while all sleep: whoever wants to be woken first has the
/// next turn. So a story of an hour is over as soon as its work is done, and always goes the same way.
#[derive(Clone)]
pub(crate) struct Story {
    clock: local_aws::Clock,
    speed: Option<u32>,
    waiting: Arc<Waiting>,
}

/// The right to find the time unchanged, until it is dropped. Clones are further turns.
#[derive(Debug)]
pub(crate) struct Turn(Option<Story>);

impl Clock {
    /// The time of a story on the clock of its AWS. With a speed, what is skipped takes its time divided by it, for people to
    /// watch.
    pub(crate) fn story(clock: local_aws::Clock, speed: Option<u32>) -> Self {
        Self::Story(Story { clock, speed, waiting: Arc::default() })
    }

    /// The time of day.
    pub(crate) fn now(&self) -> SystemTime {
        match self {
            Self::Machine => SystemTimeSource::new().now(),
            Self::Story(story) => story.clock.now(),
        }
    }

    /// A turn at once.
    pub(crate) fn turn(&self) -> Turn {
        match self {
            Self::Machine => Turn(None),
            Self::Story(story) => story.turn(),
        }
    }

    /// Waits until it is that late, and takes the turn.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the turn to the next.
    pub(crate) async fn sleep_until(&self, at: SystemTime) -> Turn {
        match self {
            Self::Machine => {
                let left = at.duration_since(self.now()).unwrap_or_default();
                TokioSleep::new().sleep(left).await;
                Turn(None)
            }
            Self::Story(story) => story.sleep_until(at).await,
        }
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        Self::now(self)
    }
}

/// Who waits, and how many do not.
#[derive(Debug, Default)]
struct Waiting {
    places: Mutex<Places>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Places {
    turns: usize,
    waiting: BTreeSet<(SystemTime, u64)>,
    next: u64,
}

impl Places {
    fn lets_go(&self, place: &Place<'_>) -> bool {
        self.turns == 0 && self.waiting.first() == Some(&place.key)
    }
}

impl Story {
    fn turn(&self) -> Turn {
        self.places().turns += 1;
        self.waiting.changed.notify_waiters();
        Turn(Some(self.clone()))
    }

    async fn sleep_until(&self, at: SystemTime) -> Turn {
        let place = Place::take(self, at);
        loop {
            let mut changed = pin!(self.waiting.changed.notified());
            changed.as_mut().enable();
            if self.is_next(&place) {
                let skipped = at.duration_since(self.clock.now()).unwrap_or_default();
                let watched = self.speed.map_or(Duration::ZERO, |speed| skipped / speed.max(1));
                if !watched.is_zero() {
                    tokio::select! {
                        biased;
                        () = &mut changed => continue,
                        () = TokioSleep::new().sleep(watched) => {}
                    }
                }
                if let Some(turn) = self.skip_to(&place) {
                    return turn;
                }
            } else {
                changed.await;
            }
        }
    }

    fn is_next(&self, place: &Place<'_>) -> bool {
        self.places().lets_go(place)
    }

    /// Moves the clock, if nobody came between.
    fn skip_to(&self, place: &Place<'_>) -> Option<Turn> {
        let mut places = self.places();
        if !places.lets_go(place) {
            return None;
        }
        places.turns = 1;
        // The account's clock moves by whole milliseconds.
        let left = place.key.0.duration_since(self.clock.now()).unwrap_or_default();
        let millis = left.as_micros().div_ceil(1000);
        self.clock.advance(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)));
        Some(Turn(Some(self.clone())))
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.waiting.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Story").field("clock", &self.clock).finish_non_exhaustive()
    }
}

/// A place among those who wait, left when it is dropped.
struct Place<'a> {
    story: &'a Story,
    key: (SystemTime, u64),
}

impl<'a> Place<'a> {
    fn take(story: &'a Story, at: SystemTime) -> Self {
        let mut places = story.places();
        let key = (at, places.next);
        places.next += 1;
        places.waiting.insert(key);
        drop(places);
        story.waiting.changed.notify_waiters();
        Self { story, key }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.story.places().waiting.remove(&self.key);
        self.story.waiting.changed.notify_waiters();
    }
}

impl Clone for Turn {
    fn clone(&self) -> Self {
        self.0.as_ref().map_or(Self(None), Story::turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(story) = &self.0 {
            story.places().turns -= 1;
            story.waiting.changed.notify_waiters();
        }
    }
}
