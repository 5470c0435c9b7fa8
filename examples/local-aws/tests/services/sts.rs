//! STS: tokens for sessions, and who a session is.

use std::time::Duration;

use local_aws::{LocalAws, Role};

use crate::scenario::{
    CONTROLLER, HOUR, NAMESPACE, PODS, ROLE, STS, bot, builder, clock, controller, document, now, start,
    trusts_subject,
};
use crate::signed::{Answer, FORM, Signer, answer, post};

const DENIED: &str = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
const WHO: &str = "Action=GetCallerIdentity&Version=2011-06-15";

/// `AssumeRoleWithWebIdentity` for the scenario's role, with `changes` to the parameters; an empty value leaves one out.
pub(crate) async fn assume(aws: &LocalAws, changes: &[(&str, &str)]) -> Answer {
    let role = aws.role_arn(ROLE);
    let mut parameters = vec![
        ("Action", "AssumeRoleWithWebIdentity"),
        ("Version", "2011-06-15"),
        ("RoleArn", role.as_str()),
        ("RoleSessionName", "flux"),
    ];
    parameters.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    parameters.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    post(aws.sts_url(), &[(FORM.0.to_owned(), FORM.1.to_owned())], form).await
}

fn token(aws: &LocalAws) -> String {
    aws.issuer().token(NAMESPACE, CONTROLLER, STS, HOUR)
}

#[tokio::test]
async fn a_token_becomes_a_session() {
    let aws = start().await;
    let answer = assume(&aws, &[("WebIdentityToken", &token(&aws)), ("DurationSeconds", "900")]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.body.starts_with(
        "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <AssumeRoleWithWebIdentityResult>"
    ));
    assert_eq!(answer.element("Arn"), "arn:aws:sts::111122223333:assumed-role/reflector/flux");
    assert_eq!(answer.element("Audience"), STS);
    assert_eq!(
        answer.element("SubjectFromWebIdentityToken"),
        "system:serviceaccount:flux-system:image-reflector-controller"
    );
    assert_eq!(answer.element("Expiration"), "2026-01-02T03:19:05Z");
    assert!(answer.element("AccessKeyId").starts_with("ASIA"));
    assert_eq!(answer.element("AccessKeyId").len(), 20);
    assert_eq!(answer.element("SecretAccessKey").len(), 40);
    assert!(answer.element("AssumedRoleId").starts_with("AROA"));

    let owner = aws.key_owner(answer.element("AccessKeyId")).expect("a key of this account");
    assert_eq!(owner.arn(), answer.element("Arn"));
    assert!(owner.service_account_uid().is_some_and(|uid| uid.len() == 36), "{owner:?}");
    assert_eq!(owner.expires(), Some(now() + Duration::from_secs(900)));
    assert!(aws.key_owner("ASIAOFNOBODYATALL000").is_none());

    let issued = aws.secrets_issued();
    for secret in ["SecretAccessKey", "SessionToken"] {
        assert!(issued.iter().any(|issued| issued == answer.element(secret)), "{secret}");
    }
    assert_eq!(aws.requests(), [("sts:AssumeRoleWithWebIdentity".to_owned(), 1)].into());
}

#[tokio::test]
async fn parameters_may_be_in_the_query() {
    let aws = start().await;
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("Action", "AssumeRoleWithWebIdentity")
        .append_pair("Version", "2011-06-15")
        .append_pair("RoleArn", &aws.role_arn(ROLE))
        .append_pair("RoleSessionName", "flux")
        .append_pair("WebIdentityToken", &token(&aws))
        .finish();
    let answer = answer(reqwest::Client::new().get(format!("{}/?{query}", aws.sts_url()))).await;
    assert_eq!((answer.status, answer.element("Audience")), (200, STS));
}

#[tokio::test]
async fn caller_identity_of_a_session_and_of_a_user() {
    let aws = start().await;
    let session = Signer::new(&controller(&aws).await, "sts", now()).sts(aws.sts_url(), WHO).await;
    assert_eq!(session.status, 200, "{session:?}");
    assert_eq!(session.element("Arn"), "arn:aws:sts::111122223333:assumed-role/reflector/flux");
    assert!(session.element("UserId").ends_with(":flux"));
    assert_eq!(session.element("Account"), "111122223333");

    let user = Signer::new(&bot(&aws), "sts", now()).sts(aws.sts_url(), WHO).await;
    assert_eq!(user.element("Arn"), "arn:aws:iam::111122223333:user/bot");
    assert!(user.element("UserId").starts_with("AIDA"));
}

