//! What the cases are made of: a clock that can be set, two runtimes in virtual time, and loads that end as they are told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_smithy_async::time::TimeSource;
use flux_aws_auth::cache::{Fault, LoadError, Loaded};
use tokio::runtime::{Builder, Handle, Id, Runtime};
use tokio::sync::oneshot;

/// How long a load may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);
/// When a load that does not come back is taken for dead.
pub(crate) const DEAD: Duration = Duration::from_secs(11);

/// The number of the load that brought it, and its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) key: u8,
    pub(crate) load: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Load(Value),
    Cache(Fault),
}

impl From<Fault> for Wrong {
    fn from(fault: Fault) -> Self {
        Self::Cache(fault)
    }
}

/// How a load ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    Expiring(Duration),
    /// The expiry of the value before, if there was one.
    Same,
    Lasting,
    Prolonged(Duration),
    Transient,
    Denied,
    Panic,
}

/// One load, as the other side sees it.
pub(crate) struct Load {
    pub(crate) key: u8,
    pub(crate) started_at: Duration,
    pub(crate) is_alive: bool,
    runtime: Id,
    /// How often the key had been forgotten when it started.
    pub(crate) generation: u64,
    pub(crate) end: Option<oneshot::Sender<End>>,
    /// The life of what it brought, by both clocks.
    pub(crate) brought: Option<Brought>,
}

/// Until when a value is good: by the wall clock, and by the monotonic one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Brought {
    pub(crate) wall: Option<SystemTime>,
    pub(crate) monotonic: Option<Duration>,
}

/// What everybody looks at.
#[derive(Clone, Debug, Default)]
pub(crate) struct World(Arc<Mutex<State>>);

#[derive(Default)]
pub(crate) struct State {
    /// Virtual time since the case began, which no step of the wall clock changes.
    pub(crate) elapsed: Duration,
    /// By how much the wall clock is ahead of it; it starts at a day and never goes below zero.
    pub(crate) wall_ahead: Duration,
    pub(crate) loads: Vec<Load>,
    /// The runtime that stands still at times, and when it last did.
    pub(crate) unsteady: Option<(Id, Duration)>,
    /// How often a key was forgotten.
    pub(crate) forgotten: HashMap<u8, u64>,
    /// The load that denied a key last.
    pub(crate) denied: HashMap<u8, usize>,
    pub(crate) violations: Vec<String>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("State")
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let world = Self::default();
        world.state().wall_ahead = Duration::from_hours(24);
        world
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The other side of every key.
    pub(crate) async fn load(
        &self,
        key: u8,
        previous: Option<Arc<Value>>,
    ) -> Result<Loaded<Value>, LoadError<Wrong>> {
        let (number, told) = self.state().start(key);
        let _alive = Alive { world: self, number };
        if let Some(previous) = &previous {
            self.state().check_previous(key, previous);
        }
        let value = Value { key, load: number };
        let end = told.await.unwrap_or(End::Transient);
        let mut state = self.state();
        let now = state.wall();
        let expiry = match end {
            End::Transient => return Err(LoadError::Transient(Wrong::Load(value))),
            End::Denied => {
                state.deny(value);
                return Err(LoadError::Denied(Wrong::Load(value)));
            }
            End::Panic => {
                drop(state);
                // Without the message on standard error.
                resume_unwind_scripted()
            }
            End::Expiring(life) | End::Prolonged(life) => Some(now + life),
            End::Same => {
                let before = previous.as_ref().and_then(|previous| state.loads[previous.load].brought);
                before.and_then(|brought| brought.wall)
            }
            End::Lasting => None,
        };
        let brought = match (end, &previous) {
            (End::Prolonged(_), Some(previous)) => previous.load,
            _ => number,
        };
        let monotonic = expiry.map(|expiry| state.elapsed + expiry.duration_since(now).unwrap_or_default());
        state.loads[brought].brought = Some(Brought { wall: expiry, monotonic });
        match (end, previous) {
            (End::Prolonged(_), Some(previous)) => Ok(Loaded::new(previous).with_expiry(expiry)),
            _ => Ok(Loaded::new(value).with_expiry(expiry)),
        }
    }
}

