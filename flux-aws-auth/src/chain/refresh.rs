//! How a chain's credentials are held: what the cache is told of the sources' outcome.

use std::error::Error as _;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use super::{Inner, Resolved};
use crate::cache::{Cache, CacheBuilder, Fault, Handle, LoadError, Loaded};
use crate::error::{Error, ErrorKind};
use crate::reason::Reason;
use crate::report::{SourceReport, SourceResult};

/// The chain keeps its own deadline; the cache's limit is for a load that does not come back.
const BEYOND_DEADLINE: Duration = Duration::from_secs(1);

impl Inner {
    /// The handle that asks the sources when there are no credentials, or old ones.
    pub(super) fn held(self: Arc<Self>) -> Handle<Resolved, Error> {
        self.cache_builder().single(move |previous| {
            let inner = self.clone();
            async move { inner.load_anew(previous).await }
        })
    }

    /// The same in a cache that was made by [`cache_builder`](Self::cache_builder), where others may have the same key.
    pub(super) fn held_in<K>(
        self: Arc<Self>,
        cache: &Cache<K, Resolved, Error>,
        key: K,
    ) -> Handle<Resolved, Error>
    where
        K: Eq + Hash + Clone + Send + Sync + 'static,
    {
        cache.handle(key, move |previous| {
            let inner = self.clone();
            async move { inner.load_anew(previous).await }
        })
    }

    pub(super) fn cache_builder(&self) -> CacheBuilder {
        CacheBuilder::new()
            .time_source(self.context.time_source.clone())
            .sleep_impl(self.context.sleep_impl.clone())
            .load_timeout(self.deadline.saturating_add(BEYOND_DEADLINE))
    }

    async fn load_anew(
        self: Arc<Self>,
        previous: Option<Arc<Resolved>>,
    ) -> Result<Loaded<Resolved>, LoadError<Error>> {
        let asked = match self.ask_sources(previous.as_deref()).await {
            Ok(resolved) if self.has_settled_otherwise(&resolved) => {
                self.ask_sources(previous.as_deref()).await
            }
            asked => asked,
        };
        match asked {
            Ok(resolved) => {
                let expiry = resolved.expiry();
                let before: Vec<_> = before_provided(&resolved).cloned().collect();
                Ok(Loaded::new(resolved).with_expiry(expiry).when_kept(move || {
                    self.settled.get_or_init(|| before);
                }))
            }
            Err(error) => {
                let is_lasting = previous.as_ref().is_some_and(|previous| previous.expiry().is_none());
                let ends = error.kind().evicts() || (is_lasting && ends_lasting(&error));
                if previous
                    .is_some_and(|previous| previous.expiry().is_none_or(|end| end > self.context.now()))
                {
                    warn(&error, ends);
                }
                Err(if ends { LoadError::Denied(error) } else { LoadError::Transient(error) })
            }
        }
    }

    /// Whether the same identity, for a resource in another region, has meanwhile got its credentials from another source.
    fn has_settled_otherwise(&self, resolved: &Resolved) -> bool {
        self.settled.get().is_some_and(|before| before.len() != before_provided(resolved).count())
    }
}

/// What became of the sources before the one that gave the credentials.
fn before_provided(resolved: &Resolved) -> impl Iterator<Item = &SourceReport> {
    resolved.report().sources().take_while(|source| !matches!(source.result(), SourceResult::Provided { .. }))
}

/// Whether credentials that never expire are let go of, which otherwise would be used for ever: their source has none any more,
/// or a key or a token is not accepted.
fn ends_lasting(error: &Error) -> bool {
    match error.reason() {
        Reason::SourceGone => true,
        // They say nothing of the key.
        Reason::ClockSkewed | Reason::SigningKeyUnavailable => false,
        reason => reason.kind() == ErrorKind::InvalidToken,
    }
}

/// Nobody waited for a refresh, so the log has all of its error.
fn warn(error: &Error, ends: bool) {
    let outcome =
        if ends { "the current ones are no longer used" } else { "the current ones are still good" };
    tracing::warn!(
        error = %Story(error),
        hint = error.hint().unwrap_or_default(),
        "credentials were not refreshed; {outcome}"
    );
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

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        let (reason, hint) = match fault {
            Fault::AlreadyExpired => (
                Reason::ExpiredOnArrival,
                "Check this machine's clock; if it is right, try again in a minute.",
            ),
            Fault::Recursive => {
                (Reason::InvalidConfiguration, "Do not let a source ask the chain that it is a source of.")
            }
            Fault::Cancelled => {
                (Reason::DeadlinePassed, "Call `forget` when something has changed, not for each request.")
            }
            Fault::Panicked => (Reason::MalformedAnswer, "Look for the panic's message on standard error."),
            _ => (Reason::DeadlinePassed, "Try again later, or allow more time."),
        };
        Self::because(reason, fault.to_string()).with_hint(hint)
    }
}
