//! What is tried again, after which pauses, and who pays for the retries of others: nobody.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep, TokioSleep};
use flux_aws_auth::{Environment, SourceKind};

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

/// How long is slept, or would be if nothing else happened.
#[derive(Clone, Debug, Default)]
struct Slept(Arc<Mutex<Vec<Duration>>>);

impl AsyncSleep for Slept {
    fn sleep(&self, duration: Duration) -> Sleep {
        self.0.lock().unwrap().push(duration);
        TokioSleep::new().sleep(duration)
    }
}

/// Who is asked, and what the answer is to each try → the pauses, each at most 100 milliseconds and twice the one before it. They
/// are those that the AWS SDK makes.
#[tokio::test(start_paused = true)]
async fn an_agent_is_asked_again_after_pauses_that_grow_on_the_sleep_that_was_given() {
    let answer = |status, body: &str| Reply::Answer(status, body.to_owned());
    let node = || Environment::empty();
    for (environment, replies, pauses) in [
        (pod_identity(), [answer(429, ""), answer(500, ""), answer(503, "")], 2),
        (pod_identity(), [ok("{"), ok("["), ok("")], 2),
        (pod_identity(), [Reply::Refuse, Reply::Refuse, Reply::Refuse], 2),
        (pod_identity(), [Reply::Refuse, answer(404, ""), Reply::Refuse], 1),
        (pod_identity(), [answer(400, ""), Reply::Refuse, Reply::Refuse], 0),
        (node(), [answer(429, ""), answer(500, ""), answer(503, "")], 2),
        (node(), [answer(500, ""), Reply::Refuse, Reply::Refuse], 1),
        (node(), [Reply::Refuse, Reply::Refuse, Reply::Refuse], 0),
    ] {
        let (clock, slept) = (TestClock::new(), Slept::default());
        let agent = Network::in_order(replies.into());
        let error = chain(environment, &Network::silent(), &agent, &clock)
            .sleep_impl(slept.clone())
            .source(without_grace())
            .build()
            .resolve()
            .await
            .unwrap_err();
        let story = whole_story(&error);
        assert_eq!(agent.seen().len(), pauses + 1, "{story}");
        // What is longer is a limit.
        let mut slept = slept.0.lock().unwrap().clone();
        slept.retain(|duration| *duration < Duration::from_millis(300));
        assert_eq!(slept.len(), pauses, "{slept:?}: {story}");
        for (pause, longest) in slept.iter().zip([100, 200]) {
            assert!(*pause <= Duration::from_millis(longest), "{slept:?}: {story}");
        }
        assert!(clock.elapsed() >= slept.iter().sum::<Duration>(), "{story}");
    }
}

/// On a refusal nothing is more often wrong than a clock, so an answer's `Date` counts whatever its status.
#[tokio::test(start_paused = true)]
async fn the_clock_is_compared_with_that_of_who_refuses() {
    let clock = TestClock::new();
    let refused = |_: &Seen| {
        let date = "Sun, 06 Nov 1994 12:00:00 GMT".to_owned();
        Reply::Headed(503, vec![("date", date)], "busy".to_owned())
    };
    let agent = Network::new(refused);
    let chain = chain(pod_identity(), &Network::silent(), &agent, &clock).source(without_grace()).build();
    let error = chain.resolve().await.unwrap_err();
    let skew =
        source_of(report_of(&error), SourceKind::PodIdentity).clock_skew().expect("a date was answered");
    assert!(skew.is_ahead() && !skew.is_tolerated(), "{skew}");
}
