//! One key's value, its last failure, and the flight that loads it. What happens next is decided here, under one lock and
//! without waiting.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::runtime::Id;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::builder::Settings;
use super::counters::Cells;
use super::erased::{Erased, MakeError, Outcome};
use super::flight::OVERDUE_AFTER;
use super::lifetime::{Failure, Held, Now};
use super::{Fault, LoadError};

/// The place of one key.
pub(super) struct Slot {
    pub(super) settings: Settings,
    pub(super) counters: Arc<Cells>,
    pub(super) make_error: MakeError,
    state: RwLock<State>,
}

struct State {
    held: Option<Held>,
    failure: Option<Failure>,
    flight: Option<InFlight>,
    flights: u64,
    /// How often the value was forgotten. What was loaded for one generation is nothing to the next.
    generation: u64,
}

/// The flight as those see it who wait for it.
pub(super) struct InFlight {
    number: u64,
    /// Where it was started; `None` outside tokio.
    runtime: Option<Id>,
    overdue_at: Option<Instant>,
    ended: watch::Receiver<Option<Ended>>,
    /// Dropped, it calls the flight off.
    call_off: Option<oneshot::Sender<()>>,
}

/// The flight as its pilot has it. Dropped, it tells those who wait to start over.
pub(super) struct Ticket {
    number: u64,
    generation: u64,
    pub(super) previous: Option<Erased>,
    pub(super) called_off: oneshot::Receiver<()>,
    ended: watch::Sender<Option<Ended>>,
    /// The dead one before it. To drop it wakes that one's task, which must not be under the lock.
    pub(super) dead: Option<InFlight>,
}

/// What became of a flight.
#[derive(Clone)]
pub(super) enum Ended {
    Loaded(Held),
    Failed(Erased),
    /// It was cancelled, or another took its place: look again.
    Void,
}

/// How long a slot is worth keeping.
#[derive(Clone, Copy, Debug)]
pub(super) enum Worth {
    Nothing,
    /// A failure, as long as its pause.
    Pause(Option<Instant>),
    /// A value, until it expires if it does.
    Value(Option<Instant>),
}

/// What a caller does now. A ticket is for the one who has to start the flight.
pub(super) enum Step {
    Take(Good),
    Wait(Waiting, Option<Ticket>),
    Fail(Erased),
}

/// A good value, and the ticket where it is stale and nobody refreshes it.
pub(super) type Good = (Erased, Option<Ticket>);

/// What it takes to wait for a flight.
pub(super) struct Waiting {
    pub(super) number: u64,
    pub(super) runtime: Option<Id>,
    pub(super) ended: watch::Receiver<Option<Ended>>,
    /// How long to wait; `None` when the limit is beyond all clocks.
    pub(super) patience: Option<Duration>,
}

impl Slot {
    pub(super) fn new(settings: Settings, counters: Arc<Cells>, make_error: MakeError) -> Self {
        let state = State { held: None, failure: None, flight: None, flights: 0, generation: 0 };
        Self { settings, counters, make_error, state: RwLock::new(state) }
    }

