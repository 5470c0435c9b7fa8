//! The Kubernetes API: who may read a ServiceAccount and have its token, and what the token is.

use local_aws::{EXAMPLE_ISSUER, Fault, LocalAws, Rbac, Service, ServiceAccount};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::scenario::{CONTROLLER, HOUR, NAMESPACE, PODS, ROLE, STS, builder, clock};
use crate::signed::{Answer, answer};

const TENANT: &str = "/api/v1/namespaces/team-a/serviceaccounts/image-reader";
const OTHER: &str = "/api/v1/namespaces/team-b/serviceaccounts/image-reader";
const USER: &str = "system:serviceaccount:flux-system:image-reflector-controller";

/// A controller that may read every ServiceAccount and have tokens in one namespace, that namespace's ServiceAccount, and
/// another's.
async fn cluster() -> LocalAws {
    builder()
        .clock(clock())
        .service_account(
            ServiceAccount::new(NAMESPACE, CONTROLLER)
                .granted_everywhere([Rbac::GetServiceAccounts])
                .granted_in("team-a", [Rbac::CreateServiceAccountTokens]),
        )
        .service_account(ServiceAccount::new("team-a", "image-reader").role(ROLE).annotation("team", "a"))
        .service_account(ServiceAccount::new("team-b", "image-reader"))
        .start()
        .await
        .expect("a valid set-up")
}

fn request(aws: &LocalAws, method: Method, path: &str) -> RequestBuilder {
    Client::new().request(method, format!("{}{path}", aws.kubernetes_url()))
}

async fn get(aws: &LocalAws, path: &str) -> Answer {
    let token = aws.kubernetes().token(NAMESPACE, CONTROLLER);
    answer(request(aws, Method::GET, path).header("authorization", format!("Bearer {token}"))).await
}

async fn create_token(aws: &LocalAws, account: &str, body: &Value) -> Answer {
    post(aws, account, body.to_string(), "application/json").await
}

async fn post(aws: &LocalAws, account: &str, body: String, content_type: &str) -> Answer {
    let token = aws.kubernetes().token(NAMESPACE, CONTROLLER);
    let request = request(aws, Method::POST, &format!("{account}/token"))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", content_type)
        .body(body);
    answer(request).await
}

fn token_request(spec: &Value) -> Value {
    json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": {}, "spec": spec })
}

#[track_caller]
fn is_status(answer: &Answer, code: u16, reason: &str, message: &str) -> Value {
    let body = answer.json();
    let found = (answer.status, &body["code"], &body["reason"], &body["message"]);
    assert_eq!(found, (code, &code.into(), &reason.into(), &message.into()));
    let fixed = (&body["kind"], &body["apiVersion"], &body["status"], &body["metadata"]);
    assert_eq!(fixed, (&"Status".into(), &"v1".into(), &"Failure".into(), &json!({})));
    body["details"].clone()
}

fn claims(token: &str) -> Value {
    jsonwebtoken::dangerous::insecure_decode::<Value>(token).expect("a token").claims
}

#[tokio::test]
async fn a_service_account_is_shown() {
    let aws = cluster().await;
    let answer = get(&aws, TENANT).await;
    let body = answer.json();
    assert_eq!(
        (answer.status, &body["kind"], &body["apiVersion"]),
        (200, &"ServiceAccount".into(), &"v1".into())
    );
    let metadata = &body["metadata"];
    assert_eq!((&metadata["namespace"], &metadata["name"]), (&"team-a".into(), &"image-reader".into()));
    let annotations =
        json!({ "eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/reflector", "team": "a" });
    assert_eq!(metadata["annotations"], annotations);
    assert_eq!(metadata["creationTimestamp"], "2026-01-02T03:04:05Z");
    assert_eq!(metadata["uid"].as_str().map(str::to_owned), aws.kubernetes().uid("team-a", "image-reader"));
    let bare = get(&aws, OTHER).await.json();
    assert_eq!(bare["metadata"].get("annotations"), None);
    assert_ne!(bare["metadata"]["uid"], metadata["uid"]);
    assert_eq!(aws.requests()["kubernetes:GetServiceAccount"], 2);
}

