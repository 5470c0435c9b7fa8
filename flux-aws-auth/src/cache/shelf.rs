//! The slots by key, and which of them go.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::time::Instant;

use super::builder::Settings;
use super::counters::{Cells, Counters};
use super::handle::{Handle, Shared};
use super::lifetime::Now;
use super::slot::{Slot, Worth};
use super::{Fault, LoadError, Loaded};

/// Values by key, each behind a [`Handle`]. Made by a [`CacheBuilder`](super::CacheBuilder); clones are the same cache.
///
/// The key is all that makes two requests different: identity, region, endpoint, scope. Ask for the handle once and keep it: it
/// needs no look-up. What nobody has a handle to is kept up to the [capacity](super::CacheBuilder::capacity).
pub struct Cache<K, V, E>(Arc<Shelf<K, V, E>>);

struct Shelf<K, V, E> {
    settings: Settings,
    counters: Arc<Cells>,
    capacity: usize,
    slots: Mutex<Slots<K, V, E>>,
}

struct Slots<K, V, E> {
    /// What is behind the `Arc` runs the caller's code when it goes, which must not be under the lock.
    by_key: HashMap<Arc<K>, Place<V, E>>,
    /// Those that nobody has a handle to, the one that goes first in front.
    idle: BTreeMap<Rank, Arc<K>>,
    /// The same, by when they expire.
    ending: BTreeSet<(Instant, Rank)>,
    /// How many were let go of so far.
    let_go: u64,
}

struct Place<V, E> {
    slot: Arc<Slot<V, E>>,
    handle: Weak<Shared<V, E>>,
    idle: Option<Idle>,
}

#[derive(Clone, Copy)]
struct Idle {
    rank: Rank,
    until: Option<Instant>,
}

/// What has only a failure goes before what has a value, and then what was let go of first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    has_value: bool,
    since: u64,
}

