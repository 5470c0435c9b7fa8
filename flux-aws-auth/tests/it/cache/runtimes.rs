//! Loads whose runtime ends or stands still, and programs without one.

use super::*;

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Wake, Waker};

use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep, TokioSleep};
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

#[test]
fn when_the_runtime_of_a_load_ends_another_caller_loads() {
    let (first, second) = (runtime(), runtime());
    let source = second.block_on(async { Source::closed() });
    let handle = source.handle();
    first.block_on(async {
        call(&handle);
        settle().await;
    });
    let mut waiting = Vec::new();
    second.block_on(async {
        waiting.push(call(&handle));
        settle().await;
    });
    assert_eq!(source.loads(), 1);
    drop(first);
    source.permits.add_permits(1);
    for caller in waiting {
        assert_eq!(second.block_on(caller).unwrap(), Ok(2));
    }
}

#[test]
fn a_runtime_that_stands_still_is_not_waited_for_beyond_the_limit() {
    let (still, driven) = (runtime(), runtime());
    let source = driven.block_on(async { Source::closed().next([Does::Hang]) });
    let handle = source.handle();
    let mut standing = Vec::new();
    still.block_on(async {
        standing.push(call(&handle));
        settle().await;
    });
    source.permits.add_permits(2);
    let second = driven.block_on(async { got(&handle).await });
    assert_eq!(second, Ok(2));
    let waited = driven.block_on(async { source.clock.elapsed() });
    assert!((LIMIT..LIMIT + Duration::from_secs(2)).contains(&waited), "{waited:?}");
    for caller in standing {
        assert_eq!(still.block_on(caller).unwrap(), Ok(2), "it gets what the other loaded");
    }
    assert_eq!((source.loads(), source.in_the_air()), (2, 0), "and its own load is called off");
}

/// What it waited for has expired, and was loaded anew meanwhile.
#[test]
fn a_caller_that_wakes_late_gets_the_newer_value() {
    let (slow, driven) = (runtime(), runtime());
    let source = driven.block_on(async { Source::closed().next([Does::BringFor(HOUR / 60)]) });
    let handle = source.handle();
    let calling = |runtime: &Runtime| {
        let _entered = runtime.enter();
        let caller = call(&handle);
        runtime.block_on(settle());
        caller
    };
    let (first, late) = (calling(&driven), calling(&slow));
    source.permits.add_permits(2);
    assert_eq!(driven.block_on(first).unwrap(), Ok(1));
    driven.block_on(async {
        pass(HOUR / 60).await;
        assert_eq!(got(&handle).await, Ok(2));
    });
    slow.block_on(async {
        pass(HOUR / 30).await;
        assert_eq!(late.await.unwrap(), Ok(2));
    });
}

/// The task of a load is not polled any more, and keeps no limit, when the loader holds up its thread.
#[derive(Debug)]
struct HeldUp(TokioSleep);

impl AsyncSleep for HeldUp {
    fn sleep(&self, duration: Duration) -> Sleep {
        if duration == LIMIT { Sleep::new(std::future::pending()) } else { self.0.sleep(duration) }
    }
}

#[tokio::test(start_paused = true)]
async fn a_loader_that_holds_up_its_thread_is_a_failure_that_all_share() {
    let source = Source::new().next([Does::Hang]);
    let handle = source.builder().sleep_impl(HeldUp(TokioSleep::new())).single(source.loader());
    let callers: Vec<_> = (0..5).map(|_| call(&handle)).collect();
    let timed_out = Err(Wrong::Cache(Fault::TimedOut(LIMIT)));
    for caller in callers {
        assert_eq!(caller.await.unwrap(), timed_out);
    }
    assert_eq!(got(&handle).await, timed_out, "there is a pause");
    let counters = handle.counters();
    assert_eq!((source.loads(), counters.loads, counters.failures), (1, 1, 1));
    pass(Duration::from_millis(250)).await;
    assert_eq!(got(&handle).await, Ok(2));
}

