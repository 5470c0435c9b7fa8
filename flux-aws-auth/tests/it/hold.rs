//! How long a chain holds credentials, and who asks for new ones.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_async::time::TimeSource;
use flux_aws_auth::source::{Notes, Outcome, Provided, Skipped, SourceContext};
use flux_aws_auth::{
    Chain, CredentialSource, Environment, Error, ErrorKind, Principal, Reason, Resolved, SourceKind,
};
use tokio::sync::Semaphore;

use crate::support::TestClock;

const HOUR: Duration = Duration::from_hours(1);

/// A source that gives credentials of an hour, or fails, when a permit lets it.
#[derive(Clone, Debug)]
struct Gate {
    clock: TestClock,
    permits: Arc<Semaphore>,
    failing: Arc<AtomicUsize>,
    failure: Arc<Mutex<Outcome>>,
    expiry: Arc<Mutex<Expiry>>,
    /// The id of each key; else the number of the load is in it.
    key: Arc<Mutex<Option<&'static str>>>,
    loads: Arc<AtomicUsize>,
}

/// When the credentials end that the gate gives.
#[derive(Clone, Copy, Debug)]
enum Expiry {
    InAnHour,
    At(SystemTime),
    Never,
}

impl Gate {
    fn open() -> Self {
        Self::with_permits(Semaphore::MAX_PERMITS)
    }

    fn with_permits(permits: usize) -> Self {
        Self {
            clock: TestClock::new(),
            permits: Arc::new(Semaphore::new(permits)),
            failing: Arc::default(),
            failure: Arc::new(Mutex::new(failure(ErrorKind::Unavailable))),
            expiry: Arc::new(Mutex::new(Expiry::InAnHour)),
            key: Arc::default(),
            loads: Arc::default(),
        }
    }

    fn chain(&self) -> Chain {
        Chain::builder()
            .environment(Environment::empty())
            .time_source(self.clock.clone())
            .deadline(Duration::from_hours(24))
            .only(self.clone())
            .build()
    }

    fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }

    fn repeat_expiry(&self) {
        *self.expiry.lock().unwrap() = Expiry::At(self.clock.now() + HOUR);
    }

    fn without_expiry(&self) {
        *self.expiry.lock().unwrap() = Expiry::Never;
    }

    fn fail_next(&self, times: usize) {
        self.fail_next_with(times, failure(ErrorKind::Unavailable));
    }

    fn fail_next_with(&self, times: usize, failure: Outcome) {
        *self.failure.lock().unwrap() = failure;
        self.failing.store(times, Ordering::SeqCst);
    }

    fn refuse_next(&self) {
        self.fail_next_with(1, failure(ErrorKind::AccessDenied));
    }
}

#[async_trait]
impl CredentialSource for Gate {
    fn kind(&self) -> SourceKind {
        SourceKind::Custom("gate")
    }

    fn is_configured(&self, _: &Environment) -> bool {
        true
    }

    async fn load(&self, _: &SourceContext, _: &mut Notes) -> Outcome {
        let number = self.loads.fetch_add(1, Ordering::SeqCst) + 1;
        self.permits.acquire().await.expect("never closed").forget();
        let fails =
            self.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if fails {
            return self.failure.lock().unwrap().clone();
        }
        let id = self.key.lock().unwrap().map_or_else(|| format!("KEY{number}"), str::to_owned);
        let mut credentials =
            Credentials::builder().access_key_id(id).secret_access_key("s").provider_name("gate");
        credentials.set_expiry(match *self.expiry.lock().unwrap() {
            Expiry::InAnHour => Some(self.clock.now() + HOUR),
            Expiry::At(end) => Some(end),
            Expiry::Never => None,
        });
        Outcome::Provided(Provided::new(credentials.build(), Principal::Unknown))
    }
}

fn failure(kind: ErrorKind) -> Outcome {
    Outcome::Failed(Error::new(kind, "scripted"))
}

fn key(resolved: &Resolved) -> String {
    resolved.credentials().access_key_id().to_owned()
}

async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

/// Lets what runs in the background come to an end.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

/// The latest time at which credentials of an hour are no longer fresh: 55 %, and a second.
const STALE: u64 = 1981;

