//! The expiring cache through its public API: what is loaded, when, by whom, and what everybody gets.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_smithy_async::time::TimeSource;
use flux_aws_auth::cache::{CacheBuilder, Fault, Handle, LoadError, Loaded};
use tokio::sync::Semaphore;

use crate::support::TestClock;

mod bounds;
mod callers;
mod clocks;
mod failures;
mod foreign;
mod runtimes;

const HOUR: Duration = Duration::from_hours(1);
/// The longest that a value of an hour can be fresh, and a second.
const STALE: Duration = Duration::from_secs(1981);
const LIMIT: Duration = Duration::from_secs(30);

/// What went wrong: a load by its number, or the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wrong {
    Load(u32),
    Cache(Fault),
}

impl From<Fault> for Wrong {
    fn from(fault: Fault) -> Self {
        Self::Cache(fault)
    }
}

/// What a load does, once a permit lets it.
#[derive(Clone, Copy, Debug)]
enum Does {
    BringFor(Duration),
    BringUntil(SystemTime),
    FailForNow,
    Deny,
    Panic,
    Hang,
}

/// A value is the number of the load that brought it.
type Values = Handle<u32, Wrong>;

/// A loader on strings, and what it saw.
#[derive(Clone)]
struct Source {
    clock: TestClock,
    permits: Arc<Semaphore>,
    script: Arc<Mutex<Script>>,
}

struct Script {
    next: VecDeque<Does>,
    then: Does,
    /// The previous values that the loads were given, and so also how many loads there were.
    given: Vec<Option<u32>>,
    in_the_air: usize,
}

impl Source {
    /// Brings a value of an hour each time.
    fn new() -> Self {
        let script =
            Script { next: VecDeque::new(), then: Does::BringFor(HOUR), given: Vec::new(), in_the_air: 0 };
        Self {
            clock: TestClock::new(),
            permits: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            script: Arc::new(Mutex::new(script)),
        }
    }

    /// Lets no load go on before there are permits.
    fn closed() -> Self {
        Self { permits: Arc::new(Semaphore::new(0)), ..Self::new() }
    }

    fn next(self, does: impl IntoIterator<Item = Does>) -> Self {
        self.script.lock().unwrap().next.extend(does);
        self
    }

    fn then(&self, does: Does) {
        let mut script = self.script.lock().unwrap();
        script.next.clear();
        script.then = does;
    }

    fn builder(&self) -> CacheBuilder {
        CacheBuilder::new().time_source(self.clock.clone()).load_timeout(LIMIT)
    }

    fn handle(&self) -> Values {
        self.builder().single(self.loader())
    }

    fn loader(
        &self,
    ) -> impl Fn(Option<Arc<u32>>) -> futures::Loading<u32, Wrong> + Send + Sync + use<> + 'static {
        let source = self.clone();
        move |previous| {
            let source = source.clone();
            Box::pin(async move { source.load(previous).await })
        }
    }

    async fn load(&self, previous: Option<Arc<u32>>) -> Result<Loaded<u32>, LoadError<Wrong>> {
        let (number, does) = {
            let mut script = self.script.lock().unwrap();
            script.given.push(previous.as_deref().copied());
            script.in_the_air += 1;
            (u32::try_from(script.given.len()).unwrap(), script.next.pop_front().unwrap_or(script.then))
        };
        let _landing = Landing(self);
        self.permits.acquire().await.expect("never closed").forget();
        let brought = Loaded::new(number);
        match does {
            Does::BringFor(life) => Ok(brought.with_expiry(self.clock.now() + life)),
            Does::BringUntil(end) => Ok(brought.with_expiry(end)),
            Does::FailForNow => Err(LoadError::Transient(Wrong::Load(number))),
            Does::Deny => Err(LoadError::Denied(Wrong::Load(number))),
            // Without the message on standard error.
            Does::Panic => std::panic::resume_unwind(Box::new("scripted")),
            Does::Hang => std::future::pending().await,
        }
    }

    fn loads(&self) -> usize {
        self.script.lock().unwrap().given.len()
    }

    fn given(&self) -> Vec<Option<u32>> {
        self.script.lock().unwrap().given.clone()
    }

    fn in_the_air(&self) -> usize {
        self.script.lock().unwrap().in_the_air
    }
}

struct Landing<'a>(&'a Source);

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        self.0.script.lock().unwrap().in_the_air -= 1;
    }
}

mod futures {
    use std::future::Future;
    use std::pin::Pin;

    use super::{LoadError, Loaded};

    pub(super) type Loading<V, E> = Pin<Box<dyn Future<Output = Result<Loaded<V>, LoadError<E>>> + Send>>;
}

/// A wall clock that somebody sets.
#[derive(Clone, Debug)]
struct Settable {
    clock: TestClock,
    ahead: Arc<AtomicI64>,
}

impl Settable {
    fn step(&self, seconds: i64) {
        self.ahead.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl TimeSource for Settable {
    fn now(&self) -> SystemTime {
        let ahead = self.ahead.load(Ordering::SeqCst);
        let by = Duration::from_secs(ahead.unsigned_abs());
        if ahead < 0 { self.clock.now() - by } else { self.clock.now() + by }
    }
}

fn with_settable_clock(with: fn(CacheBuilder) -> CacheBuilder) -> (Source, Settable, Values) {
    let source = Source::new();
    let wall = Settable { clock: source.clock.clone(), ahead: Arc::default() };
    let handle = with(source.builder().time_source(wall.clone())).single(source.loader());
    (source, wall, handle)
}

/// The number of the load whose value, or failure, a caller gets.
async fn got(handle: &Values) -> Result<u32, Wrong> {
    handle.get().await.map(|value| *value)
}

/// A caller with a task of its own.
fn call(handle: &Values) -> tokio::task::JoinHandle<Result<u32, Wrong>> {
    let handle = handle.clone();
    tokio::spawn(async move { got(&handle).await })
}

async fn pass(time: Duration) {
    tokio::time::advance(time).await;
    settle().await;
}

/// Lets what runs in the background come to an end.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}
