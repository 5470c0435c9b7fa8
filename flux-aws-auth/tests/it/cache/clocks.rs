//! What two clocks make of a value's life.

use super::*;

/// What has become of a value of an hour after so many seconds, with a step of the wall clock when it was new.
async fn state_at(seconds: i64, step: i64) -> &'static str {
    let (source, wall, handle) = with_settable_clock(|builder| builder);
    got(&handle).await.unwrap();
    source.then(Does::FailForNow);
    wall.step(step);
    tokio::time::advance(Duration::from_secs(seconds.unsigned_abs())).await;
    let is_good = got(&handle).await.is_ok();
    settle().await;
    match (is_good, source.loads()) {
        (true, 1) => "fresh",
        (true, _) => "stale",
        (false, _) => "expired",
    }
}

#[tokio::test(start_paused = true)]
async fn whichever_clock_says_so_first_is_right() {
    for (seconds, step, state) in [
        (1600, 0, "fresh"),
        (2000, 0, "stale"),
        (3599, 0, "stale"),
        (3600, 0, "expired"),
        // Set back, the wall clock would give an hour more.
        (2000, -3600, "stale"),
        (3600, -3600, "expired"),
        // Suspended, or set ahead: the monotonic clock has seen nothing of it.
        (10, 1600, "fresh"),
        (10, 2000, "stale"),
        (10, 3600, "expired"),
    ] {
        assert_eq!(state_at(seconds, step).await, state, "after {seconds} s with a step of {step} s");
    }
}

/// So that programs which start together part.
#[tokio::test(start_paused = true)]
async fn values_are_fresh_for_45_to_55_percent_of_their_life_by_chance() {
    let mut ends = Vec::new();
    for _ in 0..200 {
        let source = Source::new();
        let handle = source.handle();
        got(&handle).await.unwrap();
        let mut percent = 0;
        while source.loads() == 1 {
            pass(HOUR / 100).await;
            percent += 1;
            handle.ready();
            settle().await;
        }
        ends.push(percent);
    }
    let (least, most) = (ends.iter().min().copied(), ends.iter().max().copied());
    assert!(least >= Some(45) && most <= Some(56), "{least:?} to {most:?}");
    assert!(least <= Some(47) && most >= Some(54), "{least:?} to {most:?}");
}

#[tokio::test(start_paused = true)]
async fn a_value_that_has_expired_on_arrival_is_a_failure() {
    let source = Source::new().next([Does::BringFor(Duration::ZERO)]);
    let handle = source.handle();
    assert_eq!(got(&handle).await, Err(Wrong::Cache(Fault::AlreadyExpired)));
    assert_eq!(handle.counters().failures, 1);
}

#[tokio::test(start_paused = true)]
async fn an_expiry_beyond_all_clocks_is_none() {
    let end_of_time = SystemTime::UNIX_EPOCH + Duration::from_secs(i64::MAX as u64 / 2);
    let source = Source::new().next([Does::BringUntil(end_of_time)]);
    let handle = source.handle();
    for _ in 0..3 {
        assert_eq!(got(&handle).await, Ok(1));
        pass(HOUR * 10_000).await;
    }
}

/// What has expired is still given to the load, which may know a reason to give it a longer life.
#[tokio::test(start_paused = true)]
async fn a_loader_can_prolong_what_it_brought_before() {
    let source = Source::new();
    let clock = source.clock.clone();
    let handle: Values = source.builder().single(move |previous: Option<Arc<u32>>| {
        let end = clock.now() + Duration::from_mins(10);
        async move { Ok(previous.map_or_else(|| Loaded::new(1), Loaded::new).with_expiry(end)) }
    });
    let first = handle.get().await.unwrap();
    pass(HOUR).await;
    let second = handle.get().await.unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(handle.counters().loads, 2);
}
