//! The doubles that are given to users, by what they promise.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_smithy_async::future::timeout::Timeout;
use aws_smithy_async::rt::sleep::AsyncSleep;
use flux_aws_auth::source::Outcome;
use flux_aws_auth::test_util::{
    FakeCredentialSource, FakeOutcome, FakeServiceAccounts, FakeSts, ManualClock, service_account_token,
};
use flux_aws_auth::{
    Authenticator, Chain, ChainBuilder, Environment, Error, ErrorKind, Identity, IdentityCredentials,
    Principal, Reason, Resource, RoleHop, ServiceAccount, ServiceAccountRef, ServiceAccountTokens,
    SourceKind, TokenRequest,
};
use proptest::prelude::*;

use crate::support::{ROLE, TOKEN_PATH, result_of};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

/// What happened, and when by the clock.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<(u64, String)>>>);

impl Diary {
    fn note(&self, clock: &ManualClock, what: impl Into<String>) {
        self.0.lock().unwrap().push((clock.elapsed().as_secs(), what.into()));
    }

    fn lines(&self) -> Vec<(u64, String)> {
        self.0.lock().unwrap().clone()
    }
}

fn runtime_without_time() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

proptest! {
    #[test]
    fn sleepers_wake_in_the_order_in_which_their_sleeps_end(sleeps in prop::collection::vec(0_u64..20, 0..20), until in 0_u64..20) {
        let (clock, diary) = (ManualClock::new(), Diary::default());
        runtime_without_time().block_on(async {
            for (number, &seconds) in sleeps.iter().enumerate() {
                let (clock, diary) = (clock.clone(), diary.clone());
                tokio::spawn(async move {
                    clock.sleep(Duration::from_secs(seconds)).await;
                    diary.note(&clock, number.to_string());
                });
            }
            clock.let_pass(Duration::from_secs(until)).await;
        });
        let mut due: Vec<_> = sleeps.iter().enumerate().filter(|(_, seconds)| **seconds <= until).collect();
        due.sort_by_key(|(number, seconds)| (**seconds, *number));
        let due: Vec<_> = due.into_iter().map(|(number, seconds)| (*seconds, number.to_string())).collect();
        prop_assert_eq!(diary.lines(), due);
        prop_assert_eq!(clock.elapsed(), Duration::from_secs(until));
    }
}

#[tokio::test]
async fn a_loop_ticks_as_often_as_its_time_comes() {
    let (clock, diary) = (ManualClock::new(), Diary::default());
    let ticking = tokio::spawn({
        let (clock, diary) = (clock.clone(), diary.clone());
        async move {
            loop {
                clock.sleep(SECOND).await;
                diary.note(&clock, "tick");
            }
        }
    });
    clock.let_pass(3 * SECOND + SECOND / 2).await;
    assert_eq!(diary.lines(), [1, 2, 3].map(|second| (second, "tick".to_owned())));
    clock.advance(10 * SECOND);
    clock.let_pass(Duration::ZERO).await;
    assert_eq!(diary.lines().len(), 4, "all of the time had passed before it ran");
    ticking.abort();
}

#[test]
fn time_passes_for_who_has_nothing_else_to_do() {
    runtime_without_time().block_on(async {
        let clock = ManualClock::new();
        let slow = clock.sleep(HOUR);
        assert!(clock.run(Timeout::new(slow, clock.sleep(SECOND))).await.is_err());
        assert_eq!(clock.elapsed(), SECOND);
        // What was given up is waited for no more, and other tasks come first.
        let chain_of_tasks = async {
            for _ in 0..10 {
                tokio::spawn(async {}).await.unwrap();
            }
        };
        let in_time = Timeout::new(chain_of_tasks, clock.sleep(SECOND));
        assert!(clock.run(in_time).await.is_ok());
        assert_eq!(clock.elapsed(), SECOND);
    });
}

#[test]
fn it_waits_for_another_thread_to_fall_asleep() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let clock = ManualClock::new();
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    let sleeper = runtime.spawn({
        let clock = clock.clone();
        async move {
            receiver.await.unwrap();
            clock.sleep(HOUR).await;
        }
    });
    let driver = runtime_without_time();
    driver.spawn(async move { sender.send(()).unwrap() });
    driver.block_on(clock.run(sleeper)).unwrap();
    assert_eq!(clock.elapsed(), HOUR);
}

fn chain_of(source: &FakeCredentialSource, clock: &ManualClock) -> ChainBuilder {
    Chain::builder()
        .environment(Environment::empty())
        .time_source(clock.clone())
        .sleep_impl(clock.clone())
        .only(source.clone())
}

