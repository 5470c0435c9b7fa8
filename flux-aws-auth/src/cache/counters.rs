//! What is counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// How often what happened, since the cache (or the single handle) was made. A snapshot: its figures are not of one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Callers of [`get`](super::Handle::get) or [`ready`](super::Handle::ready) who came while there was a good value, fresh or
    /// stale. [`peek`](super::Handle::peek) is not counted, nor is `ready` when it has nothing to give.
    pub hits: u64,
    /// Callers for whom there was none: they waited for a load, or got the failure of one.
    pub misses: u64,
    /// Loads that were started while there was a value, good or expired.
    pub refreshes: u64,
    /// Loads that were started, refreshes included.
    pub loads: u64,
    /// Loads that failed, be it by the loader, the limit or a panic, or that brought what had expired. One that was cancelled has
    /// not failed.
    pub failures: u64,
}

/// The counters themselves.
#[derive(Debug, Default)]
pub(super) struct Cells {
    hits: AtomicU64,
    misses: AtomicU64,
    refreshes: AtomicU64,
    loads: AtomicU64,
    failures: AtomicU64,
}

impl Cells {
    pub(super) fn asked(&self, is_hit: bool) {
        let cell = if is_hit { &self.hits } else { &self.misses };
        cell.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn load(&self, is_refresh: bool) {
        self.loads.fetch_add(1, Ordering::Relaxed);
        self.refreshes.fetch_add(u64::from(is_refresh), Ordering::Relaxed);
    }

    pub(super) fn failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self) -> Counters {
        let read = |cell: &AtomicU64| cell.load(Ordering::Relaxed);
        Counters {
            hits: read(&self.hits),
            misses: read(&self.misses),
            refreshes: read(&self.refreshes),
            loads: read(&self.loads),
            failures: read(&self.failures),
        }
    }
}
