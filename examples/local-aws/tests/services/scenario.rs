//! The set-up most tests start from: a cluster whose image-reflector-controller may read the repositories below `apps/`.

use std::time::{Duration, UNIX_EPOCH};

use local_aws::{Builder, Clock, EXAMPLE_ISSUER, LocalAws, Repository, Role, TagStyle, User};
use serde_json::{Value, json};

use crate::signed::{Keys, Signer};

pub(crate) const NAMESPACE: &str = "flux-system";
pub(crate) const CONTROLLER: &str = "image-reflector-controller";
pub(crate) const ROLE: &str = "reflector";
pub(crate) const STS: &str = "sts.amazonaws.com";
pub(crate) const PODS: &str = "pods.eks.amazonaws.com";
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// 2026-01-02T03:04:05Z, standing still.
pub(crate) fn clock() -> Clock {
    Clock::fixed(UNIX_EPOCH + Duration::from_secs(1_767_323_045))
}

pub(crate) fn document(statements: &Value) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

/// A trust policy for tokens whose subject is like `subject`.
pub(crate) fn trusts_subject(subject: &str) -> Value {
    let issuer = EXAMPLE_ISSUER.trim_start_matches("https://");
    json!({
        "Effect": "Allow",
        "Principal": { "Federated": format!("arn:aws:iam::111122223333:oidc-provider/{issuer}") },
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": { format!("{issuer}:aud"): STS },
            "StringLike": { format!("{issuer}:sub"): subject },
        },
    })
}

pub(crate) fn trusts_service(service: &str) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": { "Service": service },
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    })
}

pub(crate) fn allows(actions: &Value, resource: &str) -> String {
    document(&json!({ "Effect": "Allow", "Action": actions, "Resource": resource }))
}

/// A role for everything that may take one here: the controller's token, its pod, the node.
pub(crate) fn role() -> Role {
    let subject = format!("system:serviceaccount:{NAMESPACE}:image-*");
    Role::new(ROLE)
        .trust(document(&json!([
            trusts_subject(&subject),
            trusts_service(PODS),
            trusts_service("ec2.amazonaws.com"),
        ])))
        .permissions(allows(&json!("ecr:GetAuthorizationToken"), "*"))
        .permissions(allows(
            &json!([
                "ecr:ListImages",
                "ecr:DescribeImages",
                "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer"
            ]),
            "arn:aws:ecr:eu-west-1:*:repository/apps/*",
        ))
}

pub(crate) fn builder() -> Builder {
    LocalAws::builder()
        .clock(clock())
        .role(role())
        .user(User::new("bot").permissions(allows(&json!("ecr:*"), "*")))
        .user(User::new("stranger"))
        .pod_identity_association(NAMESPACE, CONTROLLER, ROLE)
        .node_role(ROLE)
        .repository(Repository::generated("apps/mainapp", 250, TagStyle::Semver))
        .repository(
            Repository::with_tags("apps/small", ["1.0.0", "1.1.0"])
                .also_tagged("1.1.0", "latest")
                .untagged(1),
        )
        .repository(Repository::with_tags("secret/app", ["1.0.0"]))
}

pub(crate) async fn start() -> LocalAws {
    builder().start().await.expect("a valid set-up")
}

/// The time on the scenario's clock.
pub(crate) fn now() -> std::time::SystemTime {
    clock().now()
}

/// The access key of the user that may do everything with repositories.
pub(crate) fn bot(aws: &LocalAws) -> Keys {
    user(aws, "bot")
}

pub(crate) fn user(aws: &LocalAws, name: &str) -> Keys {
    let key = aws.access_key(name).expect("a user of the scenario");
    Keys {
        access_key_id: key.id().to_owned(),
        secret_access_key: key.secret().to_owned(),
        session_token: None,
    }
}

/// The controller's keys, by way of its token.
pub(crate) async fn controller(aws: &LocalAws) -> Keys {
    let token = aws.issuer().token(NAMESPACE, CONTROLLER, STS, HOUR);
    let answer = crate::sts::assume(aws, &[("WebIdentityToken", &token)]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    Keys {
        access_key_id: answer.element("AccessKeyId").to_owned(),
        secret_access_key: answer.element("SecretAccessKey").to_owned(),
        session_token: Some(answer.element("SessionToken").to_owned()),
    }
}

/// Signs ECR calls with the controller's keys.
pub(crate) async fn ecr(aws: &LocalAws) -> Signer {
    Signer::new(&controller(aws).await, "ecr", now())
}
