//! How a cache is made.

use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_runtime_api::shared::IntoShared;

use super::counters::Cells;
use super::erased::make_error;
use super::handle::{Handle, Shared, erased};
use super::shelf::Cache;
use super::slot::Slot;
use super::{Fault, LoadError, Loaded};

/// Makes a [`Cache`], or a [`Handle`] on its own.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until built"]
pub struct CacheBuilder {
    capacity: usize,
    settings: Settings,
}

/// What all slots of a cache share.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) time_source: SharedTimeSource,
    pub(super) sleep_impl: SharedAsyncSleep,
    pub(super) load_timeout: Duration,
}

impl Default for CacheBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl CacheBuilder {
    /// A cache for a thousand values, on the system's clock and tokio's timers, with half a minute for each load.
    pub fn new() -> Self {
        Self {
            capacity: 1000,
            settings: Settings {
                time_source: SharedTimeSource::default(),
                sleep_impl: SharedAsyncSleep::new(TokioSleep::new()),
                load_timeout: Duration::from_secs(30),
            },
        }
    }

    /// How many values are kept that nobody holds a handle to; a thousand unless set.
    ///
    /// What is held is in use and does not count, so a key never has two values. Beyond the capacity, an expired value goes
    /// first, then a failure that is remembered for its pause, then the value whose last handle was dropped first.
    pub fn capacity(mut self, capacity: usize) -> Self {
        self.capacity = capacity;
        self
    }

    /// The wall clock.
    pub fn time_source(mut self, time_source: impl TimeSource + 'static) -> Self {
        self.settings.time_source = time_source.into_shared();
        self
    }

    /// How to wait; by default with tokio's timers. Outside tokio, and in a runtime whose timers are not enabled, those panic:
    /// there it must be set.
    pub fn sleep_impl(mut self, sleep_impl: impl AsyncSleep + 'static) -> Self {
        self.settings.sleep_impl = sleep_impl.into_shared();
        self
    }

    /// How long one load may take. A loader that has limits of its own does better with this one beyond them: it is for the
    /// load that does not come back.
    pub fn load_timeout(mut self, timeout: Duration) -> Self {
        self.settings.load_timeout = timeout;
        self
    }

    /// The cache.
    pub fn build<K, V, E>(self) -> Cache<K, V, E>
    where
        K: Eq + Hash + Send + Sync + 'static,
        V: Send + Sync + 'static,
        E: From<Fault> + Clone + Send + Sync + 'static,
    {
        Cache::new(self.settings, self.capacity)
    }

    /// A handle to a value that is in no cache. For `loader` see [`Cache::handle`].
    pub fn single<V, E, F>(self, loader: impl Fn(Option<Arc<V>>) -> F + Send + Sync + 'static) -> Handle<V, E>
    where
        V: Send + Sync + 'static,
        E: From<Fault> + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Loaded<V>, LoadError<E>>> + Send + 'static,
    {
        let slot = Slot::new(self.settings, Arc::new(Cells::default()), make_error::<E>);
        Handle::from_shared(Arc::new(Shared { slot: Arc::new(slot), loader: erased(loader), _lease: None }))
    }
}
