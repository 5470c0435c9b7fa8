//! The code of a value, an error or a key runs under no lock of the cache. Each of these tests would hang.

use super::*;

use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

use flux_aws_auth::cache::Cache;

/// A value that, when it goes, asks the cache it comes from.
struct Nosy(Cache<u32, Self, Wrong>);

impl Drop for Nosy {
    fn drop(&mut self) {
        self.0.forget(&1);
        self.0.handle(1, |_| async { Err(LoadError::Transient(Wrong::Load(0))) }).peek();
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_may_use_the_cache_while_it_goes() {
    let cache: Cache<u32, Nosy, Wrong> = Source::new().builder().capacity(0).build();
    let loader = |cache: &Cache<u32, Nosy, Wrong>| {
        let cache = cache.clone();
        move |_: Option<Arc<Nosy>>| {
            let value = Nosy(cache.clone());
            async move { Ok(Loaded::new(value)) }
        }
    };
    let handle = cache.handle(1, loader(&cache));
    drop(handle.get().await);
    handle.forget();
    drop(handle.get().await);
    pass(Duration::from_secs(301)).await;
    drop(handle.get().await);
    settle().await;
    drop(handle);
    assert!(cache.len() <= 1);
}

/// A value that, when it goes, asks the handle it comes from.
struct Looking(Arc<OnceLock<Handle<Self, Wrong>>>);

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.get().map(Handle::peek);
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_that_has_expired_on_arrival_may_use_its_handle_while_it_goes() {
    let own: Arc<OnceLock<Handle<Looking, Wrong>>> = Arc::default();
    let handle = Source::new().builder().single({
        let own = own.clone();
        move |_| {
            let value = Looking(own.clone());
            async { Ok(Loaded::new(value).with_expiry(SystemTime::UNIX_EPOCH)) }
        }
    });
    own.set(handle.clone()).ok().unwrap();
    assert_eq!(handle.get().await.err(), Some(Wrong::Cache(Fault::AlreadyExpired)));
}

#[tokio::test(start_paused = true)]
async fn an_error_may_use_its_handle_when_it_is_made_cloned_or_dropped() {
    static OWN: OnceLock<Handle<u32, Looks>> = OnceLock::new();

    #[derive(Debug)]
    struct Looks;

    impl Looks {
        fn new() -> Self {
            OWN.get().map(Handle::peek);
            Self
        }
    }

    impl From<Fault> for Looks {
        fn from(_: Fault) -> Self {
            Self::new()
        }
    }

    impl Clone for Looks {
        fn clone(&self) -> Self {
            Self::new()
        }
    }

    impl Drop for Looks {
        fn drop(&mut self) {
            OWN.get().map(Handle::peek);
        }
    }

    let loads = Arc::new(AtomicI64::new(0));
    let handle = Source::new().builder().single({
        let loads = loads.clone();
        move |_| {
            let is_denied = loads.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                if is_denied {
                    return Err(LoadError::Denied(Looks::new()));
                }
                Ok(Loaded::new(1).with_expiry(SystemTime::UNIX_EPOCH))
            }
        }
    });
    OWN.set(handle.clone()).unwrap();
    for _ in 0..3 {
        handle.get().await.unwrap_err();
        handle.get().await.unwrap_err();
        pass(Duration::from_secs(2)).await;
    }
    handle.forget();
    assert!(handle.counters().failures > 2);
}

/// A key that, when it goes, asks its cache.
struct Key(u32, Cache<Self, u32, Wrong>);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.1.len();
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_may_use_the_cache_when_it_goes() {
    for capacity in [0, 1] {
        let cache: Cache<Key, u32, Wrong> = Source::new().builder().capacity(capacity).build();
        for number in [1, 1, 2] {
            let key = || Key(number, cache.clone());
            let handle = cache.handle(key(), |_| async { Ok(Loaded::new(1)) });
            assert_eq!(cache.handle(key(), |_| async { Ok(Loaded::new(2)) }).get().await, Ok(Arc::new(1)));
            settle().await;
            drop(handle);
            assert_eq!(cache.len(), capacity);
        }
        cache.forget(&Key(2, cache.clone()));
    }
}
