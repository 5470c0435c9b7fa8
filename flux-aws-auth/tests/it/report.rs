//! What a report says, to programs and to people.

use flux_aws_auth::{ClockSkew, Environment, ErrorKind, Reason, SourceKind, SourceReport};

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn the_last_exchange_s_facts_are_there_on_success_and_on_failure() {
    let clock = TestClock::new();
    let date = clock.date_off_by(2);
    let headers = vec![("date", date)];
    let body = sts_credentials(&clock, 3600);
    let aws = Network::new(move |_| Reply::Headed(200, headers.clone(), body.clone()));
    let resolved = chain(irsa(), &aws, &Network::silent(), &clock).build().resolve().await.unwrap();
    let source = source_of(resolved.report(), SourceKind::WebIdentity);
    assert_eq!(source.endpoint(), Some("https://sts.eu-west-1.amazonaws.com"));
    assert_eq!((source.http_status(), source.aws_code()), (Some(200), None));
    assert_eq!((source.request_id(), source.reason()), (Some("0f1e2d3c"), None));
    assert_eq!(resolved.report().clock_skew().map(|skew| skew.to_string()).as_deref(), Some("2 s behind"));

    let aws = Network::new(|_| sts_error(403, "AccessDenied", "no"));
    let error = chain(irsa(), &aws, &Network::silent(), &clock).build().resolve().await.unwrap_err();
    let source = source_of(report_of(&error), SourceKind::WebIdentity);
    assert_eq!((source.http_status(), source.aws_code()), (Some(403), Some("AccessDenied")));
    assert_eq!((source.reason(), error.reason()), (Some(Reason::NotTrusted), Reason::NotTrusted));
    assert_eq!(source.hint(), error.hint());

    let node =
        Network::new(|_| Reply::Answer(404, "[9-9]: (ResourceNotFoundException): no, fault".to_owned()));
    let error = chain(pod_identity(), &aws, &node, &clock).build().resolve().await.unwrap_err();
    let source = source_of(report_of(&error), SourceKind::PodIdentity);
    assert_eq!(source.endpoint(), Some("http://169.254.170.23/v1/credentials"));
    assert_eq!((source.aws_code(), source.request_id()), (Some("ResourceNotFoundException"), Some("9-9")));
    assert_eq!(source.reason(), Some(Reason::AssociationMissing));
}

#[tokio::test(start_paused = true)]
async fn what_was_not_asked_has_no_facts() {
    let clock = TestClock::new();
    let node = Network::new(|_| Reply::Refuse);
    let error =
        chain(Environment::empty(), &Network::silent(), &node, &clock).build().resolve().await.unwrap_err();
    assert_eq!(error.reason(), Reason::NoIdentity);
    let report = report_of(&error);
    let reasons: Vec<_> = report.sources().map(SourceReport::reason).collect();
    assert_eq!(
        reasons,
        [
            Some(Reason::PodIdentityNotActive),
            Some(Reason::WebIdentityNotActive),
            Some(Reason::AccessKeysNotSet),
            Some(Reason::MetadataUnreachable)
        ]
    );
    let endpoints: Vec<_> = report.sources().map(|source| source.endpoint().map(str::to_owned)).collect();
    assert_eq!(endpoints[..3], [None, None, None]);
    assert_eq!(endpoints[3].as_deref(), Some("http://169.254.169.254/latest/api/token"));
    assert!(report.sources().all(|source| source.http_status().is_none()));
}

/// Off by seconds → what the report says of it.
#[tokio::test(start_paused = true)]
async fn a_wrong_clock_is_told_when_aws_would_not_tolerate_it() {
    for (seconds, says) in [
        (0, None),
        (300, None),
        (-300, None),
        (420, Some("clock is 7 min behind")),
        (-7200, Some("clock is 2 h ahead")),
    ] {
        let clock = TestClock::new();
        let (headers, body) = (vec![("date", clock.date_off_by(seconds))], sts_credentials(&clock, 3600));
        let aws = Network::new(move |_| Reply::Headed(200, headers.clone(), body.clone()));
        let resolved = chain(irsa(), &aws, &Network::silent(), &clock).build().resolve().await.unwrap();
        let text = resolved.report().to_string();
        assert_eq!(text.contains("This machine's clock"), says.is_some(), "{text}");
        assert!(text.contains(says.unwrap_or_default()), "{text}");
        let skew = resolved.report().clock_skew().unwrap();
        assert_eq!((skew.amount().as_secs(), skew.is_tolerated()), (seconds.unsigned_abs(), says.is_none()));
        assert!(seconds == 0 || skew.is_ahead() == (seconds < 0));
    }
    assert_eq!(ClockSkew::TOLERANCE.as_secs(), 300);
}

