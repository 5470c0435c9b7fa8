use flux_aws_auth::{AccessKeySecret, Error, ErrorKind, Reason, SourceKind};

use crate::support::*;

const ID: &str = "AKIAEXAMPLE";

fn bucket(data: &[(&str, &str)]) -> Result<AccessKeySecret, Error> {
    AccessKeySecret::bucket("tenant/key", data.iter().copied())
}

/// Everything that could be shown of it, which must not have the secret in it.
#[track_caller]
fn refusal(result: Result<AccessKeySecret, Error>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.hint().is_some());
    let missing = error.to_string().contains("missing");
    assert_eq!(error.reason() == Reason::IncompleteConfiguration, missing, "{error}: {}", error.reason());
    let shown = format!("{error:?} {}", whole_story(&error));
    assert!(!shown.contains("canary"), "{shown}");
    error.to_string()
}

#[tokio::test(start_paused = true)]
async fn the_key_of_a_bucket_s_secret_is_the_only_identity_of_its_chain() {
    let clock = TestClock::new();
    let network = Network::silent();
    // The controller has identities of its own, and a bucket's Secret no session token that Flux would read.
    let controller =
        irsa().with_var("AWS_ACCESS_KEY_ID", "AKIACONTROLLER").with_var("AWS_SECRET_ACCESS_KEY", "x");
    let data = [("accesskey", ID), ("secretkey", SECRET), ("sessiontoken", SESSION_TOKEN)];
    let key = bucket(&data).unwrap();
    assert!(!format!("{key:?}").contains("canary") && format!("{key:?}").contains(ID), "{key:?}");

    let chain = chain(controller, &network, &network, &clock)
        .access_key_secret(key)
        .source(flux_aws_auth::source::AccessKeys::new())
        .build();
    let resolved = chain.resolve().await.unwrap();
    let credentials = resolved.credentials();
    assert_eq!((credentials.access_key_id(), credentials.secret_access_key()), (ID, SECRET));
    assert_eq!((credentials.session_token(), resolved.expiry()), (None, None));
    assert_eq!(resolved.principal().to_string(), format!("the owner of access key {ID}"));
    let kinds: Vec<_> = resolved.report().sources().map(flux_aws_auth::SourceReport::kind).collect();
    assert_eq!(kinds, [SourceKind::AccessKeySecret]);
    let report = resolved.report();
    let note = report.sources().flat_map(|source| source.notes().iter()).next().unwrap();
    assert_eq!((note.subject(), note.finding()), ("Secret tenant/key", "accesskey, secretkey found"));
    assert!(!format!("{report} {report:?}").contains("canary"), "{report:?}");
    assert!(network.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_key_of_another_account_is_refused_and_nobody_takes_its_place() {
    let clock = TestClock::new();
    let aws = Network::new(|_| sts_error(403, "InvalidClientTokenId", "The security token is invalid"));
    let key = bucket(&[("accesskey", ID), ("secretkey", SECRET)]).unwrap();
    let chain = chain(irsa(), &aws, &Network::silent(), &clock)
        .access_key_secret(key)
        .expect_account("111122223333")
        .build();
    let error = chain.resolve().await.unwrap_err();
    assert_eq!(report_of(&error).sources().count(), 1);
    assert!(!whole_story(&error).contains("canary"), "{}", whole_story(&error));
}

#[test]
fn what_is_wrong_with_a_bucket_s_secret_is_said_by_key() {
    for (data, says) in [
        (vec![], "missing 'accesskey', 'secretkey'"),
        (vec![("accesskey", ID)], "required fields 'accesskey' and 'secretkey', missing 'secretkey'"),
        (vec![("secretkey", "canary")], "missing 'accesskey'"),
        (vec![("accessKey", ID), ("secretkey", "canary")], "missing 'accesskey'"),
        (vec![("accesskey", ""), ("secretkey", "canary")], "'accesskey' is empty"),
        (vec![("accesskey", ID), ("secretkey", "canary\n")], "'secretkey' ends with a line break"),
        (vec![("accesskey", ID), ("secretkey", "canary\r\n")], "'secretkey' ends with a line break"),
        (
            vec![("accesskey", "canary/canary+c"), ("secretkey", ID)],
            "'accesskey' is not an access key's id, and may be the secret",
        ),
        // Letters and digits alone, as some secrets are.
        (
            vec![("accesskey", "canarycanaryCanarycanarycanarycanary1234"), ("secretkey", ID)],
            "'accesskey' is not an access key's id, and may be the secret",
        ),
        (vec![("accesskey", "AKIA EXAMPLE"), ("secretkey", "canary")], "'accesskey' has blanks"),
        (vec![("accesskey", ID), ("secretkey", "cänary")], "'secretkey' has blanks"),
    ] {
        let message = refusal(bucket(&data));
        assert!(message.starts_with("invalid 'tenant/key' secret data: "), "{message}");
        assert!(message.contains(says), "{says}: {message}");
    }
    let binary: [(&str, &[u8]); 2] = [("accesskey", b"\xff\xfe"), ("secretkey", b"canary")];
    assert!(refusal(AccessKeySecret::bucket("tenant/key", binary)).contains("'accesskey' is not text"));
}

#[cfg(feature = "sops")]
mod sops {
    use flux_aws_auth::Environment;

    use super::*;

    fn sops(yaml: &str) -> Result<AccessKeySecret, Error> {
        let data = [("identity.age", "x"), ("sops.aws-kms", yaml)];
        AccessKeySecret::sops("tenant/kms", data)
    }

    async fn keys(yaml: &str) -> (String, String, Option<String>) {
        let clock = TestClock::new();
        let network = Network::silent();
        let chain = chain(Environment::empty(), &network, &network, &clock)
            .access_key_secret(sops(yaml).unwrap())
            .build();
        let resolved = chain.resolve().await.unwrap();
        let credentials = resolved.credentials();
        let token = credentials.session_token().map(str::to_owned);
        (credentials.access_key_id().to_owned(), credentials.secret_access_key().to_owned(), token)
    }

    #[tokio::test(start_paused = true)]
    async fn the_yaml_is_read_in_every_way_to_write_it() {
        let plain = "aws_access_key_id: AKIAEXAMPLE\naws_secret_access_key: se+cr/et==\n";
        let expected =
            |token: Option<&str>| (ID.to_owned(), "se+cr/et==".to_owned(), token.map(str::to_owned));
        assert_eq!(keys(plain).await, expected(None));
        assert_eq!(keys(&format!("{plain}aws_session_token: tok # optional\n")).await, expected(Some("tok")));
        assert_eq!(keys(&format!("{plain}aws_session_token: \"\"\nother: 1\n")).await, expected(None));
        let json = r#"{"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "se+cr/et=="}"#;
        assert_eq!(keys(json).await, expected(None));
        let quoted = "# a key\naws_access_key_id: 'AKIAEXAMPLE'\naws_secret_access_key: >-\n  se+cr/et==\n";
        assert_eq!(keys(quoted).await, expected(None));
    }

    #[test]
    fn what_is_wrong_with_it_is_said_by_field() {
        for (yaml, says) in [
            ("", "aws_access_key_id' is missing"),
            ("aws_access_key_id: AKIAEXAMPLE\n", "'sops.aws-kms: aws_secret_access_key' is missing"),
            ("aws_secret_access_key: canary\n", "'sops.aws-kms: aws_access_key_id' is missing"),
            ("aws_access_key_id: a\naws_secret_access_key: ''\n", "aws_secret_access_key' is empty"),
            ("aws_access_key_id: a\naws_secret_access_key: |\n  canary\n", "ends with a line break"),
            ("aws_access_key_id: a b\naws_secret_access_key: canary\n", "aws_access_key_id' has blanks"),
            (
                "aws_access_key_id: a\naws_secret_access_key: canary\naws_session_token: canary canary",
                "aws_session_token' has blanks",
            ),
            ("canary", "is not the YAML of a key"),
            ("aws_access_key_id: [canary]", "is not the YAML of a key"),
            ("aws_access_key_id: a\naws_secret_access_key: {canary: canary}", "is not the YAML of a key"),
            ("aws_access_key_id: \"canary", "is not the YAML of a key"),
        ] {
            let message = refusal(sops(yaml));
            assert!(message.contains("tenant/kms") && message.contains(says), "{says}: {message}");
        }
        let other = AccessKeySecret::sops("tenant/kms", [("sops.aws_kms", "canary")]);
        assert_eq!(refusal(other), "invalid 'tenant/kms' secret data: 'sops.aws-kms' is missing");
    }
}
