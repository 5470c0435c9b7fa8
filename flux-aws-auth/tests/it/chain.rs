use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use flux_aws_auth::source::{NamedProvider, Notes, Outcome, Provided, Skipped, SourceContext};
use flux_aws_auth::test_util::{FakeCredentialSource, FakeOutcome};
use flux_aws_auth::{
    Chain, ChainBuilder, CredentialSource, Environment, Error, ErrorKind, Principal, Reason, SourceKind,
    SourceOrder, SourceReport, SourceResult,
};

use crate::support::*;

fn everything() -> Environment {
    irsa()
        .with_var("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials")
        .with_var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", TOKEN_PATH)
        .with_var("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .with_var("AWS_SECRET_ACCESS_KEY", SECRET)
}

#[tokio::test(start_paused = true)]
async fn the_order_decides_and_the_report_says_what_it_hides() {
    let clock = TestClock::new();
    let node = Network::in_order(vec![ok(json_credentials(&clock, 3600))]);
    let resolved = chain(everything(), &Network::silent(), &node, &clock).build().resolve().await.unwrap();
    let report = resolved.report();
    assert_eq!(report.provided_by(), Some(SourceKind::PodIdentity));
    assert_eq!(report.sdk_order_differs(), Some(SourceKind::AccessKeys));
    for shadowed in [SourceKind::WebIdentity, SourceKind::AccessKeys] {
        assert!(matches!(result_of(report, shadowed), SourceResult::NotReached { configured: true, .. }));
    }
    let text = report.to_string();
    assert_eq!(
        text,
        "Credentials from EKS Pod Identity: a role of account 111122223333, for 60 min\n\
         \x20 1. EKS Pod Identity        provided in 0 ms\n\
         \x20 2. web identity (IRSA)     not reached, though it is set up too: role arn:aws:iam::111122223333:role/flux-image-reflector\n\
         \x20 3. access keys             not reached, though it is set up too: the owner of access key AKIAEXAMPLE\n\
         \x20 4. node metadata (IMDSv2)  not reached\n\
         \x20 The AWS SDKs' own order would use access keys here: the owner of access key AKIAEXAMPLE.\n"
    );

    let resolved = chain(everything(), &Network::silent(), &Network::silent(), &clock)
        .order(SourceOrder::AwsSdk)
        .build()
        .resolve()
        .await
        .unwrap();
    assert_eq!(resolved.report().provided_by(), Some(SourceKind::AccessKeys));
    assert_eq!(resolved.report().sdk_order_differs(), None);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_never_another_identity() {
    let clock = TestClock::new();
    let node = Network::new(|_| {
        Reply::Answer(404, "[id]: (ResourceNotFoundException): none, fault: client".to_owned())
    });
    let aws = Network::silent();
    let chain = chain(everything(), &aws, &node, &clock).source(without_grace()).build();
    let error = chain.resolve().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert_eq!(error.to_string(), "no AWS credentials: EKS Pod Identity failed");
    assert!(aws.seen().is_empty() && node.seen().len() == 1, "no other source is asked");
    let error = chain.provide_credentials().await.unwrap_err();
    assert!(matches!(error, CredentialsError::ProviderError(_)), "{error:?}");
    let ours = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<Error>());
    assert_eq!(ours.map(Error::kind), Some(ErrorKind::AccessDenied));
}

/// The story this crate comes from: IRSA not active, and the node's metadata out of reach.
#[tokio::test(start_paused = true)]
async fn nothing_set_up_names_every_source_and_the_remedy() {
    let clock = TestClock::new();
    let node = Network::new(|_| Reply::Hang);
    let chain = chain(Environment::empty(), &Network::silent(), &node, &clock).build();
    let error = chain.resolve().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoIdentity);
    assert_eq!(error.to_string(), "no AWS credentials: none of the 4 sources is set up");
    let report = report_of(&error).to_string();
    for mentions in [
        "AWS_CONTAINER_CREDENTIALS_FULL_URI: not set",
        "AWS_ROLE_ARN: not set",
        "AWS_WEB_IDENTITY_TOKEN_FILE: not set",
        "AWS_ACCESS_KEY_ID: not set",
        "http://169.254.169.254/latest/api/token: connected, but no answer within 1s",
        "eks.amazonaws.com/role-arn",
        "restart the pod",
        "hop limit",
    ] {
        assert!(report.contains(mentions), "{mentions} is not in:\n{report}");
    }
    assert!(clock.elapsed().as_millis() <= 2_000, "{:?}", clock.elapsed());
    assert!(matches!(
        chain.provide_credentials().await.unwrap_err(),
        CredentialsError::CredentialsNotLoaded(_)
    ));
}