/// STS's code, how far its clock is from ours → the reason.
#[tokio::test(start_paused = true)]
async fn a_refusal_that_a_wrong_clock_explains_says_so() {
    let cases = [
        ("ExpiredTokenException", 600, Reason::ClockSkewed),
        ("ExpiredTokenException", 60, Reason::TokenExpired),
        ("AccessDenied", 600, Reason::NotTrusted),
    ];
    for (code, seconds, reason) in cases {
        let clock = TestClock::new();
        let date = clock.date_off_by(seconds);
        let aws = Network::new(move |_| dated(sts_error(403, code, "refused"), &date));
        let error = chain(irsa(), &aws, &Network::silent(), &clock).build().resolve().await.unwrap_err();
        assert_eq!(error.reason(), reason, "{code}: {error:?}");
        let measured = error.hint().unwrap().contains("10 min behind");
        assert_eq!(measured, reason == Reason::ClockSkewed, "{error:?}");
    }

    // {"sub":"system:serviceaccount:a:b","exp":100}: over by either clock.
    let over = "h.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6YTpiIiwiZXhwIjoxMDB9.s";
    let clock = TestClock::new();
    let date = clock.date_off_by(600);
    let aws = Network::new(move |_| dated(sts_error(400, "ExpiredTokenException", "refused"), &date));
    let environment = irsa().with_file(TOKEN_PATH, over);
    let error = chain(environment, &aws, &Network::silent(), &clock).build().resolve().await.unwrap_err();
    assert_eq!(error.reason(), Reason::TokenExpired);

    let keys = || {
        Environment::empty()
            .with_var("AWS_REGION", "eu-west-1")
            .with_var("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
            .with_var("AWS_SECRET_ACCESS_KEY", SECRET)
    };
    let cases = [
        ("SignatureDoesNotMatch", -600, Reason::ClockSkewed),
        ("RequestExpired", 600, Reason::ClockSkewed),
        ("SignatureDoesNotMatch", 0, Reason::AccessKeyRejected),
        ("InvalidClientTokenId", 600, Reason::AccessKeyRejected),
    ];
    for (code, seconds, reason) in cases {
        let clock = TestClock::new();
        let date = clock.date_off_by(seconds);
        let aws = Network::new(move |_| dated(sts_error(403, code, "refused"), &date));
        let chain = chain(keys(), &aws, &Network::silent(), &clock).expect_account("111122223333").build();
        let error = chain.resolve().await.unwrap_err();
        assert_eq!(error.reason(), reason, "{code}: {error:?}");
        assert_eq!(error.kind(), ErrorKind::InvalidToken);
    }
}

fn dated(reply: Reply, date: &str) -> Reply {
    match reply {
        Reply::Answer(status, body) => Reply::Headed(status, vec![("date", date.to_owned())], body),
        other => other,
    }
}

/// As it reads when somebody is woken up by it.
#[tokio::test(start_paused = true)]
async fn a_failure_says_what_to_do_before_what_was_looked_at() {
    let clock = TestClock::new();
    let aws = Network::new(|_| sts_error(403, "AccessDenied", "Not authorized"));
    let environment =
        irsa().with_var("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE").with_var("AWS_SECRET_ACCESS_KEY", SECRET);
    let error = chain(environment, &aws, &Network::silent(), &clock).build().resolve().await.unwrap_err();
    assert_eq!(
        report_of(&error).to_string(),
        "\
No AWS credentials: web identity (IRSA) failed
  1. EKS Pod Identity        skipped, PodIdentityNotActive: not active in this pod
  2. web identity (IRSA)     failed after 0 ms, NotTrusted: STS in eu-west-1: AssumeRoleWithWebIdentity for \
arn:aws:iam::111122223333:role/flux-image-reflector failed: AccessDenied: Not authorized
       What to do: Check that the role exists, and that its trust policy allows sts:AssumeRoleWithWebIdentity to what the \
token has: subject system:serviceaccount:flux-system:reflector, audience sts.amazonaws.com, issuer https://issuer.example.
       Answer: HTTP 403, AccessDenied, request id 0f1e2d3c, from https://sts.eu-west-1.amazonaws.com
       AWS_ROLE_ARN: set
       AWS_WEB_IDENTITY_TOKEN_FILE: set
       /var/run/secrets/eks.amazonaws.com/serviceaccount/token: read
       AWS_ROLE_SESSION_NAME: not set
       STS in eu-west-1: AccessDenied
  3. access keys             not reached, though it is set up too: the owner of access key AKIAEXAMPLE
  4. node metadata (IMDSv2)  not reached
  The AWS SDKs' own order would use access keys here: the owner of access key AKIAEXAMPLE.
"
    );
}
