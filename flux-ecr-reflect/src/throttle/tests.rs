use futures_util::FutureExt;

use super::*;

const API: RegistryApi = RegistryApi::Distribution;

#[tokio::test(start_paused = true)]
async fn hosts_that_nobody_asks_are_forgotten_and_no_others() {
    let throttle = Throttle::new();
    let turn = |host: &str| throttle.acquire(host, API).now_or_never();
    let held: Vec<_> = std::iter::from_fn(|| turn("held.example.com")).collect();
    turn("paused.example.com").expect("a turn").expect("a turn").throttled(Some(Duration::from_secs(50)));
    for i in 0..10 * TIDY_AT {
        turn(&format!("host-{i}.example.com")).expect("a turn").expect("a turn").ok();
    }
    assert!(throttle.lanes.known().lanes.len() <= TIDY_AT);
    assert!(turn("held.example.com").is_none(), "all its turns are held");
    assert!(turn("paused.example.com").is_none(), "its pause is not over");
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn every_answer_that_asks_to_slow_down_is_counted_and_stays_so() {
    let (throttle, other) = (Throttle::new(), Throttle::new());
    let turn = |host: &str| throttle.acquire(host, API).now_or_never().expect("a turn").expect("a turn");
    let together = [turn("busy.example.com"), turn("busy.example.com")];
    for permit in together {
        permit.throttled(None);
    }
    turn("calm.example.com").ok();
    turn("slow.example.com").throttled(Some(Duration::from_secs(5)));
    assert_eq!((throttle.clone().throttled_answers(), other.throttled_answers()), (3, 0));
    tokio::time::advance(2 * RESTED).await;
    for i in 0..=TIDY_AT {
        turn(&format!("host-{i}.example.com")).ok();
    }
    let is_known = throttle.lanes.known().lanes.contains_key(&("busy.example.com".to_owned(), API));
    assert_eq!((is_known, throttle.throttled_answers()), (false, 3));
}

const RESTED: Duration = Duration::from_mins(1);
