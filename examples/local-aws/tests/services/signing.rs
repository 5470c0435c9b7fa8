//! Signatures that are not accepted, each wrong in one particular, by the JSON and by the query protocol.

use std::time::Duration;

use serde_json::json;

use crate::scenario::{HOUR, bot, builder, clock, controller, now, start};
use crate::signed::{Answer, FORM, Signer, ecr_headers, post, target};

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS \
                        Secret Access Key and signing method. Consult the service documentation for details.";
const UNKNOWN: &str = "The security token included in the request is invalid.";
const WHO: &str = "Action=GetCallerIdentity&Version=2011-06-15";

async fn ecr_fault(signer: &Signer, aws: &local_aws::LocalAws, code: &str, message: &str) {
    let answer = signer.ecr(aws.ecr_url(), "ListImages", &json!({ "repositoryName": "apps/mainapp" })).await;
    answer.is_json_fault(code, message);
}

async fn sts_fault(signer: &Signer, aws: &local_aws::LocalAws, code: &str, message: &str) {
    signer.sts(aws.sts_url(), WHO).await.is_xml_fault(403, code, message);
}

#[tokio::test]
async fn wrong_secret() {
    let aws = start().await;
    for service in ["ecr", "sts"] {
        let mut signer = Signer::new(&bot(&aws), service, now());
        signer.keys.secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned();
        if service == "ecr" {
            ecr_fault(&signer, &aws, "InvalidSignatureException", MISMATCH).await;
        } else {
            sts_fault(&signer, &aws, "SignatureDoesNotMatch", MISMATCH).await;
        }
    }
}

#[tokio::test]
async fn unknown_key() {
    let aws = start().await;
    let mut signer = Signer::new(&bot(&aws), "ecr", now());
    signer.keys.access_key_id = "AKIAIOSFODNN7EXAMPLE".to_owned();
    ecr_fault(&signer, &aws, "UnrecognizedClientException", UNKNOWN).await;
    signer.service = "sts".to_owned();
    sts_fault(&signer, &aws, "InvalidClientTokenId", UNKNOWN).await;
}

#[tokio::test]
async fn session_tokens_that_do_not_belong_to_the_key() {
    let aws = start().await;
    let session = controller(&aws).await;

    let mut without = Signer::new(&session, "ecr", now());
    without.keys.session_token = None;
    ecr_fault(&without, &aws, "UnrecognizedClientException", UNKNOWN).await;

    let mut with_another = Signer::new(&session, "ecr", now());
    with_another.keys.session_token = controller(&aws).await.session_token;
    ecr_fault(&with_another, &aws, "UnrecognizedClientException", UNKNOWN).await;

    let mut user_with_one = Signer::new(&bot(&aws), "ecr", now());
    user_with_one.keys.session_token = session.session_token;
    ecr_fault(&user_with_one, &aws, "UnrecognizedClientException", UNKNOWN).await;
}

#[tokio::test]
async fn expired_session() {
    let clock = clock();
    let aws = builder().clock(clock.clone()).start().await.expect("a valid set-up");
    let session = controller(&aws).await;
    clock.advance(HOUR);
    let message = "The security token included in the request is expired";
    ecr_fault(&Signer::new(&session, "ecr", clock.now()), &aws, "ExpiredTokenException", message).await;
    sts_fault(&Signer::new(&session, "sts", clock.now()), &aws, "ExpiredToken", message).await;
}

#[tokio::test]
async fn scope_of_another_region_or_service() {
    let aws = start().await;
    let mut elsewhere = Signer::new(&bot(&aws), "ecr", now());
    elsewhere.region = "us-east-1".to_owned();
    let message = "Credential should be scoped to a valid region.";
    ecr_fault(&elsewhere, &aws, "InvalidSignatureException", message).await;

    let other_service = Signer::new(&bot(&aws), "sts", now());
    let message = "Credential should be scoped to correct service: 'ecr'.";
    ecr_fault(&other_service, &aws, "InvalidSignatureException", message).await;
}

