//! When the start-up of a pod is over.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

/// The time between the first load and the first success.
#[derive(Debug, Default)]
pub(super) struct StartUp {
    began_at: OnceLock<SystemTime>,
    is_over: AtomicBool,
}

impl StartUp {
    /// How much is left of `grace`; nothing once the start-up is over.
    pub(super) fn left_of(&self, grace: Duration, now: SystemTime) -> Duration {
        if self.is_over.load(Ordering::Relaxed) {
            return Duration::ZERO;
        }
        let since = now.duration_since(*self.began_at.get_or_init(|| now)).unwrap_or_default();
        if since >= grace {
            self.end();
        }
        grace.saturating_sub(since)
    }

    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}
