use flux_aws_auth::{Environment, ErrorKind, Reason, SourceKind};

use crate::support::*;

const SERVICE: &str = "http://169.254.169.254/latest";

#[tokio::test(start_paused = true)]
async fn the_node_s_role_takes_three_requests() {
    let clock = TestClock::new();
    let node = Network::in_order(vec![
        ok("canary-imds-token"),
        ok("eks-node\n"),
        ok(json_credentials(&clock, 3600)),
    ]);
    let chain = chain(Environment::empty(), &Network::silent(), &node, &clock).build();
    let resolved = chain.resolve().await.unwrap();
    assert_eq!(resolved.principal().to_string(), "the node's role eks-node");
    assert_eq!(resolved.report().provided_by(), Some(SourceKind::InstanceMetadata));
    assert_eq!(
        node.lines(),
        [
            format!("PUT {SERVICE}/api/token"),
            format!("GET {SERVICE}/meta-data/iam/security-credentials/"),
            format!("GET {SERVICE}/meta-data/iam/security-credentials/eks-node"),
        ]
    );
    let seen = node.seen();
    assert_eq!(
        seen[0].headers.get("x-aws-ec2-metadata-token-ttl-seconds").map(String::as_str),
        Some("21600")
    );
    assert!(seen[1..].iter().all(|seen| seen.headers["x-aws-ec2-metadata-token"] == "canary-imds-token"));
}

/// What is no failure: environment, replies → reason, and the requests it took.
#[tokio::test(start_paused = true)]
async fn a_node_that_has_nothing_to_give_is_skipped() {
    let empty = Environment::empty;
    let other_cloud =
        |status| (empty(), vec![Reply::Answer(status, String::new())], Reason::MetadataNotEc2, 1);
    let cases: [(Environment, Vec<Reply>, Reason, usize); 9] = [
        other_cloud(400),
        other_cloud(404),
        other_cloud(405),
        (empty().with_var("AWS_EC2_METADATA_DISABLED", "TRUE"), vec![], Reason::MetadataDisabled, 0),
        (empty(), vec![Reply::Answer(403, String::new())], Reason::MetadataDisabledOnInstance, 1),
        (empty(), vec![Reply::Refuse], Reason::MetadataUnreachable, 1),
        (empty(), vec![Reply::Hang], Reason::MetadataHopLimit, 1),
        (empty(), vec![ok("t"), Reply::Answer(404, String::new())], Reason::NoInstanceProfile, 2),
        (empty(), vec![ok("t"), ok("\n")], Reason::NoInstanceProfile, 2),
    ];
    for (environment, replies, expected, requests) in cases {
        let clock = TestClock::new();
        let node = Network::in_order(replies);
        let error =
            chain(environment, &Network::silent(), &node, &clock).build().resolve().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoIdentity);
        assert_eq!(source_of(report_of(&error), SourceKind::InstanceMetadata).reason(), Some(expected));
        assert_eq!(node.seen().len(), requests, "{expected:?}");
        assert!(clock.elapsed().as_millis() <= 2_000, "{:?}", clock.elapsed());
    }
}

/// What is a failure: replies → kind, and what the story must mention.
#[tokio::test(start_paused = true)]
async fn a_node_that_fails_ends_the_chain() {
    let busy = || Reply::Answer(503, "busy".to_owned());
    let cases: [(Vec<Reply>, ErrorKind, &str); 8] = [
        (vec![busy(), busy(), busy()], ErrorKind::Unavailable, "HTTP 503: busy"),
        (vec![Reply::Answer(418, String::new())], ErrorKind::Denied, "HTTP 418"),
        (vec![ok("t"), ok("r".repeat(65))], ErrorKind::InvalidResponse, "no role name"),
        (vec![ok("t"), Reply::Answer(401, String::new())], ErrorKind::InvalidToken, "proxy"),
        (vec![ok("t"), ok("../../api")], ErrorKind::InvalidResponse, "no role name"),
        (vec![ok("t"), Reply::Hang], ErrorKind::Unavailable, "but then"),
        (
            vec![ok("t"), ok("r"), ok(r#"{"Code":"AssumeRoleUnauthorizedAccess"}"#)],
            ErrorKind::Denied,
            "AssumeRoleUnauthorizedAccess",
        ),
        (vec![ok("no\u{7f}header"), ok("r")], ErrorKind::InvalidResponse, "session token"),
    ];
    for (replies, kind, mentions) in cases {
        let clock = TestClock::new();
        let node = Network::in_order(replies);
        let error = chain(Environment::empty(), &Network::silent(), &node, &clock)
            .build()
            .resolve()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{mentions}: {error:?}");
        assert!(whole_story(&error).contains(mentions), "{mentions}: {}", whole_story(&error));
    }
}

#[tokio::test(start_paused = true)]
async fn the_environment_says_where_the_service_is() {
    let empty = Environment::empty;
    let cases = [
        (
            empty().with_var("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ipv6"),
            "PUT http://[fd00:ec2::254]/latest/api/token",
        ),
        (
            empty().with_var("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv4"),
            "PUT http://169.254.169.254/latest/api/token",
        ),
        (
            empty().with_var("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1338/"),
            "PUT http://127.0.0.1:1338/latest/api/token",
        ),
    ];
    for (environment, line) in cases {
        let clock = TestClock::new();
        let node = Network::silent();
        chain(environment, &Network::silent(), &node, &clock).build().resolve().await.unwrap_err();
        assert_eq!(node.lines(), [line]);
    }
    for (name, value) in [
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://metadata.example"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "both"),
        ("AWS_EC2_METADATA_DISABLED", "1"),
    ] {
        let clock = TestClock::new();
        let node = Network::silent();
        let environment = empty().with_var(name, value);
        let error =
            chain(environment, &Network::silent(), &node, &clock).build().resolve().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(whole_story(&error).contains(name), "{error:?}");
        assert!(node.seen().is_empty());
    }
}
