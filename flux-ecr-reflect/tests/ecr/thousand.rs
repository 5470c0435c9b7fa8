//! A thousand repositories, none of them known yet.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::provider::{ProvideCredentials, future};
use aws_smithy_async::rt::sleep::{AsyncSleep, TokioSleep};
use aws_smithy_http_client::test_util::infallible_client_fn;
use flux_ecr_reflect::{ImageTask, Reflector, Throttle};
use flux_policy::Policy;
use http::Response;

use crate::fake;

/// An exchange takes a second, in which everybody else comes to want the same.
#[derive(Debug, Clone, Default)]
struct Exchange(Arc<AtomicUsize>);

impl ProvideCredentials for Exchange {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        self.0.fetch_add(1, Ordering::Relaxed);
        future::ProvideCredentials::new(async {
            TokioSleep::new().sleep(Duration::from_secs(1)).await;
            Ok(fake::credentials())
        })
    }
}

fn tasks() -> impl Iterator<Item = ImageTask> + Send {
    let policy = Policy::semver("1.x").expect("a range");
    (0..1000).map(move |i| {
        let (account, region) = (111_111_111_111_u64 + i % 10, ["eu-west-1", "us-east-1"][(i % 2) as usize]);
        let image = format!("{account}.dkr.ecr.{region}.amazonaws.com/apps/app-{i}");
        ImageTask::new(image.parse().expect("valid"), policy.clone())
    })
}

#[tokio::test(start_paused = true)]
async fn a_thousand_repositories_take_one_exchange_and_a_login_for_each_region() {
    for (through_distribution_api, expected) in [
        (false, [("ListImages", 1000), ("exchanges", 1)].as_slice()),
        (true, [("GetAuthorizationToken", 2), ("exchanges", 1), ("tags", 1000)].as_slice()),
    ] {
        let counts = Arc::new(Mutex::new(BTreeMap::<String, usize>::new()));
        let asked = counts.clone();
        let client = infallible_client_fn(move |request: http::Request<_>| {
            let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok());
            let what = target.and_then(|target| Some(target.split_once('.')?.1)).unwrap_or("tags");
            *asked.lock().expect("not poisoned").entry(what.to_owned()).or_default() += 1;
            Response::new(match what {
                "ListImages" => fake::page([(7, "1.1.0".to_owned())], None).1.to_string(),
                "tags" => r#"{"tags":["1.1.0"]}"#.to_owned(),
                _ => r#"{"authorizationData":[{"authorizationToken":"QVdTOnBhc3N3b3Jk","expiresAt":4102444800}]}"#
                    .to_owned(),
            })
        });
        let exchange = Exchange::default();
        let reflector =
            Reflector::builder().credentials(exchange.clone()).http_client(client).throttle(Throttle::new());
        let reflector = if through_distribution_api { reflector.distribution_api() } else { reflector };
        let reflector = reflector.build().expect("complete");

        let mut updates = reflector.update_all(tasks()).with_concurrency(100);
        let mut done = 0;
        while let Some((task, update)) = updates.next().await {
            let update = update.unwrap_or_else(|error| panic!("{}: {error:?}", task.image()));
            assert_eq!(update.latest().tag().map(ToString::to_string).as_deref(), Some("1.1.0"));
            done += 1;
        }
        assert_eq!(done, 1000);
        let mut counts = counts.lock().expect("not poisoned").clone();
        counts.insert("exchanges".to_owned(), exchange.0.load(Ordering::Relaxed));
        let expected: BTreeMap<_, _> =
            expected.iter().map(|&(what, count)| (what.to_owned(), count)).collect();
        assert_eq!(counts, expected);
    }
}
