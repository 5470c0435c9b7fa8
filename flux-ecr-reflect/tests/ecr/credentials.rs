//! Credentials that are not to be had, and credentials that AWS does not accept.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use flux_ecr_reflect::{Error, ErrorKind, Reflector};
use tokio::time::timeout;

use crate::fake::{self, failure, page};

#[derive(Debug)]
struct NoIdentity;

impl std::fmt::Display for NoIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("four sources, none configured")
    }
}

impl std::error::Error for NoIdentity {}

#[derive(Debug)]
enum Provider {
    HasNone,
    Fails,
    Hangs,
}

impl ProvideCredentials for Provider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        match self {
            Self::HasNone => future::ProvideCredentials::ready(Err(CredentialsError::not_loaded(NoIdentity))),
            Self::Fails => {
                future::ProvideCredentials::ready(Err(CredentialsError::provider_error(NoIdentity)))
            }
            Self::Hangs => future::ProvideCredentials::new(std::future::pending()),
        }
    }
}

async fn failed_for(provider: Provider) -> Error {
    let (client, log) = fake::ecr(|_| page([], None));
    let reflector = Reflector::builder().credentials(provider).http_client(client).build().expect("complete");
    let error = reflector.scan(&fake::image()).await.expect_err("no credentials");
    assert!(log.all().is_empty());
    assert_eq!(error.kind(), ErrorKind::Credentials, "{error:?}");
    let source = error.credentials_error().expect("of the chain");
    assert_eq!((error.hint(), error.is_retryable()), (source.hint(), source.is_retryable()));
    assert!(source.report().is_some() && error.hint().is_some(), "{error:?}");
    error
}

