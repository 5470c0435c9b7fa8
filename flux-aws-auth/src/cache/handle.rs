//! What is handed out: the way to one value.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use aws_smithy_async::future::now_or_later::BoxFuture;
use aws_smithy_async::future::timeout::Timeout;
use aws_smithy_async::rt::sleep::AsyncSleep;
use tokio::runtime::{Handle as Runtime, Id};
use tracing::Instrument;

use super::counters::Counters;
use super::erased::{Erased, Exactly, Outcome, erase, typed};
use super::flight::{fly, is_loading};
use super::shelf::Lease;
use super::slot::{Ended, Slot, Step, Ticket, Waiting};
use super::{Fault, LoadError, Loaded};

/// So often a caller who waits looks again, before it goes with an error.
const ROUNDS: u32 = 100;

/// The way to one value, which is loaded when it is first asked for and again before it expires. The
/// [module](super) says when.
///
/// Clones share the value. A fresh value is had without a look-up, an allocation or a task switch; so is a stale one, but for
/// the caller who starts its load.
pub struct Handle<V, E> {
    shared: Arc<Shared>,
    types: Exactly<(V, E)>,
}

/// What the clones of a handle share.
pub(super) struct Shared {
    pub(super) slot: Arc<Slot>,
    pub(super) loader: Loader,
    /// Dropped with the last clone, it tells the cache.
    pub(super) _lease: Option<Lease>,
}

pub(super) type Loader = Box<dyn Fn(Option<Erased>) -> BoxFuture<'static, Outcome> + Send + Sync>;

