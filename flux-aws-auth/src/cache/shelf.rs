//! The slots by key, and which of them go.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::time::Instant;

use super::builder::Settings;
use super::counters::{Cells, Counters};
use super::erased::{Exactly, Key, MakeError, make_error};
use super::handle::{Handle, Loader, Shared, erased};
use super::idle::{Idle, IdleKeys};
use super::lifetime::Now;
use super::slot::{Slot, Worth};
use super::{Fault, LoadError, Loaded};

/// Values by key, each behind a [`Handle`]. Made by a [`CacheBuilder`](super::CacheBuilder); clones are the same cache.
///
/// The key is all that makes two requests different: identity, region, endpoint, scope. Ask for the handle once and keep it: it
/// needs no look-up. What nobody has a handle to is kept up to the [capacity](super::CacheBuilder::capacity).
pub struct Cache<K, V, E> {
    shelf: Arc<Shelf>,
    types: Exactly<(K, V, E)>,
}

struct Shelf {
    settings: Settings,
    counters: Arc<Cells>,
    capacity: usize,
    slots: Mutex<Slots>,
}

struct Slots {
    /// What is behind the `Arc` runs the caller's code when it goes, which must not be under the lock.
    by_key: HashMap<Arc<dyn Key>, Place>,
    /// Those that nobody has a handle to.
    idle: IdleKeys,
}

struct Place {
    slot: Arc<Slot>,
    shared: Weak<Shared>,
    idle: Option<Idle>,
}

impl Place {
    fn new(settings: &Settings, counters: &Arc<Cells>, make_error: MakeError) -> Self {
        let slot = Arc::new(Slot::new(settings.clone(), counters.clone(), make_error));
        Self { slot, shared: Weak::new(), idle: None }
    }
}

impl<K, V, E> Cache<K, V, E>
where
    K: Eq + Hash + Send + Sync + 'static,
    V: Send + Sync + 'static,
    E: From<Fault> + Clone + Send + Sync + 'static,
{
    pub(super) fn new(settings: Settings, capacity: usize) -> Self {
        let slots = Slots { by_key: HashMap::new(), idle: IdleKeys::default() };
        let shelf = Shelf { settings, counters: Arc::default(), capacity, slots: Mutex::new(slots) };
        Self { shelf: Arc::new(shelf), types: PhantomData }
    }

    /// The handle to the value of `key`. Nothing is loaded yet. A load that is in the air counts as a handle.
    ///
    /// `loader` makes the value, from the previous one if there was any. It gets that even when it has expired, so that it can
    /// give it a longer life, but not when it was denied or [forgotten](Handle::forget). While there is a handle to this key, this
    /// is a clone of it, and `loader` is not used: the loaders of one key must not differ in what they bring.
    pub fn handle<F>(
        &self,
        key: K,
        loader: impl Fn(Option<Arc<V>>) -> F + Send + Sync + 'static,
    ) -> Handle<V, E>
    where
        F: Future<Output = Result<Loaded<V>, LoadError<E>>> + Send + 'static,
    {
        // A key that is not needed goes after the lock.
        let key: Arc<dyn Key> = Arc::new(key);
        Handle::from_shared(self.shelf.shared(&key, make_error::<E>, erased(loader)))
    }

    /// As [`Handle::forget`], for whoever has only the key. Of a key that nobody has a handle to, nothing stays.
    pub fn forget(&self, key: &K) {
        let key: &dyn Key = key;
        let mut slots = self.shelf.slots();
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
        self.shelf.slots().by_key.len()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What happened so far, over all keys.
    pub fn counters(&self) -> Counters {
        self.shelf.counters.snapshot()
    }
}

impl Shelf {
    /// What the handles to `key` share. A loader that is not needed goes with the arguments, after the lock.
    fn shared(self: &Arc<Self>, key: &Arc<dyn Key>, make_error: MakeError, loader: Loader) -> Arc<Shared> {
        let mut slots = self.slots();
        if let Some(shared) = slots.by_key.get(&**key).and_then(|place| place.shared.upgrade()) {
            return shared;
        }
        let idle = slots.by_key.get_mut(&**key).and_then(|place| place.idle.take());
        if let Some(idle) = idle {
            slots.idle.remove(idle);
        }
        let known = slots.by_key.get_key_value(&**key).map(|(known, _)| known.clone());
        let known = known.unwrap_or_else(|| key.clone());
        let place = slots.by_key.entry(known.clone());
        let place = place.or_insert_with(|| Place::new(&self.settings, &self.counters, make_error));
        let lease = Lease { shelf: Arc::downgrade(self), key: known };
        let shared = Arc::new(Shared { slot: place.slot.clone(), loader, _lease: Some(lease) });
        place.shared = Arc::downgrade(&shared);
        shared
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the cache that the last clone of a handle is gone.
pub(super) struct Lease {
    shelf: Weak<Shelf>,
    key: Arc<dyn Key>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(cache) = self.shelf.upgrade() else { return };
        let now = Now::read(&cache.settings.time_source).monotonic;
        // What goes runs the caller's code, which must not be under the lock.
        let gone = cache.slots().let_go_of(&self.key, cache.capacity, now);
        drop(gone);
    }
}

impl Slots {
    /// Notes that nobody has a handle to this key, and takes out what is too much.
    fn let_go_of(&mut self, key: &Arc<dyn Key>, capacity: usize, now: Instant) -> Vec<(Arc<dyn Key>, Place)> {
        // Somebody may have come for it meanwhile, and even gone again.
        let place = self.by_key.get_mut(key).filter(|place| place.shared.strong_count() == 0);
        let Some(place) = place.filter(|place| place.idle.is_none()) else { return Vec::new() };
        let (has_value, until) = match place.slot.worth() {
            Worth::Nothing => return self.by_key.remove_entry(key).into_iter().collect(),
            Worth::Pause(until) => (false, until),
            Worth::Value(until) => (true, until),
        };
        place.idle = Some(self.idle.add(key.clone(), has_value, until));
        let mut gone = Vec::new();
        while self.idle.len() > capacity {
            gone.extend(self.take_out(now));
        }
        gone
    }

    /// Takes out one that has expired, else the one that goes first.
    fn take_out(&mut self, now: Instant) -> Option<(Arc<dyn Key>, Place)> {
        let key = self.idle.first(now)?.clone();
        self.take_out_idle(&*key)
    }

    /// Takes out this one, if nobody has a handle to it.
    fn take_out_idle(&mut self, key: &dyn Key) -> Option<(Arc<dyn Key>, Place)> {
        let idle = self.by_key.get(key)?.idle?;
        self.idle.remove(idle);
        self.by_key.remove_entry(key)
    }
}

impl<K, V, E> Clone for Cache<K, V, E> {
    fn clone(&self) -> Self {
        Self { shelf: self.shelf.clone(), types: PhantomData }
    }
}

impl<K, V, E> fmt::Debug for Cache<K, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("capacity", &self.shelf.capacity)
            .field("counters", &self.shelf.counters.snapshot())
            .finish_non_exhaustive()
    }
}
