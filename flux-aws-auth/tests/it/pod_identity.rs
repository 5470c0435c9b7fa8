use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use aws_smithy_async::time::TimeSource;
use flux_aws_auth::source::PodIdentity;
use flux_aws_auth::{Environment, ErrorKind, Reason, SourceKind};

use crate::support::*;

const AGENT: &str = "http://169.254.170.23/v1/credentials";

#[tokio::test(start_paused = true)]
async fn the_agent_is_asked_with_the_mounted_token() {
    let clock = TestClock::new();
    let node = Network::in_order(vec![ok(json_credentials(&clock, 3600))]);
    let chain = chain(pod_identity(), &Network::silent(), &node, &clock).build();
    let resolved = chain.resolve().await.unwrap();
    assert_eq!(resolved.credentials().access_key_id(), "ASIAEXAMPLE");
    assert_eq!(resolved.credentials().secret_access_key(), SECRET);
    assert_eq!(resolved.credentials().session_token(), Some(SESSION_TOKEN));
    assert_eq!(resolved.principal().to_string(), "a role of account 111122223333");
    assert_eq!(resolved.report().provided_by(), Some(SourceKind::PodIdentity));
    let seen = node.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].line, format!("GET {AGENT}"));
    assert_eq!(seen[0].headers.get("authorization").map(String::as_str), Some(TOKEN));
}

#[tokio::test(start_paused = true)]
async fn the_ecs_path_wins_over_the_full_address_and_a_file_over_a_token() {
    let clock = TestClock::new();
    let environment = pod_identity()
        .with_var("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/id")
        .with_var("AWS_CONTAINER_AUTHORIZATION_TOKEN", "unused");
    let node = Network::in_order(vec![ok(json_credentials(&clock, 3600))]);
    chain(environment, &Network::silent(), &node, &clock).build().resolve().await.unwrap();
    assert_eq!(node.lines(), ["GET http://169.254.170.2/v2/credentials/id"]);
    assert_eq!(node.seen()[0].headers.get("authorization").map(String::as_str), Some(TOKEN));
}

#[tokio::test(start_paused = true)]
async fn a_query_reaches_the_agent_and_nobody_else() {
    let clock = TestClock::new();
    let environment = pod_identity()
        .with_var("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:8080/c?key=canary-query");
    let node = Network::in_order(vec![Reply::Answer(403, "Access Denied".to_owned())]);
    let error = chain(environment, &Network::silent(), &node, &clock).build().resolve().await.unwrap_err();
    assert_eq!(node.lines(), ["GET http://127.0.0.1:8080/c?key=canary-query"]);
    assert!(!format!("{error:?} {} {}", whole_story(&error), report_of(&error)).contains("canary"));
}

