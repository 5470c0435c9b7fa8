//! What was asked for, and which secrets were handed out.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Requests per operation.
#[derive(Debug, Default)]
pub(crate) struct Meter(Mutex<BTreeMap<String, u64>>);

impl Meter {
    /// Counts one request for `operation` of `service`, whatever its answer.
    pub(crate) fn count(&self, service: &str, operation: &str) {
        *lock(&self.0).entry(format!("{service}:{operation}")).or_default() += 1;
    }

    pub(crate) fn snapshot(&self) -> BTreeMap<String, u64> {
        lock(&self.0).clone()
    }
}

/// Every secret given to anybody, for tests that search a program's output for them.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<Vec<String>>);

impl Ledger {
    pub(crate) fn record(&self, secret: &str) {
        lock(&self.0).push(secret.to_owned());
    }

    pub(crate) fn snapshot(&self) -> Vec<String> {
        lock(&self.0).clone()
    }
}

/// Locks `mutex`; what it guards is whole after every statement, so a panic elsewhere does not spoil it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