    pub(super) fn now(&self) -> Now {
        Now::read(&self.settings.time_source)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `take` makes of a fresh value.
    pub(super) fn fresh<R>(&self, take: impl Fn(&Erased) -> R) -> Option<R> {
        let now = self.now();
        let state = self.read();
        state.held.as_ref().filter(|held| held.is_fresh(now)).map(|held| take(&held.value))
    }

    /// The value, fresh or stale.
    pub(super) fn good(&self) -> Option<Erased> {
        let now = self.now();
        let state = self.read();
        state.held.as_ref().filter(|held| held.is_good(now)).map(|held| held.value.clone())
    }

    /// How long it is worth keeping for nobody.
    pub(super) fn worth(&self) -> Worth {
        let state = self.read();
        match (&state.held, &state.failure) {
            (Some(held), _) => Worth::Value(held.ends_at()),
            (None, Some(failure)) => Worth::Pause(failure.without_good),
            (None, None) => Worth::Nothing,
        }
    }

    /// Lets go of everything. A flight is cancelled; who comes before it has come down waits for that.
    pub(super) fn forget(&self) {
        self.forget_if(|_| true);
    }

    /// As [`forget`](Self::forget), if this is the value. Says whether it was.
    pub(super) fn forget_value(&self, value: &Erased) -> bool {
        self.forget_if(|held| held.is_some_and(|held| Arc::ptr_eq(&held.value, value)))
    }

    fn forget_if(&self, is_meant: impl FnOnce(Option<&Held>) -> bool) -> bool {
        let forgotten = {
            let mut state = self.write();
            if !is_meant(state.held.as_ref()) {
                return false;
            }
            state.generation += 1;
            let call_off = state.flight.as_mut().and_then(|flight| flight.call_off.take());
            (state.held.take(), state.failure.take(), call_off)
        };
        // What was forgotten runs the caller's code when it goes, and a flight wakes: not under the lock.
        drop(forgotten);
        true
    }

    /// The good value. `None` when there is none, and when someone should refresh it and this caller cannot fly.
    pub(super) fn take_good(&self, runtime: Option<Id>) -> Option<Good> {
        let now = self.now();
        // Nearly always there is nothing to write.
        let (value, wants_flight) = self.read().good(now)?;
        if !wants_flight {
            return Some((value, None));
        }
        let mut state = self.write();
        let (value, wants_flight) =
            state.good(now).filter(|(_, wants_flight)| runtime.is_some() || !wants_flight)?;
        Some((value, wants_flight.then(|| self.start(&mut state, now, runtime).0)))
    }

    fn start(&self, state: &mut State, now: Now, runtime: Option<Id>) -> (Ticket, Waiting) {
        let (call_off, called_off) = oneshot::channel();
        let (sender, ended) = watch::channel(None);
        state.flights += 1;
        let flight = InFlight {
            number: state.flights,
            runtime,
            overdue_at: self
                .settings
                .load_timeout
                .checked_add(OVERDUE_AFTER)
                .and_then(|patience| now.monotonic.checked_add(patience)),
            ended,
            call_off: Some(call_off),
        };
        let waiting = flight.waiting(now);
        self.counters.load(state.held.is_some());
        let ticket = Ticket {
            number: flight.number,
            generation: state.generation,
            previous: state.held.as_ref().map(|held| held.value.clone()),
            called_off,
            ended: sender,
            dead: state.flight.replace(flight),
        };
        (ticket, waiting)
    }

    /// What a caller in this runtime does now who wants the value and can wait.
    pub(super) fn next(&self, runtime: Option<Id>) -> Step {
        let now = self.now();
        let mut state = self.write();
        if let Some((value, wants_flight)) = state.good(now) {
            return Step::Take((value, wants_flight.then(|| self.start(&mut state, now, runtime).0)));
        }
        if let Some(flight) = state.flight_in_the_air(now) {
            return Step::Wait(flight.waiting(now), None);
        }
        if let Some(failure) = state.failure.as_ref().filter(|failure| failure.pauses_without_good(now)) {
            return Step::Fail(failure.error.clone());
        }
        let (ticket, waiting) = self.start(&mut state, now, runtime);
        Step::Wait(waiting, Some(ticket))
    }

    /// Takes a flight for dead, so that another can start: after the pause of a failure if there is a fault, else at once.
    pub(super) fn give_up(&self, number: u64, fault: Option<Fault>) {
        let now = self.now();
        let error = fault.map(self.make_error);
        let debris = {
            let mut state = self.write();
            let Some(flight) = state.flight.take_if(|flight| flight.number == number) else { return };
            if let Some(error) = error {
                self.counters.failure();
                (flight, state.fail(error, now))
            } else {
                (flight, None)
            }
        };
        drop(debris);
    }

    /// The end of a flight: keeps what it brought and tells those who wait. `None` when it was cancelled.
    pub(super) fn land(&self, ticket: &Ticket, mut outcome: Option<Outcome>) {
        let now = self.now();
        let when_kept = match &mut outcome {
            Some(Ok(loaded)) => loaded.when_kept.take(),
            _ => None,
        };
        let outcome = outcome.map(|outcome| self.judge(outcome, now));
        let (ended, debris) = {
            let mut state = self.write();
            if state.flight.as_ref().is_none_or(|flight| flight.number != ticket.number) {
                (Ended::Void, Debris::default())
            } else {
                let flight = state.flight.take();
                let (ended, mut debris) = match outcome {
                    Some(outcome) if state.generation == ticket.generation => state.keep(outcome, now),
                    _ => (Ended::Void, Debris::default()),
                };
                debris.flight = flight;
                (ended, debris)
            }
        };
        match (&ended, when_kept) {
            (Ended::Loaded(_), Some(act)) => act(),
            (Ended::Failed(_), _) => self.counters.failure(),
            _ => {}
        }
        ticket.ended.send_replace(Some(ended));
        drop(debris);
    }

    /// What a load brought, as it is kept. It makes an error and drops a value, which runs the caller's code: not under the lock.
    fn judge(&self, outcome: Outcome, now: Now) -> Result<Held, LoadError<Erased>> {
        let loaded = outcome?;
        // Another one takes its place only when this outcome is void.
        let previous = self.read().held.clone();
        Some(Held::new(loaded, previous.as_ref(), now))
            .filter(|held| held.is_good(now))
            .ok_or_else(|| LoadError::Transient((self.make_error)(Fault::AlreadyExpired)))
    }
}

impl State {
    /// The good value, and whether someone should refresh it.
    fn good(&self, now: Now) -> Option<(Erased, bool)> {
        let held = self.held.as_ref().filter(|held| held.is_good(now))?;
        let pauses = self.failure.as_ref().is_some_and(|failure| failure.pauses_while_good(now));
        let rests = held.is_fresh(now) || pauses || self.flight_in_the_air(now).is_some();
        Some((held.value.clone(), !rests))
    }