#[tokio::test]
async fn a_source_answers_what_comes_next_and_then_what_stands() {
    let (clock, source) = (ManualClock::new(), FakeCredentialSource::new());
    let chain = chain_of(&source, &clock).build();
    let fixed = Credentials::new("AKIAFIXED", "s", None, None, "test");
    source.answer(FakeOutcome::failure(ErrorKind::Throttled));
    source.answer_next(FakeOutcome::keys(SECOND));
    source.answer_next(FakeOutcome::keys_without_expiry());
    source.answer_next(fixed);
    source.answer_next(Outcome::Failed(Error::new(ErrorKind::AccessDenied, "of one's own")));
    source.answer_next(FakeOutcome::not_set_up());
    let mut answers = Vec::new();
    for _ in 0..7 {
        answers.push(match chain.resolve().await {
            Ok(resolved) => {
                let life = resolved.expiry().map(|expiry| expiry.duration_since(clock.now()).unwrap());
                format!("{} {life:?}", resolved.credentials().access_key_id())
            }
            Err(error) => format!("{:?}", error.reason()),
        });
        chain.forget();
    }
    assert_eq!(
        answers,
        [
            "ASIAFAKE000000000001 Some(1s)",
            "ASIAFAKE000000000002 None",
            "AKIAFIXED None",
            "AccessDenied",
            "SourceGone",
            "Throttled",
            "Throttled",
        ]
    );
    assert_eq!(source.loads(), 7);
}

#[tokio::test]
async fn a_source_takes_the_place_and_the_name_it_is_given() {
    let clock = ManualClock::new();
    let owner = Principal::assumed_role(ROLE.parse().unwrap(), "session");
    let first = FakeCredentialSource::new().with_kind(SourceKind::PodIdentity);
    let second = FakeCredentialSource::new().with_kind(SourceKind::WebIdentity).with_principal(owner);
    first.answer(FakeOutcome::not_set_up());
    let last = FakeCredentialSource::new().with_kind(SourceKind::AccessKeys);
    last.answer(FakeOutcome::not_set_up());
    let chain = || chain_of(&first, &clock).source(second.clone()).source(last.clone()).build();
    let resolved = chain().resolve().await.unwrap();
    assert_eq!(resolved.principal().to_string(), format!("role {ROLE}, session session"));
    assert_eq!(resolved.report().provided_by(), Some(SourceKind::WebIdentity));
    assert_eq!((first.loads(), second.loads()), (1, 1));

    first.answer(FakeOutcome::keys(HOUR));
    let report = chain().resolve().await.unwrap().report().clone();
    assert_eq!(report.provided_by(), Some(SourceKind::PodIdentity));
    let shadowed = format!("{:?}", result_of(&report, SourceKind::WebIdentity));
    assert!(shadowed.contains("configured: true") && shadowed.contains("image-reflector"), "{shadowed}");
    let not_set_up = format!("{:?}", result_of(&report, SourceKind::AccessKeys));
    assert!(not_set_up.contains("configured: false"), "{not_set_up}");
}