#[tokio::test]
async fn times_more_than_five_minutes_off() {
    let aws = start().await;
    let mut signer = Signer::new(&bot(&aws), "ecr", now());
    let minutes = |count: u64| Duration::from_secs(60 * count);

    for near in [now() - minutes(5), now() + minutes(5)] {
        signer.time = near;
        let answer =
            signer.ecr(aws.ecr_url(), "ListImages", &json!({ "repositoryName": "apps/mainapp" })).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    signer.time = now() - minutes(6);
    let expired = "Signature expired: 20260102T025805Z is now earlier than 20260102T025905Z (20260102T030405Z - 5 min.)";
    ecr_fault(&signer, &aws, "InvalidSignatureException", expired).await;
    signer.time = now() + minutes(6);
    let early = "Signature not yet current: 20260102T031005Z is still later than 20260102T030905Z (20260102T030405Z + 5 min.)";
    ecr_fault(&signer, &aws, "InvalidSignatureException", early).await;
    signer.service = "sts".to_owned();
    sts_fault(&signer, &aws, "SignatureDoesNotMatch", early).await;
}

#[tokio::test]
async fn what_was_changed_after_signing() {
    let aws = start().await;
    let signer = Signer::new(&bot(&aws), "ecr", now());
    let target = target("ListImages");
    let body = json!({ "repositoryName": "apps/mainapp" }).to_string();
    let headers = || signer.headers(aws.ecr_url(), &ecr_headers(&target), &body);

    let other_body = json!({ "repositoryName": "apps/small" }).to_string();
    post(aws.ecr_url(), &headers(), other_body).await.is_json_fault("InvalidSignatureException", MISMATCH);

    let mut other_target = headers();
    other_target[1].1 = "AmazonEC2ContainerRegistry_V20150921.DescribeImages".to_owned();
    post(aws.ecr_url(), &other_target, body.clone())
        .await
        .is_json_fault("InvalidSignatureException", MISMATCH);

    let mut added = headers();
    added.push(("x-amz-added".to_owned(), "later".to_owned()));
    let message = "'x-amz-added' must be a 'SignedHeader' in the AWS Authorization header.";
    post(aws.ecr_url(), &added, body.clone()).await.is_json_fault("InvalidSignatureException", message);
}

#[tokio::test]
async fn incomplete_signatures() {
    let aws = start().await;
    let signer = Signer::new(&bot(&aws), "ecr", now());
    let target = target("ListImages");
    let body = json!({ "repositoryName": "apps/mainapp" }).to_string();
    let send = async |edit: &dyn Fn(&str) -> Option<String>| -> Answer {
        let mut headers = signer.headers(aws.ecr_url(), &ecr_headers(&target), &body);
        headers.retain_mut(|(name, value)| match edit(value) {
            Some(edited) if name == "authorization" => {
                *value = edited;
                true
            }
            None if name == "authorization" => false,
            _ => true,
        });
        post(aws.ecr_url(), &headers, body.clone()).await
    };

    send(&|_| None)
        .await
        .is_json_fault("MissingAuthenticationTokenException", "Missing Authentication Token");
    let code = "IncompleteSignatureException";
    send(&|value| Some(value.replace("Signature=", "Other=")))
        .await
        .is_json_fault(code, "Authorization header requires 'Signature' parameter.");
    send(&|value| Some(value.replace("SignedHeaders=", "Headers=")))
        .await
        .is_json_fault(code, "Authorization header requires 'SignedHeaders' parameter.");
    let scope = send(&|value| Some(value.replace("/aws4_request", ""))).await;
    assert_eq!(scope.json()["__type"], code, "{scope:?}");
    let basic = send(&|_| Some("Basic QVdTOnB3".to_owned())).await;
    assert_eq!(basic.json()["__type"], code, "{basic:?}");
    let date = send(&|value| Some(value.replace("/20260102/", "/20260101/"))).await;
    date.is_json_fault(
        "InvalidSignatureException",
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260101' != \
         '20260102', from '20260102T030405Z'.",
    );

    let unsigned = post(aws.sts_url(), &[(FORM.0.to_owned(), FORM.1.to_owned())], WHO.to_owned()).await;
    unsigned.is_xml_fault(403, "MissingAuthenticationToken", "Missing Authentication Token");
}