/// A stale value's load that died, or is taken for dead, leaves its place to the next.
#[test]
fn a_refresh_does_not_wait_for_a_runtime_that_has_ended_or_stands_still() {
    for has_ended in [true, false] {
        let (first, second) = (runtime(), runtime());
        let source = second.block_on(async { Source::closed() });
        source.permits.add_permits(1);
        let handle = source.handle();
        second.block_on(async {
            got(&handle).await.unwrap();
            pass(STALE).await;
        });
        first.block_on(async {
            pass(STALE).await;
            assert_eq!(handle.ready().as_deref(), Some(&1));
            settle().await;
        });
        assert_eq!(source.loads(), 2);
        let still = Some(first).filter(|_| !has_ended);
        // The load that stands still is the first in the queue.
        source.permits.add_permits(if has_ended { 1 } else { 2 });
        second.block_on(async {
            if !has_ended {
                assert_eq!(got(&handle).await, Ok(1));
                settle().await;
                assert_eq!(source.loads(), 2);
                pass(LIMIT + Duration::from_secs(2)).await;
            }
            assert_eq!(got(&handle).await, Ok(1));
            settle().await;
            assert_eq!(got(&handle).await, Ok(3));
        });
        drop(still);
    }
}

/// Somebody's idea for a test: it must not become an endless loop.
#[test]
fn where_no_time_passes_the_limit_is_over_at_once() {
    #[derive(Debug)]
    struct AtOnce;

    impl AsyncSleep for AtOnce {
        fn sleep(&self, _: Duration) -> Sleep {
            Sleep::new(std::future::ready(()))
        }
    }

    runtime().block_on(async {
        let source = Source::closed();
        let handle = source.builder().sleep_impl(AtOnce).single(source.loader());
        assert_eq!(got(&handle).await, Err(Wrong::Cache(Fault::TimedOut(LIMIT))));
    });
}

/// A runtime that takes no tasks any more, in whose context somebody still asks.
#[test]
fn in_the_context_of_a_runtime_that_has_ended_the_caller_loads_itself() {
    let over = runtime();
    let source = over.block_on(async { Source::new() });
    let handle = source.builder().sleep_impl(Never).single(source.loader());
    let context = over.handle().clone();
    drop(over);
    let _entered = context.enter();
    assert_eq!(poll_once(&mut pin!(got(&handle))), Poll::Ready(Ok(1)));
    assert_eq!(handle.counters().loads, 2, "the first died with the task that nobody took");
}

#[test]
fn outside_tokio_the_caller_loads_and_hands_over_when_dropped() {
    let source = runtime().block_on(async { Source::closed() });
    let handle = source.builder().sleep_impl(Never).single(source.loader());
    let mut first = Box::pin(got(&handle));
    assert!(poll_once(&mut first).is_pending());
    let mut second = Box::pin(got(&handle));
    assert!(poll_once(&mut second).is_pending());
    assert_eq!(source.loads(), 1);
    drop(first);
    assert!(poll_once(&mut second).is_pending());
    assert_eq!(source.loads(), 2);
    source.permits.add_permits(1);
    assert_eq!(poll_once(&mut second), Poll::Ready(Ok(2)));
    assert_eq!(handle.ready().as_deref(), Some(&2), "a fresh value needs nobody to load");
}

/// Nobody could load it in the background.
#[test]
fn outside_tokio_one_who_asks_for_a_stale_value_loads_first() {
    for (does, outcome) in [(Does::BringFor(HOUR), 2), (Does::FailForNow, 1)] {
        let (source, wall, handle) = with_settable_clock(|builder| builder.sleep_impl(Never));
        assert_eq!(poll_once(&mut pin!(got(&handle))), Poll::Ready(Ok(1)));
        wall.step(2000);
        source.then(does);
        assert_eq!(handle.ready(), None);
        assert_eq!(poll_once(&mut pin!(got(&handle))), Poll::Ready(Ok(outcome)));
        assert_eq!(source.loads(), 2);
        assert_eq!(handle.ready().as_deref(), Some(&outcome), "while it rests, so does everyone");
    }
}

/// Time does not pass.
#[derive(Debug)]
struct Never;

impl AsyncSleep for Never {
    fn sleep(&self, _: Duration) -> Sleep {
        Sleep::new(std::future::pending())
    }
}

struct Deaf;

impl Wake for Deaf {
    fn wake(self: Arc<Self>) {}
}

fn poll_once<F: Future>(future: &mut Pin<impl std::ops::DerefMut<Target = F>>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::new(Deaf))))
}
