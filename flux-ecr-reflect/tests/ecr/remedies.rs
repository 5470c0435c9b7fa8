//! What to do about AWS's refusals, told by what AWS says.

use flux_ecr_reflect::ErrorKind;

use crate::fake::{self, failure};

async fn hint(code: &'static str, message: &'static str) -> (ErrorKind, String) {
    let (client, _) = fake::ecr(move |_| failure(400, code, message));
    let error = fake::reflector(client).scan(&fake::image()).await.expect_err("refused");
    (error.kind(), error.hint().expect("a remedy").to_owned())
}

#[tokio::test]
async fn a_denial_by_the_policy_that_denies() {
    for (message, part) in [
        (
            "with an explicit deny in a service control policy",
            "The service control policy denies ecr:ListImages explicitly",
        ),
        (
            "with an explicit deny in an identity-based policy",
            "The identity-based policy denies ecr:ListImages explicitly",
        ),
        ("with an explicit deny", "A policy denies ecr:ListImages explicitly"),
        (
            "because no service control policy allows the ecr:ListImages action",
            "in the service control policy too",
        ),
        ("because no VPC endpoint policy allows the ecr:ListImages action", "in the VPC endpoint policy too"),
        (
            "because no permissions boundary allows the ecr:ListImages action",
            "in the permissions boundary too",
        ),
        ("because no session policy allows the ecr:ListImages action", "in the session policy too"),
        ("because no identity-based policy allows the ecr:ListImages action", "in the identity's IAM policy"),
        (
            "because no resource-based policy allows the ecr:ListImages action",
            "in the repository's policy too",
        ),
        ("", "another account than 123456789012"),
    ] {
        let (kind, hint) = hint("AccessDeniedException", message).await;
        assert_eq!(kind, ErrorKind::AccessDenied);
        assert!(hint.contains(part) && hint.ends_with('.'), "{message}: {hint}");
        assert_eq!(hint.contains("Allow"), !message.contains("explicit"), "{message}: {hint}");
    }
}

#[tokio::test]
async fn a_rejection_by_its_reason() {
    for (code, message, part) in [
        (
            "ExpiredTokenException",
            "The security token included in the request is expired",
            "They have expired",
        ),
        (
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
            "opt-in region",
        ),
        ("UnrecognizedClientException", "", "belong to partition aws"),
        ("InvalidSignatureException", "Signature expired: …", "clock right"),
        ("RequestExpired", "", "clock right"),
        (
            "InvalidSignatureException",
            "Credential should be scoped to a valid region.",
            "signed for eu-west-1",
        ),
        ("InvalidSignatureException", "The request signature we calculated does not match", "secret key"),
        ("MissingAuthenticationTokenException", "", "Authorization header"),
        ("OptInRequired", "", "Enable eu-west-1"),
    ] {
        let (kind, hint) = hint(code, message).await;
        assert_eq!(kind, ErrorKind::Credentials, "{code}");
        assert!(hint.contains(part) && hint.ends_with('.'), "{code} {message}: {hint}");
    }
}
