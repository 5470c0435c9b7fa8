//! No call outlasts its limits, wherever it is left hanging. Virtual time.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use aws_smithy_async::rt::sleep::{AsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use flux_aws_auth::{Chain, Error, ErrorKind, Reason};
use http_body::{Body, Frame};

use crate::support::*;

#[derive(Clone, Copy, Debug)]
enum Step {
    Connect,
    Headers,
    Body,
}

/// Keeps to the limits that it is given, as the connector of the SDK does, and is left hanging at one step.
#[derive(Clone)]
struct BlackHole {
    at: Step,
    calls: Arc<Mutex<Vec<HttpConnectorSettings>>>,
}

impl BlackHole {
    fn at(at: Step) -> Self {
        Self { at, calls: Arc::default() }
    }
}

impl fmt::Debug for BlackHole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at.fmt(f)
    }
}

impl HttpClient for BlackHole {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector { hole: self.clone(), settings: settings.clone() })
    }
}

#[derive(Clone, Debug)]
struct Connector {
    hole: BlackHole,
    settings: HttpConnectorSettings,
}

impl HttpConnector for Connector {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        self.hole.calls.lock().unwrap().push(self.settings.clone());
        let timeout = |after: Option<Duration>, what: &'static str| {
            let after = after.expect("every call has this limit");
            HttpConnectorFuture::new(async move {
                TokioSleep::new().sleep(after).await;
                Err(ConnectorError::timeout(format!("HTTP {what} timeout occurred after {after:?}").into()))
            })
        };
        match self.hole.at {
            Step::Connect => timeout(self.settings.connect_timeout(), "connect"),
            Step::Headers => timeout(self.settings.read_timeout(), "read"),
            Step::Body => {
                let body = SdkBody::from_body_1_x(Silence);
                HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().unwrap(), body)))
            }
        }
    }
}

/// A body that never ends, and never comes.
struct Silence;

impl Body for Silence {
    type Data = <SdkBody as Body>::Data;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Infallible>>> {
        Poll::Pending
    }
}

async fn failure(hole: &BlackHole, deadline: Option<Duration>) -> (Error, Duration) {
    let clock = TestClock::new();
    let builder = Chain::builder().environment(irsa()).http_client(hole.clone()).time_source(clock.clone());
    let builder = match deadline {
        Some(deadline) => builder.deadline(deadline),
        None => builder,
    };
    (builder.build().resolve().await.unwrap_err(), clock.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_black_hole_at_any_step_costs_no_more_than_the_limits() {
    for (step, reason) in [
        (Step::Connect, Reason::ConnectTimeout),
        (Step::Headers, Reason::ReadTimeout),
        (Step::Body, Reason::ReadTimeout),
    ] {
        let hole = BlackHole::at(step);
        let (error, elapsed) = failure(&hole, None).await;
        assert_eq!((error.reason(), error.kind()), (reason, ErrorKind::Unavailable), "{step:?}: {error:?}");
        assert!(elapsed <= Duration::from_secs(15), "{step:?} took {elapsed:?}");
        let calls = hole.calls.lock().unwrap();
        assert!((2..=3).contains(&calls.len()), "{step:?} was tried {} times", calls.len());
        for limits in calls.iter() {
            assert_eq!(limits.connect_timeout(), Some(Duration::from_secs(3)));
            assert_eq!(limits.read_timeout(), Some(Duration::from_secs(5)));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_chain_s_deadline_cuts_every_call_and_every_pause() {
    for step in [Step::Connect, Step::Headers, Step::Body] {
        for deadline in [100, 2_900, 3_100, 5_050, 9_000].map(Duration::from_millis) {
            let (error, elapsed) = failure(&BlackHole::at(step), Some(deadline)).await;
            assert_eq!(error.reason(), Reason::DeadlinePassed, "{step:?}, {deadline:?}: {error:?}");
            assert!(elapsed <= deadline + Duration::from_millis(1), "{step:?}, {deadline:?}: {elapsed:?}");
        }
    }
}

/// Pauses are drawn by lot, so that those who failed together do not come back together.
#[tokio::test(start_paused = true)]
async fn retries_are_spread() {
    let mut taken = std::collections::BTreeSet::new();
    for _ in 0..10 {
        taken.insert(failure(&BlackHole::at(Step::Connect), None).await.1);
    }
    assert!(taken.len() > 5, "{taken:?}");
}
