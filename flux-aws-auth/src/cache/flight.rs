//! One load: within its limit, able to be cancelled, and with an outcome even when the loader panics.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use aws_smithy_async::rt::sleep::AsyncSleep;

use super::erased::{Erased, Outcome};
use super::handle::{Loader, Shared};
use super::slot::{Slot, Ticket};
use super::{Fault, LoadError};

/// A flight that is this much beyond its limit, which it keeps by itself, is not coming back.
pub(super) const OVERDUE_AFTER: Duration = Duration::from_secs(1);

tokio::task_local! {
    /// The address of the slot that this task loads.
    static LOADING: usize;
}

/// Whether the running task is the one that loads this slot.
pub(super) fn is_loading(slot: &Slot) -> bool {
    LOADING.try_with(|loading| *loading == address(slot)).unwrap_or(false)
}

/// Loads and lands. Holds the slot's handle, so that the slot stays while it is in the air.
pub(super) async fn fly(shared: Arc<Shared>, mut ticket: Ticket) {
    drop(ticket.dead.take());
    let slot = &shared.slot;
    let limit = slot.settings.load_timeout;
    let outcome = {
        let loading = LOADING.scope(address(slot), load(&shared.loader, ticket.previous.take()));
        let mut loading = Box::pin(loading);
        let mut timer = slot.settings.sleep_impl.sleep(limit);
        let outcome = poll_fn(|context| {
            if Pin::new(&mut ticket.called_off).poll(context).is_ready() {
                return Poll::Ready(None);
            }
            // A loader that has panicked is not polled again.
            let polled = catch_unwind(AssertUnwindSafe(|| loading.as_mut().poll(context)));
            let fault = match polled {
                Ok(Poll::Ready(outcome)) => return Poll::Ready(Some(outcome)),
                Ok(Poll::Pending) if Pin::new(&mut timer).poll(context).is_pending() => return Poll::Pending,
                Ok(Poll::Pending) => Fault::TimedOut(limit),
                Err(_) => Fault::Panicked,
            };
            Poll::Ready(Some(Err(LoadError::Transient((slot.make_error)(fault)))))
        })
        .await;
        // The loader goes before anybody can start another. If it panics now, there is an outcome already.
        drop(catch_unwind(AssertUnwindSafe(|| drop(loading))));
        outcome
    };
    slot.land(&ticket, outcome);
}

/// Calls the loader only when polled, so that a panic in it is a panic of the load.
async fn load(loader: &Loader, previous: Option<Erased>) -> Outcome {
    loader(previous).await
}

fn address(slot: &Slot) -> usize {
    std::ptr::from_ref(slot).addr()
}
