//! With a chain of `flux-aws-auth`: it holds the credentials, and refreshes them in its own time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_smithy_async::time::TimeSource;
use flux_aws_auth::source::{Notes, Outcome, Provided, SourceContext};
use flux_aws_auth::{
    Authenticator, Chain, CredentialSource, Environment, Error, ErrorKind, Identity, Principal,
    ROLE_ARN_ANNOTATION, Resource, ServiceAccount, ServiceAccountRef, ServiceAccountToken,
    ServiceAccountTokens, SourceKind, TokenRequest,
};
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

const SESSION: &str = r#"<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId>
<SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration>
</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"#;

/// One ServiceAccount, which can be deleted.
#[derive(Clone, Debug, Default)]
struct Cluster {
    deleted: Arc<AtomicBool>,
}

#[async_trait]
impl ServiceAccountTokens for Cluster {
    async fn service_account(&self, reference: &ServiceAccountRef) -> Result<ServiceAccount, Error> {
        if self.deleted.load(Ordering::SeqCst) {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!("serviceaccounts {reference} not found"),
            ));
        }
        let role = "arn:aws:iam::111122223333:role/reader";
        Ok(ServiceAccount::new([(ROLE_ARN_ANNOTATION, role)]).with_uid("uid-1"))
    }

    async fn create_token(&self, _: &TokenRequest<'_>) -> Result<ServiceAccountToken, Error> {
        Ok(ServiceAccountToken::new("a.b.c"))
    }
}

#[tokio::test]
async fn an_object_s_credentials_end_with_its_service_account_in_the_middle_of_a_listing() {
    let sts = fake::anything(|_| (200, SESSION.to_owned()));
    let cluster = Cluster::default();
    let authenticator = Authenticator::builder()
        .chain(Chain::builder().environment(Environment::empty()).http_client(sts.clone()))
        .service_account_tokens(cluster.clone())
        .object_level_workload_identity(true)
        .build()
        .expect("consistent");
    let registry = Resource::image(&fake::image().to_string()).expect("a registry of ECR");
    let credentials =
        authenticator.credentials(&registry, Identity::object("tenant", Some("reader"))).expect("allowed");
    let (client, log) = fake::ecr(three_pages);
    let reflector = |cluster: Cluster, pages_before_the_end| {
        Reflector::builder()
            .credentials(credentials.clone())
            .http_client(client.clone())
            .on_page(move |progress| {
                cluster.deleted.store(progress.pages >= pages_before_the_end, Ordering::SeqCst);
            })
            .build()
            .expect("complete")
    };
    let complete = reflector(cluster.clone(), u64::MAX).scan(&fake::image()).await.expect("complete");
    assert_eq!((complete.len(), log.all().len()), (3, 3));

    let error = reflector(cluster, 2).scan(&fake::image()).await.expect_err("the ServiceAccount is gone");
    assert_eq!(error.kind(), flux_ecr_reflect::ErrorKind::Credentials, "{error:?}");
    assert_eq!(log.all().len(), 5, "nothing is asked with the credentials of before");
}
