//! One case: what happens, in the order that its seed decides, and what must hold after each step.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use fastrand::Rng;
use flux_aws_auth::cache::{Cache, CacheBuilder, Handle};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::world::{DEAD, End, LIMIT, Value, World, Wrong, runtime};

const KEYS: u8 = 3;

pub(crate) struct Case {
    random: Rng,
    world: World,
    cache: Cache<u8, Value, Wrong>,
    capacity: usize,
    handles: Vec<(u8, Handle<Value, Wrong>)>,
    callers: Vec<Caller>,
    /// The first is always driven; the second stands still at times, and ends.
    runtimes: [Runtime; 2],
    second_is_driven: bool,
    seen: Seen,
}

/// How much there was to see.
pub(crate) struct Seen {
    pub(crate) loads: u64,
    pub(crate) calls: u64,
}

struct Caller {
    key: u8,
    runtime: usize,
    task: JoinHandle<()>,
    has_ended: Arc<AtomicBool>,
}

impl Case {
    pub(crate) fn new(seed: u64) -> Self {
        // The cache's own chances, on the one thread that there is.
        fastrand::seed(seed);
        let mut random = Rng::with_seed(seed);
        let world = World::new();
        let capacity = random.usize(0..3);
        let cache =
            CacheBuilder::new().time_source(world.clone()).load_timeout(LIMIT).capacity(capacity).build();
        Self {
            random,
            world,
            cache,
            capacity,
            handles: Vec::new(),
            callers: Vec::new(),
            runtimes: [runtime(), runtime()],
            second_is_driven: true,
            seen: Seen { loads: 0, calls: 0 },
        }
    }

    pub(crate) fn run(mut self) -> Seen {
        for _ in 0..self.random.usize(10..40) {
            self.step();
            self.drive();
            self.check();
        }
        self.nobody_hangs();
        self.seen.loads = self.world.state().loads.len() as u64;
        self.seen
    }

    fn step(&mut self) {
        match self.random.u8(0..100) {
            0..30 => self.call(),
            30..36 => self.leave(),
            36..66 => self.end_a_load(),
            66..82 => {
                let time = self.some_time();
                self.pass(time);
            }
            82..86 => self.set_the_wall_clock(),
            86..90 => self.forget(),
            90..94 => drop(self.some_handle()),
            94..98 => self.second_is_driven = !self.second_is_driven,
            _ => self.end_the_second_runtime(),
        }
    }

    /// A caller comes, on either runtime, with a handle of its own or one that stays.
    fn call(&mut self) {
        self.seen.calls += 1;
        let key = self.random.u8(0..KEYS);
        let world = self.world.clone();
        let handle = self.cache.handle(key, move |previous| {
            let world = world.clone();
            async move { world.load(key, previous).await }
        });
        if self.random.bool() {
            self.handles.push((key, handle.clone()));
        }
        let runtime = usize::from(self.random.u8(0..4) == 0);
        let has_ended = Arc::new(AtomicBool::new(false));
        let call = one_call(self.world.clone(), key, handle, has_ended.clone());
        let task = self.runtimes[runtime].spawn(call);
        self.callers.push(Caller { key, runtime, task, has_ended });
    }

    fn leave(&mut self) {
        if !self.callers.is_empty() {
            let caller = self.callers.swap_remove(self.random.usize(0..self.callers.len()));
            caller.task.abort();
        }
    }

    fn end_a_load(&mut self) {
        let life = Duration::from_secs(self.random.u64(1..100));
        let end = match self.random.u8(0..20) {
            0..8 => End::Expiring(life),
            8..10 => End::Same,
            10..11 => End::Lasting,
            11..13 => End::Prolonged(life),
            13..16 => End::Transient,
            16..18 => End::Denied,
            18..19 => End::Panic,
            // It hangs on, until its limit.
            _ => return,
        };
        let mut state = self.world.state();
        let waiting: Vec<usize> =
            (0..state.loads.len()).filter(|load| state.loads[*load].end.is_some()).collect();
        if let Some(load) = self.random.choice(waiting) {
            let told = state.loads[load].end.take();
            drop(state);
            told.map(|told| told.send(end));
        }
    }

    fn some_time(&mut self) -> Duration {
        let longest = self.random.choice([100, 2000, 20_000, 60_000]).unwrap_or(1);
        Duration::from_millis(self.random.u64(1..longest))
    }