#[tokio::test]
async fn a_token_has_the_claims_asked_for_and_sts_takes_it() {
    let aws = cluster().await;
    let asked = token_request(&json!({ "audiences": [STS], "expirationSeconds": 900 }));
    let answer = create_token(&aws, TENANT, &asked).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let body = answer.json();
    assert_eq!((&body["kind"], &body["apiVersion"]), (&asked["kind"], &asked["apiVersion"]));
    assert_eq!(body["spec"], json!({ "audiences": [STS], "expirationSeconds": 900, "boundObjectRef": null }));
    assert_eq!(body["metadata"]["name"], "image-reader");
    assert_eq!(body["status"]["expirationTimestamp"], "2026-01-02T03:19:05Z");

    let token = body["status"]["token"].as_str().expect("a token");
    let mut claims = claims(token);
    let jti = claims["jti"].take();
    assert_eq!(jti.as_str().map(str::len), Some(36));
    let uid = aws.kubernetes().uid("team-a", "image-reader");
    let expected = json!({
        "iss": EXAMPLE_ISSUER,
        "sub": "system:serviceaccount:team-a:image-reader",
        "aud": [STS],
        "iat": 1_767_323_045,
        "nbf": 1_767_323_045,
        "exp": 1_767_323_945,
        "jti": null,
        "kubernetes.io": {
            "namespace": "team-a",
            "serviceaccount": { "name": "image-reader", "uid": uid },
        },
    });
    assert_eq!(claims, expected);
    assert!(aws.secrets_issued().iter().any(|secret| secret == token));

    let role = local_aws::Role::new("team-a").trust(crate::scenario::document(
        &crate::scenario::trusts_subject("system:serviceaccount:team-a:image-reader"),
    ));
    let same_issuer = builder().clock(clock()).role(role).start().await.expect("a valid set-up");
    let role = same_issuer.role_arn("team-a");
    let session = crate::sts::assume(&same_issuer, &[("WebIdentityToken", token), ("RoleArn", &role)]).await;
    assert_eq!(session.element("Arn"), "arn:aws:sts::111122223333:assumed-role/team-a/flux");
}

#[tokio::test]
async fn a_token_bound_to_no_pod_is_none_for_pod_identity() {
    let aws = builder()
        .clock(clock())
        .service_account(
            ServiceAccount::new(NAMESPACE, CONTROLLER)
                .granted_in(NAMESPACE, [Rbac::CreateServiceAccountTokens]),
        )
        .start()
        .await
        .expect("a valid set-up");
    let own = format!("/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{CONTROLLER}");
    let body = create_token(&aws, &own, &token_request(&json!({ "audiences": [PODS] }))).await.json();
    let token = body["status"]["token"].as_str().expect("a token");
    let refused = answer(Client::new().get(aws.pod_identity_url()).header("authorization", token)).await;
    assert!(refused.status == 400 && refused.body.contains("InvalidTokenException"), "{refused:?}");
    let mounted = aws.issuer().token(NAMESPACE, CONTROLLER, PODS, HOUR);
    assert_eq!(
        answer(Client::new().get(aws.pod_identity_url()).header("authorization", mounted)).await.status,
        200
    );
}

#[tokio::test]
async fn what_a_request_leaves_out_has_defaults() {
    let aws = cluster().await;
    for body in [
        json!({}),
        json!({ "metadata": null, "spec": null }),
        token_request(&json!({ "audiences": null })),
        token_request(&json!({ "audiences": [] })),
    ] {
        let answer = create_token(&aws, TENANT, &body).await.json();
        assert_eq!(answer["spec"]["audiences"], json!([EXAMPLE_ISSUER]), "the API server itself");
        assert_eq!(answer["spec"]["expirationSeconds"], 3600);
        assert_eq!(answer["metadata"]["namespace"], "team-a");
    }
    let two = json!({ "audiences": ["a", "b"] });
    let answer = create_token(&aws, TENANT, &token_request(&two)).await.json();
    assert_eq!(claims(answer["status"]["token"].as_str().expect("a token"))["aud"], json!(["a", "b"]));
}

#[tokio::test]
async fn the_server_bounds_the_expiration() {
    let aws = cluster().await;
    let ask = async |seconds: i64| {
        create_token(
            &aws,
            TENANT,
            &token_request(&json!({ "audiences": [STS], "expirationSeconds": seconds })),
        )
        .await
    };
    for (seconds, bound) in [
        (599, "may not specify a duration less than 10 minutes"),
        (-1, "may not specify a duration less than 10 minutes"),
        (4_294_967_297, "may not specify a duration larger than 2^32 seconds"),
    ] {
        let cause = format!("Invalid value: {seconds}: {bound}");
        let message =
            format!("TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: {cause}");
        let details = is_status(&ask(seconds).await, 422, "Invalid", &message);
        let causes =
            json!([{ "reason": "FieldValueInvalid", "message": cause, "field": "spec.expirationSeconds" }]);
        assert_eq!(
            details,
            json!({ "group": "authentication.k8s.io", "kind": "TokenRequest", "causes": causes })
        );
    }
    assert_eq!(ask(600).await.json()["status"]["expirationTimestamp"], "2026-01-02T03:14:05Z");

    let token = aws.kubernetes().token(NAMESPACE, CONTROLLER);
    let asked = token_request(&json!({ "audiences": [STS], "expirationSeconds": 172_800 }));
    let long = request(&aws, Method::POST, &format!("{TENANT}/token"))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(asked.to_string());
    let response = long.send().await.expect("an answer");
    let warning = response.headers()["warning"].to_str().expect("text").to_owned();
    assert_eq!(warning, "299 - \"requested expiration of 172800 seconds shortened to 86400 seconds\"");
    let body: Value = serde_json::from_str(&response.text().await.expect("a body")).expect("JSON");
    assert_eq!(body["status"]["expirationTimestamp"], "2026-01-03T03:04:05Z");
}

