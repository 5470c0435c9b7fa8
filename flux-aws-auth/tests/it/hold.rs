//! How long a chain holds credentials, and who asks for new ones.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_async::time::TimeSource;
use flux_aws_auth::test_util::{FakeCredentialSource, FakeOutcome};
use flux_aws_auth::{Chain, Environment, ErrorKind, Reason, Resolved};

use crate::support::TestClock;

const HOUR: Duration = Duration::from_hours(1);

/// How long it takes to ask, where that matters: longer than what a test does meanwhile.
const LONG: Duration = Duration::from_secs(60);

/// A chain with one source, which gives credentials of an hour unless told otherwise, and a day to ask it.
fn held() -> (FakeCredentialSource, Chain) {
    let source = FakeCredentialSource::new();
    let chain = Chain::builder()
        .environment(Environment::empty())
        .time_source(TestClock::new())
        .deadline(Duration::from_hours(24))
        .only(source.clone())
        .build();
    (source, chain)
}

fn outage() -> FakeOutcome {
    FakeOutcome::failure(ErrorKind::Unavailable)
}

/// The number of the load that brought the key.
fn key(resolved: &Resolved) -> u64 {
    resolved.credentials().access_key_id().trim_start_matches("ASIAFAKE").parse().unwrap()
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
    let (source, chain) = held();
    assert_eq!(key(&chain.resolve().await.unwrap()), 1);
    pass(1619).await;
    assert_eq!(key(&chain.clone().resolve().await.unwrap()), 1);
    settle().await;
    assert_eq!(source.loads(), 1, "45 % of an hour are 1620 seconds");
    pass(STALE - 1619).await;
    assert_eq!(key(&chain.resolve().await.unwrap()), 1, "the one who starts the refresh goes on too");
    settle().await;
    assert_eq!(key(&chain.resolve().await.unwrap()), 2);
    assert_eq!(source.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_fails_keeps_what_is_good_and_no_longer() {
    let (source, chain) = held();
    chain.resolve().await.unwrap();
    source.answer(outage());
    pass(STALE).await;
    for _ in 0..3 {
        assert_eq!(key(&chain.resolve().await.unwrap()), 1);
        settle().await;
    }
    assert_eq!(source.loads(), 2, "there is a pause before the next try");
    pass(2).await;
    assert_eq!(key(&chain.resolve().await.unwrap()), 1);
    settle().await;
    assert_eq!(source.loads(), 3);
    pass(3600 - STALE).await;
    let error = chain.resolve().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "expired credentials are never given");
    source.answer(FakeOutcome::keys(HOUR));
    chain.resolve().await.unwrap_err();
    assert_eq!(source.loads(), 4, "there is a pause, and who comes meanwhile gets the failure");
    pass(2).await;
    assert_eq!(key(&chain.resolve().await.unwrap()), 5, "a failure is not remembered for long");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_ends_credentials_that_are_still_good() {
    let (source, chain) = held();
    chain.resolve().await.unwrap();
    source.answer_next(FakeOutcome::failure(ErrorKind::AccessDenied));
    pass(STALE).await;
    assert_eq!(key(&chain.resolve().await.unwrap()), 1, "the refusal is still to come");
    settle().await;
    assert_eq!(chain.resolve().await.unwrap_err().kind(), ErrorKind::AccessDenied);
    assert!(chain.fallback_on_interrupt().is_none());
}

#[tokio::test(start_paused = true)]
async fn while_one_refreshes_all_go_on() {
    let (source, chain) = held();
    chain.resolve().await.unwrap();
    source.answer(FakeOutcome::keys(HOUR).after(LONG));
    pass(STALE).await;
    for _ in 0..100 {
        assert_eq!(key(&chain.resolve().await.unwrap()), 1);
        settle().await;
    }
    pass(LONG.as_secs()).await;
    settle().await;
    assert_eq!(key(&chain.resolve().await.unwrap()), 2);
    assert_eq!(source.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn all_who_wait_share_one_exchange_good_or_bad() {
    for fails in [false, true] {
        let (source, chain) = held();
        source.answer(if fails { outage() } else { FakeOutcome::keys(HOUR) }.after(LONG));
        let waiting: Vec<_> = (0..1000)
            .map(|_| {
                let chain = chain.clone();
                tokio::spawn(async move { chain.resolve().await.map(|resolved| key(&resolved)) })
            })
            .collect();
        for caller in waiting {
            assert_eq!(caller.await.unwrap().is_err(), fails);
        }
        assert_eq!(source.loads(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_loses_nothing() {
    let (source, chain) = held();
    source.answer(FakeOutcome::keys(HOUR).after(LONG));
    let first = tokio::spawn({
        let chain = chain.clone();
        async move { chain.resolve().await }
    });
    settle().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    pass(LONG.as_secs()).await;
    settle().await;
    assert_eq!(key(&chain.resolve().await.unwrap()), 1);
    assert_eq!(source.loads(), 1);
}

/// An agent repeats the same credentials until it has rotated them: it is asked again after a pause, not at every call.
#[tokio::test(start_paused = true)]
async fn a_refresh_that_brings_nothing_newer_is_followed_by_a_pause() {
    let (source, chain) = held();
    let expiry = TestClock::new().now() + HOUR;
    source.answer(Credentials::new("AKIASAME", "s", None, Some(expiry), "test"));
    chain.resolve().await.unwrap();
    pass(STALE).await;
    let sixteenth = (3600 - STALE) / 16;
    for (seconds, loads) in [(0, 2), (sixteenth - 1, 2), (2, 3), (sixteenth - 10, 3), (10, 4)] {
        pass(seconds).await;
        chain.resolve().await.unwrap();
        settle().await;
        assert_eq!(source.loads(), loads, "after {seconds} more seconds");
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_without_an_expiry_are_asked_for_every_five_minutes_and_serve_on() {
    let (source, chain) = held();
    source.answer(FakeOutcome::keys_without_expiry());
    for (seconds, loads) in [(0, 1), (299, 1), (2, 2)] {
        pass(seconds).await;
        chain.resolve().await.unwrap();
        settle().await;
        assert_eq!(source.loads(), loads, "after {seconds} more seconds");
    }
    source.answer(outage());
    for _ in 0..100 {
        pass(3600).await;
        assert_eq!(key(&chain.resolve().await.unwrap()), 2);
        settle().await;
    }
}

/// Else a key that was removed or revoked would be used for ever.
#[tokio::test(start_paused = true)]
async fn credentials_without_an_expiry_end_with_their_source_or_when_a_key_is_not_accepted() {
    for (outcome, ends_with) in [
        (FakeOutcome::not_set_up(), Some(Reason::SourceGone)),
        (FakeOutcome::failure(ErrorKind::InvalidToken), Some(Reason::TokenRejected)),
        (FakeOutcome::failure(ErrorKind::Throttled), None),
        (FakeOutcome::failure(ErrorKind::InvalidResponse), None),
    ] {
        for expires in [false, true] {
            let (source, chain) = held();
            source.answer(outcome.clone());
            let first = if expires { FakeOutcome::keys(HOUR) } else { FakeOutcome::keys_without_expiry() };
            source.answer_next(first);
            chain.resolve().await.unwrap();
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
    let (_, chain) = held();
    let first = chain.resolve().await.unwrap();
    assert_eq!(key(&first), 1);
    chain.clone().forget();
    assert_eq!(key(&chain.resolve().await.unwrap()), 2);
    assert!(!chain.forget_credentials(first.credentials()), "those have gone already");
    let second = chain.resolve().await.unwrap();
    assert_eq!(key(&second), 2);
    assert!(chain.forget_credentials(second.credentials()));
    assert_eq!(key(&chain.resolve().await.unwrap()), 3);
}

/// AWS has rejected the key, however long its source says that it is good.
#[tokio::test(start_paused = true)]
async fn credentials_whose_life_was_prolonged_are_still_those_that_were_rejected() {
    let (source, chain) = held();
    let start = TestClock::new().now();
    for hours in [1, 2] {
        source.answer_next(Credentials::new("AKIASAME", "s", None, Some(start + hours * HOUR), "test"));
    }
    let before = chain.resolve().await.unwrap();
    pass(STALE).await;
    chain.resolve().await.unwrap();
    settle().await;
    let now = chain.resolve().await.unwrap();
    assert!(
        now.expiry() > before.expiry()
            && now.credentials().access_key_id() == before.credentials().access_key_id()
    );
    assert!(chain.forget_credentials(before.credentials()));
    assert!(chain.fallback_on_interrupt().is_none());
}

/// Each pause of the cache is over when the next of these tries comes.
#[tokio::test(start_paused = true)]
async fn every_try_of_one_who_waits_for_an_identity_asks_the_sources() {
    let (clock, (source, chain)) = (TestClock::new(), held());
    (0..6).for_each(|_| source.answer_next(outage()));
    let resolved = chain.wait_for_identity(HOUR).await.unwrap();
    assert_eq!((key(&resolved), source.loads()), (7, 7));
    assert_eq!(clock.elapsed().as_millis(), 500 + 1000 + 2000 + 3 * 4000);
}

/// The pause after a failure must not reach beyond the end of what is held.
#[tokio::test(start_paused = true)]
async fn nothing_is_given_beyond_its_end() {
    let (source, chain) = held();
    chain.resolve().await.unwrap();
    source.answer(outage());
    pass(3590).await;
    assert_eq!(key(&chain.resolve().await.unwrap()), 1, "ten seconds are left");
    pass(10).await;
    chain.resolve().await.unwrap_err();
    assert!(chain.fallback_on_interrupt().is_none());
}

/// Credentials that end while they are being refreshed: all who wait share what comes of that one refresh.
#[tokio::test(start_paused = true)]
async fn a_refresh_that_outlives_the_old_credentials_is_shared() {
    for fails in [false, true] {
        let (source, chain) = held();
        chain.resolve().await.unwrap();
        source.answer(if fails { outage() } else { FakeOutcome::keys(HOUR) }.after(LONG));
        pass(3599).await;
        assert_eq!(key(&chain.resolve().await.unwrap()), 1);
        settle().await;
        assert!(chain.fallback_on_interrupt().is_some(), "an SDK client can go on with what is held");
        pass(2).await;
        let waiting: Vec<_> = (0..5)
            .map(|_| {
                let chain = chain.clone();
                tokio::spawn(async move { chain.resolve().await.is_err() })
            })
            .collect();
        for caller in waiting {
            assert_eq!(caller.await.unwrap(), fails);
        }
        assert_eq!(source.loads(), 2, "the first load and one refresh");
    }
}

#[tokio::test(start_paused = true)]
async fn callers_and_loads_are_counted() {
    let (source, chain) = held();
    chain.resolve().await.unwrap();
    chain.resolve().await.unwrap();
    source.answer_next(outage());
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
