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
    assert!(throttle.lanes.0.lock().expect("not poisoned").len() <= TIDY_AT);
    assert!(turn("held.example.com").is_none(), "all its turns are held");
    assert!(turn("paused.example.com").is_none(), "its pause is not over");
    drop(held);
}
