//! Who pays for the retries of others: nobody.

use std::time::Duration;

use flux_aws_auth::Environment;

use crate::support::*;

/// The SDK gives all clients of a process that ask one service in one region an allowance of retries between them.
#[tokio::test(start_paused = true)]
#[expect(clippy::disallowed_methods, reason = "virtual time passes between two calls")]
async fn an_outage_of_one_chain_takes_no_retries_from_another() {
    let with_keys = Environment::empty()
        .with_var("AWS_REGION", "eu-west-1")
        .with_var("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .with_var("AWS_SECRET_ACCESS_KEY", SECRET);
    for environment in [irsa(), pod_identity(), Environment::empty(), with_keys] {
        let clock = TestClock::new();
        let down = Network::new(|_| Reply::Answer(503, String::new()));
        let dead = chain(environment.clone(), &down, &down, &clock).expect_account("111122223333").build();
        for _ in 0..60 {
            dead.resolve().await.unwrap_err();
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        let before = down.seen().len();
        dead.resolve().await.unwrap_err();
        assert_eq!(down.seen().len() - before, 3, "{environment:?}");
    }
}
