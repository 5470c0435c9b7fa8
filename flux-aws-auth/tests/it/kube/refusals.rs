//! What the API server does not give, and what it gives that is of no use.

use flux_aws_auth::{Error, ErrorKind, Reason, ServiceAccountTokens, TokenRequest};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use super::api_server::*;
use crate::support::*;

/// What comes of an answer, for both requests.
async fn errors_of(response: ResponseTemplate) -> [Error; 2] {
    [error_of_get(response.clone()).await, error_of_create(response).await]
}

async fn error_of_get(response: ResponseTemplate) -> Error {
    let server = answering(response).await;
    tokens_of(&server.uri()).service_account(&reader()).await.unwrap_err()
}

async fn error_of_create(response: ResponseTemplate) -> Error {
    let server = answering(response).await;
    let reader = reader();
    let request = TokenRequest::new(&reader, "sts.amazonaws.com").with_uid(UID);
    tokens_of(&server.uri()).create_token(&request).await.unwrap_err()
}

fn of(status: u16, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

/// Each with the reason, parts of the message and parts of the hint.
#[tokio::test]
async fn a_refusal_says_what_kubernetes_said_and_what_to_do() {
    let account = json!({ "name": "reader", "kind": "serviceaccounts" });
    let cases: [(u16, &str, &str, Value, Reason, &str); 10] = [
        (401, "Unauthorized", "Unauthorized", json!({}), Reason::ApiServerUnauthorized, "kube::Client"),
        (
            403,
            "Forbidden",
            "serviceaccounts \"reader\" is forbidden: unable to create new content in namespace tenant because it is being \
             terminated",
            account.clone(),
            Reason::ServiceAccountForbidden,
            "not the permission",
        ),
        (
            404,
            "NotFound",
            "serviceaccounts \"reader\" not found",
            account.clone(),
            Reason::ServiceAccountMissing,
            "Make ServiceAccount reader in namespace tenant",
        ),
        (
            404,
            "NotFound",
            "namespaces \"tenant\" not found",
            json!({ "name": "tenant", "kind": "namespaces" }),
            Reason::ServiceAccountMissing,
            "Make namespace tenant",
        ),
        (
            404,
            "NotFound",
            "the server could not find the requested resource",
            json!({}),
            Reason::ApiServerAnswerMalformed,
            "proxy",
        ),
        (
            409,
            "Conflict",
            "Operation cannot be fulfilled on TokenRequest.authentication.k8s.io \"reader\": the UID in the token request (a) does \
             not match the UID of the service account (b)",
            json!({ "name": "reader", "group": "authentication.k8s.io", "kind": "TokenRequest" }),
            Reason::ServiceAccountReplaced,
            "Try again",
        ),
        (
            422,
            "Invalid",
            "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid value: 1: may not specify a \
             duration less than 10 minutes",
            json!({
                "group": "authentication.k8s.io",
                "kind": "TokenRequest",
                "causes": [{ "reason": "FieldValueInvalid", "message": "Invalid value: 1", "field": "spec.expirationSeconds" }],
            }),
            Reason::ApiServerRejected,
            "what the message names",
        ),
        (
            429,
            "TooManyRequests",
            "Too many requests, please try again later.",
            json!({ "retryAfterSeconds": 1 }),
            Reason::ApiServerThrottled,
            "flow control",
        ),
        (500, "InternalError", "Internal error occurred: etcd", json!({}), Reason::ApiServerFailing, "etcd"),
        (504, "Timeout", "Timeout: request did not complete", json!({}), Reason::ApiServerFailing, "later"),
    ];
    for (code, reason, message, details, expected, advice) in cases {
        for error in errors_of(of(code, &status(code, reason, message, &details))).await {
            assert_eq!(error.reason(), expected, "{error}");
            assert_eq!(error.http_status(), Some(code));
            assert!(
                error.to_string().ends_with(&format!("tenant/reader: {reason} (HTTP {code}): {message}")),
                "{error}"
            );
            assert!(error.hint().is_some_and(|hint| hint.contains(advice)), "{error:?}");
        }
    }
}

/// RBAC's own words, for each of the two permissions.
#[tokio::test]
async fn a_permission_that_is_missing_is_given_as_the_rule_that_grants_it() {
    let details = json!({ "name": "reader", "kind": "serviceaccounts" });
    for (place, (verb, resource)) in
        [("get", "serviceaccounts"), ("create", "serviceaccounts/token")].into_iter().enumerate()
    {
        let message = format!(
            "serviceaccounts \"reader\" is forbidden: User \"system:serviceaccount:flux-system:controller\" cannot {verb} resource \
             \"{resource}\" in API group \"\" in the namespace \"tenant\""
        );
        let errors = errors_of(of(403, &status(403, "Forbidden", &message, &details))).await;
        let error = &errors[place];
        assert_eq!(error.kind(), ErrorKind::AccessDenied);
        let hint = error.hint().unwrap();
        assert!(hint.contains(&format!("{verb} {resource} in namespace tenant")), "{hint}");
        let rule = format!("{{apiGroups: [\"\"], resources: [\"{resource}\"], verbs: [\"{verb}\"]}}");
        assert!(hint.contains(&rule), "{hint}");
        assert!(rules_of_the_manual().contains(&yaml_serde::from_str(&rule).unwrap()), "{rule}");
    }
    assert_eq!(rules_of_the_manual().len(), 2);
}

/// The rules of the ClusterRole in the documentation of the module.
fn rules_of_the_manual() -> Vec<yaml_serde::Value> {
    let source = include_str!("../../../src/kube.rs");
    let manual = source
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line));
    let yaml: Vec<_> =
        manual.skip_while(|line| *line != "```yaml").skip(1).take_while(|line| *line != "---").collect();
    let role: yaml_serde::Value = yaml_serde::from_str(&yaml.join("\n")).unwrap();
    role["rules"].as_sequence().unwrap().clone()
}

