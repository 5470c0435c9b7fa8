//! Whose credentials were expected, and what is asked of STS to know whose they are.

use std::time::Duration;

use aws_credential_types::provider::ProvideCredentials;
use flux_aws_auth::{Chain, ErrorKind};

use crate::support::*;

/// The latest time at which credentials of an hour are no longer fresh: 55 %, and a second.
const STALE: Duration = Duration::from_secs(1981);

/// STS, to which the key `ASIAOTHER` is of another account.
fn sts() -> Network {
    Network::new(|seen| {
        let is_other = seen.headers["authorization"].contains("Credential=ASIAOTHER/");
        let account = if is_other { "444455556666" } else { "111122223333" };
        ok(format!(
            r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:sts::{account}:assumed-role/x/s</Arn><UserId>A:s</UserId><Account>{account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"#
        ))
    })
}

/// A chain that expects an account of the keys that the agent gives, in this order.
fn expecting(clock: &TestClock, aws: &Network, keys: Vec<String>) -> Chain {
    let node = Network::in_order(keys.into_iter().map(ok).collect());
    let environment = pod_identity().with_var("AWS_REGION", "eu-west-1");
    chain(environment, aws, &node, clock).expect_account("111122223333").build()
}

/// The credentials that a refresh at half of their life gives to the next caller.
async fn refreshed(chain: &Chain) -> Result<String, ErrorKind> {
    tokio::time::advance(STALE).await;
    chain.resolve().await.unwrap();
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    let resolved = chain.resolve().await;
    resolved.map(|resolved| resolved.credentials().access_key_id().to_owned()).map_err(|error| error.kind())
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_brings_another_identity_ends_the_expected_one() {
    let clock = TestClock::new();
    let aws = sts();
    let first = json_credentials(&clock, 3600);
    let other = json_credentials(&clock, 7200).replace("ASIAEXAMPLE", "ASIAOTHER");
    let chain = expecting(&clock, &aws, vec![first, other]);
    chain.resolve().await.unwrap();
    assert_eq!(refreshed(&chain).await, Err(ErrorKind::UnexpectedIdentity));
    assert!(chain.fallback_on_interrupt().is_none(), "its source serves somebody else now");
    assert_eq!(aws.seen().len(), 2);
}

/// The id of a key does not say whose session it is.
#[tokio::test(start_paused = true)]
async fn another_session_token_is_verified_again() {
    let clock = TestClock::new();
    let first = json_credentials(&clock, 3600);
    let prolonged = json_credentials(&clock, 7200);
    let other = prolonged.replace(SESSION_TOKEN, "canary-session-token-of-another");
    for (second, asked) in [(prolonged, 1), (other, 2)] {
        let aws = sts();
        let clock = TestClock::new();
        let chain = expecting(&clock, &aws, vec![first.clone(), second]);
        chain.resolve().await.unwrap();
        assert_eq!(refreshed(&chain).await.as_deref(), Ok("ASIAEXAMPLE"));
        assert_eq!(aws.seen().len(), asked);
    }
}