#[tokio::test]
async fn a_source_can_take_longer_than_the_chain_waits() {
    let (clock, source) = (ManualClock::new(), FakeCredentialSource::new());
    source.answer(FakeOutcome::keys(HOUR).after(30 * SECOND));
    let chain = chain_of(&source, &clock).deadline(20 * SECOND).build();
    assert_eq!(clock.run(chain.resolve()).await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(clock.elapsed(), 20 * SECOND);
    let patient = chain_of(&source, &clock).deadline(40 * SECOND).build();
    let expiry = clock.run(patient.resolve()).await.unwrap().expiry().unwrap();
    assert_eq!((clock.elapsed(), expiry), (50 * SECOND, clock.now() + HOUR));
}

#[tokio::test]
async fn what_is_done_in_the_background_can_be_waited_for() {
    let (clock, source) = (ManualClock::new(), FakeCredentialSource::new());
    let chain = chain_of(&source, &clock).build();
    chain.resolve().await.unwrap();
    clock.advance(2000 * SECOND);
    assert_eq!(chain.resolve().await.unwrap().credentials().access_key_id(), "ASIAFAKE000000000001");
    source.until_loads(2).await;
    assert_eq!(chain.resolve().await.unwrap().credentials().access_key_id(), "ASIAFAKE000000000002");
}

fn reader() -> ServiceAccountRef {
    ServiceAccountRef::new("tenant", "reader")
}

#[tokio::test]
async fn a_service_account_is_told_from_another_of_its_name() {
    let accounts = FakeServiceAccounts::new().with_role("tenant", "reader", ROLE);
    let first = accounts.service_account(&reader()).await.unwrap();
    assert_eq!(first.role_arn(), Some(ROLE));
    accounts.annotate(&reader(), "arn:aws:iam::111122223333:role/other");
    let annotated = accounts.service_account(&reader()).await.unwrap();
    assert_eq!(annotated.role_arn(), Some("arn:aws:iam::111122223333:role/other"));
    assert_eq!(annotated.uid(), first.uid());

    accounts.remove(&reader());
    let reason = accounts.service_account(&reader()).await.unwrap_err().reason();
    assert_eq!(reason, Reason::ServiceAccountMissing);
    accounts.insert(reader(), ServiceAccount::default());
    let again = accounts.service_account(&reader()).await.unwrap();
    assert!(again.uid().is_some() && again.uid() != first.uid(), "{again:?}");

    let (uid, reference) = (first.uid().unwrap(), reader());
    let request = TokenRequest::new(&reference, "sts.amazonaws.com");
    let reason = accounts.create_token(&request.with_uid(uid)).await.unwrap_err().reason();
    assert_eq!(reason, Reason::ServiceAccountReplaced);
    accounts.create_token(&request).await.unwrap();

    accounts.forbid(reader());
    let reason = accounts.service_account(&reader()).await.unwrap_err().reason();
    assert_eq!(reason, Reason::ServiceAccountForbidden);
    accounts.fail(reader(), Error::new(ErrorKind::Unavailable, "down"));
    assert!(accounts.create_token(&request).await.unwrap_err().is_retryable());
    let (get, create) = ("get tenant/reader", "create token of tenant/reader for sts.amazonaws.com");
    assert_eq!(accounts.requests(), [get, get, get, get, create, create, get, create]);
}

fn tenant(sts: &FakeSts, accounts: &FakeServiceAccounts, clock: &ManualClock) -> IdentityCredentials {
    let chain = Chain::builder()
        .environment(Environment::empty())
        .http_client(sts.clone())
        .time_source(clock.clone())
        .sleep_impl(clock.clone());
    let authenticator = Authenticator::builder()
        .chain(chain)
        .service_account_tokens(accounts.clone())
        .object_level_workload_identity(true)
        .build()
        .unwrap();
    let bucket = Resource::bucket_in("eu-west-1").unwrap();
    authenticator.credentials(&bucket, Identity::object("tenant", Some("reader"))).unwrap()
}

#[tokio::test]
async fn sts_gives_a_role_to_whom_it_trusts_and_refuses_all_others_as_aws_does() {
    let role = || ROLE.parse().unwrap();
    let unknown = FakeSts::new;
    for (sts, refused) in [
        (unknown(), Some("AccessDenied")),
        (unknown().with_role(role()), None),
        (unknown().with_role_of(role(), reader()), None),
        (unknown().with_role_of(role(), ServiceAccountRef::new("other", "reader")), Some("AccessDenied")),
    ] {
        let (clock, accounts) =
            (ManualClock::new(), FakeServiceAccounts::new().with_role("tenant", "reader", ROLE));
        let answer = clock.run(tenant(&sts, &accounts, &clock).resolve()).await;
        assert_eq!(answer.as_ref().err().and_then(Error::aws_code), refused);
        let session = "reader.tenant.eu-west-1.fluxcd.io";
        if let Ok(resolved) = answer {
            assert_eq!(resolved.principal().to_string(), format!("role {ROLE}, session {session}"));
            assert_eq!(resolved.expiry(), Some(clock.now() + HOUR));
        }
        assert_eq!(sts.requests(), [format!("AssumeRoleWithWebIdentity {ROLE} as {session}")]);
    }
}

/// A pod with IRSA whose token is this one.
fn pod(sts: &FakeSts, clock: &ManualClock, token: &str) -> ChainBuilder {
    let environment = Environment::empty()
        .with_var("AWS_REGION", "eu-west-1")
        .with_var("AWS_ROLE_ARN", ROLE)
        .with_var("AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_PATH)
        .with_file(TOKEN_PATH, token);
    Chain::builder()
        .environment(environment)
        .http_client(sts.clone())
        .time_source(clock.clone())
        .sleep_impl(clock.clone())
}

fn token(audience: &str, expires_in: Duration, clock: &ManualClock) -> String {
    let reference = reader();
    let request = TokenRequest::new(&reference, audience);
    service_account_token(&request, clock.now() + expires_in).as_str().to_owned()
}

#[tokio::test]
async fn sts_looks_at_the_claims_of_a_token() {
    let clock = ManualClock::new();
    for (token, code) in [
        (token("sts.amazonaws.com", SECOND, &clock), None),
        (token("sts.amazonaws.com", Duration::ZERO, &clock), Some("ExpiredTokenException")),
        (token("vault", HOUR, &clock), Some("InvalidIdentityToken")),
        ("no.jwt".to_owned(), Some("InvalidIdentityToken")),
    ] {
        let (clock, sts) = (ManualClock::new(), FakeSts::new().with_role(ROLE.parse().unwrap()));
        let error = clock.run(pod(&sts, &clock, &token).build().resolve()).await.err();
        assert_eq!(error.as_ref().and_then(Error::aws_code), code, "{error:?}");
    }
}

#[tokio::test]
async fn sts_knows_the_keys_that_it_gave_until_they_expire() {
    let clock = ManualClock::new();
    let further = "arn:aws:iam::444455556666:role/further";
    let sts = FakeSts::new().with_role(ROLE.parse().unwrap()).with_role(further.parse().unwrap());
    let chain = pod(&sts, &clock, &token("sts.amazonaws.com", 9 * HOUR, &clock)).build();
    let caller = chain.caller_identity().await.unwrap();
    let session =
        "arn:aws:sts::111122223333:assumed-role/flux-image-reflector/reader.tenant.eu-west-1.fluxcd.io";
    assert_eq!((caller.arn.as_str(), caller.account_id.as_str()), (session, "111122223333"));

    let hop = chain.assume_role(RoleHop::new(further.parse().unwrap()));
    let arn = hop.caller_identity().await.unwrap().arn;
    assert!(arn.starts_with("arn:aws:sts::444455556666:assumed-role/further/"), "{arn}");
    sts.remove_role(&further.parse().unwrap());
    hop.forget();
    let error = hop.resolve().await.unwrap_err();
    assert_eq!(error.reason(), Reason::HopNotTrusted);
    let operations: Vec<_> =
        sts.requests().iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    let (get, assume) = ("GetCallerIdentity", "AssumeRole");
    assert_eq!(operations, ["AssumeRoleWithWebIdentity", get, assume, get, assume]);

    let held = chain.resolve().await.unwrap().credentials().clone();
    clock.advance(HOUR);
    let late = FakeCredentialSource::new();
    late.answer(Credentials::new(held.access_key_id(), "s", None, None, "kept too long"));
    let chain = chain_of(&late, &clock).region("eu-west-1").http_client(sts.clone()).build();
    assert_eq!(chain.caller_identity().await.unwrap_err().aws_code(), Some("ExpiredToken"));
}

#[tokio::test]
async fn sts_knows_the_keys_that_it_was_told_of() {
    let clock = ManualClock::new();
    let user = "arn:aws:iam::111122223333:user/flux";
    let sts = FakeSts::new().with_access_key("AKIAFLUX", user);
    let of = |id: &str| {
        let environment = Environment::empty()
            .with_var("AWS_REGION", "eu-west-1")
            .with_var("AWS_ACCESS_KEY_ID", id)
            .with_var("AWS_SECRET_ACCESS_KEY", "secret");
        let builder = Chain::builder().environment(environment).http_client(sts.clone());
        builder.time_source(clock.clone()).sleep_impl(clock.clone()).build()
    };
    assert_eq!(of("AKIAFLUX").caller_identity().await.unwrap().arn, user);
    let error = of("AKIAOTHER").caller_identity().await.unwrap_err();
    assert_eq!(error.aws_code(), Some("InvalidClientTokenId"));
}

#[tokio::test]
async fn sts_fails_as_often_as_it_is_told() {
    let accounts = FakeServiceAccounts::new().with_role("tenant", "reader", ROLE);
    for (failures, requests, kind) in [(2, 3, None), (3, 3, Some(ErrorKind::Throttled))] {
        let (clock, sts) = (ManualClock::new(), FakeSts::new().with_role(ROLE.parse().unwrap()));
        sts.fail_next(failures, 400, "Throttling");
        let answer = clock.run(tenant(&sts, &accounts, &clock).resolve()).await;
        assert_eq!(answer.err().map(|error| error.kind()), kind);
        assert_eq!(sts.requests().len(), requests);
    }
}

#[tokio::test]
async fn sessions_last_as_long_as_is_said() {
    let clock = ManualClock::new();
    let sts = FakeSts::new().with_role(ROLE.parse().unwrap()).with_session_duration(HOUR / 4);
    let chain = pod(&sts, &clock, &token("sts.amazonaws.com", HOUR, &clock)).build();
    assert_eq!(chain.resolve().await.unwrap().expiry(), Some(clock.now() + HOUR / 4));
    let hop = RoleHop::new(ROLE.parse().unwrap()).with_duration(HOUR / 2).unwrap();
    assert_eq!(chain.assume_role(hop).resolve().await.unwrap().expiry(), Some(clock.now() + HOUR / 2));
}

#[test]
fn futures_can_be_sent() {
    fn assert_send<T: Send>(_: &T) {}
    let clock = ManualClock::new();
    assert_send(&clock.let_pass(SECOND));
    assert_send(&clock.run(std::future::ready(1)));
    assert_send(&FakeCredentialSource::new().until_loads(1));
}
