//! Values that expire, each loaded by one caller for all.
//!
//! [`Chain`](crate::Chain) holds its credentials this way. The module is public for what else is dear to get and good for a
//! while: the login of a registry, the credentials of a thousand tenants.
//!
//! ```
//! use std::time::{Duration, SystemTime};
//!
//! use flux_aws_auth::Error;
//! use flux_aws_auth::cache::{Cache, CacheBuilder, Loaded};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Error> {
//! let logins: Cache<String, String, Error> = CacheBuilder::new().capacity(100).build();
//! let handle = logins.handle("123456789012/eu-west-1".to_owned(), |_previous| async {
//!     // Ask for it here.
//!     Ok(Loaded::new("a login".to_owned()).with_expiry(SystemTime::UNIX_EPOCH + Duration::from_hours(1_000_000)))
//! });
//! assert_eq!(*handle.get().await?, "a login");
//! # Ok(())
//! # }
//! ```
//!
//! A [`Cache`] gives out a [`Handle`] for each key, and a handle gives the value, with no look-up. A handle also does without
//! a cache: [`CacheBuilder::single`].
//!
//! # The life of a value
//!
//! * **Fresh** for half of the time that it has left when it arrives: between 45 and 55 %, by chance, so that programs
//!   started together do not refresh together. A value [without an expiry](Loaded) is fresh for five minutes.
//! * **Stale** after that. It is still good: everyone gets it at once. The first who comes starts a load in the background;
//!   outside tokio, where nothing runs in the background, that one loads before it goes on.
//! * **Expired**, which a value without an expiry never is. It is given to nobody. One load runs, and all who come meanwhile
//!   wait for it and share its outcome, be it good or bad. So it is when there is no value yet.
//!
//! Expired and stale are judged by two clocks: the wall clock, which is the builder's time source, and the monotonic one,
//! which is tokio's [`Instant`](tokio::time::Instant) and counts from when the value arrived. Whichever says so first is
//! right. So neither a wall clock that is set back nor a machine that was suspended prolongs a value.
//!
//! A load that brings the same expiry again is a success. An agent that repeats what it has until it rotates is asked again
//! after a sixteenth of the time that is left, but not within 30 seconds, unless that is more than half of what is left.
//!
//! # When a load fails
//!
//! The loader says what its failure means ([`LoadError`]). After a transient one a stale value stays, and the next load
//! waits for about a second, then for twice as long each time, up to a minute, but never for more than half of what the
//! value has left, or a second if that is longer. After a denial the value goes. A success ends the row.
//!
//! Who comes without a good value within 250 milliseconds after a failure gets that failure. The time doubles with each
//! further one, up to two seconds; the next caller after that starts a load. Pauses are shortened by chance, to no less
//! than half. [`Handle::forget`] ends them.
//!
//! # What runs where
//!
//! A load is a tokio task of its own, in the tracing span of the caller who started it: callers may go, it goes on. When its
//! runtime ends, those who wait on others start over. Outside tokio the caller itself loads, and when it is dropped the next one
//! does; such a program must give the builder a [way to sleep](CacheBuilder::sleep_impl) of its own.
//!
//! A load has a [limit](CacheBuilder::load_timeout). One that is not back a second after it, counted from its start, is taken for
//! dead. Who started it gets [`Fault::TimedOut`], as does everyone who waits on the same runtime: the loader holds up its thread,
//! and another would do so too, so this is a failure with the usual pause. Who waits on another runtime starts over at once, since
//! that of the load may no longer be driven.
//!
//! A loader may ask other handles. If it asks its own and there is no good value, it gets [`Fault::Recursive`]; from a task that
//! it has spawned it waits for itself, until the limit. So do two loaders that wait for each other.
//!
//! No lock is held while anything waits, and no key waits for another. The code of a value, an error or a key may use the
//! cache, but for a key's `Eq` and `Hash`, which run under a lock.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

mod builder;
mod counters;
mod erased;
mod flight;
mod handle;
mod idle;
mod lifetime;
mod shelf;
mod slot;

pub use builder::CacheBuilder;
pub use counters::Counters;
pub use handle::Handle;
pub use shelf::Cache;

/// What a loader brings: a value, and until when it is good. `Debug` does not show the value.
pub struct Loaded<V: ?Sized> {
    value: Arc<V>,
    expiry: Option<SystemTime>,
    when_kept: Option<Box<dyn FnOnce() + Send + Sync>>,
}

impl<V> Loaded<V> {
    /// A value without an expiry. It may be the previous one again, which is an [`Arc`] already.
    pub fn new(value: impl Into<Arc<V>>) -> Self {
        Self { value: value.into(), expiry: None, when_kept: None }
    }

    /// Gives it an expiry, if there is one.
    #[must_use]
    pub fn with_expiry(mut self, expiry: impl Into<Option<SystemTime>>) -> Self {
        self.expiry = expiry.into();
        self
    }

    /// Does this once the value is kept, before those who wait for it are told. What was forgotten meanwhile is not kept.
    pub(crate) fn when_kept(mut self, act: impl FnOnce() + Send + Sync + 'static) -> Self {
        self.when_kept = Some(Box::new(act));
        self
    }
}

impl<V: ?Sized> fmt::Debug for Loaded<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded").field("expiry", &self.expiry).finish_non_exhaustive()
    }
}

/// A load that failed, and what that means for the value in hand.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadError<E> {
    /// The value stays until it expires: nobody answered, too many requests, an outage.
    Transient(E),
    /// The value goes: the other side knows the caller and refused.
    Denied(E),
}

/// A load that has no outcome of its own. The error type of a cache is made from it, and counts as transient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The loader took longer than the [limit](CacheBuilder::load_timeout), which this is.
    TimedOut(Duration),
    /// The loader panicked.
    Panicked,
    /// The loader brought a value that had expired.
    AlreadyExpired,
    /// The loader asked for the value that it was to load, from the task in which it runs.
    Recursive,
    /// A hundred loads that a caller waited for were cancelled, by [`Handle::forget`] or because their runtime ended.
    Cancelled,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut(limit) => write!(f, "no outcome within {limit:?}"),
            Self::Panicked => f.write_str("the loader panicked"),
            Self::AlreadyExpired => f.write_str("what was loaded has already expired"),
            Self::Recursive => f.write_str("the loader asked for the value that it was to load"),
            Self::Cancelled => f.write_str("load after load was cancelled"),
        }
    }
}

impl StdError for Fault {}
