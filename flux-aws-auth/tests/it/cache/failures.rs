//! What a failed load means, and when the next one comes.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_transient_failure_keeps_the_value_and_a_denial_ends_it() {
    for (does, next) in [(Does::FailForNow, Ok(1)), (Does::Deny, Err(Wrong::Load(2)))] {
        let source = Source::new();
        let handle = source.handle();
        got(&handle).await.unwrap();
        source.then(does);
        pass(STALE).await;
        assert_eq!(got(&handle).await, Ok(1));
        settle().await;
        assert_eq!(got(&handle).await, next);
        pass(HOUR).await;
        assert_eq!(got(&handle).await, Err(Wrong::Load(3)));
        let given = if next.is_ok() { Some(1) } else { None };
        assert_eq!(source.given(), [None, Some(1), given]);
    }
}

/// A caller every ten milliseconds for a minute: the pauses are 125 to 250 ms, then twice as long each, up to one to two
/// seconds.
#[tokio::test(start_paused = true)]
async fn without_a_value_failures_are_shared_for_a_pause_that_grows() {
    let source = Source::new();
    source.then(Does::FailForNow);
    let handle = source.handle();
    let mut loaded_at = Vec::new();
    for tick in 0_u64..6000 {
        let before = source.loads();
        let error = got(&handle).await.unwrap_err();
        assert_eq!(error, Wrong::Load(u32::try_from(source.loads()).unwrap()), "the last failure");
        if source.loads() > before {
            loaded_at.push(tick * 10);
        }
        pass(Duration::from_millis(10)).await;
    }
    let pauses: Vec<u64> = loaded_at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (pause, longest) in pauses.iter().zip([250, 500, 1000].into_iter().chain(std::iter::repeat(2000))) {
        assert!((longest / 2..=longest + 10).contains(pause), "{pauses:?}");
    }
    source.then(Does::BringFor(HOUR));
    pass(Duration::from_secs(2)).await;
    got(&handle).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn after_a_success_the_pauses_are_short_again() {
    let source = Source::new().next([Does::FailForNow; 4]).next([Does::BringFor(HOUR), Does::FailForNow]);
    let handle = source.handle();
    for number in 1..=4 {
        assert_eq!(got(&handle).await, Err(Wrong::Load(number)));
        pass(Duration::from_secs(2)).await;
    }
    assert_eq!(got(&handle).await, Ok(5));
    pass(HOUR).await;
    assert_eq!(got(&handle).await, Err(Wrong::Load(6)));
    pass(Duration::from_millis(250)).await;
    assert_eq!(got(&handle).await, Ok(7));
}

#[tokio::test(start_paused = true)]
async fn forgetting_ends_the_pause() {
    let source = Source::new().next([Does::FailForNow]);
    let handle = source.handle();
    got(&handle).await.unwrap_err();
    assert_eq!(got(&handle).await, Err(Wrong::Load(1)));
    handle.forget();
    assert_eq!(got(&handle).await, Ok(2));
}

/// The tries for a stale value: soon after the first failure, then rarer, and again and again before the end.
#[tokio::test(start_paused = true)]
async fn a_stale_value_is_tried_for_until_its_end() {
    let source = Source::new();
    let handle = source.handle();
    got(&handle).await.unwrap();
    source.then(Does::FailForNow);
    pass(STALE).await;
    let mut tried_at = Vec::new();
    while let Some(value) = handle.ready() {
        assert_eq!(*value, 1);
        settle().await;
        if source.loads() > tried_at.len() + 1 {
            tried_at.push(source.clock.elapsed());
        }
        pass(Duration::from_millis(100)).await;
    }
    let pauses: Vec<Duration> = tried_at.windows(2).map(|pair| pair[1].abs_diff(pair[0])).collect();
    let tick = Duration::from_millis(101);
    assert!(pauses[0] <= Duration::from_secs(1) + tick, "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause <= Duration::from_mins(1) + tick), "{pauses:?}");
    assert!((30..70).contains(&pauses.len()), "{pauses:?}");
    assert!(HOUR.abs_diff(*tried_at.last().unwrap()) <= Duration::from_secs(2) + tick, "{tried_at:?}");
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_twenty_minutes_at_any_time_of_an_hour_is_seen_by_nobody() {
    for minute in 0..60 {
        let source = Source::new();
        let handle = source.handle();
        for second in (0..3 * 3600_u32).step_by(5) {
            let is_down = (60 * (60 + minute)..60 * (80 + minute)).contains(&second);
            source.then(if is_down { Does::FailForNow } else { Does::BringFor(HOUR) });
            let result = got(&handle).await;
            assert!(result.is_ok(), "{result:?} after {second} s, with an outage at minute {minute}");
            pass(Duration::from_secs(5)).await;
        }
        assert!(source.loads() <= 3 * 2 + 2 + 28, "{} loads", source.loads());
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_that_all_share() {
    let source = Source::closed().next([Does::Panic]);
    let handle = source.handle();
    let callers = [call(&handle), call(&handle)];
    settle().await;
    source.permits.add_permits(2);
    for caller in callers {
        assert_eq!(caller.await.unwrap(), Err(Wrong::Cache(Fault::Panicked)));
    }
    pass(Duration::from_secs(1)).await;
    assert_eq!(got(&handle).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_load_that_does_not_come_back_ends_at_the_limit() {
    let source = Source::new().next([Does::Hang]);
    let handle = source.handle();
    assert_eq!(got(&handle).await, Err(Wrong::Cache(Fault::TimedOut(LIMIT))));
    assert_eq!(source.in_the_air(), 0, "it is dropped");
    assert!(source.clock.elapsed() < LIMIT + Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn a_loader_that_panics_as_it_is_dropped_has_its_outcome() {
    struct Panics;

    impl Drop for Panics {
        fn drop(&mut self) {
            // Without the message on standard error.
            std::panic::resume_unwind(Box::new("scripted"));
        }
    }

    let handle: Values = Source::new().builder().single(|_| async {
        let _panics = Panics;
        std::future::pending().await
    });
    assert_eq!(call(&handle).await.unwrap(), Err(Wrong::Cache(Fault::TimedOut(LIMIT))));
}
