//! The faults in force, and which of them a request meets.

use std::fmt;
use std::sync::{Arc, Mutex};

use axum::http::request::Parts;
use form_urlencoded::parse;
use tokio::sync::watch;

use super::{ClockError, Effect, Fault};
use crate::meter::lock;
use crate::service::Service;

/// An injected fault: how often it has befallen a request, and the way to end it.
///
/// Dropping it changes nothing: the fault stays.
#[derive(Clone)]
pub struct Injection(Arc<Injected>);

pub(super) struct Injected {
    service: Service,
    pub(super) fault: Fault,
    matched: Mutex<u64>,
    hits: watch::Sender<u64>,
    removed: watch::Sender<bool>,
}

impl Injection {
    /// How many requests it has befallen so far.
    pub fn hits(&self) -> u64 {
        *self.0.hits.borrow()
    }

    /// Waits until it has befallen this many requests.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn reached(&self, hits: u64) {
        // The sender lives in this value, so the wait ends with the condition only.
        let _ = self.0.hits.subscribe().wait_for(|found| *found >= hits).await;
    }

    /// Ends the fault, and lets the requests go that it [holds](Fault::hold).
    pub fn remove(&self) {
        self.0.removed.send_replace(true);
    }
}

impl fmt::Debug for Injection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Injection")
            .field("service", &self.0.service)
            .field("fault", &self.0.fault)
            .field("hits", &self.hits())
            .finish_non_exhaustive()
    }
}

impl Injected {
    /// Counts a request that it could befall, and says whether it does.
    fn befalls(&self, service: Service, operation: Option<&str>, request: &Parts, body: &[u8]) -> bool {
        let Fault { operation: wanted, mentioning, skipped, times, .. } = &self.fault;
        if *self.removed.borrow() || self.service != service {
            return false;
        }
        if wanted.as_deref().is_some_and(|wanted| operation != Some(wanted)) {
            return false;
        }
        if mentioning.as_deref().is_some_and(|text| !mentions(request, body, text)) {
            return false;
        }
        let mut matched = lock(&self.matched);
        let before = *matched;
        if times.is_some_and(|times| before >= skipped.saturating_add(times)) {
            return false;
        }
        *matched += 1;
        if before < *skipped {
            return false;
        }
        self.hits.send_modify(|hits| *hits += 1);
        true
    }

    /// Ends when the fault is removed.
    pub(super) async fn until_removed(&self) {
        // The sender lives in this value, so the wait ends with the condition only.
        let _ = self.removed.subscribe().wait_for(|removed| *removed).await;
    }
}

/// Every fault that was injected and not yet removed, in that order.
#[derive(Default)]
pub(crate) struct Faults(Mutex<Vec<Arc<Injected>>>);

/// What a request meets.
#[derive(Clone, Default)]
pub(crate) struct Met {
    pub(super) fault: Option<Arc<Injected>>,
    pub(crate) clock: Option<ClockError>,
}

impl Faults {
    pub(crate) fn inject(&self, service: Service, fault: Fault) -> Injection {
        let injected = Arc::new(Injected {
            service,
            fault,
            matched: Mutex::default(),
            hits: watch::Sender::new(0),
            removed: watch::Sender::new(false),
        });
        let mut faults = lock(&self.0);
        // However many there were in a long run, a request looks at those that are left.
        faults.retain(|injected| !*injected.removed.borrow());
        faults.push(Arc::clone(&injected));
        Injection(injected)
    }

    /// The first fault of the clock and the first other fault that befall this request.
    pub(crate) fn meet(
        &self,
        service: Service,
        operation: Option<&str>,
        request: &Parts,
        body: &[u8],
    ) -> Met {
        let mut met = Met::default();
        for injected in lock(&self.0).iter() {
            let open = match injected.fault.effect {
                Effect::Clock(_) => met.clock.is_none(),
                _ => met.fault.is_none(),
            };
            if open && injected.befalls(service, operation, request, body) {
                match injected.fault.effect {
                    Effect::Clock(error) => met.clock = Some(error),
                    _ => met.fault = Some(Arc::clone(injected)),
                }
            }
        }
        met
    }
}

/// Whether path, query or body have `text`, as they are or decoded.
fn mentions(request: &Parts, body: &[u8], text: &str) -> bool {
    let target = request.uri.path_and_query().map_or("", |target| target.as_str());
    let query = request.uri.query().unwrap_or_default();
    target.contains(text)
        || String::from_utf8_lossy(body).contains(text)
        || parse(query.as_bytes())
            .chain(parse(body))
            .any(|(key, value)| key.contains(text) || value.contains(text))
}
