//! What was seen: counts, and everything that should not be.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use local_aws::Clock;

/// As many tell what is wrong.
const ENOUGH: usize = 20;

#[derive(Debug)]
pub(crate) struct Notes {
    clock: Clock,
    started: SystemTime,
    is_stormy: AtomicBool,
    has_ended: AtomicBool,
    violations: Mutex<Vec<String>>,
    errors: Mutex<BTreeMap<String, u64>>,
    pub(crate) resolved: AtomicU64,
    pub(crate) refreshed: AtomicU64,
    pub(crate) scans: AtomicU64,
    pub(crate) left: AtomicU64,
    pub(crate) faults: AtomicU64,
    pub(crate) changes: AtomicU64,
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Notes {
    pub(crate) fn new(clock: Clock) -> Self {
        let zero = AtomicU64::default;
        Self {
            started: clock.now(),
            clock,
            is_stormy: AtomicBool::default(),
            has_ended: AtomicBool::default(),
            violations: Mutex::default(),
            errors: Mutex::default(),
            resolved: zero(),
            refreshed: zero(),
            scans: zero(),
            left: zero(),
            faults: zero(),
            changes: zero(),
        }
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// Whether an error may come of a fault from now on.
    pub(crate) fn storm(&self, is_stormy: bool) {
        self.is_stormy.store(is_stormy, Ordering::SeqCst);
    }

    pub(crate) fn is_stormy(&self) -> bool {
        self.is_stormy.load(Ordering::SeqCst)
    }

    /// Tells those who go on until they are told that it is enough.
    pub(crate) fn end(&self) {
        self.has_ended.store(true, Ordering::SeqCst);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::SeqCst)
    }

    /// Whether there is no need to go on.
    pub(crate) fn is_over(&self, something_broke: bool) -> bool {
        something_broke || lock(&self.violations).len() >= ENOUGH
    }

    pub(crate) fn check(&self, holds: bool, violation: impl FnOnce() -> String) {
        if !holds {
            let mut violations = lock(&self.violations);
            if violations.len() < ENOUGH {
                violations.push(violation());
            }
        }
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        lock(&self.violations).clone()
    }

    /// Counts an error that is as it may be.
    pub(crate) fn error(&self, what: &str, kind: &str) {
        *lock(&self.errors).entry(format!("{what} {kind}")).or_default() += 1;
    }

    /// What was done.
    pub(crate) fn summary(&self) -> String {
        let hours = self.now().duration_since(self.started).unwrap_or_default().as_secs() / 3600;
        let [faults, resolved, refreshed, scans, left, changes] =
            [&self.faults, &self.resolved, &self.refreshed, &self.scans, &self.left, &self.changes]
                .map(|counter| counter.load(Ordering::Relaxed));
        format!(
            "{faults} of them with a fault, {resolved} answers of identities, {refreshed} refreshes, {scans} listings, {left} \
             calls dropped, {changes} changes, {hours} hours by their clock"
        )
    }

    /// The errors that were as they may be, by whom and of which kind.
    pub(crate) fn errors(&self) -> String {
        let errors = lock(&self.errors);
        let list: Vec<_> = errors.iter().map(|(what, times)| format!("{times} {what}")).collect();
        if list.is_empty() { "none".to_owned() } else { list.join(", ") }
    }
}

/// An error with its causes, in one line.
pub(crate) fn told(error: &(dyn StdError + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source()).map(ToString::to_string);
    causes.collect::<Vec<_>>().join(": ")
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