#[tokio::test]
async fn what_no_binding_grants_is_forbidden() {
    let aws = cluster().await;
    let denied = create_token(&aws, OTHER, &token_request(&json!({}))).await;
    let message = format!(
        "serviceaccounts \"image-reader\" is forbidden: User \"{USER}\" cannot create resource \"serviceaccounts/token\" in \
         API group \"\" in the namespace \"team-b\""
    );
    let details = is_status(&denied, 403, "Forbidden", &message);
    assert_eq!(details, json!({ "name": "image-reader", "kind": "serviceaccounts" }));
    // Permission is asked for before existence.
    let absent = "/api/v1/namespaces/team-b/serviceaccounts/absent";
    assert_eq!(create_token(&aws, absent, &json!({})).await.status, 403);

    let cases = [
        (
            "/api/v1/namespaces/team-a/serviceaccounts",
            "serviceaccounts is forbidden: User \"{}\" cannot list resource \"serviceaccounts\" in API group \"\" in the namespace \"team-a\"",
        ),
        (
            "/api/v1/serviceaccounts",
            "serviceaccounts is forbidden: User \"{}\" cannot list resource \"serviceaccounts\" in API group \"\" at the cluster scope",
        ),
        (
            "/apis/apps/v1/namespaces/a/deployments/b",
            "deployments.apps \"b\" is forbidden: User \"{}\" cannot get resource \"deployments\" in API group \"apps\" in the namespace \"a\"",
        ),
        ("/version", "forbidden: User \"{}\" cannot get path \"/version\""),
    ];
    for (path, message) in cases {
        is_status(&get(&aws, path).await, 403, "Forbidden", &message.replace("{}", USER));
    }

    let stranger = aws.kubernetes().token("team-b", "image-reader");
    let own = request(&aws, Method::GET, OTHER).header("authorization", format!("Bearer {stranger}"));
    assert_eq!(answer(own).await.status, 403, "nobody may read even itself unless granted");
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let aws = cluster().await;
    let absent = "/api/v1/namespaces/team-a/serviceaccounts/absent";
    for answer in [get(&aws, absent).await, create_token(&aws, absent, &json!({})).await] {
        let details = is_status(&answer, 404, "NotFound", "serviceaccounts \"absent\" not found");
        assert_eq!(details, json!({ "name": "absent", "kind": "serviceaccounts" }));
    }
    for (kind, resource) in [("Pod", "pods"), ("Secret", "secrets")] {
        let bound = json!({ "boundObjectRef": { "apiVersion": "v1", "kind": kind, "name": "x" } });
        let answer = create_token(&aws, TENANT, &token_request(&bound)).await;
        is_status(&answer, 404, "NotFound", &format!("{resource} \"x\" not found"));
    }
    let bound = json!({ "boundObjectRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "x" } });
    let message = "cannot bind token to object of type apps/v1, Kind=Deployment";
    is_status(&create_token(&aws, TENANT, &token_request(&bound)).await, 400, "BadRequest", message);
}

#[tokio::test]
async fn tokens_that_open_nothing() {
    let aws = cluster().await;
    let (issuer, kubernetes) = (aws.issuer(), aws.kubernetes());
    let right = || issuer.service_account_token(NAMESPACE, CONTROLLER);
    let attempts = [
        None,
        Some("Bearer".to_owned()),
        Some("Bearer guessed".to_owned()),
        Some(format!("Basic {}", kubernetes.token(NAMESPACE, CONTROLLER))),
        Some(format!("Bearer {}", right().audience(STS).sign())),
        Some(format!("Bearer {}", right().forged().sign())),
        Some(format!("Bearer {}", right().issued_ago(2 * HOUR).ttl(HOUR).sign())),
        Some(format!("Bearer {}", right().issued_in(HOUR).sign())),
        Some(format!("Bearer {}", right().issuer("https://example.com").sign())),
        Some(format!("Bearer {}", kubernetes.token("flux-system", "unknown"))),
    ];
    for attempt in attempts {
        let mut request = request(&aws, Method::GET, TENANT);
        if let Some(value) = &attempt {
            request = request.header("authorization", value);
        }
        let details = is_status(&answer(request).await, 401, "Unauthorized", "Unauthorized");
        assert_eq!(details, Value::Null, "{attempt:?}");
    }
    let lower = format!("bearer {}", right().sign());
    assert_eq!(answer(request(&aws, Method::GET, TENANT).header("authorization", lower)).await.status, 200);
}

#[tokio::test]
async fn service_accounts_change_while_the_cluster_runs() {
    let aws = cluster().await;
    let kubernetes = aws.kubernetes();
    let shown = async || get(&aws, TENANT).await.json()["metadata"].clone();
    let before = shown().await;
    kubernetes.apply(ServiceAccount::new("team-a", "image-reader").role("other")).expect("a valid name");
    let after = shown().await;
    assert_eq!((&after["uid"], &after["creationTimestamp"]), (&before["uid"], &before["creationTimestamp"]));
    assert_ne!(after["resourceVersion"], before["resourceVersion"]);
    assert_eq!(
        after["annotations"],
        json!({ "eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/other" })
    );

    // Its own token opens the API as long as it is the same object.
    let grant =
        || ServiceAccount::new("team-a", "image-reader").granted_in("team-a", [Rbac::GetServiceAccounts]);
    kubernetes.apply(grant()).expect("a valid name");
    let token = kubernetes.token("team-a", "image-reader");
    let own = async || {
        answer(request(&aws, Method::GET, TENANT).header("authorization", format!("Bearer {token}"))).await
    };
    assert_eq!(own().await.status, 200);
    assert!(kubernetes.delete("team-a", "image-reader") && !kubernetes.delete("team-a", "image-reader"));
    assert_eq!((own().await.status, get(&aws, TENANT).await.status), (401, 404));
    kubernetes.apply(grant()).expect("a valid name");
    assert_eq!(own().await.status, 401, "it is another object by the same name");
    assert_ne!(shown().await["uid"], before["uid"]);
    let new = kubernetes.token("team-a", "image-reader");
    assert_eq!(claims(&new)["kubernetes.io"]["serviceaccount"]["uid"], shown().await["uid"]);

    kubernetes.apply(ServiceAccount::new(NAMESPACE, CONTROLLER)).expect("a valid name");
    assert_eq!(get(&aws, TENANT).await.status, 403, "grants are taken away, too");
}

#[tokio::test]
async fn a_server_whose_clock_is_ahead_issues_tokens_of_the_future() {
    let aws = cluster().await;
    aws.inject(Service::Kubernetes, Fault::clock_ahead(HOUR / 2));
    let body = create_token(&aws, TENANT, &token_request(&json!({ "audiences": [STS] }))).await.json();
    assert_eq!(body["status"]["expirationTimestamp"], "2026-01-02T04:34:05Z");
    let token = body["status"]["token"].as_str().expect("a token");
    assert_eq!(claims(token)["iat"], 1_767_323_045 + 1800);
    let answer = crate::sts::assume(&aws, &[("WebIdentityToken", token)]).await;
    answer.is_xml_fault(400, "InvalidIdentityToken", "Token is not valid yet");
}

#[tokio::test]
async fn requests_that_are_not_token_requests() {
    let aws = cluster().await;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = token_request(&json!({}));
        change(&mut body);
        body
    };
    let version = with(&|body| body["apiVersion"] = json!("v1"));
    is_status(
        &create_token(&aws, TENANT, &version).await,
        400,
        "BadRequest",
        "the API version in the data (v1) does not match the expected API version (authentication.k8s.io/v1)",
    );
    let kind = with(&|body| body["kind"] = json!("TokenReview"));
    assert_eq!(create_token(&aws, TENANT, &kind).await.status, 400);
    assert_eq!(post(&aws, TENANT, "{".to_owned(), "application/json").await.status, 400);
    is_status(
        &post(&aws, TENANT, "{}".to_owned(), "application/x-www-form-urlencoded").await,
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: application/json",
    );

    let name = with(&|body| body["metadata"]["name"] = json!("other"));
    let message = "TokenRequest.authentication.k8s.io \"image-reader\" is invalid: metadata.name: Invalid value: \"other\": \
                   must match the service account name if specified";
    is_status(&create_token(&aws, TENANT, &name).await, 422, "Invalid", message);
    let uid = with(&|body| body["metadata"]["uid"] = json!("other"));
    assert_eq!(create_token(&aws, TENANT, &uid).await.status, 409);
    let right = aws.kubernetes().uid("team-a", "image-reader");
    let uid = with(&|body| body["metadata"]["uid"] = json!(right));
    assert_eq!(create_token(&aws, TENANT, &uid).await.status, 201);

    let token = aws.kubernetes().token(NAMESPACE, CONTROLLER);
    let accepting = async |types: &str| {
        let request = request(&aws, Method::GET, TENANT).header("authorization", format!("Bearer {token}"));
        answer(request.header("accept", types)).await.status
    };
    assert_eq!(accepting("application/vnd.kubernetes.protobuf,application/json;q=0.9").await, 200);
    assert_eq!(accepting("application/yaml").await, 406);
}