#[tokio::test(start_paused = true)]
async fn the_provider_s_own_error_is_the_last_of_the_sources() {
    for (provider, retryable) in [(Provider::HasNone, false), (Provider::Fails, true)] {
        let error = failed_for(provider).await;
        assert_eq!(error.is_retryable(), retryable, "{error:?}");
        let mut last = error.source().expect("kept");
        while let Some(source) = last.source() {
            last = source;
        }
        assert!(last.is::<NoIdentity>(), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_hangs_is_a_credentials_error_in_time() {
    let error = timeout(Duration::from_secs(21), failed_for(Provider::Hangs)).await.expect("in time");
    assert!(error.is_retryable(), "{error:?}");
}

/// Gives another session every time it is asked, or always the same one.
#[derive(Debug, Clone, Default)]
struct Sessions {
    asked: Arc<AtomicUsize>,
    same: bool,
}

impl ProvideCredentials for Sessions {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let token = if self.same { "session-0".to_owned() } else { format!("session-{number}") };
        let credentials = Credentials::new(fake::ACCESS_KEY, fake::SECRET_KEY, Some(token), None, "test");
        future::ProvideCredentials::ready(Ok(credentials))
    }
}

/// Lists a page from an ECR that answers the first `refusals` requests with an error: the outcome, how many requests it
/// took, and how often credentials were asked for.
async fn list(
    sessions: Sessions,
    refusals: usize,
    code: &'static str,
    message: &'static str,
) -> (Result<usize, Error>, usize, usize) {
    let answered = AtomicUsize::new(0);
    let (client, log) = fake::ecr(move |_| {
        if answered.fetch_add(1, Ordering::Relaxed) < refusals {
            failure(400, code, message)
        } else {
            page([(1, "1.0.0".to_owned())], None)
        }
    });
    let reflector =
        Reflector::builder().credentials(sessions.clone()).http_client(client).build().expect("complete");
    let scan = reflector.scan(&fake::image()).await;
    if let Ok(scan) = &scan {
        assert_eq!(scan.listing().requests(), log.all().len() as u64, "both tries count");
    }
    let tokens: Vec<_> =
        log.all().iter().map(|asked| asked.headers["x-amz-security-token"].clone()).collect();
    assert!(tokens.windows(2).all(|two| two[0] != two[1]), "no session is tried twice: {tokens:?}");
    (scan.map(|scan| scan.len()), tokens.len(), sessions.asked.load(Ordering::Relaxed))
}

#[tokio::test]
async fn credentials_that_aws_rejects_are_replaced_once() {
    for code in [
        "ExpiredTokenException",
        "ExpiredToken",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
    ] {
        let (scan, requests, loads) = list(Sessions::default(), 1, code, "in AWS's words").await;
        assert_eq!((scan.expect("with the new ones"), requests, loads), (1, 2, 2), "{code}");

        let (scan, requests, loads) = list(Sessions::default(), 2, code, "in AWS's words").await;
        let error = scan.expect_err("both rejected");
        assert_eq!((error.kind(), requests, loads), (ErrorKind::Credentials, 2, 2), "{code}");
        assert!(error.to_string().ends_with("; it was tried again with new ones"), "{error}");
        assert_eq!(error.aws_code(), Some(code));
    }
}

#[tokio::test]
async fn the_same_credentials_are_not_tried_twice() {
    let sessions = Sessions { same: true, ..Sessions::default() };
    let (scan, requests, loads) = list(sessions, 1, "UnrecognizedClientException", "").await;
    let error = scan.expect_err("rejected");
    assert_eq!((requests, loads), (1, 2));
    assert!(error.to_string().ends_with("; asked again, their source gave the same ones"), "{error}");
}

#[tokio::test]
async fn new_credentials_do_not_help_against_a_wrong_clock_a_wrong_region_or_a_denial() {
    for (code, message) in [
        (
            "InvalidSignatureException",
            "Signature expired: 20150830T123600Z is now earlier than 20150831T123600Z",
        ),
        ("InvalidSignatureException", "Signature not yet current: 20150830T123600Z is still later than …"),
        ("InvalidSignatureException", "Credential should be scoped to a valid region."),
        ("MissingAuthenticationTokenException", "Missing Authentication Token"),
        ("OptInRequired", ""),
        ("AccessDeniedException", ""),
    ] {
        let (scan, requests, loads) = list(Sessions::default(), 1, code, message).await;
        scan.expect_err(code);
        assert_eq!((requests, loads), (1, 1), "{code}: {message}");
    }
}

#[tokio::test]
async fn a_session_that_ends_in_the_middle_of_a_listing_costs_no_page() {
    let pages = AtomicUsize::new(0);
    let (client, log) =
        fake::ecr(move |body| match (pages.fetch_add(1, Ordering::Relaxed), body["nextToken"].as_str()) {
            (0, None) => page([(1, "1.0.0".to_owned())], Some("token-2")),
            (1, Some("token-2")) => failure(400, "ExpiredTokenException", ""),
            (2, Some("token-2")) => page([(2, "2.0.0".to_owned())], None),
            asked => panic!("unexpected: {asked:?}"),
        });
    let reflector = Reflector::builder().credentials(Sessions::default()).http_client(client);
    let scan = reflector.build().expect("complete").scan(&fake::image()).await.expect("complete");
    assert_eq!((scan.len(), scan.listing().requests(), log.all().len()), (2, 3, 3));
}

/// An ECR for which session 0 has ended. Its first refusal waits for another request with that session; its second for a
/// new session to be given.
#[derive(Debug, Clone)]
struct EndedSession {
    sessions: Sessions,
    refused: Arc<AtomicUsize>,
}

impl HttpConnector for EndedSession {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if request.headers().get("x-amz-security-token") != Some("session-0") {
            let body = page([(1, "1.0.0".to_owned())], None).1;
            return HttpConnectorFuture::ready(Ok(HttpResponse::new(
                200.try_into().expect("a status"),
                SdkBody::from(body.to_string()),
            )));
        }
        let number = self.refused.fetch_add(1, Ordering::Relaxed);
        let Self { sessions, refused } = self.clone();
        HttpConnectorFuture::new(async move {
            let awaited = if number == 0 { &refused } else { &sessions.asked };
            while awaited.load(Ordering::Relaxed) < 2 {
                tokio::task::yield_now().await;
            }
            let (status, body) = failure(400, "ExpiredTokenException", "");
            Ok(HttpResponse::new(status.try_into().expect("a status"), SdkBody::from(body.to_string())))
        })
    }
}

impl HttpClient for EndedSession {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

#[tokio::test]
async fn a_session_that_another_listing_renewed_is_not_renewed_again() {
    let ecr = EndedSession { sessions: Sessions::default(), refused: Arc::default() };
    let reflector = Reflector::builder().credentials(ecr.sessions.clone()).http_client(ecr.clone());
    let reflector = reflector.build().expect("complete");
    let image = fake::image();
    let (one, other) = tokio::join!(reflector.scan(&image), reflector.scan(&image));
    assert_eq!((one.expect("complete").len(), other.expect("complete").len()), (1, 1));
    let counts = (ecr.refused.load(Ordering::Relaxed), ecr.sessions.asked.load(Ordering::Relaxed));
    assert_eq!(counts, (2, 2), "both were refused, and one renewed");
}
