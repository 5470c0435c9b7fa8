//! How fast a registry is asked, in virtual time.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_async::rt::sleep::{AsyncSleep, TokioSleep};
use aws_smithy_http_client::test_util::infallible_client_fn;
use flux_ecr_reflect::test_util::ManualClock;
use flux_ecr_reflect::{ErrorKind, ImageName, Permit, Reflector, RegistryApi, Throttle};
use futures_util::FutureExt;
use http::Response;
use proptest::prelude::*;
use tokio::time::Instant;

use crate::fake::{self, failure, page};

const HOST: &str = "registry.example.com";
const API: RegistryApi = RegistryApi::Distribution;
const AT_ONCE: usize = 16;

#[expect(clippy::disallowed_methods, reason = "virtual time")]
fn now() -> Instant {
    Instant::now()
}

async fn pass(duration: Duration) {
    TokioSleep::new().sleep(duration).await;
}

async fn all_turns(throttle: &Throttle) -> Vec<Permit> {
    let mut permits = Vec::new();
    for _ in 0..AT_ONCE {
        permits.push(throttle.acquire(HOST, API).await.expect("a turn"));
    }
    permits
}

/// A registry that answers in 50 ms, and refuses what is above its rate.
struct Registry {
    rate: Option<f64>,
    tokens: f64,
    refilled: Instant,
    in_flight: usize,
    most_in_flight: usize,
    accepted: usize,
    refused: usize,
}

impl Registry {
    fn of_rate(rate: f64) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self {
            rate: Some(rate),
            tokens: rate,
            refilled: now(),
            in_flight: 0,
            most_in_flight: 0,
            accepted: 0,
            refused: 0,
        }))
    }

    fn accepts(&mut self) -> bool {
        let Some(rate) = self.rate else { return true };
        let now = now();
        self.tokens = (self.tokens + rate * (now - self.refilled).as_secs_f64()).min(rate);
        self.refilled = now;
        let accepts = self.tokens >= 1.0;
        self.tokens -= f64::from(u8::from(accepts));
        accepts
    }
}

