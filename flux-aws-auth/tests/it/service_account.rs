use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use aws_smithy_types::base64;
use flux_aws_auth::test_util::FakeServiceAccounts;
use flux_aws_auth::{
    Chain, ChainBuilder, Environment, Error, ErrorKind, ROLE_ARN_ANNOTATION, Reason, ServiceAccount,
    ServiceAccountRef, ServiceAccountRole, ServiceAccountToken, ServiceAccountTokens, SourceKind,
    SourceOrder, TokenRequest,
};

use crate::support::*;

/// A cluster with one ServiceAccount, `tenant/reader`.
#[derive(Clone, Debug)]
struct Cluster {
    role: Option<&'static str>,
    uid: Option<&'static str>,
    may_create_tokens: bool,
    /// The uid that its tokens name.
    token_uid: Option<&'static str>,
}

#[async_trait]
impl ServiceAccountTokens for Cluster {
    async fn service_account(&self, reference: &ServiceAccountRef) -> Result<ServiceAccount, Error> {
        if reference.to_string() != "tenant/reader" {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!("serviceaccounts {reference} not found"),
            ));
        }
        let account = ServiceAccount::new(self.role.map(|role| (ROLE_ARN_ANNOTATION, role)));
        Ok(match self.uid {
            Some(uid) => account.with_uid(uid),
            None => account,
        })
    }

    async fn create_token(&self, request: &TokenRequest<'_>) -> Result<ServiceAccountToken, Error> {
        assert_eq!(request.audience(), "sts.amazonaws.com");
        assert_eq!(request.uid(), self.uid);
        if !self.may_create_tokens {
            return Err(Error::new(
                ErrorKind::AccessDenied,
                "cannot create resource \"serviceaccounts/token\"",
            ));
        }
        Ok(ServiceAccountToken::new(match self.token_uid {
            Some(uid) => {
                let claims = format!(r#"{{"kubernetes.io":{{"serviceaccount":{{"uid":"{uid}"}}}}}}"#);
                format!("canary.{}.sig", base64::encode(claims))
            }
            None => TOKEN.to_owned(),
        }))
    }
}

fn role_of(name: &str, cluster: Cluster) -> ServiceAccountRole {
    ServiceAccountRole::new(ServiceAccountRef::new("tenant", name), cluster)
}

fn cluster() -> Cluster {
    Cluster { role: Some(ROLE), uid: None, may_create_tokens: true, token_uid: None }
}

/// The controller has an identity of its own, of every kind.
fn controller() -> Environment {
    irsa().with_var("AWS_ACCESS_KEY_ID", "AKIACONTROLLER").with_var("AWS_SECRET_ACCESS_KEY", SECRET)
}