#[tokio::test]
async fn tokens_that_are_not_accepted() {
    let aws = start().await;
    let issuer = aws.issuer();
    let right = || issuer.service_account_token(NAMESPACE, CONTROLLER).audience(STS);
    let cases = [
        (
            "not.a.token".to_owned(),
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
        ),
        (issuer.token(NAMESPACE, CONTROLLER, PODS, HOUR), "Incorrect token audience"),
        (right().forged().sign(), "Token signature verification failed"),
        (
            right().key_id("retired").sign(),
            "Couldn't retrieve verification key from your identity provider,  please reference \
             AssumeRoleWithWebIdentity documentation for requirements",
        ),
        (right().issued_in(HOUR).sign(), "Token is not valid yet"),
        (
            right().issuer("https://oidc.example.com").sign(),
            "No OpenIDConnect provider found in your account for https://oidc.example.com",
        ),
    ];
    for (token, message) in &cases {
        assume(&aws, &[("WebIdentityToken", token)]).await.is_xml_fault(400, "InvalidIdentityToken", message);
    }

    let mut altered = token(&aws);
    altered.pop();
    let answer = assume(&aws, &[("WebIdentityToken", &altered)]).await;
    answer.is_xml_fault(400, "InvalidIdentityToken", "Token signature verification failed");

    let expired = right().issued_ago(2 * HOUR).ttl(HOUR).sign();
    assume(&aws, &[("WebIdentityToken", &expired)]).await.is_xml_fault(
        400,
        "ExpiredTokenException",
        "Token expired: current date/time 1767323045 must be before the expiration date/time 1767319445",
    );
}

#[tokio::test]
async fn a_token_expires_as_the_clock_goes_on() {
    let clock = clock();
    let aws = builder().clock(clock.clone()).start().await.expect("a valid set-up");
    let token = aws.issuer().token(NAMESPACE, CONTROLLER, STS, HOUR);
    clock.advance(Duration::from_secs(3599));
    assert_eq!(assume(&aws, &[("WebIdentityToken", &token)]).await.status, 200);
    clock.advance(Duration::from_secs(1));
    let answer = assume(&aws, &[("WebIdentityToken", &token)]).await;
    assert_eq!((answer.status, answer.element("Code")), (400, "ExpiredTokenException"));
}

#[tokio::test]
async fn identities_no_trust_policy_admits() {
    let exact = Role::new("exact")
        .trust(document(&trusts_subject("system:serviceaccount:flux-system:kustomize-controller")));
    let closed = Role::new("closed");
    let aws = builder().role(exact).role(closed).start().await.expect("a valid set-up");

    let other = aws.issuer().token("default", CONTROLLER, STS, HOUR);
    assume(&aws, &[("WebIdentityToken", &other)]).await.is_xml_fault(403, "AccessDenied", DENIED);
    for role in ["exact", "closed", "not-there"] {
        let changes = [("WebIdentityToken", &*token(&aws)), ("RoleArn", &*aws.role_arn(role))];
        assume(&aws, &changes).await.is_xml_fault(403, "AccessDenied", DENIED);
    }
}

#[tokio::test]
async fn parameters_that_do_not_fit_the_model() {
    let aws = start().await;
    let token = token(&aws);
    let long = "x".repeat(65);
    let cases = [
        (
            "RoleSessionName",
            "a b",
            "Value 'a b' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*",
        ),
        (
            "RoleSessionName",
            "a",
            "Value 'a' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2",
        ),
        (
            "RoleSessionName",
            long.as_str(),
            "failed to satisfy constraint: Member must have length less than or equal to 64",
        ),
        (
            "RoleSessionName",
            "",
            "Value null at 'roleSessionName' failed to satisfy constraint: Member must not be null",
        ),
        (
            "RoleArn",
            "reflector",
            "Value 'reflector' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20",
        ),
        ("RoleArn", "this-is-long-enough-but-no-arn", "Request ARN is invalid"),
        (
            "DurationSeconds",
            "899",
            "Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900",
        ),
        (
            "DurationSeconds",
            "43201",
            "Value '43201' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200",
        ),
        (
            "DurationSeconds",
            "3601",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ),
        ("Policy", "{}", "The parameter Policy is not evaluated here, so it is not accepted"),
    ];
    for (name, value, message) in cases {
        let answer = assume(&aws, &[("WebIdentityToken", &token), (name, value)]).await;
        assert_eq!((answer.status, answer.element("Code")), (400, "ValidationError"), "{name}={value}");
        assert!(answer.element("Message").ends_with(message), "{name}={value}: {answer:?}");
    }
}

#[tokio::test]
async fn actions_that_are_not_there() {
    let aws = start().await;
    let answer = assume(&aws, &[("Action", "GetSessionToken")]).await;
    answer.is_xml_fault(
        400,
        "InvalidAction",
        "Could not find operation GetSessionToken for version 2011-06-15",
    );
    let answer = assume(&aws, &[("Version", "2010-01-01")]).await;
    let message = "Could not find operation AssumeRoleWithWebIdentity for version 2010-01-01";
    answer.is_xml_fault(400, "InvalidAction", message);
    let answer = assume(&aws, &[("Action", "")]).await;
    assert_eq!((answer.status, answer.element("Code")), (400, "MissingAction"));
}
