//! Waiting for a turn.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep};
use tokio::sync::Notify;

use super::lane::{Answer, Lane};
use super::{Deadline, Permit, now};
use crate::error::{Error, ErrorKind};

pub(super) async fn wait(
    lane: Arc<Lane>,
    host: &str,
    sleep_impl: &SharedAsyncSleep,
    deadline: Deadline,
) -> Result<Permit, Error> {
    let place = Place::take(&lane);
    // How far the timer has come, which may run by another clock than `now`.
    let mut slept_until = now();
    loop {
        let now = now().max(slept_until);
        let until = match lane.ask(&place.waiter, now) {
            Answer::Go(epoch) => {
                drop(place);
                return Ok(Permit { lane, epoch });
            }
            Answer::Paused(until) if until > deadline.at => {
                return Err(too_long(host, deadline, Some(until - now)));
            }
            Answer::Wait if now >= deadline.at => return Err(too_long(host, deadline, None)),
            Answer::Paused(until) => until,
            Answer::Wait => deadline.at,
        };
        if place.sleeps_for(until.saturating_duration_since(now), sleep_impl).await {
            slept_until = until;
        }
    }
}

/// A place in the queue, which is left when it is dropped.
struct Place<'a> {
    lane: &'a Lane,
    waiter: Arc<Notify>,
}

impl<'a> Place<'a> {
    fn take(lane: &'a Lane) -> Self {
        let waiter = Arc::new(Notify::new());
        lane.enqueue(&waiter);
        Self { lane, waiter }
    }

    /// Sleeps so long, unless it is woken before: then it is `false`.
    async fn sleeps_for(&self, duration: Duration, sleep_impl: &SharedAsyncSleep) -> bool {
        let mut woken = pin!(self.waiter.notified());
        let mut asleep = pin!(sleep_impl.sleep(duration));
        poll_fn(|context| {
            if woken.as_mut().poll(context).is_ready() {
                return Poll::Ready(false);
            }
            asleep.as_mut().poll(context).map(|()| true)
        })
        .await
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.lane.leave(&self.waiter);
    }
}

fn too_long(host: &str, deadline: Deadline, pause: Option<Duration>) -> Error {
    let max_wait = deadline.max_wait.as_secs_f32();
    let message = match pause {
        Some(pause) => format!(
            "registry {host} asked to pause for {} s more, which is beyond the {max_wait} s that a request waits",
            pause.as_secs_f32().ceil()
        ),
        None => format!(
            "registry {host} has so many requests waiting that a turn did not come within {max_wait} s"
        ),
    };
    Error::new(ErrorKind::Throttled, message).with_hint(
        "Scan less often, or fewer repositories at once; a registry may also allow more to those who log in.",
    )
}
