use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_credential_types::attributes::AccountId;
use aws_smithy_async::time::TimeSource;
use flux_aws_auth::{Environment, ErrorKind, Reason, SourceKind};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn the_token_is_exchanged_at_the_region_s_sts() {
    let clock = TestClock::new();
    let aws = Network::in_order(vec![ok(sts_credentials(&clock, 3600))]);
    let chain = chain(irsa(), &aws, &Network::silent(), &clock).build();
    let resolved = chain.resolve().await.unwrap();
    assert_eq!(resolved.credentials().secret_access_key(), SECRET);
    assert_eq!(resolved.credentials().account_id().map(AccountId::as_str), Some("111122223333"));
    assert_eq!(
        resolved.principal().to_string(),
        format!("role {ROLE}, session reflector.flux-system.eu-west-1.fluxcd.io")
    );
    assert_eq!(resolved.report().provided_by(), Some(SourceKind::WebIdentity));
    let seen = aws.seen();
    assert_eq!(seen.len(), 1, "one request is all the protocol needs");
    assert_eq!(seen[0].line, "POST https://sts.eu-west-1.amazonaws.com/");
    assert!(!seen[0].headers.contains_key("authorization"), "the exchange is not signed");
    assert!(seen[0].body.contains("Action=AssumeRoleWithWebIdentity"));
    assert!(seen[0].body.contains("RoleSessionName=reflector.flux-system.eu-west-1.fluxcd.io"));
}