#[tokio::test]
async fn a_refusal_in_another_form_is_told_by_its_status() {
    let cases = [
        (200, Reason::ApiServerAnswerMalformed),
        (302, Reason::ApiServerAnswerMalformed),
        (401, Reason::ApiServerAnswerMalformed),
        (403, Reason::ApiServerAnswerMalformed),
        (404, Reason::ApiServerAnswerMalformed),
        (422, Reason::ApiServerAnswerMalformed),
        (408, Reason::ApiServerFailing),
        (502, Reason::ApiServerFailing),
        (503, Reason::ApiServerFailing),
        // The API server's own form, when it has too many requests.
        (429, Reason::ApiServerThrottled),
    ];
    for body in ["<html>canary</html>", "", "null", "{}", r#"{"kind":"Status","message":"canary"}"#] {
        for (code, expected) in cases {
            for error in errors_of(ResponseTemplate::new(code).set_body_string(body)).await {
                assert_eq!(error.reason(), expected, "{error}");
                assert_eq!(error.http_status(), Some(code));
                assert!(error.to_string().contains(&format!("HTTP {code}")), "{error}");
                assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_service_account_of_another_name_is_not_taken() {
    let mut other = service_account();
    other["metadata"]["name"] = json!("other");
    let error = error_of_get(of(200, &other)).await;
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
}

#[tokio::test]
async fn what_is_no_token_is_not_taken_and_not_shown() {
    let mut without_expiry = token_request(&json!("canary"));
    without_expiry["status"].as_object_mut().unwrap().remove("expirationTimestamp");
    let mut timeless = token_request(&json!("canary"));
    timeless["status"]["expirationTimestamp"] = json!("canary");
    let mut without_status = token_request(&json!("canary"));
    without_status["status"] = json!("canary");
    let no_tokens = [
        json!(""),
        json!("canary token"),
        json!("canary\n"),
        json!("canäry"),
        json!(["canary"]),
        json!(1),
        Value::Null,
    ];
    let answers = no_tokens.iter().map(token_request).chain([without_expiry, timeless, without_status]);
    for answer in answers {
        let error = error_of_create(of(201, &answer)).await;
        assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{answer}");
        let shown = format!("{} {error:?}", whole_story(&error));
        assert!(!shown.contains("canary") && !shown.contains("canäry"), "{shown}");
    }
}

#[tokio::test]
async fn an_answer_without_measure_is_not_read() {
    let errors = errors_of(ResponseTemplate::new(200).set_body_bytes(vec![b' '; 4 << 20])).await;
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::InvalidResponse);
        assert!(error.to_string().contains("longer answer"), "{error}");
    }
}