    /// In steps shorter than the second by which a load that ends at its limit is told from a dead one.
    fn pass(&mut self, time: Duration) {
        let mut left = time;
        while !left.is_zero() {
            let step = left.min(Duration::from_millis(900));
            left -= step;
            self.world.state().elapsed += step;
            for runtime in &self.runtimes {
                runtime.block_on(advance(step));
            }
            self.drive();
        }
    }

    fn set_the_wall_clock(&mut self) {
        let by = self.some_time();
        let ahead = self.random.bool();
        let mut state = self.world.state();
        state.wall_ahead = if ahead { state.wall_ahead + by } else { state.wall_ahead.saturating_sub(by) };
    }

    fn forget(&mut self) {
        let key = self.random.u8(0..KEYS);
        *self.world.state().forgotten.entry(key).or_default() += 1;
        self.cache.forget(&key);
    }

    fn some_handle(&mut self) -> Option<(u8, Handle<Value, Wrong>)> {
        if self.handles.is_empty() {
            return None;
        }
        Some(self.handles.swap_remove(self.random.usize(0..self.handles.len())))
    }

    /// All its tasks end with it, whatever they were doing.
    fn end_the_second_runtime(&mut self) {
        self.callers.retain(|caller| caller.runtime == 0);
        self.runtimes[1] = runtime();
        let elapsed = self.world.state().elapsed;
        self.runtimes[1].block_on(advance(elapsed));
        self.second_is_driven = true;
    }

    fn drive(&self) {
        if !self.second_is_driven {
            let mut state = self.world.state();
            state.unsteady = Some((self.runtimes[1].handle().id(), state.elapsed));
        }
        self.runtimes[0].block_on(settle());
        if self.second_is_driven {
            self.runtimes[1].block_on(settle());
            // What the second has ended, the first may wait for.
            self.runtimes[0].block_on(settle());
        }
    }

    fn check(&mut self) {
        self.callers.retain(|caller| !caller.has_ended.load(Ordering::Relaxed));
        let violations = std::mem::take(&mut self.world.state().violations);
        assert!(violations.is_empty(), "{violations:#?}");
        let state = self.world.state();
        let in_use = (0..KEYS).filter(|key| {
            self.handles.iter().any(|(of, _)| of == key)
                || self.callers.iter().any(|caller| caller.key == *key)
                || state.loads.iter().any(|load| load.key == *key && load.is_alive)
                || !self.second_is_driven
        });
        let room = in_use.count() + self.capacity;
        drop(state);
        assert!(self.cache.len() <= room, "more than there is room for");
    }

    /// Nobody tells the loads anything any more, and still all callers have an answer soon.
    fn nobody_hangs(&mut self) {
        self.second_is_driven = true;
        for _ in 0..10 {
            self.drive();
            self.check();
            if self.callers.is_empty() {
                return;
            }
            self.pass(DEAD / 4);
        }
        let waiting: Vec<u8> = self.callers.iter().map(|caller| caller.key).collect();
        panic!("the callers of {waiting:?} hang");
    }
}

async fn one_call(world: World, key: u8, handle: Handle<Value, Wrong>, has_ended: Arc<AtomicBool>) {
    let (generation, denied, started_at) = {
        let state = world.state();
        (state.generation(key), state.denied.get(&key).copied(), state.elapsed)
    };
    let at_hand = handle.peek();
    let result = handle.get().await;
    let mut state = world.state();
    match &result {
        Ok(value) => state.check(key, value, generation, denied),
        Err(Wrong::Load(value)) => {
            state.violate_if(value.key != key, || format!("a caller of key {key} got the failure {value:?}"));
            let is_old = state.loads[value.load].generation < generation;
            state.violate_if(is_old, || {
                format!("a caller got the failure {value:?}, which was forgotten before")
            });
        }
        Err(Wrong::Cache(_)) => {}
    }
    if at_hand.is_some() {
        let waited = state.elapsed > started_at;
        state.violate_if(result.is_err() || waited, || format!("with a good value at hand: {result:?}"));
    }
    has_ended.store(true, Ordering::Relaxed);
}

/// Moves the clock and runs no task: time goes on also where nobody is driven.
async fn advance(time: Duration) {
    let mut advancing = pin!(tokio::time::advance(time));
    poll_fn(|context| {
        let _moved_at_the_first_poll = advancing.as_mut().poll(context);
        Poll::Ready(())
    })
    .await;
}

/// Lets every task that can go on do so.
async fn settle() {
    for _ in 0..4 {
        tokio::task::yield_now().await;
    }
}
