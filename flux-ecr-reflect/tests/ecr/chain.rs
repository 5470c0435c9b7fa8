//! With a chain of `flux-aws-auth`: it holds the credentials, and refreshes them in its own time.

use std::time::Duration;

use flux_aws_auth::test_util::{
    FakeCredentialSource, FakeOutcome, FakeServiceAccounts, FakeSts, ManualClock,
};
use flux_aws_auth::{Authenticator, Chain, Environment, Identity, Resource, ServiceAccountRef};
use flux_ecr_reflect::Reflector;
use serde_json::Value;

use crate::fake::{self, page};

fn three_pages(body: &Value) -> (u16, Value) {
    match body["nextToken"].as_str() {
        None => page([(1, "1.0.0".to_owned())], Some("2")),
        Some("2") => page([(2, "2.0.0".to_owned())], Some("3")),
        _ => page([(3, "3.0.0".to_owned())], None),
    }
}

#[tokio::test]
async fn a_chain_is_asked_at_every_page_so_credentials_that_expire_meanwhile_are_replaced() {
    for (seconds_between_pages, loads) in [(1, 1), (61, 3)] {
        let (clock, source) = (ManualClock::new(), FakeCredentialSource::new());
        source.answer(FakeOutcome::keys(Duration::from_mins(1)));
        let chain = Chain::builder()
            .environment(Environment::empty())
            .time_source(clock.clone())
            .only(source.clone())
            .build();
        let (client, _) = fake::ecr(three_pages);
        let reflector = Reflector::builder()
            .credentials(chain)
            .http_client(client)
            .time_source(clock.clone())
            .on_page(move |_| {
                clock.advance(Duration::from_secs(seconds_between_pages));
            })
            .build()
            .expect("complete");
        let scan = reflector.scan(&fake::image()).await.expect("complete");
        assert_eq!((scan.len(), source.loads()), (3, loads), "{seconds_between_pages} s");
    }
}

#[tokio::test]
async fn an_object_s_credentials_end_with_its_service_account_in_the_middle_of_a_listing() {
    let role = "arn:aws:iam::111122223333:role/reader";
    let sts = FakeSts::new().with_role(role.parse().expect("a role"));
    let accounts = FakeServiceAccounts::new().with_role("tenant", "reader", role);
    let reader = ServiceAccountRef::new("tenant", "reader");
    let authenticator = Authenticator::builder()
        .chain(Chain::builder().environment(Environment::empty()).http_client(sts))
        .service_account_tokens(accounts.clone())
        .object_level_workload_identity(true)
        .build()
        .expect("consistent");
    let registry = Resource::image(&fake::image().to_string()).expect("a registry of ECR");
    let credentials =
        authenticator.credentials(&registry, Identity::object("tenant", Some("reader"))).expect("allowed");
    let (client, log) = fake::ecr(three_pages);
    let reflector = |pages_before_the_end| {
        let (accounts, reader) = (accounts.clone(), reader.clone());
        Reflector::builder()
            .credentials(credentials.clone())
            .http_client(client.clone())
            .on_page(move |progress| {
                if progress.pages >= pages_before_the_end {
                    accounts.remove(&reader);
                }
            })
            .build()
            .expect("complete")
    };
    let complete = reflector(u64::MAX).scan(&fake::image()).await.expect("complete");
    assert_eq!((complete.len(), log.all().len()), (3, 3));

    let error = reflector(2).scan(&fake::image()).await.expect_err("the ServiceAccount is gone");
    assert_eq!(error.kind(), flux_ecr_reflect::ErrorKind::Credentials, "{error:?}");
    assert_eq!(log.all().len(), 5, "nothing is asked with the credentials of before");
}
