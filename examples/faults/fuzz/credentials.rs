//! Credentials of the agent, of the node and of STS.

use aws_credential_types::Credentials;
use flux_aws_auth::{Chain, Environment, Error};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use serde_json::Value;

use crate::json::unambiguous;
use crate::mutant::{Mutant, mutants};
use crate::runs::Runs;
use crate::world::{Answer, Asked, Clock, World, in_virtual_time, story};

pub(crate) const TOKEN_PATH: &str = "/var/run/secrets/token";
pub(crate) const TOKEN: &str =
    "canary-header.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6YTpiIn0.canary-signature";

const WORDS: &[&str] = &[
    "\"AccessKeyId\":",
    "\"SecretAccessKey\":",
    "\"Token\":",
    "\"Expiration\":",
    "\"Code\":\"Success\",",
    "\"Code\":\"Failed\",",
    "\\u0000",
    "\\r\\nx-evil: 1",
    "\\ud800",
    "1970-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "[[[[[[[[[[[[[[[[[[[[[",
];

async fn resolve(environment: Environment, aws: &World, node: &World) -> Result<Credentials, Error> {
    let chain = Chain::builder()
        .environment(environment)
        .http_client(aws.clone())
        .metadata_http_client(node.clone())
        .time_source(Clock::started())
        .build();
    chain.resolve().await.map(|resolved| resolved.credentials().clone())
}

/// Credentials that are given are all of them in the answer; those that are not are not shown either.
fn check(
    result: &Result<Credentials, Error>,
    found: impl Fn(&Credentials) -> Option<bool>,
    may_show: bool,
) -> TestCaseResult {
    match result {
        Ok(credentials) => {
            prop_assert_ne!(
                found(credentials),
                Some(false),
                "not in the answer: {}",
                credentials.access_key_id()
            );
            for value in [
                credentials.access_key_id(),
                credentials.secret_access_key(),
                credentials.session_token().unwrap_or("-"),
            ] {
                prop_assert!(!value.is_empty() && !value.contains(char::is_control), "{:?}", value);
            }
        }
        Err(error) => prop_assert!(may_show || !story(error).contains("canary"), "{}", story(error)),
    }
    Ok(())
}

/// `None` where readers may differ.
fn is_whole(answer: &[u8], credentials: &Credentials) -> Option<bool> {
    let answer = unambiguous(answer)?;
    let is = |name: &str, value: &str| answer[name].as_str() == Some(value);
    Some(
        is("AccessKeyId", credentials.access_key_id())
            && is("SecretAccessKey", credentials.secret_access_key())
            && is("Token", credentials.session_token().unwrap_or_default())
            && answer["Expiration"].is_string(),
    )
}

/// Whether a secret has come to be among the words that are told: what a remote says is passed on.
fn is_message_secret(answer: &[u8]) -> bool {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    ["message", "Message", "code", "Code"].iter().any(|name| answer[name].to_string().contains("canary"))
}

/// EKS Pod Identity, and ECS.
pub(crate) fn of_the_agent(runs: Runs) -> Result<(), String> {
    let samples = [
        r#"{"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"canary-key","Token":"canary-session","AccountId":"111122223333","Expiration":"2027-01-15T14:00:00Z"}"#,
        r#"{"RoleArn":"arn:aws:iam::111122223333:role/x","AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"canary-key","Token":"canary-session","Expiration":"2027-01-15T14:00:00+00:00"}"#,
        r#"{"code":"NotThere","message":"no"}"#,
        "Service account token failed basic claim validations",
    ];
    let status = prop_oneof![9 => Just(200_u16), 1 => 400..600_u16];
    runs.check(&(mutants(&samples, WORDS), status), |(mutant, status)| {
        let Mutant(body) = mutant.clone();
        let node = World::new(move |_| Answer::new(status, body.clone()));
        let environment = Environment::empty()
            .with_var("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials")
            .with_var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", TOKEN_PATH)
            .with_file(TOKEN_PATH, TOKEN);
        let result = in_virtual_time(resolve(environment, &World::empty(), &node));
        prop_assert!(status == 200 || result.is_err());
        // What is no JSON is the agent's own sentence.
        let may_show = status != 200 || is_message_secret(&mutant.0);
        check(&result, |credentials| is_whole(&mutant.0, credentials), may_show)
    })
}

/// The node's metadata service.
pub(crate) fn of_the_node(runs: Runs) -> Result<(), String> {
    const SESSION: &str = "canary-imds";
    let documents = mutants(
        &[
            r#"{"Code":"Success","LastUpdated":"2027-01-15T07:00:00Z","Type":"AWS-HMAC","AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"canary-key","Token":"canary-session","Expiration":"2027-01-15T14:00:00Z"}"#,
        ],
        WORDS,
    );
    let roles = mutants(&["node-role", "node-role\n"], &["/", "../", "a b", "\r\nhost: evil.example"]);
    let sessions = mutants(&[SESSION], &["\r\nx-evil: 1"]);
    runs.check(&(documents, roles, sessions, 0..3), |(document, role, session, which)| {
        let document = if which == 0 { document.0 } else { br#"{"Code":"Success","AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"canary-key","Token":"canary-session","Expiration":"2027-01-15T14:00:00Z"}"#.to_vec() };
        let role = if which == 1 { role.0 } else { b"node-role".to_vec() };
        let session = if which == 2 { session.0 } else { SESSION.as_bytes().to_vec() };
        let node = World::new({
            let document = document.clone();
            move |asked: &Asked| match asked.uri.strip_prefix("http://169.254.169.254/latest/").unwrap_or_default() {
                "api/token" => Answer::ok(session.clone()).with("x-aws-ec2-metadata-token-ttl-seconds", "21600"),
                "meta-data/iam/security-credentials/" => Answer::ok(role.clone()),
                _ => Answer::ok(document.clone()),
            }
        });
        let result = in_virtual_time(resolve(Environment::empty(), &World::empty(), &node));
        for asked in node.asked() {
            prop_assert!(asked.uri.starts_with("http://169.254.169.254/latest/"), "{}", asked.uri);
            let path = asked.uri.strip_prefix("http://169.254.169.254/latest/meta-data/iam/security-credentials/");
            prop_assert!(path.is_none_or(|role| !role.contains(['/', '?', '#', ' '])), "{}", asked.uri);
        }
        check(&result, |credentials| is_whole(&document, credentials), is_message_secret(&document))
    })
}

/// STS's XML.
pub(crate) fn of_sts(runs: Runs) -> Result<(), String> {
    let samples = [
        "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleWithWebIdentityResult>\
         <SubjectFromWebIdentityToken>system:serviceaccount:a:b</SubjectFromWebIdentityToken>\
         <Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>canary-key</SecretAccessKey>\
         <SessionToken>canary-session</SessionToken><Expiration>2027-01-15T09:00:00Z</Expiration></Credentials>\
         <AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:s</AssumedRoleId><Arn>arn:aws:sts::111122223333:assumed-role/x/s</Arn></AssumedRoleUser>\
         </AssumeRoleWithWebIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></AssumeRoleWithWebIdentityResponse>",
        "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>",
    ];
    let words = [
        "<Credentials>",
        "</Credentials>",
        "<AccessKeyId>",
        "</AccessKeyId>",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "&lt;",
        "&#0;",
        "&#13;&#10;",
        "&a;",
        "<!DOCTYPE a [<!ENTITY a \"b\">]>",
        "<?xml version=\"1.0\"?>",
        "<a><a><a><a><a><a><a><a>",
        " xmlns:a='b'",
        "</a>",
        "a:",
    ];
    runs.check(
        &(mutants(&samples, &words), prop_oneof![9 => Just(200_u16), 1 => 400..600_u16]),
        |(mutant, status)| {
            let Mutant(body) = mutant.clone();
            let aws = World::new(move |_| Answer::new(status, body.clone()).with("content-type", "text/xml"));
            let environment = Environment::empty()
                .with_var("AWS_REGION", "eu-west-1")
                .with_var("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/x")
                .with_var("AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_PATH)
                .with_file(TOKEN_PATH, TOKEN);
            let result = in_virtual_time(resolve(environment, &aws, &World::empty()));
            prop_assert!(status == 200 || result.is_err());
            for asked in aws.asked() {
                prop_assert_eq!(asked.origin(), "https://sts.eu-west-1.amazonaws.com");
            }
            let text = mutant.text();
            let found = |credentials: &Credentials| {
                // Entities and sections are another spelling of the same.
                let plain = !text.contains('&') && !text.contains("<![CDATA[") && !text.contains("<!--");
                plain.then(|| {
                    // The SDK's reader takes the first text in an element, and passes over elements behind it.
                    let has = |value: &str| text.contains(&format!(">{value}<"));
                    has(credentials.access_key_id())
                        && has(credentials.secret_access_key())
                        && has(credentials.session_token().unwrap_or_default())
                })
            };
            let may_show = text.contains("<Message>") || text.contains("<Code>");
            check(&result, found, may_show)
        },
    )
}
