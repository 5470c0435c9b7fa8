//! With a chain of `flux-aws-auth`: it holds the credentials, and refreshes them in its own time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_smithy_async::time::TimeSource;
use flux_aws_auth::source::{Notes, Outcome, Provided, SourceContext};
use flux_aws_auth::{Chain, CredentialSource, Environment, Principal, SourceKind};
use flux_ecr_reflect::Reflector;
use serde_json::Value;

use crate::fake::{self, page};

/// A clock that is set forward by hand.
#[derive(Clone, Debug, Default)]
struct Clock(Arc<AtomicU64>);

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160 + self.0.load(Ordering::SeqCst))
    }
}

/// Gives credentials of one minute, and counts.
#[derive(Clone, Debug, Default)]
struct OneMinute {
    clock: Clock,
    loads: Arc<AtomicUsize>,
}

#[async_trait]
impl CredentialSource for OneMinute {
    fn kind(&self) -> SourceKind {
        SourceKind::Custom("one minute")
    }

    fn is_configured(&self, _: &Environment) -> bool {
        true
    }

    async fn load(&self, _: &SourceContext, _: &mut Notes) -> Outcome {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let expiry = self.clock.now() + Duration::from_secs(60);
        let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, Some(expiry), "test");
        Outcome::Provided(Provided::new(credentials, Principal::Unknown))
    }
}

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
        let source = OneMinute::default();
        let clock = source.clock.clone();
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
                clock.0.fetch_add(seconds_between_pages, Ordering::SeqCst);
            })
            .build()
            .expect("complete");
        let scan = reflector.scan(&fake::image()).await.expect("complete");
        assert_eq!(
            (scan.len(), source.loads.load(Ordering::SeqCst)),
            (3, loads),
            "{seconds_between_pages} s"
        );
    }
}