#[tokio::test(start_paused = true)]
async fn the_environment_names_session_and_endpoint() {
    let clock = TestClock::new();
    let aws = Network::new({
        let clock = clock.clone();
        move |_| ok(sts_credentials(&clock, 3600))
    });
    let base = irsa().with_var("AWS_ROLE_SESSION_NAME", "some-controller.flux-system");
    let cases = [
        (base.clone().with_var("AWS_ENDPOINT_URL", "https://aws.example"), "POST https://aws.example/"),
        (
            base.clone()
                .with_var("AWS_ENDPOINT_URL", "https://aws.example")
                .with_var("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:99/"),
            "POST http://127.0.0.1:99/",
        ),
        (
            base.clone()
                .with_var("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:99")
                .with_var("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),
            "POST https://sts.eu-west-1.amazonaws.com/",
        ),
        (base.with_var("AWS_REGION", "cn-north-1"), "POST https://sts.cn-north-1.amazonaws.com.cn/"),
    ];
    for (environment, line) in cases {
        chain(environment, &aws, &Network::silent(), &clock).build().resolve().await.unwrap();
        let last = aws.seen().pop().unwrap();
        assert_eq!(last.line, line);
        assert!(last.body.contains("RoleSessionName=some-controller.flux-system"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_set_wrong_is_named_and_nothing_is_sent() {
    let without = |name: &str| irsa().with_var(name, "  ");
    let cases: [(Environment, &str); 11] = [
        (irsa().with_var("AWS_REGION", "eu-west-1\n"), "is not an AWS region"),
        (irsa().with_var("AWS_REGION", "evil.example/"), "is not an AWS region"),
        (without("AWS_ROLE_ARN"), "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not"),
        (
            without("AWS_WEB_IDENTITY_TOKEN_FILE"),
            "AWS_ROLE_ARN is set, but AWS_WEB_IDENTITY_TOKEN_FILE is not",
        ),
        (without("AWS_REGION"), "AWS_REGION is not set"),
        (irsa().with_var("AWS_ROLE_ARN", "arn:aws:iam::1:role/x"), "not twelve digits"),
        (irsa().with_var("AWS_ROLE_ARN", "arn:aws:iam::111122223333:user/x"), "`role/`"),
        (irsa().with_var("AWS_ROLE_SESSION_NAME", "a b"), "AWS_ROLE_SESSION_NAME"),
        (irsa().with_var("AWS_WEB_IDENTITY_TOKEN_FILE", "/missing"), "/missing"),
        (irsa().with_var("AWS_ENDPOINT_URL_STS", "http://sts.example"), "AWS_ENDPOINT_URL_STS"),
        (irsa().with_file(TOKEN_PATH, " \n"), "one line"),
    ];
    for (environment, mentions) in cases {
        let clock = TestClock::new();
        let aws = Network::silent();
        let error = chain(environment, &aws, &Network::silent(), &clock).build().resolve().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{mentions}");
        assert!(whole_story(&error).contains(mentions), "{}", whole_story(&error));
        assert!(error.hint().is_some());
        assert!(aws.seen().is_empty());
    }
}

/// STS's refusals: status, code, message → kind, and what the story must mention.
#[tokio::test(start_paused = true)]
async fn each_refusal_has_its_kind_and_its_remedy() {
    type Case = (u16, &'static str, &'static str, ErrorKind, &'static str);
    let cases: [Case; 10] = [
        (
            400,
            "InvalidIdentityToken",
            "Couldn\'t retrieve verification key from your identity provider",
            ErrorKind::InvalidToken,
            "keys of the token's issuer",
        ),
        (400, "SomethingElse", "two\nlines", ErrorKind::AccessDenied, "two lines"),
        (500, "InternalFailure", "oops", ErrorKind::Unavailable, "Try again later"),
        (
            403,
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
            ErrorKind::AccessDenied,
            "system:serviceaccount:flux-system:reflector",
        ),
        (
            400,
            "InvalidIdentityToken",
            "No OpenIDConnect provider found",
            ErrorKind::InvalidToken,
            "IAM OIDC provider",
        ),
        (400, "ExpiredTokenException", "Token expired", ErrorKind::InvalidToken, "check the clock"),
        (
            403,
            "RegionDisabledException",
            "STS is not activated",
            ErrorKind::Configuration,
            "Activate STS in eu-west-1",
        ),
        (400, "IDPCommunicationError", "no answer", ErrorKind::Unavailable, "issuer"),
        (400, "ValidationError", "bad", ErrorKind::Configuration, "ValidationError: bad"),
        (400, "Throttling", "Rate exceeded", ErrorKind::Throttled, "Try again"),
    ];
    for (status, code, message, kind, mentions) in cases {
        let clock = TestClock::new();
        let aws = Network::new(move |_| sts_error(status, code, message));
        let error = chain(irsa(), &aws, &Network::silent(), &clock).build().resolve().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{code}: {error:?}");
        assert!(whole_story(&error).contains(mentions), "{code}: {}", whole_story(&error));
        assert_eq!((error.aws_code(), error.http_status()), (Some(code), Some(status)));
        assert_eq!(error.request_id(), Some("0f1e2d3c"));
        let inner = std::error::Error::source(&error).unwrap().to_string();
        assert!(!inner.contains('\n'), "a message is one line: {inner}");
    }
}

/// What STS answers, one after the other.
type Answers = Vec<Box<dyn Fn() -> Reply + Send + Sync>>;

/// What STS answers before it accepts → how many requests, and whether it is accepted in the end.
#[tokio::test(start_paused = true)]
async fn a_refused_token_is_read_again() {
    let bad = |code: &'static str| move || sts_error(400, code, "no");
    let down = || Reply::Answer(503, String::new());
    let cases: [(Answers, usize, bool); 6] = [
        (vec![Box::new(bad("InvalidIdentityToken"))], 2, true),
        (vec![Box::new(bad("ExpiredTokenException")), Box::new(bad("IDPCommunicationError"))], 3, true),
        (vec![Box::new(down), Box::new(bad("InvalidIdentityToken"))], 3, true),
        (vec![Box::new(bad("InvalidIdentityToken")), Box::new(down), Box::new(down)], 3, false),
        (
            vec![
                Box::new(bad("IDPCommunicationError")),
                Box::new(bad("IDPCommunicationError")),
                Box::new(bad("IDPCommunicationError")),
            ],
            3,
            false,
        ),
        (vec![Box::new(bad("AccessDenied"))], 1, false),
    ];
    for (case, (answers, requests, accepted)) in cases.into_iter().enumerate() {
        let clock = TestClock::new();
        let good = sts_credentials(&clock, 3600);
        let asked = AtomicUsize::new(0);
        let aws = Network::new(move |_| {
            answers
                .get(asked.fetch_add(1, Ordering::Relaxed))
                .map_or_else(|| ok(good.clone()), |answer| answer())
        });
        let result = chain(irsa(), &aws, &Network::silent(), &clock).build().resolve().await;
        assert_eq!((result.is_ok(), aws.seen().len()), (accepted, requests), "{case}: {result:?}");
        assert!(clock.elapsed().as_secs() < 10, "{case}: {:?}", clock.elapsed());
    }
}

/// What STS can answer: how it is made, and whether another request may follow it.
const ANSWERS: [(fn() -> Reply, bool); 7] = [
    (|| sts_error(400, "InvalidIdentityToken", "no"), true),
    (|| sts_error(400, "ExpiredTokenException", "no"), true),
    (|| sts_error(400, "IDPCommunicationError", "no"), true),
    (|| sts_error(400, "Throttling", "no"), true),
    (|| Reply::Answer(503, String::new()), true),
    (|| Reply::Refuse, true),
    (|| sts_error(403, "AccessDenied", "no"), false),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever STS answers in whatever order: three requests at the most, none after a refusal, and what the last one comes to
    /// is what the chain comes to.
    #[test]
    fn no_mixture_of_failures_makes_more_than_three_requests(answers in vec(0..ANSWERS.len(), 0..5)) {
        let until_refused = answers.iter().position(|answer| !ANSWERS[*answer].1).map_or(3, |index| index + 1);
        let requests = 3.min(until_refused).min(answers.len() + 1);
        let accepted = requests > answers.len();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async move {
            let clock = TestClock::new();
            let good = sts_credentials(&clock, 3600);
            let asked = AtomicUsize::new(0);
            let aws = Network::new(move |_| match answers.get(asked.fetch_add(1, Ordering::Relaxed)) {
                Some(answer) => ANSWERS[*answer].0(),
                None => ok(good.clone()),
            });
            let result = chain(irsa(), &aws, &Network::silent(), &clock).build().resolve().await;
            prop_assert_eq!((result.is_ok(), aws.seen().len()), (accepted, requests));
            prop_assert!(clock.elapsed().as_secs() < 20, "{:?}", clock.elapsed());
            Ok(())
        })?;
    }
}

/// The kubelet rotates the file between the first try and the second.
#[tokio::test(start_paused = true)]
async fn a_token_that_was_rotated_meanwhile_is_the_next_one_sent() {
    for code in ["ExpiredTokenException", "InvalidIdentityToken", "IDPCommunicationError"] {
        rotated_after(code).await;
    }
}

async fn rotated_after(code: &'static str) {
    let directory = std::env::temp_dir().join(format!("flux-aws-auth-{code}-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("token");
    write(&path, "first");
    let clock = TestClock::new();
    let aws = Network::new({
        let (clock, path) = (clock.clone(), path.clone());
        move |seen| {
            if seen.body.contains("WebIdentityToken=first") {
                write(&path, "second");
                return sts_error(400, code, "not accepted");
            }
            assert!(seen.body.contains("WebIdentityToken=second"), "{}", seen.body);
            ok(sts_credentials(&clock, 3600))
        }
    });
    let environment =
        irsa().with_var("AWS_WEB_IDENTITY_TOKEN_FILE", path.to_str().unwrap()).with_files_from_disk();
    let result = chain(environment, &aws, &Network::silent(), &clock).build().resolve().await;
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(aws.seen().len(), 2);
}

#[expect(clippy::disallowed_methods, reason = "the test plays the kubelet, which rotates the file")]
fn write(path: &std::path::Path, contents: &str) {
    std::fs::write(path, contents).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_token_for_another_audience_is_recognised() {
    // {"sub":"system:serviceaccount:a:b","aud":"vault"}
    let other = "h.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6YTpiIiwiYXVkIjoidmF1bHQifQ.s";
    let clock = TestClock::new();
    let aws = Network::new(|_| sts_error(400, "InvalidIdentityToken", "Incorrect token audience"));
    let environment = irsa().with_file(TOKEN_PATH, other);
    let error = chain(environment, &aws, &Network::silent(), &clock).build().resolve().await.unwrap_err();
    assert!(error.hint().unwrap().contains("for the audience sts.amazonaws.com; this one has"), "{error:?}");
    assert!(error.hint().unwrap().contains("audience vault"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn an_sts_that_does_not_answer_is_bounded() {
    for reply in [|| Reply::Refuse, || Reply::Hang, || Reply::Answer(503, String::new())] {
        let clock = TestClock::new();
        let aws = Network::new(move |_| reply());
        let error = chain(irsa(), &aws, &Network::silent(), &clock).build().resolve().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        assert!((2..=3).contains(&aws.seen().len()), "{}", aws.seen().len());
        assert!(clock.elapsed().as_secs() <= 20, "{:?}", clock.elapsed());
        assert!(error.hint().is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_over_when_it_comes_is_no_success() {
    let clock = TestClock::new();
    let over = sts_credentials(&clock, 60);
    tokio::time::advance(Duration::from_secs(60)).await;
    let aws = Network::new(move |_| ok(over.clone()));
    let error = chain(irsa(), &aws, &Network::silent(), &clock).build().resolve().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    assert!(error.hint().unwrap().contains("clock"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_is_told_from_a_wrong_clock() {
    // {"sub":"system:serviceaccount:a:b","exp":100} and {"sub":"system:serviceaccount:a:b"}
    let expired = "h.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6YTpiIiwiZXhwIjoxMDB9.s";
    let silent = "h.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6YTpiIn0.s";
    for (token, hint) in [
        (TOKEN, "check the clock of this node, and that of the Kubernetes API server"),
        (expired, "The token has expired"),
        (silent, "The token has expired"),
    ] {
        let clock = TestClock::new();
        let aws = Network::new(|_| sts_error(400, "ExpiredTokenException", "Token expired"));
        let environment = irsa().with_file(TOKEN_PATH, token);
        let error = chain(environment, &aws, &Network::silent(), &clock).build().resolve().await.unwrap_err();
        assert!(error.hint().unwrap().contains(hint), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_service_account_token_gets_a_name_all_the_same() {
    let clock = TestClock::new();
    let aws = Network::new({
        let clock = clock.clone();
        move |_| ok(sts_credentials(&clock, 3600))
    });
    let environment = irsa().with_var("AWS_REGION", "").with_var("AWS_DEFAULT_REGION", "us-gov-west-1");
    let environment = environment.with_file(TOKEN_PATH, "opaque");
    chain(environment, &aws, &Network::silent(), &clock).build().resolve().await.unwrap();
    let seen = aws.seen();
    assert_eq!(seen[0].line, "POST https://sts.us-gov-west-1.amazonaws.com/");
    assert!(seen[0].body.contains("RoleSessionName=flux-aws-auth&"), "{}", seen[0].body);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_an_earlier_answer_told_explains_a_later_refusal() {
    let clock = TestClock::new();
    let dated = Reply::Headed(503, vec![("date", clock.date_off_by(20 * 60))], String::new());
    let refusal = sts_error(400, "ExpiredTokenException", "Token expired");
    let sts = Network::in_order(vec![dated, Reply::Answer(503, String::new()), refusal]);
    let error = chain(irsa(), &sts, &Network::silent(), &clock).build().resolve().await.unwrap_err();
    assert_eq!((error.reason(), sts.seen().len()), (Reason::ClockSkewed, 3), "{}", whole_story(&error));
}

#[tokio::test(start_paused = true)]
async fn a_code_that_repeats_the_token_does_not_show_it() {
    let clock = TestClock::new();
    let sts = Network::new(|_| sts_error(400, TOKEN, "no"));
    let error = chain(irsa(), &sts, &Network::silent(), &clock).build().resolve().await.unwrap_err();
    assert_eq!(error.aws_code(), Some("…"));
    assert!(!format!("{error:?}{}", report_of(&error)).contains(TOKEN));
}

/// A connection that ends the answer by closing tells nobody that something is missing.
#[tokio::test(start_paused = true)]
async fn an_answer_that_ends_early_gives_whole_credentials_or_none() {
    let clock = TestClock::new();
    let (whole, expiry) = (sts_credentials(&clock, 3600), clock.now() + Duration::from_secs(3600));
    // AWS's own order is not always the same.
    let id = "<AccessKeyId>ASIAEXAMPLE</AccessKeyId>";
    let other = whole.replace(id, "").replace("</Credentials>", &format!("{id}</Credentials>"));
    for answer in [whole, other] {
        for end in 0..answer.len() {
            let part = answer[..end].to_owned();
            let aws = Network::new(move |_| ok(part.clone()));
            if let Ok(resolved) = chain(irsa(), &aws, &Network::silent(), &clock).build().resolve().await {
                let credentials = resolved.credentials();
                let shown = (
                    credentials.access_key_id(),
                    credentials.secret_access_key(),
                    credentials.session_token(),
                );
                assert_eq!(shown, ("ASIAEXAMPLE", SECRET, Some(SESSION_TOKEN)), "{}", &answer[..end]);
                assert_eq!(credentials.expiry(), Some(expiry), "{}", &answer[..end]);
            }
        }
    }
}