#[tokio::test(start_paused = true)]
async fn credentials_serve_half_their_life_then_are_replaced_behind_the_scenes() {
    let gate = Gate::open();
    let chain = gate.chain();
    assert_eq!(key(&chain.resolve().await.unwrap()), "KEY1");
    pass(1619).await;
    assert_eq!(key(&chain.clone().resolve().await.unwrap()), "KEY1");
    settle().await;
    assert_eq!(gate.loads(), 1, "45 % of an hour are 1620 seconds");
    pass(STALE - 1619).await;
    assert_eq!(key(&chain.resolve().await.unwrap()), "KEY1", "the one who starts the refresh goes on too");
    settle().await;
    assert_eq!(key(&chain.resolve().await.unwrap()), "KEY2");
    assert_eq!(gate.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_fails_keeps_what_is_good_and_no_longer() {
    let gate = Gate::open();
    let chain = gate.chain();
    chain.resolve().await.unwrap();
    gate.fail_next(usize::MAX);
    pass(STALE).await;
    for _ in 0..3 {
        assert_eq!(key(&chain.resolve().await.unwrap()), "KEY1");
        settle().await;
    }
    assert_eq!(gate.loads(), 2, "there is a pause before the next try");
    pass(2).await;
    assert_eq!(key(&chain.resolve().await.unwrap()), "KEY1");
    settle().await;
    assert_eq!(gate.loads(), 3);
    pass(3600 - STALE).await;
    let error = chain.resolve().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "expired credentials are never given");
    gate.fail_next(0);
    chain.resolve().await.unwrap_err();
    assert_eq!(gate.loads(), 4, "there is a pause, and who comes meanwhile gets the failure");
    pass(2).await;
    assert_eq!(key(&chain.resolve().await.unwrap()), "KEY5", "a failure is not remembered for long");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_ends_credentials_that_are_still_good() {
    let gate = Gate::open();
    let chain = gate.chain();
    chain.resolve().await.unwrap();
    gate.refuse_next();
    pass(STALE).await;
    assert_eq!(key(&chain.resolve().await.unwrap()), "KEY1", "the refusal is still to come");
    settle().await;
    assert_eq!(chain.resolve().await.unwrap_err().kind(), ErrorKind::AccessDenied);
    assert!(chain.fallback_on_interrupt().is_none());
}

#[tokio::test(start_paused = true)]
async fn while_one_refreshes_all_go_on() {
    let gate = Gate::with_permits(1);
    let chain = gate.chain();
    chain.resolve().await.unwrap();
    pass(STALE).await;
    for _ in 0..100 {
        assert_eq!(key(&chain.resolve().await.unwrap()), "KEY1");
        settle().await;
    }
    gate.permits.add_permits(1);
    settle().await;
    assert_eq!(key(&chain.resolve().await.unwrap()), "KEY2");
    assert_eq!(gate.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn all_who_wait_share_one_exchange_good_or_bad() {
    for fails in [false, true] {
        let gate = Gate::with_permits(0);
        gate.fail_next(usize::from(fails));
        let chain = gate.chain();
        let waiting: Vec<_> = (0..1000)
            .map(|_| {
                let chain = chain.clone();
                tokio::spawn(async move { chain.resolve().await.map(|resolved| key(&resolved)) })
            })
            .collect();
        settle().await;
        gate.permits.add_permits(1000);
        for caller in waiting {
            assert_eq!(caller.await.unwrap().is_err(), fails);
        }
        assert_eq!(gate.loads(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_loses_nothing() {
    let gate = Gate::with_permits(0);
    let chain = gate.chain();
    let first = tokio::spawn({
        let chain = chain.clone();
        async move { chain.resolve().await }
    });
    settle().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    gate.permits.add_permits(1);
    settle().await;
    assert_eq!(key(&chain.resolve().await.unwrap()), "KEY1");
    assert_eq!(gate.loads(), 1);
}

/// An agent repeats the same credentials until it has rotated them: it is asked again after a pause, not at every call.
#[tokio::test(start_paused = true)]
async fn a_refresh_that_brings_nothing_newer_is_followed_by_a_pause() {
    let gate = Gate::open();
    gate.repeat_expiry();
    let chain = gate.chain();
    chain.resolve().await.unwrap();
    pass(STALE).await;
    let sixteenth = (3600 - STALE) / 16;
    for (seconds, loads) in [(0, 2), (sixteenth - 1, 2), (2, 3), (sixteenth - 10, 3), (10, 4)] {
        pass(seconds).await;
        chain.resolve().await.unwrap();
        settle().await;
        assert_eq!(gate.loads(), loads, "after {seconds} more seconds");
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_without_an_expiry_are_asked_for_every_five_minutes_and_serve_on() {
    let gate = Gate::open();
    gate.without_expiry();
    let chain = gate.chain();
    for (seconds, loads) in [(0, 1), (299, 1), (2, 2)] {
        pass(seconds).await;
        chain.resolve().await.unwrap();
        settle().await;
        assert_eq!(gate.loads(), loads, "after {seconds} more seconds");
    }
    gate.fail_next(usize::MAX);
    for _ in 0..100 {
        pass(3600).await;
        assert_eq!(key(&chain.resolve().await.unwrap()), "KEY2");
        settle().await;
    }
}

/// Else a key that was removed or revoked would be used for ever.
#[tokio::test(start_paused = true)]
async fn credentials_without_an_expiry_end_with_their_source_or_when_a_key_is_not_accepted() {
    let removed = || Skipped::new(Reason::NotConfigured, "removed").into();
    for (outcome, ends_with) in [
        (removed(), Some(Reason::SourceGone)),
        (failure(ErrorKind::InvalidToken), Some(Reason::TokenRejected)),
        (failure(ErrorKind::Throttled), None),
        (failure(ErrorKind::InvalidResponse), None),
    ] {
        for expires in [false, true] {
            let gate = Gate::open();
            if !expires {
                gate.without_expiry();
            }
            let chain = gate.chain();
            chain.resolve().await.unwrap();
            gate.fail_next_with(usize::MAX, outcome.clone());
            pass(STALE).await;
            chain.resolve().await.unwrap();
            settle().await;
            let reason = chain.resolve().await.err().map(|error| error.reason());
            assert_eq!(reason, ends_with.filter(|_| !expires), "{outcome:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_forgotten_is_asked_for_again() {
    let gate = Gate::open();
    let chain = gate.chain();
    let first = chain.resolve().await.unwrap();
    assert_eq!(key(&first), "KEY1");
    chain.clone().forget();
    assert_eq!(key(&chain.resolve().await.unwrap()), "KEY2");
    assert!(!chain.forget_credentials(first.credentials()), "those have gone already");
    let second = chain.resolve().await.unwrap();
    assert_eq!(key(&second), "KEY2");
    assert!(chain.forget_credentials(second.credentials()));
    assert_eq!(key(&chain.resolve().await.unwrap()), "KEY3");
}

/// AWS has rejected the key, however long its source says that it is good.
#[tokio::test(start_paused = true)]
async fn credentials_whose_life_was_prolonged_are_still_those_that_were_rejected() {
    let gate = Gate::open();
    *gate.key.lock().unwrap() = Some("SAME");
    let chain = gate.chain();
    let before = chain.resolve().await.unwrap();
    pass(STALE).await;
    chain.resolve().await.unwrap();
    settle().await;
    let now = chain.resolve().await.unwrap();
    assert!(now.expiry() > before.expiry() && key(&now) == key(&before));
    assert!(chain.forget_credentials(before.credentials()));
    assert!(chain.fallback_on_interrupt().is_none());
}

/// Each pause of the cache is over when the next of these tries comes.
#[tokio::test(start_paused = true)]
async fn every_try_of_one_who_waits_for_an_identity_asks_the_sources() {
    let gate = Gate::open();
    gate.fail_next(6);
    let chain = gate.chain();
    let resolved = chain.wait_for_identity(HOUR).await.unwrap();
    assert_eq!((key(&resolved).as_str(), gate.loads()), ("KEY7", 7));
    assert_eq!(gate.clock.elapsed().as_millis(), 500 + 1000 + 2000 + 3 * 4000);
}

/// The pause after a failure must not reach beyond the end of what is held.
#[tokio::test(start_paused = true)]
async fn nothing_is_given_beyond_its_end() {
    let gate = Gate::open();
    let chain = gate.chain();
    chain.resolve().await.unwrap();
    gate.fail_next(usize::MAX);
    pass(3590).await;
    assert_eq!(key(&chain.resolve().await.unwrap()), "KEY1", "ten seconds are left");
    pass(10).await;
    chain.resolve().await.unwrap_err();
    assert!(chain.fallback_on_interrupt().is_none());
}

/// Credentials that end while they are being refreshed: all who wait share what comes of that one refresh.
#[tokio::test(start_paused = true)]
async fn a_refresh_that_outlives_the_old_credentials_is_shared() {
    for fails in [false, true] {
        let gate = Gate::with_permits(1);
        let chain = gate.chain();
        chain.resolve().await.unwrap();
        gate.fail_next(usize::from(fails));
        pass(3599).await;
        assert_eq!(key(&chain.resolve().await.unwrap()), "KEY1");
        settle().await;
        assert!(chain.fallback_on_interrupt().is_some(), "an SDK client can go on with what is held");
        pass(2).await;
        let waiting: Vec<_> = (0..5)
            .map(|_| {
                let chain = chain.clone();
                tokio::spawn(async move { chain.resolve().await.is_err() })
            })
            .collect();
        settle().await;
        gate.permits.add_permits(10);
        for caller in waiting {
            assert_eq!(caller.await.unwrap(), fails);
        }
        assert_eq!(gate.loads(), 2, "the first load and one refresh");
    }
}

#[tokio::test(start_paused = true)]
async fn callers_and_loads_are_counted() {
    let gate = Gate::open();
    let chain = gate.chain();
    chain.resolve().await.unwrap();
    chain.resolve().await.unwrap();
    gate.fail_next(1);
    pass(STALE).await;
    chain.provide_credentials().await.unwrap();
    settle().await;
    let counters = chain.counters();
    assert_eq!((counters.hits, counters.misses), (2, 1));
    assert_eq!((counters.loads, counters.refreshes, counters.failures), (2, 1, 1));
}

#[test]
fn futures_can_be_sent() {
    fn assert_send<T: Send>(_: &T) {}
    let chain = Chain::builder().environment(Environment::empty()).build();
    assert_send(&chain.resolve());
    assert_send(&chain.wait_for_identity(HOUR));
    assert_send(&chain.caller_identity());
}
