use std::sync::Arc;

use async_trait::async_trait;
use flux_aws_auth::{
    Chain, ChainBuilder, Environment, Error, ErrorKind, ROLE_ARN_ANNOTATION, ServiceAccount,
    ServiceAccountRef, ServiceAccountRole, ServiceAccountToken, ServiceAccountTokens, SourceKind,
    SourceOrder, TokenRequest,
};

use crate::support::*;

/// A cluster with one ServiceAccount, `tenant/reader`.
#[derive(Clone, Debug)]
struct Cluster {
    role: Option<&'static str>,
    may_create_tokens: bool,
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
        Ok(ServiceAccount::with_annotations(self.role.map(|role| (ROLE_ARN_ANNOTATION, role))))
    }

    async fn create_token(&self, request: &TokenRequest<'_>) -> Result<ServiceAccountToken, Error> {
        assert_eq!(request.audience(), "sts.amazonaws.com");
        if self.may_create_tokens {
            Ok(ServiceAccountToken::new(TOKEN))
        } else {
            Err(Error::new(ErrorKind::Denied, "cannot create resource \"serviceaccounts/token\""))
        }
    }
}

fn role_of(name: &str, cluster: Cluster) -> ServiceAccountRole {
    ServiceAccountRole::new(ServiceAccountRef::new("tenant", name), cluster)
}

fn cluster() -> Cluster {
    Cluster { role: Some(ROLE), may_create_tokens: true }
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
        ("missing", cluster(), ErrorKind::Configuration, "tenant/missing cannot be read"),
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
            ErrorKind::Denied,
            "serviceaccounts/token",
        ),
        ("reader", cluster(), ErrorKind::Denied, "trust policy"),
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
