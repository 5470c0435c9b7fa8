use std::collections::BTreeMap;

use async_trait::async_trait;
use flux_aws_auth::{
    BoxError, Environment, ErrorKind, ROLE_ARN_ANNOTATION, ServiceAccountRole, ServiceAccountToken,
    ServiceAccountTokens, SourceKind,
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
    async fn annotations(&self, namespace: &str, name: &str) -> Result<BTreeMap<String, String>, BoxError> {
        if (namespace, name) != ("tenant", "reader") {
            return Err(format!("serviceaccounts \"{name}\" not found").into());
        }
        Ok(self.role.map(|role| (ROLE_ARN_ANNOTATION.to_owned(), role.to_owned())).into_iter().collect())
    }

    async fn create_token(
        &self,
        _namespace: &str,
        _name: &str,
        audience: &str,
    ) -> Result<ServiceAccountToken, BoxError> {
        assert_eq!(audience, "sts.amazonaws.com");
        if self.may_create_tokens {
            Ok(ServiceAccountToken::new(TOKEN))
        } else {
            Err("cannot create resource \"serviceaccounts/token\"".into())
        }
    }
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
        .only(ServiceAccountRole::new("tenant", "reader", cluster()))
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
        ("missing", cluster(), ErrorKind::Unavailable, "tenant/missing cannot be read"),
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
            ErrorKind::Unavailable,
            "serviceaccounts/token",
        ),
        ("reader", cluster(), ErrorKind::Denied, "trust policy"),
    ];
    for (name, cluster, kind, mentions) in cases {
        let clock = TestClock::new();
        let aws = Network::new(|_| sts_error(403, "AccessDenied", "Not authorized"));
        let node = Network::silent();
        let chain = chain(controller(), &aws, &node, &clock)
            .only(ServiceAccountRole::new("tenant", name, cluster))
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
    let chain = chain(Environment::empty(), &network, &network, &clock)
        .only(ServiceAccountRole::new("tenant", "reader", cluster()))
        .build();
    let error = chain.resolve().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(whole_story(&error).contains("ChainBuilder::region"), "{}", whole_story(&error));
}