/// What a builder is told to expect.
type Expect = fn(ChainBuilder) -> ChainBuilder;

/// A leftover access key must not pass for the role that the program was given.
#[tokio::test(start_paused = true)]
async fn an_unexpected_identity_is_refused() {
    let identity = |arn: &str| {
        format!(
            r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>{arn}</Arn><UserId>AIDAEXAMPLE</UserId><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"#
        )
    };
    let account: Expect = |builder| builder.expect_account("111122223333");
    let other_account: Expect = |builder| builder.expect_account("444455556666");
    let role: Expect = |builder| builder.expect_role(ROLE.parse().unwrap());
    let session = "arn:aws:sts::111122223333:assumed-role/flux-image-reflector/s";
    let user = "arn:aws:iam::111122223333:user/leftover";
    for (expect, arn, accepted) in
        [(account, user, true), (other_account, user, false), (role, session, true), (role, user, false)]
    {
        let clock = TestClock::new();
        let answer = identity(arn);
        let aws = Network::new(move |_| ok(answer.clone()));
        let environment = Environment::empty()
            .with_var("AWS_REGION", "eu-west-1")
            .with_var("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
            .with_var("AWS_SECRET_ACCESS_KEY", SECRET);
        let chain = expect(chain(environment, &aws, &Network::silent(), &clock)).build();
        let result = chain.resolve().await;
        assert_eq!(aws.seen().len(), 1);
        match result {
            Ok(_) => assert!(accepted, "{arn}"),
            Err(error) => {
                assert!(!accepted, "{arn}: {error:?}");
                assert_eq!(error.kind(), ErrorKind::UnexpectedIdentity);
                assert!(whole_story(&error).contains(arn), "{}", whole_story(&error));
            }
        }
        tokio::time::advance(Duration::from_secs(1)).await; // beyond the pause after a failure
        chain.resolve().await.ok();
        assert_eq!(aws.seen().len(), if accepted { 1 } else { 2 }, "what is held was verified");
    }
}

/// The agent repeats what it has until it rotates.
#[tokio::test(start_paused = true)]
async fn the_same_credentials_are_verified_once() {
    let clock = TestClock::new();
    let same = json_credentials(&clock, 3600);
    let node = Network::new(move |_| ok(same.clone()));
    let aws = Network::new(|_| {
        ok(
            r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:sts::111122223333:assumed-role/x/s</Arn><UserId>A:s</UserId><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"#,
        )
    });
    let environment = pod_identity().with_var("AWS_REGION", "eu-west-1");
    let chain = chain(environment, &aws, &node, &clock).expect_account("111122223333").build();
    chain.resolve().await.unwrap();
    for _ in 0..3 {
        tokio::time::advance(Duration::from_secs(900)).await;
        chain.resolve().await.unwrap();
        tokio::task::yield_now().await;
    }
    tokio::time::advance(Duration::from_secs(1)).await;
    chain.resolve().await.unwrap();
    assert!(node.seen().len() > 1, "it was asked again");
    assert_eq!(aws.seen().len(), 1, "and STS was not");
}

#[tokio::test(start_paused = true)]
async fn a_source_of_one_s_own_comes_before_the_node() {
    let clock = TestClock::new();
    let network = Network::silent();
    let laptop = FakeCredentialSource::new().with_kind(SourceKind::Custom("laptop profile"));
    let chain = chain(Environment::empty(), &network, &network, &clock).source(laptop).build();
    let report = chain.resolve().await.unwrap().report().clone();
    let kinds: Vec<_> = report.sources().map(|source| source.kind().to_string()).collect();
    assert_eq!(
        kinds,
        [
            "EKS Pod Identity",
            "web identity (IRSA)",
            "access keys",
            "laptop profile",
            "node metadata (IMDSv2)"
        ]
    );
    assert_eq!(report.provided_by(), Some(SourceKind::Custom("laptop profile")));
    assert!(network.seen().is_empty());
}

/// A provider of the AWS SDK's kind, with what it answers.
#[derive(Debug)]
struct Sdk(fn() -> Result<Credentials, CredentialsError>);

impl ProvideCredentials for Sdk {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready((self.0)())
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_of_the_sdk_is_a_link_like_any_other() {
    let clock = TestClock::new();
    let network = Network::silent();
    let of = |answer| {
        chain(Environment::empty(), &network, &network, &clock)
            .without(SourceKind::InstanceMetadata)
            .source(NamedProvider::new("profile", Sdk(answer)))
            .build()
    };
    let resolved = of(|| Ok(Credentials::new("AKIAPROFILE", "s", None, None, "p"))).resolve().await.unwrap();
    assert_eq!(resolved.report().provided_by(), Some(SourceKind::Custom("profile")));
    assert_eq!(resolved.principal().to_string(), "the owner of access key AKIAPROFILE");

    let nothing = of(|| Err(CredentialsError::not_loaded("no profile"))).resolve().await.unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::NoIdentity);
    let broken = of(|| Err(CredentialsError::invalid_configuration("a loop"))).resolve().await.unwrap_err();
    assert_eq!(broken.kind(), ErrorKind::Configuration);
    assert!(whole_story(&broken).contains("a loop"), "{}", whole_story(&broken));
    let down = of(|| Err(CredentialsError::provider_error("no route"))).resolve().await.unwrap_err();
    assert!(down.is_retryable());
}

#[tokio::test(start_paused = true)]
async fn a_source_left_out_is_not_asked() {
    let clock = TestClock::new();
    let network = Network::silent();
    let chain =
        chain(Environment::empty(), &network, &network, &clock).without(SourceKind::InstanceMetadata).build();
    let error = chain.resolve().await.unwrap_err();
    assert_eq!(error.to_string(), "no AWS credentials: none of the 3 sources is set up");
    assert!(network.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_deadline_covers_the_chain() {
    let clock = TestClock::new();
    let network = Network::silent();
    let slow = FakeCredentialSource::new();
    slow.answer(FakeOutcome::not_set_up().after(Duration::from_secs(5)));
    let endless = FakeCredentialSource::new().with_kind(SourceKind::Custom("endless"));
    endless.answer(FakeOutcome::not_set_up().after(Duration::MAX));
    let chain = chain(Environment::empty(), &network, &network, &clock)
        .only(slow)
        .source(endless)
        .deadline(Duration::from_secs(7))
        .build();
    let error = chain.resolve().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(clock.elapsed().as_secs(), 7, "what the first source took is not given to the second again");
    let endless = source_of(report_of(&error), SourceKind::Custom("endless"));
    assert_eq!(endless.notes().iter().count(), 1, "what was done until then is reported");
}

#[tokio::test(start_paused = true)]
async fn a_failure_s_report_blames_the_source_that_failed() {
    let clock = TestClock::new();
    let aws = Network::new(|_| Reply::Refuse);
    let chain = chain(irsa(), &aws, &Network::silent(), &clock).build();
    let error = chain.resolve().await.unwrap_err();
    let report = report_of(&error).to_string();
    assert!(report.starts_with("No AWS credentials: web identity (IRSA) failed\n"), "{report}");
    assert_eq!(report.matches("What to do:").count(), 1, "{report}");
    assert_eq!(report.matches("Cause:").count(), 1, "{report}");
    assert!(!report.contains("To use EKS Pod Identity"), "{report}");
}

/// What STS does, the kind of error it comes to, and what the hint mentions.
type Refusal = (fn() -> Reply, ErrorKind, &'static str);

#[tokio::test(start_paused = true)]
async fn sts_says_who_the_caller_is() {
    let clock = TestClock::new();
    let aws = Network::new(|_| {
        ok(
            r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::111122223333:user/flux</Arn><UserId>AIDAEXAMPLE</UserId><Account>111122223333</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"#,
        )
    });
    let environment = Environment::empty()
        .with_var("AWS_REGION", "eu-west-1")
        .with_var("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .with_var("AWS_SECRET_ACCESS_KEY", SECRET);
    let chain = chain(environment, &aws, &Network::silent(), &clock).build();
    let identity = chain.caller_identity().await.unwrap();
    assert_eq!(
        (identity.account_id.as_str(), identity.arn.as_str()),
        ("111122223333", "arn:aws:iam::111122223333:user/flux")
    );
    let seen = aws.seen();
    assert_eq!(seen[0].line, "POST https://sts.eu-west-1.amazonaws.com/");
    assert!(seen[0].headers["authorization"].contains("Credential=AKIAEXAMPLE/"));

    let cases: [Refusal; 4] = [
        (
            || sts_error(403, "InvalidClientTokenId", "not valid"),
            ErrorKind::InvalidToken,
            "these credentials",
        ),
        (|| sts_error(400, "Throttling", "Rate exceeded"), ErrorKind::Throttled, "Try again later"),
        (|| Reply::Refuse, ErrorKind::Unavailable, "https://sts.eu-west-1.amazonaws.com"),
        (|| ok("<html/>"), ErrorKind::InvalidResponse, "AWS that answers"),
    ];
    for (reply, kind, hint) in cases {
        let refusing = Network::new(move |_| reply());
        let environment = Environment::empty()
            .with_var("AWS_REGION", "eu-west-1")
            .with_var("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
            .with_var("AWS_SECRET_ACCESS_KEY", SECRET);
        let chain = crate::support::chain(environment, &refusing, &Network::silent(), &clock).build();
        let error = chain.caller_identity().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.hint().unwrap().contains(hint), "{error:?}");
    }
}

/// A source that has credentials for two seconds, and what it says from then on.
fn once(then: impl Into<FakeOutcome>) -> FakeCredentialSource {
    let source = FakeCredentialSource::new().with_kind(SourceKind::Custom("once"));
    source.answer(then);
    source.answer_next(FakeOutcome::keys(Duration::from_secs(2)));
    source
}

/// In its place the node would answer, and be somebody else.
#[tokio::test(start_paused = true)]
async fn a_chain_stays_with_the_source_that_it_has_settled_on() {
    let clock = TestClock::new();
    let node = Network::silent();
    let gone = Outcome::from(Skipped::new(Reason::NotConfigured, "nothing to load"));
    let chain = chain(Environment::empty(), &Network::silent(), &node, &clock).source(once(gone)).build();
    assert_eq!(chain.resolve().await.unwrap().report().provided_by(), Some(SourceKind::Custom("once")));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(chain.resolve().await.is_ok(), "what is in hand serves until it expires");
    tokio::time::advance(Duration::from_secs(60)).await;
    chain.forget();
    let error = chain.resolve().await.unwrap_err();
    assert_eq!((error.reason(), error.is_retryable()), (Reason::SourceGone, true));
    assert!(whole_story(&error).contains("nothing to load"), "{}", whole_story(&error));
    assert!(node.seen().is_empty(), "the node is not asked in its place");
    let kinds: Vec<_> = report_of(&error).sources().map(SourceReport::reason).collect();
    assert_eq!(
        kinds,
        [
            Some(Reason::PodIdentityNotActive),
            Some(Reason::WebIdentityNotActive),
            Some(Reason::AccessKeysNotSet),
            Some(Reason::SourceGone),
            None
        ],
        "those before it are as they were"
    );
}

/// Whose first answer comes too late: the chain has been told to forget meanwhile.
#[derive(Debug, Default)]
struct TooLate(Arc<OnceLock<Chain>>, AtomicBool);

#[async_trait]
impl CredentialSource for TooLate {
    fn kind(&self) -> SourceKind {
        SourceKind::Custom("too late")
    }

    fn is_configured(&self, _: &Environment) -> bool {
        true
    }

    async fn load(&self, _: &SourceContext, _: &mut Notes) -> Outcome {
        if self.1.swap(true, Ordering::Relaxed) {
            return Skipped::new(Reason::NotConfigured, "removed").into();
        }
        self.0.get().unwrap().forget();
        let credentials = Credentials::new("AKIATOOLATE", "s", None, None, "too late");
        Outcome::Provided(Provided::new(credentials, Principal::Unknown))
    }
}

#[tokio::test(start_paused = true)]
async fn a_chain_does_not_settle_on_a_source_whose_credentials_nobody_got() {
    let clock = TestClock::new();
    let own: Arc<OnceLock<Chain>> = Arc::default();
    let chain = chain(Environment::empty(), &Network::silent(), &Network::silent(), &clock)
        .only(TooLate(own.clone(), AtomicBool::default()))
        .source(NamedProvider::new("second", Credentials::new("AKIASECOND", "s", None, None, "second")))
        .build();
    own.set(chain.clone()).unwrap();
    assert_eq!(chain.resolve().await.unwrap().credentials().access_key_id(), "AKIASECOND");
}

/// No others but the node's: the session of a role is over when it says so.
#[tokio::test(start_paused = true)]
async fn credentials_of_other_sources_end_when_they_expire() {
    let clock = TestClock::new();
    let chain = chain(Environment::empty(), &Network::silent(), &Network::silent(), &clock)
        .only(once(FakeOutcome::failure(ErrorKind::Unavailable)))
        .build();
    chain.resolve().await.unwrap();
    tokio::time::advance(Duration::from_secs(2)).await;
    let error = chain.resolve().await.unwrap_err();
    assert_eq!(error.reason(), Reason::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_source_of_a_kind_that_there_is_takes_its_place() {
    let clock = TestClock::new();
    let node = Network::new(|_| Reply::Refuse);
    let chain = chain(pod_identity(), &Network::silent(), &node, &clock).source(without_grace()).build();
    let error = chain.resolve().await.unwrap_err();
    let kinds: Vec<_> = report_of(&error).sources().map(SourceReport::kind).collect();
    assert_eq!(kinds.len(), 4);
    assert_eq!(kinds[0], SourceKind::PodIdentity);
    assert!(clock.elapsed().as_secs() < 2, "with its own settings: {:?}", clock.elapsed());
}

/// It is the used source's failure, and the migrant's surprise all the same.
#[tokio::test(start_paused = true)]
async fn a_failure_too_says_whom_the_sdk_s_order_would_use() {
    let clock = TestClock::new();
    let node = Network::new(|_| Reply::Refuse);
    let chain = chain(everything(), &Network::silent(), &node, &clock).source(without_grace()).build();
    let error = chain.resolve().await.unwrap_err();
    let report = report_of(&error);
    assert_eq!(report.sdk_order_differs(), Some(SourceKind::AccessKeys));
    let text = report.to_string();
    assert!(text.contains("would use access keys here: the owner of access key AKIAEXAMPLE."), "{text}");
    assert!(
        text.contains("not reached, though it is set up too: role arn:aws:iam::111122223333:role/"),
        "{text}"
    );
}
