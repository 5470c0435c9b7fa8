//! What is asked, and what is made of the answers.

use std::time::{Duration, SystemTime};

use flux_aws_auth::kube::KubeTokens;
use flux_aws_auth::{
    ErrorKind, ROLE_ARN_ANNOTATION, Reason, ServiceAccount, ServiceAccountRef, ServiceAccountRole,
    ServiceAccountTokens, TokenRequest,
};
use kube::api::ObjectMeta;
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::api_server::*;
use crate::support::*;

#[tokio::test]
async fn a_service_account_is_read_with_its_role_and_uid() {
    let server = api_server(200, &service_account()).await;
    let account = tokens_of(&server.uri()).service_account(&reader()).await.unwrap();
    assert_eq!((account.role_arn(), account.uid()), (Some(ROLE), Some(UID)));

    let requests = server.received_requests().await.unwrap();
    let [request] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!(request.method.as_str(), "GET");
    assert_eq!(request.url.path(), "/api/v1/namespaces/tenant/serviceaccounts/reader");
    assert_eq!(request.url.query(), None);
    assert_eq!(request.headers["accept"], "application/json");
    assert_eq!(request.headers["authorization"], format!("Bearer {OWN_TOKEN}"));
    assert!(request.body.is_empty());
}

#[tokio::test]
async fn a_service_account_without_annotations_has_no_role() {
    let metadata = json!({ "metadata": { "name": "reader", "namespace": "tenant", "uid": UID } });
    let server = api_server(200, &metadata).await;
    let account = tokens_of(&server.uri()).service_account(&reader()).await.unwrap();
    assert_eq!((account.role_arn(), account.uid()), (None, Some(UID)));
}

#[tokio::test]
async fn a_token_is_requested_for_one_audience_one_uid_and_a_short_life() {
    let server = api_server(201, &token_request(&json!(TOKEN))).await;
    let tokens = tokens_of(&server.uri());
    let reader = reader();
    let request = TokenRequest::new(&reader, "sts.amazonaws.com");
    let token = tokens.create_token(&request.with_uid(UID)).await.unwrap();
    assert_eq!(token.as_str(), TOKEN);
    let expiry = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_600);
    assert_eq!(token.expiry(), Some(expiry));
    tokens.with_token_lifetime(Duration::from_mins(90)).unwrap().create_token(&request).await.unwrap();

    let requests = server.received_requests().await.unwrap();
    let bodies: Vec<Value> = requests.iter().map(|request| request.body_json().unwrap()).collect();
    let body = |metadata: Value, seconds: u64| {
        json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "metadata": metadata,
            "spec": { "audiences": ["sts.amazonaws.com"], "expirationSeconds": seconds },
        })
    };
    assert_eq!(bodies, [body(json!({ "uid": UID }), 600), body(json!({}), 5400)]);
    for request in requests {
        assert_eq!(request.method.as_str(), "POST");
        assert_eq!(request.url.path(), "/api/v1/namespaces/tenant/serviceaccounts/reader/token");
        assert_eq!(request.url.query(), None);
        assert_eq!(request.headers["content-type"], "application/json");
        assert_eq!(request.headers["accept"], "application/json");
    }
}