#[tokio::test(start_paused = true)]
async fn the_object_s_role_is_assumed_in_flux_s_name() {
    let clock = TestClock::new();
    let aws = Network::in_order(vec![ok(sts_credentials(&clock, 3600))]);
    let node = Network::silent();
    let chain = chain(controller(), &aws, &node, &clock)
        .region("eu-central-1")
        .service_account(role_of("reader", cluster()))
        .build();
    let resolved = chain.resolve().await.unwrap();
    assert_eq!(
        resolved.principal().to_string(),
        format!("role {ROLE}, session reader.tenant.eu-central-1.fluxcd.io")
    );
    assert_eq!(resolved.report().provided_by(), Some(SourceKind::ServiceAccount));
    assert_eq!(aws.lines(), ["POST https://sts.eu-central-1.amazonaws.com/"]);
    assert!(node.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_object_never_gets_the_controller_s_identity() {
    let cases = [
        ("missing", cluster(), ErrorKind::Configuration, "failed to get service account 'tenant/missing'"),
        (
            "reader",
            Cluster { role: None, ..cluster() },
            ErrorKind::Configuration,
            "has no annotation eks.amazonaws.com/role-arn",
        ),
        (
            "reader",
            Cluster { role: Some("arn:aws:iam::1:role/x"), ..cluster() },
            ErrorKind::Configuration,
            "twelve digits",
        ),
        (
            "reader",
            Cluster { may_create_tokens: false, ..cluster() },
            ErrorKind::AccessDenied,
            "serviceaccounts/token",
        ),
        ("reader", cluster(), ErrorKind::AccessDenied, "trust policy"),
    ];
    for (name, cluster, kind, mentions) in cases {
        let clock = TestClock::new();
        let aws = Network::new(|_| sts_error(403, "AccessDenied", "Not authorized"));
        let node = Network::silent();
        let chain = chain(controller(), &aws, &node, &clock)
            .region("eu-west-1")
            .service_account(role_of(name, cluster))
            .build();
        let error = chain.resolve().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{mentions}: {error:?}");
        assert!(whole_story(&error).contains(mentions), "{mentions}: {}", whole_story(&error));
        assert!(node.seen().is_empty());
    }
}

/// STS would not notice: it knows ServiceAccounts by name alone.
#[tokio::test(start_paused = true)]
async fn the_role_of_a_service_account_is_not_assumed_for_its_successor() {
    let cases = [
        (Some("first"), Some("second"), false),
        (Some("first"), Some("first"), true),
        // What is not known is not compared.
        (Some("first"), None, true),
        (None, Some("second"), true),
    ];
    for (uid, token_uid, good) in cases {
        let clock = TestClock::new();
        let aws = Network::in_order(vec![ok(sts_credentials(&clock, 3600))]);
        let node = Network::silent();
        let chain = chain(controller(), &aws, &node, &clock)
            .region("eu-west-1")
            .service_account(role_of("reader", Cluster { uid, token_uid, ..cluster() }))
            .build();
        let result = chain.resolve().await;
        assert_eq!(result.is_ok(), good, "{uid:?} {token_uid:?}: {result:?}");
        assert_eq!(aws.seen().len(), usize::from(good), "{uid:?} {token_uid:?}");
        if let Err(error) = result {
            assert_eq!(error.reason(), Reason::ServiceAccountReplaced);
            assert!(error.is_retryable());
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_cluster_says_to_do_is_not_replaced_by_general_advice() {
    let accounts = FakeServiceAccounts::new();
    let refused = Error::new(ErrorKind::AccessDenied, "no").with_hint("Ask the owner of the cluster.");
    accounts.fail(ServiceAccountRef::new("tenant", "reader"), refused);
    let clock = TestClock::new();
    let network = Network::silent();
    let role = ServiceAccountRole::new(ServiceAccountRef::new("tenant", "reader"), accounts);
    let chain =
        chain(controller(), &network, &network, &clock).region("eu-west-1").service_account(role).build();
    let error = chain.resolve().await.unwrap_err();
    assert_eq!(error.hint(), Some("Ask the owner of the cluster."));
}

#[test]
fn a_token_is_shown_by_nothing_but_its_own_accessor() {
    let expiry = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_800_000_000);
    let token = ServiceAccountToken::new("canary").with_expiry(expiry);
    assert_eq!((token.as_str(), token.expiry()), ("canary", Some(expiry)));
    assert!(!format!("{token:?} {token:#?}").contains("canary"), "{token:?}");
}

#[tokio::test(start_paused = true)]
async fn a_missing_region_is_the_object_s_to_give() {
    let clock = TestClock::new();
    let network = Network::silent();
    // The controller has a region, which may not even be in the object's partition.
    let chain =
        chain(controller(), &network, &network, &clock).service_account(role_of("reader", cluster())).build();
    let error = chain.resolve().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(whole_story(&error).contains("ChainBuilder::region"), "{}", whole_story(&error));
    assert!(network.seen().is_empty());
}

/// Whatever the builder is told besides, in whatever order, nothing but the object's identity is asked.
#[tokio::test(start_paused = true)]
async fn no_setting_adds_another_identity_to_an_object_s() {
    type Tell = fn(ChainBuilder) -> ChainBuilder;
    let object: Tell = |builder| builder.service_account(role_of("missing", cluster()));
    let others: [Tell; 4] = [
        |builder| builder.order(SourceOrder::AwsSdk),
        |builder| builder.order(SourceOrder::SecretlessFirst),
        |builder| builder.source(flux_aws_auth::source::AccessKeys::new()),
        |builder| builder.only(Arc::new(flux_aws_auth::source::AccessKeys::new())),
    ];
    for other in others {
        for tell in [[object, other], [other, object]] {
            let clock = TestClock::new();
            let network = Network::silent();
            let builder = chain(controller(), &network, &network, &clock).region("eu-west-1");
            let chain: Chain = tell.iter().fold(builder, |builder, tell| tell(builder)).build();
            let error = chain.resolve().await.unwrap_err();
            let kinds: Vec<_> = report_of(&error).sources().map(flux_aws_auth::SourceReport::kind).collect();
            assert_eq!(kinds, [SourceKind::ServiceAccount]);
            assert!(network.seen().is_empty());
        }
    }
}

/// A cluster that numbers its tokens.
#[derive(Debug, Default)]
struct Numbered(AtomicUsize);

#[async_trait]
impl ServiceAccountTokens for Numbered {
    async fn service_account(&self, _: &ServiceAccountRef) -> Result<ServiceAccount, Error> {
        Ok(ServiceAccount::new([(ROLE_ARN_ANNOTATION, ROLE)]))
    }

    async fn create_token(&self, _: &TokenRequest<'_>) -> Result<ServiceAccountToken, Error> {
        let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(ServiceAccountToken::new(format!("token-{number}")))
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_not_sent_twice() {
    let clock = TestClock::new();
    let good = sts_credentials(&clock, 3600);
    let aws = Network::in_order(vec![
        sts_error(400, "InvalidIdentityToken", "no"),
        Reply::Answer(503, String::new()),
        ok(good),
    ]);
    let role = ServiceAccountRole::new(ServiceAccountRef::new("tenant", "reader"), Numbered::default());
    let chain =
        chain(controller(), &aws, &Network::silent(), &clock).region("eu-west-1").service_account(role);
    chain.build().resolve().await.unwrap();
    let sent: Vec<_> = aws.seen().iter().map(|seen| seen.body.contains("WebIdentityToken=token-1")).collect();
    assert_eq!(sent, [true, false, false], "another token after a refusal, the same after a server error");
    assert!(aws.seen()[1..].iter().all(|seen| seen.body.contains("WebIdentityToken=token-2")));
}
