//! The time of a story.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use crate::clock::Clock;

#[tokio::test]
async fn whoever_is_first_is_woken_first_and_finds_the_time_unchanged_for_its_turn() {
    let clock = Clock::story(local_aws::Clock::fixed(SystemTime::UNIX_EPOCH), None);
    let at = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let woken = Arc::new(Mutex::new(Vec::new()));
    let turn = clock.turn();
    let sleepers = [30, 10, 20, 10].map(|seconds| {
        let (clock, woken) = (clock.clone(), woken.clone());
        tokio::spawn(async move {
            let turn = clock.sleep_until(at(seconds)).await;
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            woken.lock().unwrap().push((seconds, clock.now()));
            drop(turn);
        })
    });
    tokio::task::yield_now().await;
    assert!(woken.lock().unwrap().is_empty(), "somebody has a turn");
    assert_eq!(clock.now(), at(0));
    drop(turn);
    for sleeper in sleepers {
        sleeper.await.unwrap();
    }
    let expected: Vec<_> = [10, 10, 20, 30].map(|seconds| (seconds, at(seconds))).into();
    assert_eq!(*woken.lock().unwrap(), expected);
}

#[tokio::test]
async fn whoever_gives_up_waiting_holds_up_nobody() {
    let clock = Clock::story(local_aws::Clock::fixed(SystemTime::UNIX_EPOCH), None);
    let at = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let turn = clock.turn();
    let first = tokio::spawn({
        let clock = clock.clone();
        async move { drop(clock.sleep_until(at(1)).await) }
    });
    tokio::task::yield_now().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    drop(turn);
    drop(clock.sleep_until(at(5)).await);
    assert_eq!(clock.now(), at(5));
}