async fn keep_asking(throttle: Throttle, registry: Arc<Mutex<Registry>>) {
    loop {
        let permit = throttle.acquire(HOST, API).await.expect("a turn in time");
        let accepts = {
            let mut registry = registry.lock().expect("not poisoned");
            registry.in_flight += 1;
            registry.most_in_flight = registry.most_in_flight.max(registry.in_flight);
            registry.accepts()
        };
        pass(Duration::from_millis(50)).await;
        let mut registry = registry.lock().expect("not poisoned");
        registry.in_flight -= 1;
        if accepts {
            registry.accepted += 1;
            permit.ok();
        } else {
            registry.refused += 1;
            permit.throttled(None);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn throughput_falls_to_what_a_registry_takes_and_recovers_when_it_takes_more() {
    let (throttle, registry) = (Throttle::new(), Registry::of_rate(20.0));
    let workers: Vec<_> =
        (0..50).map(|_| tokio::spawn(keep_asking(throttle.clone(), registry.clone()))).collect();
    pass(Duration::from_secs(100)).await;
    let (accepted, refused) = {
        let mut registry = registry.lock().expect("not poisoned");
        assert_eq!(registry.most_in_flight, AT_ONCE);
        registry.rate = None;
        (registry.accepted, registry.refused)
    };
    // 2,000 would have been taken. Unlimited, 320 a second would have been sent, nearly all of them to be refused.
    assert!(accepted > 1000, "{accepted} accepted");
    assert!(refused * 10 < accepted, "{refused} refused of {accepted}");

    // One more at once each second, so that half a minute later it is as fast as at first: 16 in 50 ms.
    pass(Duration::from_secs(40)).await;
    let before = registry.lock().expect("not poisoned").accepted;
    pass(Duration::from_secs(10)).await;
    let after = registry.lock().expect("not poisoned").accepted;
    assert!((3100..=3200).contains(&(after - before)), "{}", after - before);
    for worker in &workers {
        assert!(!worker.is_finished(), "no wait was too long");
        worker.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_host_delays_no_other_and_neither_its_other_api() {
    let throttle = Throttle::new();
    throttle.acquire(HOST, API).await.expect("a turn").throttled(Some(Duration::from_secs(50)));
    let begin = now();
    throttle.acquire("other.example.com", API).await.expect("a turn").ok();
    throttle.acquire(HOST, RegistryApi::Ecr).await.expect("a turn").ok();
    assert_eq!(now() - begin, Duration::ZERO);
    throttle.acquire("REGISTRY.example.com", API).await.expect("the same host").ok();
    assert_eq!((now() - begin).as_secs(), 50);
    Throttle::new().acquire(HOST, API).await.expect("a limit of its own").ok();
}

#[tokio::test(start_paused = true)]
async fn turns_come_in_the_order_of_asking_and_a_dropped_waiter_hands_over() {
    let throttle = Throttle::new();
    let mut held = all_turns(&throttle).await;
    let mut first = Box::pin(throttle.acquire(HOST, API));
    let mut second = pin!(throttle.acquire(HOST, API));
    let mut third = pin!(throttle.acquire(HOST, API));
    assert!(first.as_mut().now_or_never().is_none());
    assert!(second.as_mut().now_or_never().is_none());
    assert!(third.as_mut().now_or_never().is_none());

    drop(held.pop());
    assert!(third.as_mut().now_or_never().is_none(), "the first was before");
    // It was told that it may go, and never looks.
    drop(first);
    assert!(third.as_mut().now_or_never().is_none(), "the second was before");
    let second = second.now_or_never().expect("its turn").expect("a turn");
    assert!(third.as_mut().now_or_never().is_none());
    drop(second);
    third.now_or_never().expect("its turn").expect("a turn").ok();
}

#[tokio::test(start_paused = true)]
async fn no_wait_is_longer_than_allowed() {
    let throttle = Throttle::new();
    let held = all_turns(&throttle).await;
    for seconds in [60, 2] {
        let begin = now();
        let patience = throttle.clone().with_max_wait(Duration::from_secs(seconds));
        let error = patience.acquire(HOST, API).await.expect_err("no turn");
        assert_eq!((now() - begin).as_secs(), seconds);
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Throttled, true));
        assert!(error.to_string().contains(&format!("{HOST} has so many requests waiting")), "{error}");
    }
    drop(held);

    // A pause that is too long is no wait at all, and five minutes are the longest.
    throttle.acquire(HOST, API).await.expect("a turn").throttled(Some(Duration::from_secs(86_400)));
    let begin = now();
    let error = throttle.acquire(HOST, API).await.expect_err("no turn");
    assert_eq!((now() - begin, error.kind()), (Duration::ZERO, ErrorKind::Throttled));
    assert!(error.to_string().contains("asked to pause for 300 s more"), "{error}");
    assert!(error.hint().is_some());
    pass(Duration::from_secs(241)).await;
    throttle.acquire(HOST, API).await.expect("a turn after 59 s more").ok();
    assert_eq!((now() - begin).as_secs(), 300);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_ever_does_so() {
    let throttle = Throttle::new().with_max_wait(Duration::MAX);
    let held = all_turns(&throttle).await;
    let begin = now();
    let mut patient = pin!(throttle.acquire(HOST, API));
    assert!(patient.as_mut().now_or_never().is_none());
    pass(Duration::from_secs(86_400)).await;
    assert!(patient.as_mut().now_or_never().is_none());
    drop(held);
    patient.await.expect("its turn").ok();
    assert_eq!((now() - begin).as_secs(), 86_400);
}

/// A registry that says "slower" and "at once", or whose date has passed by a clock that is wrong.
#[tokio::test(start_paused = true)]
async fn who_asks_to_slow_down_for_no_time_is_not_asked_again_at_once() {
    let throttle = Throttle::new();
    let begin = now();
    for seconds in [0, 1, 3, 7, 15] {
        let permit = throttle.acquire(HOST, API).await.expect("a turn");
        assert_eq!((now() - begin).as_secs(), seconds);
        permit.throttled(Some(Duration::ZERO));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whoever is given up whenever: all the others get their turn, and nothing is left behind.
    #[test]
    fn a_waiter_that_is_given_up_never_stalls_the_rest(
        waiters in prop::collection::vec((0..2000_u64, prop::option::of(0..2000_u64), any::<bool>()), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        runtime.block_on(async {
            let throttle = Throttle::new().with_max_wait(Duration::from_secs(3600));
            let tasks: Vec<_> = waiters.iter().map(|&(takes, given_up, throttled)| {
                let throttle = throttle.clone();
                let ask = async move {
                    let permit = throttle.acquire(HOST, API).await.expect("a turn");
                    pass(Duration::from_millis(takes)).await;
                    if throttled { permit.throttled(None) } else { permit.ok() }
                };
                tokio::spawn(async move {
                    let Some(after) = given_up else {
                        ask.await;
                        return true;
                    };
                    tokio::time::timeout(Duration::from_millis(after), ask).await.is_ok()
                })
            }).collect();
            for (task, (_, given_up, _)) in tasks.into_iter().zip(&waiters) {
                let done = task.await.expect("no panic");
                prop_assert!(done || given_up.is_some());
            }
            pass(Duration::from_secs(60)).await;
            throttle.acquire(HOST, API).await.expect("nobody is left in the queue").ok();
            Ok(())
        })?;
    }
}

#[tokio::test(start_paused = true)]
async fn what_ecr_says_to_one_listing_slows_the_others_of_that_registry() {
    let asked = AtomicUsize::new(0);
    let client = infallible_client_fn(move |_| {
        let (status, body) = match asked.fetch_add(1, Ordering::Relaxed) {
            0 => failure(400, "ThrottlingException", "Rate exceeded"),
            _ => page([(1, "1.0.0".to_owned())], None),
        };
        let response = Response::builder().status(status).header("retry-after", "7");
        response.body(body.to_string()).expect("a response")
    });
    let reflector = fake::builder(client).build().expect("complete");
    let repository = |name: &str| -> ImageName {
        format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/{name}").parse().expect("valid")
    };
    let begin = now();
    let (first, second) = (repository("first"), repository("second"));
    let slow = tokio::spawn({
        let reflector = reflector.clone();
        async move { reflector.scan(&first).await }
    });
    pass(Duration::from_millis(10)).await;
    assert_eq!(reflector.scan(&second).await.expect("complete").listing().requests(), 1);
    assert_eq!((now() - begin).as_secs(), 7);
    assert_eq!(slow.await.expect("no panic").expect("complete").listing().requests(), 2);
    assert_eq!((now() - begin).as_secs(), 7);
}

/// How many requests may be sent at once now.
fn at_once(throttle: &Throttle, host: &str, api: RegistryApi) -> usize {
    let turns: Vec<_> = std::iter::from_fn(|| throttle.acquire(host, api).now_or_never()).collect();
    turns.len()
}

#[tokio::test(start_paused = true)]
async fn pages_that_arrive_make_either_api_faster_again() {
    let ecr = infallible_client_fn(|_| Response::new(page([], None).1.to_string()));
    let ecr = (fake::builder(ecr), fake::image(), RegistryApi::Ecr);
    let other = infallible_client_fn(|_| Response::new(r#"{"tags":["1.0.0"]}"#));
    let other = Reflector::builder().http_client(other);
    let other = (other, "registry.example.com/apps/app".parse().expect("valid"), RegistryApi::Distribution);
    for (builder, image, api) in [ecr, other] {
        let throttle = Throttle::new();
        let reflector = builder.throttle(throttle.clone()).build().expect("complete");
        throttle.acquire(image.registry(), api).await.expect("a turn").throttled(None);
        pass(Duration::from_secs(1)).await;
        assert_eq!(at_once(&throttle, image.registry(), api), AT_ONCE / 2);
        for _ in 0..AT_ONCE / 2 {
            pass(Duration::from_secs(1)).await;
            reflector.scan(&image).await.expect("complete");
        }
        assert_eq!(at_once(&throttle, image.registry(), api), AT_ONCE, "{api:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_date_to_come_back_is_held_against_the_answer_s_own() {
    let asked = AtomicUsize::new(0);
    let client = infallible_client_fn(move |_| {
        let (status, body) = match asked.fetch_add(1, Ordering::Relaxed) {
            0 => failure(400, "ThrottlingException", "Rate exceeded"),
            _ => page([], None),
        };
        let response = Response::builder().status(status).header("date", "Wed, 21 Oct 2015 07:27:50 GMT");
        let response = response.header("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT");
        response.body(body.to_string()).expect("a response")
    });
    let begin = now();
    fake::reflector(client).scan(&fake::image()).await.expect("complete");
    assert_eq!((now() - begin).as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn throttling_takes_no_retries_away_from_failures() {
    let client = fake::ecr(|body| {
        if body["repositoryName"] == "apps/mainapp" {
            failure(500, "ServerException", "")
        } else {
            failure(400, "ThrottlingException", "Rate exceeded")
        }
    });
    let (client, log) = client;
    // The SDK's allowance for all its clients pays for a hundred retries.
    for i in 0..60 {
        let busy = format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/busy-{i}").parse().expect("valid");
        let error = fake::reflector(client.clone()).scan(&busy).await.expect_err("throttled");
        assert_eq!((error.kind(), error.aws_code()), (ErrorKind::Throttled, Some("ThrottlingException")));
    }
    let before = log.all().len();
    assert_eq!(before, 60 * 5);
    let error = fake::reflector(client).scan(&fake::image()).await.expect_err("failed");
    assert_eq!((error.kind(), log.all().len() - before), (ErrorKind::Unavailable, 5));
}

#[tokio::test(start_paused = true)]
async fn ecr_s_own_words_are_told_where_the_next_try_would_come_too_late() {
    let client = infallible_client_fn(|_| {
        let (status, body) = failure(400, "ThrottlingException", "Rate exceeded");
        let response = Response::builder().status(status).header("retry-after", "3600");
        response.body(body.to_string()).expect("a response")
    });
    let begin = now();
    let error = fake::reflector(client).scan(&fake::image()).await.expect_err("throttled");
    assert_eq!((error.kind(), error.aws_code()), (ErrorKind::Throttled, Some("ThrottlingException")));
    assert_eq!(now() - begin, Duration::ZERO);
}

/// A timer that runs by another clock than tokio's decides when a pause is over: here an hour of pauses takes no time.
#[tokio::test]
async fn a_pause_is_over_when_its_own_timer_says_so() {
    let clock = ManualClock::new();
    let throttle = Throttle::new().with_sleep_impl(clock.clone()).with_max_wait(Duration::from_secs(600));
    for pauses in 1..=12 {
        let permit = throttle.acquire(HOST, API).now_or_never().expect("no pause").expect("a turn");
        permit.throttled(Some(Duration::from_secs(300)));
        assert!(throttle.acquire(HOST, API).now_or_never().is_none(), "a pause");
        let mut turn = pin!(throttle.acquire(HOST, API));
        assert!(turn.as_mut().now_or_never().is_none());
        clock.advance(Duration::from_secs(301));
        let permit = turn.as_mut().now_or_never().expect("the pause is over").expect("a turn");
        permit.ok();
        assert_eq!(clock.elapsed(), Duration::from_secs(301) * pauses);
    }
}

#[tokio::test]
async fn a_wait_ends_when_its_own_timer_says_so() {
    let clock = ManualClock::new();
    let throttle = Throttle::new().with_sleep_impl(clock.clone()).with_max_wait(Duration::from_secs(60));
    let permits = all_turns(&throttle).await;
    let mut turn = pin!(throttle.acquire(HOST, API));
    assert!(turn.as_mut().now_or_never().is_none(), "all turns are taken");
    clock.advance(Duration::from_secs(61));
    let error = turn.as_mut().now_or_never().expect("no longer than that").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled);
    drop(permits);
}