#[tokio::test]
async fn a_life_that_kubernetes_or_eks_does_not_give_is_refused() {
    let tokens = tokens_of("http://127.0.0.1:1");
    let day = Duration::from_hours(24);
    for good in [Duration::from_mins(10), day] {
        assert!(tokens.clone().with_token_lifetime(good).is_ok(), "{good:?}");
    }
    for bad in [Duration::ZERO, Duration::from_millis(599_999), day + Duration::from_millis(1)] {
        let error = tokens.clone().with_token_lifetime(bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{bad:?}");
        assert!(error.to_string().contains(&format!("{bad:?}")), "{error}");
    }
}

/// The names are a tenant's to write.
#[tokio::test]
async fn no_name_leads_to_another_address() {
    let long = "n".repeat(254);
    let names = [
        "",
        ".",
        "..",
        "../secrets",
        "a/b",
        "a/token",
        "a?b",
        "a#b",
        "a%2fb",
        "a b",
        "a\n",
        "A",
        "ä",
        "-a",
        "a-",
        "a..b",
        &long,
    ];
    let server = api_server(200, &service_account()).await;
    let tokens = tokens_of(&server.uri());
    let labels = ["a.b", &long[..64]];
    let references = names
        .iter()
        .flat_map(|name| [ServiceAccountRef::new("tenant", *name), ServiceAccountRef::new(*name, "reader")])
        .chain(labels.map(|namespace| ServiceAccountRef::new(namespace, "reader")));
    for reference in references {
        let read = tokens.service_account(&reference).await.unwrap_err();
        let made = tokens.create_token(&TokenRequest::new(&reference, "a")).await.unwrap_err();
        for error in [read, made] {
            assert_eq!(error.kind(), ErrorKind::Configuration, "{reference}");
            assert!(error.to_string().contains("is not the name of"), "{error}");
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn names_may_be_as_long_as_kubernetes_lets_them() {
    let (namespace, name) = ("n".repeat(63), format!("a.{}", "b".repeat(251)));
    let mut found = service_account();
    found["metadata"]["name"] = json!(name);
    let server = api_server(200, &found).await;
    let reference = ServiceAccountRef::new(namespace, name);
    assert!(tokens_of(&server.uri()).service_account(&reference).await.is_ok());
}

#[tokio::test]
async fn a_service_account_in_the_store_is_not_asked_for() {
    let metadata = ObjectMeta {
        uid: Some("in-store".to_owned()),
        annotations: Some([(ROLE_ARN_ANNOTATION.to_owned(), "stored".to_owned())].into()),
        ..ObjectMeta::default()
    };
    let server = api_server(200, &service_account()).await;
    let tokens = tokens_of(&server.uri()).with_lookup(move |reference| {
        (reference.to_string() == "tenant/stored").then(|| ServiceAccount::from(&metadata))
    });
    let account = tokens.service_account(&ServiceAccountRef::new("tenant", "stored")).await.unwrap();
    assert_eq!((account.role_arn(), account.uid()), (Some("stored"), Some("in-store")));
    assert!(server.received_requests().await.unwrap().is_empty());

    // One that is not there may be new.
    let account = tokens.service_account(&reader()).await.unwrap();
    assert_eq!(account.uid(), Some(UID));
}

/// A cluster, as far as `tenant/reader` goes.
async fn cluster(token: (u16, Value)) -> MockServer {
    let server = MockServer::start().await;
    let account = "/api/v1/namespaces/tenant/serviceaccounts/reader";
    Mock::given(method("GET"))
        .and(path(account))
        .respond_with(ResponseTemplate::new(200).set_body_json(service_account()))
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path(format!("{account}/token")))
        .respond_with(ResponseTemplate::new(token.0).set_body_json(token.1))
        .mount(&server)
        .await;
    server
}

fn role_in(server: &MockServer) -> ServiceAccountRole {
    let tokens: KubeTokens = tokens_of(&server.uri());
    ServiceAccountRole::new(reader(), tokens)
}

#[tokio::test]
async fn the_token_is_exchanged_for_the_role_of_the_annotation() {
    let server = cluster((201, token_request(&json!(TOKEN)))).await;
    let clock = TestClock::new();
    let aws = Network::in_order(vec![ok(sts_credentials(&clock, 3600))]);
    let chain = chain(irsa(), &aws, &Network::silent(), &clock)
        .region("eu-central-1")
        .service_account(role_in(&server))
        .build();
    let resolved = chain.resolve().await.unwrap();
    assert_eq!(
        resolved.principal().to_string(),
        format!("role {ROLE}, session reader.tenant.eu-central-1.fluxcd.io")
    );
    let seen = aws.seen();
    assert!(seen[0].body.contains(&format!("WebIdentityToken={TOKEN}")), "{}", seen[0].body);
    let requests = server.received_requests().await.unwrap();
    let body: Value = requests[1].body_json().unwrap();
    assert_eq!(body["metadata"]["uid"], UID);
}

#[tokio::test]
async fn a_report_says_which_permission_to_grant() {
    let message = "serviceaccounts \"reader\" is forbidden: User \"system:serviceaccount:flux-system:controller\" cannot create \
                   resource \"serviceaccounts/token\" in API group \"\" in the namespace \"tenant\"";
    let details = json!({ "name": "reader", "kind": "serviceaccounts" });
    let server = cluster((403, status(403, "Forbidden", message, &details))).await;
    let clock = TestClock::new();
    let network = Network::silent();
    let chain = chain(irsa(), &network, &network, &clock)
        .region("eu-central-1")
        .service_account(role_in(&server))
        .build();
    let error = chain.resolve().await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::AccessDenied, Reason::ServiceAccountForbidden));
    let report = report_of(&error).to_string();
    for said in [
        "What to do: Let this program create serviceaccounts/token in namespace tenant: bind its ServiceAccount there to a \
         ClusterRole with the rule {apiGroups: [\"\"], resources: [\"serviceaccounts/token\"], verbs: [\"create\"]}.",
        &format!(
            "Cause: Kubernetes made no token for ServiceAccount tenant/reader: Forbidden (HTTP 403): {message}"
        ),
    ] {
        assert!(report.contains(said), "{report}");
    }
    assert!(network.seen().is_empty());
}
