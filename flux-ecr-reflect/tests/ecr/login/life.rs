//! How long a login is held, and what ends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, future};
use flux_aws_auth::source::{Outcome, Provided};
use flux_aws_auth::test_util::{FakeCredentialSource, FakeOutcome};
use flux_aws_auth::{Chain, Environment, Principal};
use flux_ecr_reflect::{ErrorKind, LoginSource, RegistryLogin};
use futures_util::FutureExt;

use super::fake_login::{Clock, Fake, image, nobody, token};
use super::{EU, US, login};
use crate::fake::failure;

const DENIED: &str = "User: x is not authorized to perform: ecr:GetAuthorizationToken";

/// A login for twelve hours to the first request, and this to all that come after it.
fn then(clock: &Clock, code: &'static str) -> Fake {
    let expiry = clock.in_hours(12).duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
    Fake::answering(clock, move |i| {
        let (status, body) = if i == 0 { (200, token(0, expiry)) } else { failure(400, code, DENIED) };
        (status, body.to_string())
    })
}

#[tokio::test(start_paused = true)]
async fn a_login_is_replaced_from_the_middle_of_its_life_on_while_everybody_has_the_old_one() {
    let clock = Clock::default();
    let fake = Fake::new(&clock);
    let logins = fake.logins();
    let first = login(&logins, EU).await;
    clock.pass(Duration::from_hours(5)).await;
    assert!(Arc::ptr_eq(&first, &login(&logins, EU).await));
    clock.settle().await;
    assert_eq!(fake.asked().len(), 1, "in the first half of its life it is fresh");

    clock.pass(Duration::from_hours(2)).await;
    assert!(Arc::ptr_eq(&first, &login(&logins, EU).await), "nobody waits");
    clock.settle().await;
    let second = login(&logins, EU).await;
    assert!(!Arc::ptr_eq(&first, &second));
    assert_eq!(second.expiry(), Some(clock.in_hours(12)));
    assert_eq!(fake.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_login_that_cannot_be_replaced_is_kept_unless_the_identity_is_denied() {
    for (code, is_kept) in [
        ("InvalidParameterException", true),
        ("UnrecognizedClientException", true),
        ("InvalidSignatureException", true),
        ("AccessDeniedException", false),
    ] {
        let clock = Clock::default();
        let fake = then(&clock, code);
        let logins = fake.logins();
        let first = login(&logins, EU).await;
        clock.pass(Duration::from_hours(7)).await;
        assert!(Arc::ptr_eq(&first, &login(&logins, EU).await));
        clock.settle().await;
        assert_eq!(fake.asked().len(), 2, "{code}");
        match logins.login(&image(EU)).await {
            Ok(login) => assert!(is_kept && Arc::ptr_eq(&first, &login.expect("held")), "{code}"),
            Err(error) => assert!(!is_kept && error.kind() == ErrorKind::AccessDenied, "{error:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_goes_while_a_login_is_asked_for_leaves_it_to_those_who_come() {
    let fake = Fake::new(&Clock::default());
    let logins = fake.logins();
    for _ in 0..10 {
        assert!(logins.login(&image(EU)).now_or_never().is_none(), "it has to be asked for");
    }
    login(&logins, EU).await;
    assert_eq!(fake.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_login_is_dropped_once_and_no_other_with_it() {
    let fake = Fake::new(&Clock::default());
    let logins = fake.logins();
    let (eu, us) = (login(&logins, EU).await, login(&logins, US).await);
    assert!(logins.forget(&image(EU), &eu));
    assert!(!logins.forget(&image(EU), &eu), "it is no longer held");
    let second = login(&logins, EU).await;
    assert!(!Arc::ptr_eq(&eu, &second));
    assert!(!logins.forget(&image(EU), &eu), "who comes late does not undo what was loaded since");
    assert!(Arc::ptr_eq(&second, &login(&logins, EU).await));
    assert!(Arc::ptr_eq(&us, &login(&logins, US).await));
    assert!(!fake.logins().forget(&image(EU), &second), "another source's");
    assert_eq!(fake.asked().len(), 3);
}

/// Gives the keys `AKIA0`, `AKIA1`, …, another at each load.
#[derive(Debug, Default)]
struct Rotating(AtomicUsize);

impl ProvideCredentials for Rotating {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let key = format!("AKIA{}", self.0.fetch_add(1, Ordering::SeqCst));
        future::ProvideCredentials::ready(Ok(Credentials::new(key, "secret", None, None, "test")))
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_that_aws_does_not_accept_are_asked_for_once_more() {
    let clock = Clock::default();
    let fake = Fake::answering(&clock, |i| {
        let (status, body) = match i {
            0 => failure(
                400,
                "UnrecognizedClientException",
                "The security token included in the request is invalid",
            ),
            _ => (200, token(i, 2e9)),
        };
        (status, body.to_string())
    });
    let logins = nobody(&fake).credentials(Rotating::default()).build().expect("complete");
    login(&logins, EU).await;
    let keys: Vec<_> = fake.asked().iter().map(|asked| asked.authorization.contains("AKIA1")).collect();
    assert_eq!(keys, [false, true]);

    let fake = Fake::answering(&clock, |_| {
        let (status, body) = failure(400, "UnrecognizedClientException", "invalid");
        (status, body.to_string())
    });
    let error = fake.logins().login(&image(EU)).await.expect_err("the same ones again");
    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert!(error.to_string().contains("gave the same ones"), "{error}");
    assert_eq!(fake.asked().len(), 1);
}

/// Logins with what this source gives.
fn logins_by(source: &FakeCredentialSource, fake: &Fake) -> RegistryLogin {
    let chain = Chain::builder()
        .environment(Environment::empty())
        .http_client(fake.client.clone())
        .time_source(fake.clock.clone())
        .only(source.clone())
        .build();
    nobody(fake).credentials(chain).build().expect("complete")
}

fn session_of(role: &str) -> Principal {
    let role = format!("arn:aws:iam::123456789012:role/{role}").parse().expect("a role");
    Principal::assumed_role(role, "session")
}

#[tokio::test(start_paused = true)]
async fn another_identity_has_another_login() {
    let clock = Clock::default();
    let fake = Fake::new(&clock);
    let source = FakeCredentialSource::new();
    for (role, hours) in [("first", 1), ("second", 3)] {
        let credentials = Credentials::new("AKIA", "secret", None, Some(clock.in_hours(hours)), "test");
        source.answer_next(Outcome::Provided(Provided::new(credentials, session_of(role))));
    }
    let logins = logins_by(&source, &fake);
    let first = login(&logins, EU).await;
    clock.pass(Duration::from_hours(2)).await;
    let second = login(&logins, EU).await;
    assert!(!Arc::ptr_eq(&first, &second), "the first is another role's");
    assert_eq!(fake.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_those_who_give_credentials_ends_no_login() {
    let clock = Clock::default();
    let fake = Fake::new(&clock);
    let source = FakeCredentialSource::new().with_principal(session_of("reader"));
    let logins = logins_by(&source, &fake);
    let outage = FakeOutcome::failure(flux_aws_auth::ErrorKind::Unavailable);
    source.answer(outage.clone());
    let error = logins.login(&image(EU)).await.expect_err("nobody is known yet");
    assert!(error.kind() == ErrorKind::Credentials && error.is_retryable(), "{error:?}");
    source.answer(FakeOutcome::keys(Duration::from_hours(1)));
    clock.pass(Duration::from_secs(10)).await;
    let first = login(&logins, EU).await;

    source.answer(outage);
    clock.pass(Duration::from_hours(2)).await;
    assert!(Arc::ptr_eq(&first, &login(&logins, EU).await), "its credentials have expired, it has not");
    let error = logins.login(&image(US)).await.expect_err("another login takes credentials");
    assert!(error.kind() == ErrorKind::Credentials && error.is_retryable(), "{error:?}");
    clock.pass(Duration::from_hours(11)).await;
    logins.login(&image(EU)).await.expect_err("now it has");
}
