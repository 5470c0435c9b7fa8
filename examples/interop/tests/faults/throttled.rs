//! A registry that throttles all the time.

use std::time::{Duration, Instant};

use flux_ecr_reflect::Throttle;
use serde_json::{Value, json};

use crate::cases::{MARK, mark};
use crate::world::{World, image};

/// Each page of each listing is refused before it is given.
#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_listing_slows_down_and_completes() {
    const LISTINGS: usize = 2;
    let rules: Vec<Value> = (0..LISTINGS)
        .map(|number| {
            json!({
                "operation": "ListImages",
                "headers": { MARK: mark(number) },
                "sequence": { "fail": 1, "pass": 1 },
                "error": { "code": "ThrottlingException" },
            })
        })
        .collect();
    let world = World::with_rules(&json!(rules)).await;
    let throttle = Throttle::new();
    let begun = Instant::now();
    let listings = (0..LISTINGS).map(|number| {
        let (reflector, way) = world.reflector(number, &throttle);
        tokio::spawn(async move { (reflector.scan(&image()).await, way.requests()) })
    });
    for listing in listings.collect::<Vec<_>>() {
        let (scan, requests) = listing.await.unwrap();
        let scan = scan.unwrap();
        assert_eq!((scan.len(), scan.listing().pages(), requests), (2_500, 3, 6));
    }
    // They share the pauses, one for each page at least.
    assert!(begun.elapsed() >= Duration::from_millis(2_500), "{:?}", begun.elapsed());
}
