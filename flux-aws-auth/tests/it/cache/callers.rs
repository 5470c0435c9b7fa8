//! Who loads, who waits, and who goes on.

use super::*;

use std::sync::OnceLock;

use flux_aws_auth::cache::Cache;

#[tokio::test(start_paused = true)]
async fn ten_thousand_callers_of_a_cold_key_share_one_load() {
    for (does, outcome) in [(Does::BringFor(HOUR), Ok(1)), (Does::FailForNow, Err(Wrong::Load(1)))] {
        let source = Source::closed().next([does]);
        let handle = source.handle();
        let callers: Vec<_> = (0..10_000).map(|_| call(&handle)).collect();
        settle().await;
        source.permits.add_permits(10_000);
        for caller in callers {
            assert_eq!(caller.await.unwrap(), outcome);
        }
        assert_eq!(source.loads(), 1);
        let counters = handle.counters();
        assert_eq!((counters.hits, counters.misses, counters.loads), (0, 10_000, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_black_hole_delays_no_other_key() {
    let source = Source::new();
    let cache: Cache<u32, u32, Wrong> = source.builder().build();
    let stuck = Source::new().next([Does::Hang]);
    let callers: Vec<_> = (0..1000)
        .map(|key| call(&cache.handle(key, if key == 500 { stuck.loader() } else { source.loader() })))
        .collect();
    let mut waited = Vec::new();
    for (key, caller) in callers.into_iter().enumerate() {
        let result = caller.await.unwrap();
        waited.push(source.clock.elapsed());
        match key {
            500 => assert_eq!(result, Err(Wrong::Cache(Fault::TimedOut(LIMIT)))),
            _ => assert!(result.is_ok()),
        }
    }
    assert_eq!(waited[499], Duration::ZERO);
    assert!((LIMIT..LIMIT + Duration::from_millis(2)).contains(&waited[999]), "{:?}", waited[999]);
    assert_eq!(source.loads(), 999);
}

#[tokio::test(start_paused = true)]
async fn a_stale_value_is_ready_for_all_and_refreshed_once() {
    let source = Source::closed();
    source.permits.add_permits(1);
    let handle = source.handle();
    assert_eq!(handle.ready(), None, "there is nothing yet, and nobody was asked");
    assert_eq!(source.loads(), 0);
    got(&handle).await.unwrap();
    pass(STALE).await;
    for _ in 0..10 {
        assert_eq!(handle.ready().as_deref(), Some(&1));
        assert_eq!(got(&handle).await, Ok(1));
        settle().await;
        assert_eq!(source.loads(), 2);
    }
    source.permits.add_permits(1);
    settle().await;
    assert_eq!(handle.ready().as_deref(), Some(&2));
    let counters = handle.counters();
    assert_eq!((counters.hits, counters.misses, counters.loads, counters.refreshes), (21, 1, 2, 1));
}

/// What was asked for before the value was forgotten is no answer for those who come after.
#[tokio::test(start_paused = true)]
async fn what_is_forgotten_in_the_air_is_called_off_and_loaded_anew() {
    let source = Source::closed();
    let handle = source.handle();
    let before = call(&handle);
    settle().await;
    handle.forget();
    let after = call(&handle);
    settle().await;
    assert_eq!((source.loads(), source.in_the_air()), (2, 1), "the first is over before the second starts");
    source.permits.add_permits(2);
    assert_eq!((before.await.unwrap(), after.await.unwrap()), (Ok(2), Ok(2)));
}

/// Something forgets faster than a load can come back.
#[tokio::test(start_paused = true)]
async fn one_who_waits_while_the_value_is_forgotten_again_and_again_gets_an_error() {
    let source = Source::closed();
    let handle = source.handle();
    let caller = call(&handle);
    for _ in 0..100 {
        settle().await;
        assert!(!caller.is_finished());
        handle.forget();
    }
    assert_eq!(caller.await.unwrap(), Err(Wrong::Cache(Fault::Cancelled)));
    assert_eq!((source.loads(), source.in_the_air()), (100, 0));
}

#[tokio::test(start_paused = true)]
async fn a_refresh_does_not_bring_back_what_was_forgotten() {
    let source = Source::closed();
    source.permits.add_permits(1);
    let handle = source.handle();
    got(&handle).await.unwrap();
    pass(STALE).await;
    handle.ready();
    settle().await;
    assert_eq!(source.in_the_air(), 1);
    handle.forget();
    source.permits.add_permits(10);
    settle().await;
    assert_eq!(handle.peek(), None);
    assert_eq!(got(&handle).await, Ok(3));
    assert_eq!(source.given(), [None, Some(1), None], "the old value is not even seen by the next load");
}

/// Here the loader itself forgets, so that its outcome is there and it is too late to call it off.
#[tokio::test(start_paused = true)]
async fn what_is_forgotten_as_it_arrives_is_not_kept() {
    for fails in [false, true] {
        let own: Arc<OnceLock<Values>> = Arc::default();
        let source = Source::new();
        let handle = source.builder().single({
            let (own, source) = (own.clone(), source.clone());
            move |previous| {
                let (own, source) = (own.clone(), source.clone());
                async move {
                    let loaded = source.load(previous).await;
                    if source.loads() > 1 {
                        return loaded;
                    }
                    own.get().unwrap().forget();
                    if fails { Err(LoadError::Denied(Wrong::Load(1))) } else { loaded }
                }
            }
        });
        own.set(handle.clone()).unwrap();
        assert_eq!(got(&handle).await, Ok(2));
    }
}

#[tokio::test(start_paused = true)]
async fn of_many_who_reject_a_value_only_the_first_makes_it_go() {
    let source = Source::new();
    let handle = source.handle();
    let rejected = handle.get().await.unwrap();
    for rejects in [true, false, false] {
        assert_eq!(handle.forget_value(&rejected), rejects);
        assert_eq!(got(&handle).await, Ok(2));
    }
}

#[tokio::test(start_paused = true)]
async fn a_loader_that_asks_its_own_handle_gets_an_error() {
    let own: Arc<OnceLock<Values>> = Arc::default();
    let handle = Source::new().builder().single({
        let own = own.clone();
        move |_| {
            let own = own.clone();
            async move {
                let value = got(own.get().unwrap()).await;
                value.map(Loaded::new).map_err(LoadError::Transient)
            }
        }
    });
    own.set(handle.clone()).unwrap();
    assert_eq!(got(&handle).await, Err(Wrong::Cache(Fault::Recursive)));
}

#[tokio::test(start_paused = true)]
async fn loaders_that_wait_for_each_other_end_at_the_limit() {
    let source = Source::new();
    let cache: Cache<u32, u32, Wrong> = source.builder().build();
    let handles: Arc<OnceLock<[Values; 2]>> = Arc::default();
    let asking_the_other = |other: usize| {
        let handles = handles.clone();
        cache.handle(u32::try_from(other).unwrap(), move |_| {
            let other = handles.get().unwrap()[other].clone();
            async move { got(&other).await.map(Loaded::new).map_err(LoadError::Transient) }
        })
    };
    let first = asking_the_other(1);
    handles.set([first.clone(), asking_the_other(0)]).unwrap();
    assert_eq!(got(&first).await, Err(Wrong::Cache(Fault::TimedOut(LIMIT))));
    assert!(source.clock.elapsed() < LIMIT * 2, "{:?}", source.clock.elapsed());
}

#[tokio::test(start_paused = true)]
async fn debug_shows_no_value() {
    let cache: Cache<u32, String, Wrong> = CacheBuilder::new().build();
    let handle = cache.handle(1, |_| async { Ok(Loaded::new("canary".to_owned())) });
    handle.get().await.unwrap();
    let shown = format!("{handle:?} {cache:?} {:?}", Loaded::<String>::new("canary".to_owned()));
    assert!(shown.contains("fresh") && !shown.contains("canary"), "{shown}");
}