fn resume_unwind_scripted() -> ! {
    std::panic::resume_unwind(Box::new("scripted"))
}

struct Alive<'a> {
    world: &'a World,
    number: usize,
}

impl Drop for Alive<'_> {
    fn drop(&mut self) {
        self.world.state().loads[self.number].is_alive = false;
    }
}

impl TimeSource for World {
    fn now(&self) -> SystemTime {
        self.state().wall()
    }
}

impl State {
    pub(crate) fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.wall_ahead + self.elapsed
    }

    pub(crate) fn generation(&self, key: u8) -> u64 {
        self.forgotten.get(&key).copied().unwrap_or_default()
    }

    fn start(&mut self, key: u8) -> (usize, oneshot::Receiver<End>) {
        let others = self.loads.iter().filter(|load| load.key == key && load.is_alive);
        let doubled = others.filter(|other| !self.may_be_taken_for_dead(other)).count();
        self.violate_if(doubled > 0, || format!("key {key} is loaded twice at once"));
        let (end, told) = oneshot::channel();
        let generation = self.generation(key);
        self.loads.push(Load {
            key,
            started_at: self.elapsed,
            is_alive: true,
            runtime: Handle::current().id(),
            generation,
            end: Some(end),
            brought: None,
        });
        (self.loads.len() - 1, told)
    }

    /// Nobody who comes after this may have what was loaded before. (One who comes back late may be taken for dead.)
    fn deny(&mut self, value: Value) {
        let load = &self.loads[value.load];
        if self.elapsed < load.started_at + LIMIT && load.generation == self.generation(value.key) {
            self.denied.insert(value.key, value.load);
        }
    }

    /// Whoever waits counts from when the load was called for, which is before it started if its runtime stood still then.
    fn may_be_taken_for_dead(&self, load: &Load) -> bool {
        let unsteady = self.unsteady.filter(|(runtime, _)| *runtime == load.runtime);
        unsteady.is_some_and(|(_, still_at)| load.started_at < still_at + DEAD)
    }

    fn check_previous(&mut self, key: u8, previous: &Value) {
        let of_now = self.generation(key) == self.loads[previous.load].generation;
        self.violate_if(previous.key != key, || format!("the load of key {key} was given {previous:?}"));
        self.violate_if(!of_now, || format!("a load was given {previous:?}, which was forgotten"));
    }

    /// Whether a caller who came in this generation, after this denial, may have this value now.
    pub(crate) fn check(&mut self, key: u8, value: &Value, generation: u64, denied: Option<usize>) {
        let (wall, elapsed) = (self.wall(), self.elapsed);
        let load = &self.loads[value.load];
        let is_old = load.generation < generation;
        let brought = load.brought;
        self.violate_if(value.key != key, || format!("a caller of key {key} got {value:?}"));
        self.violate_if(is_old, || format!("a caller got {value:?}, which was forgotten before"));
        self.violate_if(denied > Some(value.load), || {
            format!("a caller got {value:?}, which was denied before")
        });
        let Some(Brought { wall: by_wall, monotonic }) = brought else {
            return self.violate_if(true, || format!("{value:?} was never brought"));
        };
        let has_expired =
            by_wall.is_some_and(|end| wall >= end) || monotonic.is_some_and(|end| elapsed >= end);
        self.violate_if(has_expired, || format!("a caller got {value:?}, which has expired"));
    }

    pub(crate) fn violate_if(&mut self, is_violated: bool, what: impl FnOnce() -> String) {
        if is_violated {
            let violation = format!("after {:?}: {}", self.elapsed, what());
            self.violations.push(violation);
        }
    }
}

pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}