/// Each way in which the agent can fail: status, body → kind, requests, and what the story must mention.
#[tokio::test(start_paused = true)]
async fn each_failure_has_its_kind_and_its_remedy() {
    type Case = (u16, &'static str, ErrorKind, usize, &'static str);
    let cases: [Case; 20] = [
        (
            404,
            "[id]: (ResourceNotFoundException): no association, fault: client",
            ErrorKind::AccessDenied,
            1,
            "No Pod Identity association",
        ),
        (400, "[id]: (ExpiredTokenException): token, fault: client", ErrorKind::InvalidToken, 1, "clock"),
        (400, "[id]: (InvalidTokenException): token, fault: client", ErrorKind::InvalidToken, 1, "clock"),
        (
            400,
            "[id]: (AccessDeniedException): no, fault: client",
            ErrorKind::AccessDenied,
            1,
            "pods.eks.amazonaws.com",
        ),
        (400, "[id]: (InvalidParameterException): no, fault: client", ErrorKind::AccessDenied, 1, "logs"),
        (
            400,
            "Service account token failed basic claim validations: token is expired",
            ErrorKind::InvalidToken,
            1,
            "clock",
        ),
        (
            403,
            "Access Denied. Called agent through invalid address, please use 169.254.170.23",
            ErrorKind::Configuration,
            1,
            "fd00:ec2::23",
        ),
        (403, "<html>Forbidden (nginx)</html>", ErrorKind::InvalidResponse, 1, "service mesh"),
        (408, "stream timeout", ErrorKind::InvalidResponse, 1, "service mesh"),
        (429, "Too Many Requests.", ErrorKind::Throttled, 3, "Try again"),
        (500, "boom", ErrorKind::Unavailable, 3, "eks-pod-identity-agent"),
        (200, "{", ErrorKind::InvalidResponse, 3, "other than a credentials document"),
        (200, r#"{"code":"NotThere","message":"m"}"#, ErrorKind::Unavailable, 1, "NotThere"),
        (200, r#"{"Code":"AssumeRoleUnauthorizedAccess"}"#, ErrorKind::AccessDenied, 1, "trust policy"),
        (
            200,
            r#"{"AccessKeyId":"A","Token":"t","Expiration":"2099-01-01T00:00:00Z"}"#,
            ErrorKind::InvalidResponse,
            1,
            "without SecretAccessKey",
        ),
        (
            200,
            r#"{"AccessKeyId":"A\r\nx-evil: 1","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-01T00:00:00Z"}"#,
            ErrorKind::InvalidResponse,
            1,
            "with blanks or control characters in AccessKeyId",
        ),
        (
            200,
            r#"{"AccessKeyId":"A","SecretAccessKey":"s ","Token":"t","Expiration":"2099-01-01T00:00:00Z"}"#,
            ErrorKind::InvalidResponse,
            1,
            "control characters in SecretAccessKey",
        ),
        (
            200,
            r#"{"AccessKeyId":"A","SecretAccessKey":"s","Token":"t\u007f","Expiration":"2099-01-01T00:00:00Z"}"#,
            ErrorKind::InvalidResponse,
            1,
            "control characters in Token",
        ),
        (
            200,
            r#"{"AccessKeyId":"A","SecretAccessKey":"s","Token":"t","Expiration":"soon"}"#,
            ErrorKind::InvalidResponse,
            1,
            "RFC 3339",
        ),
        (
            200,
            r#"{"AccessKeyId":"A","SecretAccessKey":"s","Token":"t","Expiration":"2001-01-01T00:00:00Z"}"#,
            ErrorKind::InvalidResponse,
            1,
            "already expired",
        ),
    ];
    for (status, body, kind, requests, mentions) in cases {
        let clock = TestClock::new();
        let node = Network::new(move |_| Reply::Answer(status, body.to_owned()));
        let chain = chain(pod_identity(), &Network::silent(), &node, &clock).source(without_grace()).build();
        let error = chain.resolve().await.unwrap_err();
        assert_eq!((error.kind(), node.seen().len()), (kind, requests), "{status} {body}");
        assert!(whole_story(&error).contains(mentions), "{status} {body}: {}", whole_story(&error));
        if status != 200 {
            assert_eq!(error.http_status(), Some(status));
            let from_eks = body.starts_with("[id]");
            assert_eq!(error.request_id(), from_eks.then_some("id"), "{body}");
            assert_eq!(error.aws_code().is_some(), from_eks, "{body}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_not_there_ends_the_chain() {
    for reply in [|| Reply::Refuse, || Reply::Hang] {
        let clock = TestClock::new();
        let node = Network::new(move |_| reply());
        let environment =
            pod_identity().with_var("AWS_ACCESS_KEY_ID", "AKIA").with_var("AWS_SECRET_ACCESS_KEY", "s");
        let chain = chain(environment, &Network::silent(), &node, &clock).source(without_grace()).build();
        let error = chain.resolve().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        assert!(error.is_retryable());
        assert_eq!(node.seen().len(), 3, "the agent may come up a moment after the pod");
        assert!(clock.elapsed().as_secs() < 20, "{:?}", clock.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_set_wrong_is_named_and_nothing_is_sent() {
    let cases: [(Environment, &str); 7] = [
        (
            pod_identity().with_var("AWS_CONTAINER_CREDENTIALS_FULL_URI", ""),
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE is set, but AWS_CONTAINER_CREDENTIALS_FULL_URI is not",
        ),
        (
            pod_identity().with_var("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://10.0.0.1/"),
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
        (
            pod_identity().with_var("AWS_CONTAINER_CREDENTIALS_FULL_URI", "no address"),
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
        (pod_identity().with_var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/missing"), "no such file"),
        (pod_identity().with_file(TOKEN_PATH, ""), "is empty"),
        (pod_identity().with_file(TOKEN_PATH, "two\r\nlines"), "one line"),
        (pod_identity().with_file(TOKEN_PATH, [0xff, 0xfe]), "holds no token"),
    ];
    for (environment, mentions) in cases {
        let clock = TestClock::new();
        let node = Network::silent();
        let error =
            chain(environment, &Network::silent(), &node, &clock).build().resolve().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(whole_story(&error).contains(mentions), "{}", whole_story(&error));
        assert!(node.seen().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_file_is_read_again_at_every_exchange() {
    let clock = TestClock::new();
    let node = Network::in_order(vec![ok(json_credentials(&clock, 60)), ok(json_credentials(&clock, 7200))]);
    let directory = std::env::temp_dir().join(format!("flux-aws-auth-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("token");
    write(&path, "first");
    let environment = pod_identity()
        .with_var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path.to_str().unwrap())
        .with_files_from_disk();
    let chain = chain(environment, &Network::silent(), &node, &clock).build();
    chain.resolve().await.unwrap();
    write(&path, "second\n");
    tokio::time::advance(Duration::from_secs(61)).await;
    chain.resolve().await.unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
    let tokens: Vec<_> =
        node.seen().into_iter().filter_map(|seen| seen.headers.get("authorization").cloned()).collect();
    assert_eq!(tokens, ["first", "second"]);
}

#[expect(clippy::disallowed_methods, reason = "the test plays the kubelet, which rotates the file")]
fn write(path: &std::path::Path, contents: &str) {
    std::fs::write(path, contents).unwrap();
}

/// What stands before credentials that could be used, and makes that they are not.
#[tokio::test(start_paused = true)]
async fn credentials_beside_a_word_that_is_none_or_a_failure_s_code_are_not_taken() {
    let malformed = ErrorKind::InvalidResponse;
    for (before, kind, mentions) in [
        (r#"{"Code":500,"#, malformed, "something other than text in Code"),
        (r#"{"code":[],"#, malformed, "something other than text in code"),
        (r#"{"Code":"Failed","#, ErrorKind::Unavailable, "no credentials to give: Failed"),
        (r#"{"Code":"","#, ErrorKind::Unavailable, "no credentials to give"),
        (r#"{"Code":"Success","code":"Failed","#, ErrorKind::Unavailable, "no credentials to give: Failed"),
    ] {
        let clock = TestClock::new();
        let body = json_credentials(&clock, 3600).replacen('{', before, 1);
        let node = Network::new(move |_| ok(body.clone()));
        let chain = chain(pod_identity(), &Network::silent(), &node, &clock).source(without_grace()).build();
        let error = chain.resolve().await.unwrap_err();
        assert_eq!((error.kind(), node.seen().len()), (kind, 1), "{before}");
        assert!(whole_story(&error).contains(mentions), "{before} {}", whole_story(&error));
    }
}

#[tokio::test(start_paused = true)]
async fn an_enormous_answer_is_broken_off() {
    let clock = TestClock::new();
    let node = Network::new(|_| ok("x".repeat(1 << 20)));
    let error = chain(pod_identity(), &Network::silent(), &node, &clock).build().resolve().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{error:?}");
    let report = report_of(&error).to_string();
    assert!(report.contains("gave no credentials: an answer of more than 64 KiB"), "{report}");
    assert!(!report.contains("HTTP 200"), "nobody knows its status: {report}");
    assert_eq!(node.seen().len(), 1, "the next answer would be as long");
}

/// The agent comes up after the pod, and then EKS does not know of the association everywhere.
#[tokio::test(start_paused = true)]
async fn a_start_can_be_waited_for() {
    let clock = TestClock::new();
    let node = Network::new({
        let clock = clock.clone();
        move |_| match clock.elapsed().as_secs() {
            0..10 => Reply::Refuse,
            10..20 => Reply::Answer(404, "[id]: (ResourceNotFoundException): none, fault: client".to_owned()),
            _ => ok(json_credentials(&clock, 3600)),
        }
    });
    let chain = chain(pod_identity(), &Network::silent(), &node, &clock).build();
    let patience = Duration::from_secs;
    let too_early = chain.wait_for_identity(patience(15)).await.unwrap_err();
    assert_eq!(too_early.kind(), ErrorKind::AccessDenied, "the last word counts: {too_early:?}");
    assert_eq!(clock.elapsed().as_secs(), 15);
    assert!(chain.wait_for_identity(patience(60)).await.is_ok());
    assert!(clock.elapsed().as_secs() < 40, "{:?}", clock.elapsed());
}

/// What the agent answers until when → what the first caller gets, and after how many requests.
#[tokio::test(start_paused = true)]
async fn a_start_has_a_grace_of_its_own() {
    let starting: [fn() -> Reply; 2] = [
        || Reply::Refuse,
        || Reply::Answer(404, "[id]: (ResourceNotFoundException): none, fault: client".to_owned()),
    ];
    for reply in starting {
        let clock = TestClock::new();
        let node = Network::new({
            let clock = clock.clone();
            move |_| if clock.elapsed().as_secs() < 4 { reply() } else { ok(json_credentials(&clock, 3600)) }
        });
        let chain = chain(pod_identity(), &Network::silent(), &node, &clock).build();
        assert!(chain.resolve().await.is_ok());
        assert_eq!(node.seen().len(), 7, "after 0.25 s, 0.5 s, and then each second");
    }
}

#[tokio::test(start_paused = true)]
async fn after_the_grace_and_after_a_success_a_failure_is_told_at_once() {
    let not_found =
        || Reply::Answer(404, "[id]: (ResourceNotFoundException): none, fault: client".to_owned());
    let clock = TestClock::new();
    let node = Network::new(move |_| not_found());
    let late = chain(pod_identity(), &Network::silent(), &node, &clock).build();
    assert_eq!(late.resolve().await.unwrap_err().reason(), Reason::AssociationMissing);
    assert!((4..=5).contains(&clock.elapsed().as_secs()), "{:?}", clock.elapsed());
    tokio::time::advance(Duration::from_secs(10)).await;
    let (requests, before) = (node.seen().len(), clock.elapsed());
    late.resolve().await.unwrap_err();
    assert_eq!((node.seen().len(), clock.elapsed()), (requests + 1, before));

    let clock = TestClock::new();
    let node = Network::in_order(vec![ok(json_credentials(&clock, 2)), not_found()]);
    let lost = chain(pod_identity(), &Network::silent(), &node, &clock).build();
    lost.resolve().await.unwrap();
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(lost.resolve().await.unwrap_err().reason(), Reason::AssociationMissing);
    assert_eq!((node.seen().len(), clock.elapsed().as_secs()), (2, 2));
}

/// A grace is for what a start explains.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_at_once_during_the_grace_too() {
    let clock = TestClock::new();
    let node =
        Network::new(|_| Reply::Answer(400, "[id]: (AccessDeniedException): no, fault: client".to_owned()));
    let chain = chain(pod_identity(), &Network::silent(), &node, &clock).build();
    assert_eq!(chain.resolve().await.unwrap_err().reason(), Reason::NotTrusted);
    assert_eq!((node.seen().len(), clock.elapsed().as_secs()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn ecs_is_named_as_such() {
    let clock = TestClock::new();
    let environment =
        Environment::empty().with_var("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/id");
    let node = Network::in_order(vec![ok(json_credentials(&clock, 3600))]);
    let resolved = chain(environment, &Network::silent(), &node, &clock).build().resolve().await.unwrap();
    assert_eq!(resolved.report().provided_by(), Some(SourceKind::Ecs));
    assert_eq!(resolved.report().sdk_order_differs(), None);
    let text = resolved.report().to_string();
    assert!(text.starts_with("Credentials from ECS task role: "), "{text}");
    assert!(!node.seen()[0].headers.contains_key("authorization"));
}

#[tokio::test(start_paused = true)]
async fn what_waiting_cannot_mend_is_told_at_once() {
    let clock = TestClock::new();
    let environment = pod_identity().with_var("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://10.0.0.1/");
    let chain = chain(environment, &Network::silent(), &Network::silent(), &clock).build();
    let error = chain.wait_for_identity(Duration::from_secs(60)).await.unwrap_err();
    assert_eq!((error.kind(), clock.elapsed().as_secs()), (ErrorKind::Configuration, 0));
}

/// An agent that takes connections and says nothing gets as many tries in the grace as without one.
#[tokio::test(start_paused = true)]
async fn a_silent_agent_is_asked_three_times_in_the_grace_too() {
    for source in [PodIdentity::new(), without_grace()] {
        let clock = TestClock::new();
        let node = Network::new(|_| Reply::Hang);
        let chain = chain(pod_identity(), &Network::silent(), &node, &clock).source(source).build();
        let error = chain.resolve().await.unwrap_err();
        assert_eq!((error.reason(), node.seen().len()), (Reason::AgentFailing, 3), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_grace_of_a_clone_with_another_is_its_own() {
    let clock = TestClock::new();
    let node = Network::new(|_| Reply::Refuse);
    let patient = PodIdentity::new().with_start_up_grace(Duration::from_secs(10));
    let hasty = patient.clone().with_start_up_grace(Duration::ZERO);
    let of = |source| chain(pod_identity(), &Network::silent(), &node, &clock).source(source).build();
    of(hasty).resolve().await.unwrap_err();
    let requests = node.seen().len();
    of(patient).resolve().await.unwrap_err();
    assert!(clock.elapsed() > Duration::from_secs(8), "{:?}", clock.elapsed());
    assert!(node.seen().len() > requests + 8, "{:?}", node.lines());
}

/// The agent's answer says more than that there was no time.
#[tokio::test(start_paused = true)]
async fn a_grace_beyond_the_deadline_does_not_hide_the_reason() {
    let answers: [(fn() -> Reply, Reason); 2] = [
        (
            || Reply::Answer(404, "[id]: (ResourceNotFoundException): none, fault: client".to_owned()),
            Reason::AssociationMissing,
        ),
        (|| Reply::Refuse, Reason::AgentUnreachable),
    ];
    for (answer, reason) in answers {
        for deadline in [2, 20] {
            let clock = TestClock::new();
            let node = Network::new(move |_| answer());
            let chain = chain(pod_identity(), &Network::silent(), &node, &clock)
                .source(PodIdentity::new().with_start_up_grace(Duration::from_secs(60)))
                .deadline(Duration::from_secs(deadline))
                .build();
            let error = chain.resolve().await.unwrap_err();
            assert_eq!(error.reason(), reason, "{}", report_of(&error));
            assert!(clock.elapsed() >= Duration::from_secs(deadline) / 3, "{:?}", clock.elapsed());
        }
    }
}

/// The clock is set while the node starts, forward or back.
#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_neither_ends_nor_prolongs_the_grace() {
    for off_by in [-7200, 7200] {
        let clock = TestClock::new();
        let set = SetClock { clock: clock.clone(), off_by: Arc::new(AtomicI64::new(0)) };
        let node = Network::new({
            let set = set.clone();
            move |_| {
                set.off_by.store(off_by, Ordering::Relaxed);
                Reply::Refuse
            }
        });
        let chain = chain(pod_identity(), &Network::silent(), &node, &clock).time_source(set.clone()).build();
        for (call, seconds) in [(1, 4..7), (2, 4..8)] {
            chain.resolve().await.unwrap_err();
            assert!(seconds.contains(&clock.elapsed().as_secs()), "call {call}: {:?}", clock.elapsed());
            set.off_by.store(0, Ordering::Relaxed);
        }
    }
}

/// A clock that can be set.
#[derive(Clone, Debug)]
struct SetClock {
    clock: TestClock,
    off_by: Arc<AtomicI64>,
}

impl TimeSource for SetClock {
    fn now(&self) -> SystemTime {
        let off_by = self.off_by.load(Ordering::Relaxed);
        let length = Duration::from_secs(off_by.unsigned_abs());
        if off_by < 0 { self.clock.now() - length } else { self.clock.now() + length }
    }
}

#[tokio::test(start_paused = true)]
async fn ecs_is_left_out_by_either_of_its_names() {
    for kind in [SourceKind::Ecs, SourceKind::PodIdentity] {
        let clock = TestClock::new();
        let environment =
            Environment::empty().with_var("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/id");
        let node = Network::in_order(Vec::new());
        let chain = chain(environment, &Network::silent(), &node, &clock)
            .without(kind)
            .without(SourceKind::InstanceMetadata)
            .build();
        assert_eq!(chain.resolve().await.unwrap_err().kind(), ErrorKind::NoIdentity, "{kind}");
        assert!(node.seen().is_empty());
    }
}
