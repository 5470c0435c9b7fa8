//! When the start-up of a pod is over.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// The time between the first load and the first success.
#[derive(Debug, Default)]
pub(super) struct StartUp {
    began_at: OnceLock<Instant>,
    is_over: AtomicBool,
}

impl StartUp {
    /// How much is left of `grace`; nothing once the start-up is over.
    pub(super) fn left_of(&self, grace: Duration) -> Duration {
        if self.is_over.load(Ordering::Relaxed) {
            return Duration::ZERO;
        }
        let since = self.began_at.get_or_init(monotonic).elapsed();
        if since >= grace {
            self.end();
        }
        grace.saturating_sub(since)
    }

    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// Not the wall clock: that may be set while a node starts, more than ever after.
#[expect(
    clippy::disallowed_methods,
    reason = "the monotonic clock, which virtual time moves with the timers"
)]
pub(super) fn monotonic() -> Instant {
    Instant::now()
}