/// What calls `loader`, without its types.
pub(super) fn erased<V, E, F>(loader: impl Fn(Option<Arc<V>>) -> F + Send + Sync + 'static) -> Loader
where
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
    F: Future<Output = Result<Loaded<V>, LoadError<E>>> + Send + 'static,
{
    Box::new(move |previous| {
        let loading = loader(previous.map(typed));
        Box::pin(async move { erase(loading.await) })
    })
}

impl<V, E> Handle<V, E>
where
    V: Send + Sync + 'static,
    E: From<Fault> + Clone + Send + Sync + 'static,
{
    pub(super) fn from_shared(shared: Arc<Shared>) -> Self {
        Self { shared, types: PhantomData }
    }

    /// The value: at once while it is fresh or stale, else after a load. Outside tokio the first who asks for a stale one loads
    /// before it gets any.
    ///
    /// # Errors
    ///
    /// That of the load which this caller waited for, or of the last one while the pause after it lasts. The cache's own are
    /// made from a [`Fault`].
    ///
    /// # Panics
    ///
    /// When a load must be waited for and there is no way to sleep ([`CacheBuilder::sleep_impl`](super::CacheBuilder::sleep_impl)),
    /// and when the error type's own `Clone` or `From<Fault>` panics. A loader that panics makes no caller panic.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: a load goes on, and outside tokio a caller who waits takes it over.
    pub async fn get(&self) -> Result<Arc<V>, E> {
        let value = match self.shared.ready() {
            Some(value) => Ok(value),
            None => self.shared.get_slowly().await,
        };
        value.map(typed).map_err(|error| Arc::unwrap_or_clone(typed(error)))
    }

    /// The value if there is a good one, without waiting. Like [`get`](Self::get), it starts a load in the background for a stale
    /// one. Outside tokio nothing runs in the background: the stale value that someone should load again is left to `get`.
    pub fn ready(&self) -> Option<Arc<V>> {
        self.shared.ready().map(typed)
    }

    /// As [`ready`](Self::ready), for those who need no `Arc`. `take` runs under the lock.
    pub(crate) fn ready_as<R>(&self, take: impl Fn(&V) -> R) -> Option<R> {
        let slot = &self.shared.slot;
        match slot.fresh(|value| value.downcast_ref().map(&take)).flatten() {
            Some(taken) => {
                slot.counters.asked(true);
                Some(taken)
            }
            None => self.ready().map(|value| take(&value)),
        }
    }

    /// The value if there is a good one, and nothing else: no load, and no count.
    pub fn peek(&self) -> Option<Arc<V>> {
        self.shared.slot.good().map(typed)
    }

    /// Lets go of the value, and of the pause after a failure. Who comes after this gets what is loaded after this.
    ///
    /// A load in the air is cancelled: what it would bring is of before. Those who wait for it wait for the next one.
    pub fn forget(&self) {
        self.shared.slot.forget();
    }

    /// As [`forget`](Self::forget), if `value` is what is held, and says whether it was. Of many who find the same value
    /// rejected, the first makes it go and the others do not undo what was loaded since.
    pub fn forget_value(&self, value: &Arc<V>) -> bool {
        let value: Erased = value.clone();
        self.shared.slot.forget_value(&value)
    }

    /// What happened so far: at this handle and its clones, or in the whole cache if it comes from one.
    pub fn counters(&self) -> Counters {
        self.shared.slot.counters.snapshot()
    }
}

impl Shared {
    fn ready(self: &Arc<Self>) -> Option<Erased> {
        let slot = &self.slot;
        let value = slot.fresh(Arc::clone).or_else(|| {
            let runtime = Runtime::try_current().ok();
            let (value, ticket) = slot.take_good(id(runtime.as_ref()))?;
            if let (Some(runtime), Some(ticket)) = (runtime, ticket) {
                self.spawn(&runtime, ticket);
            }
            Some(value)
        })?;
        slot.counters.asked(true);
        Some(value)
    }

    /// In a box: an `async fn` would be compiled again wherever a value is asked for.
    fn get_slowly(self: &Arc<Self>) -> BoxFuture<'_, Result<Erased, Erased>> {
        Box::pin(self.wait_for_value())
    }

    async fn wait_for_value(self: &Arc<Self>) -> Result<Erased, Erased> {
        let slot = &self.slot;
        if is_loading(slot) {
            let value = slot.good();
            slot.counters.asked(value.is_some());
            return value.ok_or_else(|| (slot.make_error)(Fault::Recursive));
        }
        let mut runtime = Runtime::try_current().ok();
        let mut step = slot.next(id(runtime.as_ref()));
        slot.counters.asked(matches!(step, Step::Take(_)));
        let mut was_late = false;
        for _ in 0..ROUNDS {
            let (waiting, ticket) = match step {
                Step::Take((value, None)) => return Ok(value),
                Step::Take((value, Some(ticket))) => {
                    if let Some(runtime) = &runtime {
                        self.spawn(runtime, ticket);
                        return Ok(value);
                    }
                    fly(self.clone(), ticket).await;
                    step = slot.next(None);
                    continue;
                }
                Step::Wait(waiting, ticket) => (waiting, ticket),
                Step::Fail(error) => return Err(error),
            };
            let (number, started_in) = (waiting.number, waiting.runtime);
            let is_own = ticket.is_some();
            match (ticket, &runtime) {
                (Some(ticket), Some(runtime)) => self.spawn(runtime, ticket),
                (Some(ticket), None) => fly(self.clone(), ticket).await,
                (None, _) => {}
            }
            match self.wait(waiting).await {
                Waited::Ended(Ended::Loaded(held)) => {
                    if held.is_good(slot.now()) {
                        return Ok(held.value);
                    }
                    // This caller woke late, and there may be a newer one by now.
                    if was_late {
                        return Err((slot.make_error)(Fault::AlreadyExpired));
                    }
                    was_late = true;
                }
                Waited::Ended(Ended::Failed(error)) => return Err(error),
                Waited::Ended(Ended::Void) => {}
                Waited::Died => {
                    slot.give_up(number, None);
                    if is_own {
                        // The runtime takes no tasks any more.
                        runtime = None;
                    }
                }
                Waited::Overdue => {
                    // A runtime that wakes this caller is driven: there the loader holds up its thread, as the next would
                    // at once. Another runtime may stand still.
                    let fault = Fault::TimedOut(slot.settings.load_timeout);
                    let is_held_up = started_in.is_some() && started_in == id(runtime.as_ref());
                    slot.give_up(number, is_held_up.then_some(fault));
                    if is_own {
                        return slot.good().ok_or_else(|| (slot.make_error)(fault));
                    }
                }
            }
            step = slot.next(id(runtime.as_ref()));
        }
        Err((slot.make_error)(Fault::Cancelled))
    }

    async fn wait(&self, mut waiting: Waiting) -> Waited {
        let ended = async move {
            match waiting.ended.wait_for(Option::is_some).await.map(|ended| Option::clone(&ended)) {
                Ok(Some(ended)) => Waited::Ended(ended),
                _ => Waited::Died,
            }
        };
        match waiting.patience {
            Some(patience) => {
                let timer = self.slot.settings.sleep_impl.sleep(patience);
                Timeout::new(ended, timer).await.unwrap_or(Waited::Overdue)
            }
            None => ended.await,
        }
    }

    fn spawn(self: &Arc<Self>, runtime: &Runtime, ticket: Ticket) {
        runtime.spawn(fly(self.clone(), ticket).in_current_span());
    }
}

fn id(runtime: Option<&Runtime>) -> Option<Id> {
    runtime.map(Runtime::id)
}

/// How waiting for a flight ended.
enum Waited {
    Ended(Ended),
    /// Its task is gone.
    Died,
    /// It did not come back in time.
    Overdue,
}

impl<V, E> Clone for Handle<V, E> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), types: PhantomData }
    }
}

impl<V, E> fmt::Debug for Handle<V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handle").field(&self.shared.slot).finish()
    }
}
