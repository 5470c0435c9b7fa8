//! One set of credentials, held while they are good.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use aws_smithy_async::time::SharedTimeSource;
use tokio::sync::Mutex;

use crate::chain::Resolved;
use crate::error::Error;

/// How long credentials without an expiry are held.
const WITHOUT_EXPIRY: Duration = Duration::from_mins(5);
/// The pause after a refresh that failed, or gave nothing newer, while the old credentials are still good.
const PAUSE: Duration = Duration::from_secs(30);

/// Credentials are *fresh* for the first half of their life. After that they are *usable* until they expire: the next
/// caller gets new ones, everyone else goes on with the old, and so does that caller if it fails. Once they are expired,
/// or before there are any, one caller asks and the others wait for its outcome, be it good or bad.
#[derive(Debug)]
pub(crate) struct Held {
    time_source: SharedTimeSource,
    current: RwLock<Option<Current>>,
    flight: Mutex<Flights>,
    /// How many flights have ended, so that one who waited knows whether one did meanwhile.
    ended: AtomicU64,
}

#[derive(Clone, Debug)]
struct Current {
    resolved: Resolved,
    refresh_at: SystemTime,
}

/// What the last flight ended in, for those who waited for it.
#[derive(Debug, Default)]
struct Flights {
    last_failure: Option<(u64, Error)>,
}

impl Held {
    pub(crate) fn new(time_source: SharedTimeSource) -> Self {
        Self { time_source, current: RwLock::default(), flight: Mutex::default(), ended: AtomicU64::new(0) }
    }

    /// What is held, or what `load` gives.
    ///
    /// Cancel safe: when the caller that loads is dropped, the next waiting one loads.
    pub(crate) async fn get<F>(&self, load: impl FnOnce() -> F + Send) -> Result<Resolved, Error>
    where
        F: Future<Output = Result<Resolved, Error>> + Send,
    {
        let arrived_after = self.ended.load(Ordering::Acquire);
        let now = self.time_source.now();
        match self.current() {
            Some(current) if current.is_fresh(now) => return Ok(current.resolved),
            Some(current) if current.is_usable(now) => {
                let Ok(_flight) = self.flight.try_lock() else { return Ok(current.resolved) };
                return Ok(match load().await {
                    Ok(resolved) => self.keep(resolved, Some(&current)),
                    Err(error) => self.keep_old(current, &error)?,
                });
            }
            _ => {}
        }
        let mut flight = self.flight.lock().await;
        if let Some(current) = self.current().filter(|current| current.is_usable(self.time_source.now())) {
            return Ok(current.resolved);
        }
        if let Some((_, error)) = flight.last_failure.as_ref().filter(|(ended, _)| *ended > arrived_after) {
            return Err(error.clone());
        }
        let loaded = load().await;
        let ended = self.ended.fetch_add(1, Ordering::AcqRel) + 1;
        match loaded {
            Ok(resolved) => {
                flight.last_failure = None;
                Ok(self.keep(resolved, None))
            }
            Err(error) => {
                flight.last_failure = Some((ended, error.clone()));
                Err(error)
            }
        }
    }

    fn current(&self) -> Option<Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, current: Current) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(current);
    }

    fn keep(&self, resolved: Resolved, old: Option<&Current>) -> Resolved {
        let now = self.time_source.now();
        let refresh_at = match resolved.expiry() {
            None => now + WITHOUT_EXPIRY,
            // An agent repeats the same credentials until it has rotated them.
            same if old.is_some_and(|old| old.resolved.expiry() == same) => now + PAUSE,
            Some(expiry) => now + expiry.duration_since(now).unwrap_or_default() / 2,
        };
        self.set(Current { resolved: resolved.clone(), refresh_at });
        resolved
    }

    fn keep_old(&self, old: Current, error: &Error) -> Result<Resolved, Error> {
        let now = self.time_source.now();
        if !old.is_usable(now) {
            return Err(error.clone());
        }
        tracing::warn!(%error, "refresh failed, the credentials in hand are still good");
        let resolved = old.resolved.clone();
        self.set(Current { refresh_at: now + PAUSE, ..old });
        Ok(resolved)
    }
}

impl Current {
    fn is_fresh(&self, now: SystemTime) -> bool {
        now < self.refresh_at && self.is_usable(now)
    }

    fn is_usable(&self, now: SystemTime) -> bool {
        self.resolved.expiry().is_none_or(|expiry| now < expiry)
    }
}
