//! How much is kept.

use super::*;

use flux_aws_auth::cache::Cache;

type Numbers = Cache<u32, u32, Wrong>;

async fn use_once(cache: &Numbers, source: &Source, key: u32) -> u32 {
    got(&cache.handle(key, source.loader())).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_value_outlives_its_handles() {
    let source = Source::new();
    let cache: Numbers = source.builder().build();
    for _ in 0..3 {
        assert_eq!(use_once(&cache, &source, 7).await, 1);
    }
    let handle = cache.handle(7, source.loader());
    assert_eq!(*cache.handle(7, source.loader()).get().await.unwrap(), 1);
    cache.forget(&7);
    assert_eq!(got(&handle).await, Ok(2));
    assert_eq!(cache.counters().loads, 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_let_go_of_first_goes_first() {
    let source = Source::new();
    let cache: Numbers = source.builder().capacity(3).build();
    for key in [1, 2, 3, 1, 4] {
        use_once(&cache, &source, key).await;
    }
    assert_eq!((cache.len(), source.loads()), (3, 4));
    for key in [3, 1, 4] {
        use_once(&cache, &source, key).await;
    }
    assert_eq!(source.loads(), 4, "these three are there");
    use_once(&cache, &source, 2).await;
    assert_eq!(source.loads(), 5, "this one is not");
}

#[tokio::test(start_paused = true)]
async fn what_has_expired_goes_before_what_is_older() {
    let source = Source::new().next([Does::BringFor(HOUR), Does::BringFor(HOUR / 60)]);
    let cache: Numbers = source.builder().capacity(2).build();
    use_once(&cache, &source, 1).await;
    use_once(&cache, &source, 2).await;
    pass(HOUR / 60).await;
    use_once(&cache, &source, 3).await;
    use_once(&cache, &source, 1).await;
    assert_eq!(source.loads(), 3, "the first is there");
}

#[tokio::test(start_paused = true)]
async fn keys_that_fail_push_no_good_value_out() {
    let source = Source::new();
    let cache: Numbers = source.builder().capacity(3).build();
    for key in [1, 2] {
        use_once(&cache, &source, key).await;
    }
    source.then(Does::Deny);
    for key in 10..20 {
        for _ in 0..2 {
            got(&cache.handle(key, source.loader())).await.unwrap_err();
            settle().await;
        }
    }
    assert_eq!((cache.len(), source.loads()), (3, 12), "and the latest has its pause");
    for key in [1, 2] {
        assert_eq!(use_once(&cache, &source, key).await, key);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_forgotten_leaves_its_room_to_others() {
    let source = Source::new();
    let cache: Numbers = source.builder().capacity(2).build();
    for key in [1, 2] {
        use_once(&cache, &source, key).await;
    }
    cache.forget(&2);
    assert_eq!(cache.len(), 1);
    use_once(&cache, &source, 3).await;
    assert_eq!((cache.len(), source.loads()), (2, 3));
    use_once(&cache, &source, 1).await;
    assert_eq!(source.loads(), 3, "the first is there");
}

#[tokio::test(start_paused = true)]
async fn what_is_held_never_goes_and_does_not_count() {
    let source = Source::new();
    let cache: Numbers = source.builder().capacity(10).build();
    let held: Vec<Values> = (0..100).map(|key| cache.handle(key, source.loader())).collect();
    for handle in &held {
        got(handle).await.unwrap();
    }
    for key in 1000..2000 {
        use_once(&cache, &source, key).await;
        assert!(cache.len() <= 110);
    }
    assert_eq!(cache.len(), 110);
    for (key, handle) in (0..).zip(&held) {
        assert_eq!(got(handle).await, Ok(key + 1));
        assert_eq!(use_once(&cache, &source, key).await, key + 1, "one key, one value");
    }
    drop(held);
    assert_eq!(cache.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_load_in_the_air_holds_its_key() {
    let source = Source::closed();
    let cache: Numbers = source.builder().capacity(0).build();
    let caller = call(&cache.handle(1, source.loader()));
    settle().await;
    caller.abort();
    settle().await;
    assert_eq!((cache.len(), source.in_the_air()), (1, 1));
    let second = call(&cache.handle(1, source.loader()));
    settle().await;
    assert_eq!(source.loads(), 1);
    source.permits.add_permits(1);
    assert_eq!(second.await.unwrap(), Ok(1));
    settle().await;
    assert_eq!(cache.len(), 0);
}

/// What a loader holds may do so when it goes, as another thread may at any time.
#[tokio::test(start_paused = true)]
async fn a_handle_that_is_taken_while_the_last_one_goes_keeps_the_key() {
    struct OnDrop(Numbers, Source, Arc<Mutex<Option<Values>>>);

    impl Drop for OnDrop {
        fn drop(&mut self) {
            *self.2.lock().unwrap() = Some(self.0.handle(1, self.1.loader()));
        }
    }

    let source = Source::new();
    let cache: Numbers = source.builder().capacity(0).build();
    let taken = Arc::default();
    let on_drop = OnDrop(cache.clone(), source.clone(), Arc::clone(&taken));
    let handle = cache.handle(1, move |_| {
        let _held = &on_drop;
        async { Ok(Loaded::new(100)) }
    });
    assert_eq!(got(&handle).await, Ok(100));
    settle().await;
    drop(handle);
    assert_eq!(cache.len(), 1);
    assert_eq!(use_once(&cache, &source, 1).await, 100);
    drop(taken.lock().unwrap().take());
    assert_eq!(cache.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_pause_after_a_failure_outlives_the_handle_and_nothing_else_does() {
    let source = Source::new();
    source.then(Does::FailForNow);
    let cache: Numbers = source.builder().build();
    for _ in 0..5 {
        assert_eq!(got(&cache.handle(1, source.loader())).await, Err(Wrong::Load(1)));
    }
    drop(cache.handle(2, source.loader()));
    assert_eq!(cache.len(), 1, "who never asked leaves nothing");
    assert!(!cache.is_empty());
}
