use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_async::time::TimeSource;
use flux_aws_auth::source::InstanceMetadata;
use flux_aws_auth::{Environment, Error, ErrorKind, Reason, SourceKind, SourceResult};

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
    let cases: [(Vec<Reply>, ErrorKind, &str); 11] = [
        (vec![busy(), busy(), busy()], ErrorKind::Unavailable, "HTTP 503: busy"),
        (vec![Reply::Answer(418, String::new())], ErrorKind::AccessDenied, "HTTP 418"),
        (vec![ok("t"), ok("r".repeat(65))], ErrorKind::InvalidResponse, "other than a role's name"),
        (
            vec![ok("t"), Reply::Answer(401, String::new()), ok("u"), Reply::Answer(401, String::new())],
            ErrorKind::InvalidToken,
            "proxy",
        ),
        (vec![ok("t"), Reply::Answer(401, String::new())], ErrorKind::Unavailable, "gives no other"),
        (vec![ok("t"), ok("../../api")], ErrorKind::InvalidResponse, "other than a role's name"),
        (vec![ok("t"), Reply::Hang], ErrorKind::Unavailable, "but then"),
        (
            vec![ok("t"), ok("r"), ok(r#"{"Code":"AssumeRoleUnauthorizedAccess"}"#)],
            ErrorKind::AccessDenied,
            "AssumeRoleUnauthorizedAccess",
        ),
        (vec![ok("no\u{7f}header"), ok("r")], ErrorKind::InvalidResponse, "session token"),
        // More than is read of an answer: neither a token, nor a node without a role.
        (vec![ok(" ".repeat(70_000)), ok("r")], ErrorKind::InvalidResponse, "more than 64 KiB"),
        (vec![ok("t"), ok(" ".repeat(70_000))], ErrorKind::InvalidResponse, "more than 64 KiB"),
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
        ("AWS_METADATA_SERVICE_TIMEOUT", "1.5"),
        ("AWS_METADATA_SERVICE_TIMEOUT", "0"),
        ("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "many"),
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

/// To ask again would bring as long an answer, even where no answer is worth another try.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_too_long_is_not_asked_for_again() {
    let clock = TestClock::new();
    let environment = Environment::empty().with_var("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "5");
    let node = Network::new(|_| ok(" ".repeat(70_000)));
    let error = chain(environment, &Network::silent(), &node, &clock).build().resolve().await.unwrap_err();
    assert!(whole_story(&error).contains("more than 64 KiB"), "{error:?}");
    assert_eq!(node.seen().len(), 1);
}

/// A session token with this life.
fn session(seconds: u64, token: &str) -> Reply {
    Reply::Headed(200, vec![("x-aws-ec2-metadata-token-ttl-seconds", seconds.to_string())], token.to_owned())
}

/// A session's life, and what passes until the credentials are asked for again → the requests that takes.
#[tokio::test(start_paused = true)]
async fn a_session_is_kept_until_shortly_before_its_end() {
    for (life, pass, requests) in [(21_600, 3600, 2), (3720, 3599, 2), (3720, 3600, 3), (60, 10, 3)] {
        let clock = TestClock::new();
        let node = Network::new({
            let clock = clock.clone();
            move |seen| match seen
                .line
                .strip_prefix("GET http://169.254.169.254/latest/meta-data/iam/security-credentials/")
            {
                None => session(life, "canary-imds-token"),
                Some("") => ok("eks-node"),
                Some(_) => ok(json_credentials(&clock, 60)),
            }
        });
        let chain = chain(Environment::empty(), &Network::silent(), &node, &clock).build();
        chain.resolve().await.unwrap();
        chain.forget();
        tokio::time::advance(Duration::from_secs(pass)).await;
        chain.resolve().await.unwrap();
        assert_eq!(node.seen().len(), 3 + requests, "{life} {pass}: {:?}", node.lines());
        assert!(node.lines().iter().all(|line| !line.contains("region")), "the region is never asked for");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_over_is_opened_anew_once() {
    let clock = TestClock::new();
    let node = Network::in_order(vec![
        session(21_600, "first"),
        ok("eks-node"),
        ok(json_credentials(&clock, 60)),
        Reply::Answer(401, String::new()),
        session(21_600, "second"),
        ok("eks-node"),
        ok(json_credentials(&clock, 3600)),
    ]);
    let chain = chain(Environment::empty(), &Network::silent(), &node, &clock).build();
    chain.resolve().await.unwrap();
    chain.forget();
    chain.resolve().await.unwrap();
    let tokens: Vec<_> =
        node.seen().iter().filter_map(|seen| seen.headers.get("x-aws-ec2-metadata-token").cloned()).collect();
    assert_eq!(tokens, ["first", "first", "first", "second", "second"]);
}

/// Answers to the third request of a refresh, after which the credentials in hand have expired → whether they are used on.
#[tokio::test(start_paused = true)]
async fn the_node_s_credentials_outlive_what_may_pass_and_nothing_else() {
    type Refresh = fn(&TestClock) -> Vec<Reply>;
    let cases: [(Refresh, Result<(), Reason>); 8] = [
        (|_| vec![Reply::Hang], Ok(())),
        (|_| vec![Reply::Refuse], Ok(())),
        (|_| vec![ok("t"), ok("eks-node"), Reply::Hang], Ok(())),
        (|_| vec![ok("t"), ok("eks-node"), ok("<html/>")], Ok(())),
        (|clock| vec![ok("t"), ok("eks-node"), ok(json_credentials(clock, 0))], Ok(())),
        (|_| vec![ok("t"), ok("")], Err(Reason::SourceGone)),
        (|_| vec![ok("t"), Reply::Answer(403, String::new())], Err(Reason::AccessDenied)),
        (
            |_| vec![ok("t"), ok("eks-node"), ok(r#"{"Code":"AssumeRoleUnauthorizedAccess"}"#)],
            Err(Reason::NotTrusted),
        ),
    ];
    for (case, (refresh, expected)) in cases.into_iter().enumerate() {
        let clock = TestClock::new();
        let first = vec![ok("t"), ok("eks-node"), ok(json_credentials(&clock, 60))];
        let later = Mutex::new(VecDeque::from(first));
        let replies = Arc::new(later);
        let node = Network::new({
            let replies = replies.clone();
            move |_| replies.lock().unwrap().pop_front().unwrap_or(Reply::Refuse)
        });
        let chain = chain(Environment::empty(), &Network::silent(), &node, &clock).build();
        chain.resolve().await.unwrap();
        tokio::time::advance(Duration::from_secs(60)).await;
        *replies.lock().unwrap() = refresh(&clock).into();
        let result = chain.resolve().await;
        assert_eq!(result.as_ref().map(|_| ()).map_err(Error::reason), expected, "{case}");
        let Ok(resolved) = result else { continue };
        let life = resolved.expiry().unwrap().duration_since(clock.now()).unwrap();
        assert!((600..=900).contains(&life.as_secs()), "{case}: {life:?}");
        let source = source_of(resolved.report(), SourceKind::InstanceMetadata);
        assert!(matches!(source.result(), SourceResult::Provided { outlived: Some(_), .. }), "{source:?}");
        assert!(source.reason().is_some(), "an alert can tell: {source:?}");
        assert!(resolved.report().to_string().contains("beyond their expiry"), "{}", resolved.report());
    }
}

#[tokio::test(start_paused = true)]
async fn an_operator_can_be_more_patient_with_a_slow_service() {
    let clock = TestClock::new();
    let environment = Environment::empty()
        .with_var("AWS_METADATA_SERVICE_TIMEOUT", "3")
        .with_var("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "2");
    let node = Network::new(|_| Reply::Hang);
    let error = chain(environment, &Network::silent(), &node, &clock).build().resolve().await.unwrap_err();
    assert_eq!(
        source_of(report_of(&error), SourceKind::InstanceMetadata).reason(),
        Some(Reason::MetadataHopLimit)
    );
    assert_eq!(node.seen().len(), 2);
    assert!((6..12).contains(&clock.elapsed().as_secs()), "{:?}", clock.elapsed());
}

/// A session without a stated life is for once, and ends the one before it too.
#[tokio::test(start_paused = true)]
async fn a_session_without_a_life_is_not_kept() {
    let clock = TestClock::new();
    let credentials = || ok(json_credentials(&clock, 60));
    let node = Network::in_order(vec![
        session(21_600, "first"),
        ok("eks-node"),
        credentials(),
        Reply::Answer(401, String::new()),
        ok("second"),
        ok("eks-node"),
        credentials(),
        ok("third"),
        ok("eks-node"),
        credentials(),
    ]);
    let chain = chain(Environment::empty(), &Network::silent(), &node, &clock).build();
    for _ in 0..3 {
        chain.resolve().await.unwrap();
        chain.forget();
    }
    let opened = node.lines().iter().filter(|line| line.starts_with("PUT")).count();
    assert_eq!((opened, node.seen().len()), (3, 10));
}

#[tokio::test(start_paused = true)]
async fn the_clock_is_measured_by_whichever_answer_says_the_time() {
    let clock = TestClock::new();
    let node = Network::in_order(vec![
        Reply::Headed(200, vec![("date", clock.date_off_by(600))], "t".to_owned()),
        ok("eks-node"),
        ok(json_credentials(&clock, 3600)),
    ]);
    let resolved =
        chain(Environment::empty(), &Network::silent(), &node, &clock).build().resolve().await.unwrap();
    assert_eq!(resolved.report().clock_skew().map(|skew| skew.amount().as_secs()), Some(600));
}

#[tokio::test(start_paused = true)]
async fn a_session_token_goes_to_no_other_address_than_its_own() {
    let clock = TestClock::new();
    let node = Network::new({
        let clock = clock.clone();
        move |seen| match seen.line.as_str() {
            line if line.starts_with("PUT") => Reply::Headed(
                200,
                vec![("x-aws-ec2-metadata-token-ttl-seconds", "21600".into())],
                line.into(),
            ),
            line if line.ends_with("/security-credentials/") => ok("eks-node"),
            _ => ok(json_credentials(&clock, 3600)),
        }
    });
    let source = InstanceMetadata::new();
    for mode in ["IPv4", "IPv6"] {
        let environment = Environment::empty().with_var("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", mode);
        let chain = chain(environment, &Network::silent(), &node, &clock).only(source.clone()).build();
        chain.resolve().await.unwrap();
    }
    for seen in node.seen().iter().filter(|seen| seen.line.starts_with("GET")) {
        let host = if seen.line.contains("fd00:ec2::254") { "fd00:ec2::254" } else { "169.254.169.254" };
        assert!(seen.headers["x-aws-ec2-metadata-token"].contains(host), "{seen:?}");
    }
    assert_eq!(node.seen().len(), 6);
}