impl<K, V, E> Cache<K, V, E>
where
    K: Eq + Hash + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: From<Fault> + Clone + Send + Sync + 'static,
{
    pub(super) fn new(settings: Settings, capacity: usize) -> Self {
        let slots =
            Slots { by_key: HashMap::new(), idle: BTreeMap::new(), ending: BTreeSet::new(), let_go: 0 };
        Self(Arc::new(Shelf {
            settings,
            counters: Arc::new(Cells::default()),
            capacity,
            slots: Mutex::new(slots),
        }))
    }

    /// The handle to the value of `key`. Nothing is loaded yet. A load that is in the air counts as a handle.
    ///
    /// `loader` makes the value, from the previous one if there was any. It gets that even when it has expired, so that it can
    /// give it a longer life, but not when it was denied or [forgotten](Handle::forget). While there is a handle to this key, this is
    /// a clone of it, and `loader` is not used: the loaders of one key must not differ in what they bring.
    pub fn handle<F>(
        &self,
        key: K,
        loader: impl Fn(Option<Arc<V>>) -> F + Send + Sync + 'static,
    ) -> Handle<V, E>
    where
        F: Future<Output = Result<Loaded<V>, LoadError<E>>> + Send + 'static,
    {
        let mut slots = self.0.slots();
        if let Some(handle) = slots.by_key.get(&key).and_then(|place| place.handle.upgrade()) {
            return Handle::from_shared(handle);
        }
        let idle = slots.by_key.get_mut(&key).and_then(|place| place.idle.take());
        if let Some(idle) = idle {
            slots.is_idle_no_more(idle);
        }
        // A key that is not needed goes with the arguments, after the lock.
        let key = match slots.by_key.get_key_value(&key) {
            Some((known, _)) => known.clone(),
            None => Arc::new(key),
        };
        let place = slots.by_key.entry(key.clone()).or_insert_with(|| Place {
            slot: Arc::new(Slot::new(self.0.settings.clone(), self.0.counters.clone())),
            handle: Weak::new(),
            idle: None,
        });
        let lease = Lease { cache: Arc::downgrade(&self.0), key };
        let handle = Handle::new(place.slot.clone(), loader, Some(Box::new(lease)));
        place.handle = handle.downgrade();
        handle
    }

    /// As [`Handle::forget`], for whoever has only the key. Of a key that nobody has a handle to, nothing stays.
    pub fn forget(&self, key: &K) {
        let mut slots = self.0.slots();
        let gone = slots.take_out_idle(key);
        let slot = slots.by_key.get(key).map(|place| place.slot.clone());
        // What goes runs the caller's code, which must not be under the lock.
        drop(slots);
        drop(gone);
        if let Some(slot) = slot {
            slot.forget();
        }
    }

    /// How many keys it knows, used or not.
    pub fn len(&self) -> usize {
        self.0.slots().by_key.len()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What happened so far, over all keys.
    pub fn counters(&self) -> Counters {
        self.0.counters.snapshot()
    }
}

impl<K, V, E> Shelf<K, V, E> {
    fn slots(&self) -> MutexGuard<'_, Slots<K, V, E>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the cache that the last clone of a handle is gone.
struct Lease<K: Eq + Hash, V, E> {
    cache: Weak<Shelf<K, V, E>>,
    key: Arc<K>,
}

impl<K: Eq + Hash, V, E> Drop for Lease<K, V, E> {
    fn drop(&mut self) {
        let Some(cache) = self.cache.upgrade() else { return };
        let now = Now::read(&cache.settings.time_source).monotonic;
        // What goes runs the caller's code, which must not be under the lock.
        let gone = cache.slots().let_go_of(&self.key, cache.capacity, now);
        drop(gone);
    }
}

impl<K: Eq + Hash, V, E> Slots<K, V, E> {
    /// Notes that nobody has a handle to this key, and takes out what is too much.
    fn let_go_of(&mut self, key: &Arc<K>, capacity: usize, now: Instant) -> Vec<(Arc<K>, Place<V, E>)> {
        // Somebody may have come for it meanwhile, and even gone again.
        let place = self.by_key.get_mut(key).filter(|place| place.handle.strong_count() == 0);
        let Some(place) = place.filter(|place| place.idle.is_none()) else { return Vec::new() };
        let (has_value, until) = match place.slot.worth() {
            Worth::Nothing => return self.by_key.remove_entry(key).into_iter().collect(),
            Worth::Pause(until) => (false, until),
            Worth::Value(until) => (true, until),
        };
        let rank = Rank { has_value, since: self.let_go };
        let idle = Idle { rank, until };
        place.idle = Some(idle);
        self.let_go += 1;
        self.idle.insert(rank, key.clone());
        self.ending.extend(until.map(|until| (until, rank)));
        let mut gone = Vec::new();
        while self.idle.len() > capacity {
            gone.extend(self.take_out(now));
        }
        gone
    }

    /// Takes out one that has expired, else the one that goes first.
    fn take_out(&mut self, now: Instant) -> Option<(Arc<K>, Place<V, E>)> {
        let expired = self.ending.first().filter(|(until, _)| *until <= now).map(|(_, rank)| *rank);
        let rank = expired.or_else(|| self.idle.keys().next().copied())?;
        let key = self.idle.get(&rank)?.clone();
        self.take_out_idle(&key)
    }

    /// Takes out this one, if nobody has a handle to it.
    fn take_out_idle(&mut self, key: &K) -> Option<(Arc<K>, Place<V, E>)> {
        let idle = self.by_key.get(key)?.idle?;
        self.is_idle_no_more(idle);
        self.by_key.remove_entry(key)
    }

    fn is_idle_no_more(&mut self, idle: Idle) {
        self.idle.remove(&idle.rank);
        if let Some(until) = idle.until {
            self.ending.remove(&(until, idle.rank));
        }
    }
}

impl<K, V, E> Clone for Cache<K, V, E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, V, E> fmt::Debug for Cache<K, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("capacity", &self.0.capacity)
            .field("counters", &self.0.counters.snapshot())
            .finish_non_exhaustive()
    }
}
