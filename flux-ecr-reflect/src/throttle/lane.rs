//! The limit of one host and API: how many requests at once, whose turn it is, and until when all of them pause.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// Additive increase, multiplicative decrease, and a queue.
#[derive(Debug, Default)]
pub(super) struct Lane(Mutex<State>);

#[derive(Debug)]
struct State {
    window: usize,
    in_flight: usize,
    /// Woken one at a time: whoever is first watches the pause for all.
    queue: VecDeque<Arc<Notify>>,
    paused_until: Option<Instant>,
    /// How often it slowed down.
    epoch: u64,
    /// Of those, how many since the last answer that was fine.
    strikes: u32,
    /// Answers that asked to slow down, every single one.
    throttled_answers: u64,
    changed_at: Option<Instant>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            window: WIDEST,
            in_flight: 0,
            queue: VecDeque::new(),
            paused_until: None,
            epoch: 0,
            strikes: 0,
            throttled_answers: 0,
            changed_at: None,
        }
    }
}

/// What whoever waits is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Go, in this epoch.
    Go(u64),
    /// All pause until then.
    Paused(Instant),
    /// Others are before.
    Wait,
}

impl Lane {
    /// Takes the last place in the queue.
    pub(super) fn enqueue(&self, waiter: &Arc<Notify>) {
        self.state().queue.push_back(waiter.clone());
    }

    /// Gives up the place in the queue, if there still is one.
    pub(super) fn leave(&self, waiter: &Arc<Notify>) {
        let mut state = self.state();
        if let Some(place) = state.queue.iter().position(|other| Arc::ptr_eq(other, waiter)) {
            state.queue.remove(place);
            if place == 0 {
                state.wake_first();
            }
        }
    }

    /// Whether it is this one's turn. If so, the place in the queue becomes a place in flight.
    pub(super) fn ask(&self, waiter: &Arc<Notify>, now: Instant) -> Answer {
        let mut state = self.state();
        if let Some(until) = state.pause(now) {
            return Answer::Paused(until);
        }
        let is_first = state.queue.front().is_some_and(|first| Arc::ptr_eq(first, waiter));
        if !is_first || state.in_flight >= state.window {
            return Answer::Wait;
        }
        state.queue.pop_front();
        state.in_flight += 1;
        state.wake_first();
        Answer::Go(state.epoch)
    }

    /// A turn is over.
    pub(super) fn release(&self) {
        let mut state = self.state();
        state.in_flight = state.in_flight.saturating_sub(1);
        state.wake_first();
    }

    /// An answer that did not ask to slow down, to a request of this epoch.
    pub(super) fn answered(&self, epoch: u64, now: Instant) {
        let mut state = self.state();
        if epoch != state.epoch {
            return;
        }
        state.strikes = 0;
        let since = state.changed_at.map_or(Duration::ZERO, |then| now.saturating_duration_since(then));
        if state.window < WIDEST && since >= WIDEN_AFTER {
            state.window += 1;
            state.changed_at = Some(now);
        }
    }

    /// An answer that asked to slow down, to a request of this epoch. Of those that were in flight together only the first
    /// slows the lane down, while each may lengthen the pause.
    pub(super) fn slow_down(&self, epoch: u64, retry_after: Option<Duration>, now: Instant) {
        let mut state = self.state();
        state.throttled_answers += 1;
        let is_first = epoch == state.epoch;
        if is_first {
            state.epoch += 1;
            state.strikes = state.strikes.saturating_add(1);
            state.window = (state.window / 2).max(1);
            state.changed_at = Some(now);
        }
        // To ask for slower and for at once contradicts itself: then the former counts.
        let pause = match retry_after.filter(|asked_for| !asked_for.is_zero()) {
            Some(asked_for) => asked_for.min(LONGEST_PAUSE),
            None if is_first => backoff(state.strikes),
            None => return,
        };
        let until = now + pause;
        state.paused_until = Some(state.pause(now).map_or(until, |other| other.max(until)));
        tracing::debug!(
            pause_ms = pause.as_millis(),
            at_once = state.window,
            "a registry asked to slow down"
        );
    }

    /// How many answers asked to slow down.
    pub(super) fn throttled_answers(&self) -> u64 {
        self.state().throttled_answers
    }

    /// Whether nobody waits for it or is on the way, and what it knows is old.
    pub(super) fn is_rested(&self, now: Instant) -> bool {
        let mut state = self.state();
        let quiet = state.changed_at.is_none_or(|then| now.saturating_duration_since(then) >= RESTED_AFTER);
        quiet && state.in_flight == 0 && state.queue.is_empty() && state.pause(now).is_none()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Until when all pause. Never longer than the longest pause from now, even if the clock was set back (as that of one
    /// runtime is, seen from another with virtual time).
    fn pause(&mut self, now: Instant) -> Option<Instant> {
        self.paused_until =
            self.paused_until.filter(|&until| until > now).map(|until| until.min(now + LONGEST_PAUSE));
        self.paused_until
    }

    fn wake_first(&self) {
        if let Some(first) = self.queue.front() {
            first.notify_one();
        }
    }
}

fn backoff(strikes: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(strikes.saturating_sub(1));
    SHORTEST_PAUSE.saturating_mul(doubled).min(LONGEST_BACKOFF)
}

/// Requests at once, at first and at most.
const WIDEST: usize = 16;
const WIDEN_AFTER: Duration = Duration::from_secs(1);
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(20);
/// What a registry may ask for.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
const RESTED_AFTER: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests;
