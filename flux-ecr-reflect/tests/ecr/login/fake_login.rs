//! GetAuthorizationToken in memory, on a clock that is set by hand.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_smithy_async::time::TimeSource;
use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::base64;
use aws_smithy_types::body::SdkBody;
use flux_ecr_reflect::{ImageName, RegistryLogin, RegistryLoginBuilder};
use http::Response;
use serde_json::{Value, json};

use crate::fake;

pub(crate) const PASSWORD: &str = "canary-password";

/// The wall clock, and with it tokio's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock(Arc<AtomicU64>);

impl Clock {
    pub(crate) fn in_hours(&self, hours: u64) -> SystemTime {
        self.now() + Duration::from_hours(hours)
    }

    pub(crate) async fn pass(&self, time: Duration) {
        self.0.fetch_add(time.as_secs(), Ordering::SeqCst);
        tokio::time::advance(time).await;
    }

    /// Lets what runs in the background come to its end.
    pub(crate) async fn settle(&self) {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_440_938_160 + self.0.load(Ordering::SeqCst))
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) uri: String,
    pub(crate) target: String,
    pub(crate) authorization: String,
    pub(crate) body: String,
}

#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) client: SharedHttpClient,
    pub(crate) clock: Clock,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Fake {
    /// Gives a login for twelve hours to each request, with a password of its own.
    pub(crate) fn new(clock: &Clock) -> Self {
        let clock = clock.clone();
        Self::answering(&clock.clone(), move |i| {
            let expiry = clock.in_hours(12).duration_since(UNIX_EPOCH).expect("after 1970");
            (200, token(i, expiry.as_secs_f64()).to_string())
        })
    }

    /// Answers request `i` with this status and body.
    pub(crate) fn answering(
        clock: &Clock,
        answer: impl Fn(usize) -> (u16, String) + Send + Sync + 'static,
    ) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let client = {
            let asked = asked.clone();
            infallible_client_fn(move |request: http::Request<SdkBody>| {
                let header = |name: &str| {
                    let value = request.headers().get(name).and_then(|value| value.to_str().ok());
                    value.unwrap_or_default().to_owned()
                };
                let mut asked = asked.lock().expect("not poisoned");
                let (status, body) = answer(asked.len());
                asked.push(Asked {
                    uri: request.uri().to_string(),
                    target: header("x-amz-target"),
                    authorization: header("authorization"),
                    body: String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned(),
                });
                // A body as it comes from a network.
                Response::builder().status(status).body(SdkBody::from_body_1_x(body)).expect("a response")
            })
        };
        Self { client, clock: clock.clone(), asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("not poisoned").clone()
    }

    /// With an identity.
    pub(crate) fn logins(&self) -> RegistryLogin {
        builder(self).build().expect("complete")
    }
}

pub(crate) fn builder(fake: &Fake) -> RegistryLoginBuilder {
    nobody(fake).credentials(fake::credentials())
}

pub(crate) fn nobody(fake: &Fake) -> RegistryLoginBuilder {
    RegistryLogin::builder().http_client(fake.client.clone()).time_source(fake.clock.clone())
}

/// Private ECR's answer to request `i`.
pub(crate) fn token(i: usize, expires_at: f64) -> Value {
    json!({"authorizationData": [{
        "authorizationToken": base64::encode(format!("AWS:{PASSWORD}-{i}")),
        "expiresAt": expires_at,
        "proxyEndpoint": "https://111122223333.dkr.ecr.eu-west-1.amazonaws.com",
    }]})
}

pub(crate) fn image(name: &str) -> ImageName {
    name.parse().expect(name)
}