    fn flight_in_the_air(&self, now: Now) -> Option<&InFlight> {
        self.flight.as_ref().filter(|flight| !flight.is_dead(now))
    }
}

/// What is replaced. It runs the caller's code when it goes, which must not be under the lock.
#[derive(Default)]
struct Debris {
    held: Option<Held>,
    failure: Option<Failure>,
    flight: Option<InFlight>,
}

impl State {
    fn keep(&mut self, outcome: Result<Held, LoadError<Erased>>, now: Now) -> (Ended, Debris) {
        let mut debris = Debris::default();
        let error = match outcome {
            Ok(held) => {
                debris.failure = self.failure.take();
                debris.held = self.held.replace(held.clone());
                return (Ended::Loaded(held), debris);
            }
            Err(LoadError::Transient(error)) => error,
            Err(LoadError::Denied(error)) => {
                debris.held = self.held.take();
                error
            }
        };
        debris.failure = self.fail(error.clone(), now);
        (Ended::Failed(error), debris)
    }

    /// Notes a failure, in place of the one before.
    fn fail(&mut self, error: Erased, now: Now) -> Option<Failure> {
        let failure = Failure::new(error, self.failure.as_ref(), self.held.as_ref(), now);
        self.failure.replace(failure)
    }
}

impl InFlight {
    /// Whether its pilot is gone, or so late that nobody waits any longer.
    fn is_dead(&self, now: Now) -> bool {
        self.ended.has_changed().is_err() || self.overdue_at.is_some_and(|at| now.monotonic >= at)
    }

    fn waiting(&self, now: Now) -> Waiting {
        let patience = self.overdue_at.map(|at| at.saturating_duration_since(now.monotonic));
        Waiting { number: self.number, runtime: self.runtime, ended: self.ended.clone(), patience }
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = self.now();
        let Ok(state) = self.state.try_read() else { return f.write_str("Slot(locked)") };
        let value = match &state.held {
            None => "none",
            Some(held) if held.is_fresh(now) => "fresh",
            Some(held) if held.is_good(now) => "stale",
            Some(_) => "expired",
        };
        f.debug_struct("Slot")
            .field("value", &value)
            .field("failed", &state.failure.is_some())
            .field("loading", &state.flight.is_some())
            .finish_non_exhaustive()
    }
}
