//! The Pod Identity agent: a ServiceAccount's token for its association's role.

use local_aws::{LocalAws, Role};
use reqwest::Client;

use crate::scenario::{
    CONTROLLER, HOUR, NAMESPACE, PODS, STS, builder, clock, document, now, start, trusts_service,
};
use crate::signed::{Answer, Keys, Signer, answer};

async fn get(aws: &LocalAws, token: &str) -> Answer {
    answer(Client::new().get(aws.pod_identity_url()).header("authorization", token)).await
}

/// The keys that the agent gives for a token.
pub(crate) async fn keys(aws: &LocalAws, token: &str) -> Keys {
    let credentials = get(aws, token).await.json();
    let text = |name: &str| credentials[name].as_str().expect("text").to_owned();
    Keys {
        access_key_id: text("AccessKeyId"),
        secret_access_key: text("SecretAccessKey"),
        session_token: Some(text("Token")),
    }
}

#[track_caller]
fn is_service_fault(answer: &Answer, status: u16, code_and_message: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    let (request_id, rest) = answer.body.split_once("]: ").expect("a request id");
    assert_eq!(request_id.len(), "[00000000-0000-0000-0000-000000000000".len());
    assert_eq!(rest, format!("{code_and_message}, fault: client\n"));
}

#[tokio::test]
async fn an_associated_service_account_has_its_role() {
    let aws = start().await;
    let token = aws.issuer().token(NAMESPACE, CONTROLLER, PODS, HOUR);
    let credentials = get(&aws, &token).await.json();
    assert_eq!(credentials["AccountId"], "111122223333");
    assert_eq!(credentials["Expiration"], "2026-01-02T09:04:05Z");
    let keys = keys(&aws, &token).await;
    let who = "Action=GetCallerIdentity&Version=2011-06-15";
    let caller = Signer::new(&keys, "sts", now()).sts(aws.sts_url(), who).await;
    let arn = caller.element("Arn");
    assert!(
        arn.starts_with("arn:aws:sts::111122223333:assumed-role/reflector/eks-local-image-reflector"),
        "{arn}"
    );
}

#[tokio::test]
async fn the_agent_answers_with_what_it_holds() {
    let clock = clock();
    let aws = builder().clock(clock.clone()).start().await.expect("a valid set-up");
    let token = aws.issuer().token(NAMESPACE, CONTROLLER, PODS, 24 * HOUR);
    let key = |answer: &Answer| answer.json()["AccessKeyId"].clone();
    let first = key(&get(&aws, &token).await);
    clock.advance(2 * HOUR);
    assert_eq!(key(&get(&aws, &token).await), first);
    clock.advance(2 * HOUR);
    assert_ne!(key(&get(&aws, &token).await), first);
}

#[tokio::test]
async fn tokens_the_agent_refuses_itself() {
    let aws = start().await;
    let issuer = aws.issuer();
    let right = || issuer.service_account_token(NAMESPACE, CONTROLLER).audience(PODS);
    let cases = [
        (String::new(), "Service account token cannot be empty"),
        ("Bearer".to_owned(), "Service account token cannot be parsed: token is malformed"),
        (format!("Bearer {}", right().sign()), "Service account token cannot be parsed: token is malformed"),
        (
            right().issued_ago(2 * HOUR).sign(),
            "Service account token failed basic claim validations: token is expired",
        ),
        (
            right().issued_in(HOUR).sign(),
            "Service account token failed basic claim validations: token is not valid yet",
        ),
    ];
    for (token, message) in cases {
        let answer = get(&aws, &token).await;
        assert_eq!((answer.status, answer.body), (400, format!("{message}\n")));
    }
    let without = answer(Client::new().get(aws.pod_identity_url())).await;
    assert_eq!((without.status, without.body.as_str()), (400, "Service account token cannot be empty\n"));
}

#[tokio::test]
async fn tokens_the_service_behind_it_refuses() {
    let aws = start().await;
    let issuer = aws.issuer();
    let invalid = "(InvalidTokenException): The specified Kubernetes service account token is invalid.";
    for token in [
        issuer.token(NAMESPACE, CONTROLLER, STS, HOUR),
        issuer.service_account_token(NAMESPACE, CONTROLLER).audience(PODS).forged().sign(),
        issuer
            .service_account_token(NAMESPACE, CONTROLLER)
            .audience(PODS)
            .issuer("https://example.com")
            .sign(),
    ] {
        is_service_fault(&get(&aws, &token).await, 400, invalid);
    }
    let other = issuer.token("default", CONTROLLER, PODS, HOUR);
    let message = "(ResourceNotFoundException): No association found for service account image-reflector-controller in \
                   namespace default";
    is_service_fault(&get(&aws, &other).await, 404, message);
}

#[tokio::test]
async fn a_role_must_let_eks_assume_and_tag_it() {
    let mut untagged = trusts_service(PODS);
    untagged["Action"] = "sts:AssumeRole".into();
    let elsewhere = {
        let mut trust = trusts_service(PODS);
        trust["Condition"] =
            serde_json::json!({ "StringEquals": { "aws:RequestTag/kubernetes-namespace": "other" } });
        trust
    };
    let aws = builder()
        .role(Role::new("untagged").trust(document(&untagged)))
        .role(Role::new("elsewhere").trust(document(&elsewhere)))
        .pod_identity_association("a", "untagged", "untagged")
        .pod_identity_association("a", "elsewhere", "elsewhere")
        .start()
        .await
        .expect("a valid set-up");
    let message = "(AccessDeniedException): Unauthorized Exception! EKS does not have permissions to assume the associated role.";
    for service_account in ["untagged", "elsewhere"] {
        let token = aws.issuer().token("a", service_account, PODS, HOUR);
        is_service_fault(&get(&aws, &token).await, 400, message);
    }
}
