//! One set of credentials, held while they are good.

use std::error::Error as _;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use aws_smithy_async::time::SharedTimeSource;
use tokio::sync::{Mutex, MutexGuard};

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
        let flight = match self.current() {
            Some(current) if current.is_fresh(now) => return Ok(current.resolved),
            Some(current) if current.is_usable(now) => match self.flight.try_lock() {
                Ok(flight) => flight,
                Err(_) => return Ok(current.resolved),
            },
            _ => self.flight.lock().await,
        };
        self.fly(flight, arrived_after, load).await
    }

    /// What is held and still good, without asking.
    pub(crate) fn usable(&self) -> Option<Resolved> {
        let now = self.time_source.now();
        self.current().filter(|current| current.is_usable(now)).map(|current| current.resolved)
    }

    /// Lets go of what is held.
    pub(crate) fn forget(&self) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The one flight at a time, unless another has ended meanwhile and left something for all who waited.
    async fn fly<F>(
        &self,
        mut flight: MutexGuard<'_, Flights>,
        arrived_after: u64,
        load: impl FnOnce() -> F + Send,
    ) -> Result<Resolved, Error>
    where
        F: Future<Output = Result<Resolved, Error>> + Send,
    {
        let old = self.current();
        let now = self.time_source.now();
        match &old {
            Some(current) if current.is_fresh(now) => return Ok(current.resolved.clone()),
            Some(current) if current.is_usable(now) => {}
            _ => {
                let shared = flight.last_failure.as_ref().filter(|(ended, _)| *ended > arrived_after);
                if let Some((_, error)) = shared {
                    return Err(error.clone());
                }
            }
        }
        let loaded = load().await;
        let ended = self.ended.fetch_add(1, Ordering::AcqRel) + 1;
        flight.last_failure = loaded.as_ref().err().map(|error| (ended, error.clone()));
        match loaded {
            Ok(resolved) => Ok(self.keep(resolved, old.as_ref())),
            Err(error) => self.keep_old(old, error),
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

    fn keep_old(&self, old: Option<Current>, error: Error) -> Result<Resolved, Error> {
        let now = self.time_source.now();
        if error.kind().evicts() {
            self.forget();
            return Err(error);
        }
        let Some(old) = old.filter(|old| old.is_usable(now)) else { return Err(error) };
        // Nobody gets this error, so the log has all of it.
        tracing::warn!(
            error = %Story(&error),
            hint = error.hint().unwrap_or_default(),
            "credentials were not refreshed; those in hand are still good"
        );
        let resolved = old.resolved.clone();
        self.set(Current { refresh_at: now + PAUSE, ..old });
        Ok(resolved)
    }
}

/// An error with its causes, in one line.
struct Story<'a>(&'a Error);

impl fmt::Display for Story<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
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
