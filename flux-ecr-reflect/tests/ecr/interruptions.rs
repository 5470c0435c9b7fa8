//! What goes wrong in the midst of a listing: no tag is lost for it, and no part taken for the whole.

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use flux_ecr_reflect::{Cursor, Error, ErrorKind, Pages, Reflector};
use flux_policy::Policy;
use http_body_util::Full;
use serde_json::{Value, json};

use crate::fake::{self, page};

/// What becomes of a request for a page.
#[derive(Debug, Clone)]
enum Turn {
    /// The answer, as bytes.
    Answer(Vec<u8>),
    /// The answer, after a while.
    Slow(Duration, Vec<u8>),
    /// The answer, for which it is waited so many times.
    Piecemeal(usize, Vec<u8>),
    /// The connection breaks.
    Broken,
}

/// What is to become of a request: by its token, and how many came before.
type Script = dyn Fn(&str, usize) -> Turn + Send + Sync;

/// An HTTP client that plays ECR.
#[derive(Clone)]
struct Wire {
    turn: Arc<Script>,
    asked: Arc<AtomicUsize>,
}

impl Wire {
    fn new(turn: impl Fn(&str, usize) -> Turn + Send + Sync + 'static) -> Self {
        Self { turn: Arc::new(turn), asked: Arc::default() }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    fn reflector(&self) -> Reflector {
        fake::reflector(SharedHttpClient::new(self.clone()))
    }
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body: Value = serde_json::from_slice(request.body().bytes().expect("in memory")).expect("JSON");
        let token = body["nextToken"].as_str().unwrap_or_default();
        let turn = (self.turn)(token, self.asked.fetch_add(1, Ordering::Relaxed));
        HttpConnectorFuture::new(async move {
            let body = match turn {
                Turn::Answer(body) => body,
                Turn::Slow(wait, body) => {
                    slept(wait).await;
                    body
                }
                Turn::Piecemeal(times, body) => {
                    for _ in 0..times {
                        tokio::task::yield_now().await;
                    }
                    body
                }
                Turn::Broken => return Err(ConnectorError::io("connection reset by peer".into())),
            };
            // As it comes from a network: what is in memory already has no limit.
            let body = SdkBody::from_body_1_x(Full::new(Bytes::from(body)));
            Ok(HttpResponse::new(StatusCode::try_from(200).expect("a status"), body))
        })
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

#[expect(clippy::disallowed_methods, reason = "virtual time")]
async fn slept(time: Duration) {
    tokio::time::sleep(time).await;
}

#[expect(clippy::disallowed_methods, reason = "virtual time")]
fn now() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

/// Page `token` of four, of three tags each.
fn nth(token: &str) -> Vec<u8> {
    let number: usize = if token.is_empty() { 0 } else { token.parse().expect("a token of ours") };
    let tags = (0..3).map(|i| (number * 3 + i, format!("1.{}.0", number * 3 + i)));
    let next = (number < 3).then(|| (number + 1).to_string());
    page(tags, next.as_deref()).1.to_string().into_bytes()
}

fn whole() -> BTreeSet<String> {
    (0..12).map(|i| format!("1.{i}.0")).collect()
}

async fn rest(mut pages: Pages<'_>) -> Result<Vec<String>, Error> {
    let mut tags = Vec::new();
    while let Some(page) = pages.next().await? {
        tags.extend(page.entries().iter().map(|entry| entry.tag().to_string()));
    }
    Ok(tags)
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_lost_is_asked_for_again_and_else_told_with_its_cursor() {
    // Twice is no matter.
    let wire = Wire::new(|token, asked| match (token, asked) {
        ("2", 2 | 3) => Turn::Broken,
        _ => Turn::Answer(nth(token)),
    });
    let scan = wire.reflector().scan(&fake::image()).await.expect("complete");
    assert_eq!(scan.tags().map(|tag| tag.to_string()).collect::<BTreeSet<_>>(), whole());
    assert_eq!((scan.listing().pages(), scan.listing().requests()), (4, 6));

    // Five times ends the listing, and the cursor goes on where it ended.
    let wire = Wire::new(|token, asked| match (token, asked) {
        ("2", ..7) => Turn::Broken,
        _ => Turn::Answer(nth(token)),
    });
    let (reflector, image) = (wire.reflector(), fake::image());
    let mut pages = reflector.pages(&image);
    let mut tags = Vec::new();
    let error = loop {
        match pages.next().await {
            Ok(page) => tags.extend(page.expect("not the end").entries().iter().map(|e| e.tag().to_string())),
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), error.page(), tags.len()), (ErrorKind::Unavailable, Some(3), 6));
    let cursor = error.cursor().cloned().expect("that of page 3");
    tags.extend(rest(reflector.pages_from(&image, cursor)).await.expect("complete"));
    assert_eq!((tags.len(), tags.into_iter().collect()), (12, whole()));
}

#[tokio::test]
async fn a_page_that_is_cut_anywhere_is_no_page() {
    let full = nth("1").len();
    for length in 0..full {
        let wire = Wire::new(move |token, _| {
            let mut body = nth(token);
            if token == "1" {
                body.truncate(length);
            }
            Turn::Answer(body)
        });
        let error = wire.reflector().scan(&fake::image()).await.expect_err("cut");
        assert_eq!(
            (error.kind(), error.page()),
            (ErrorKind::InvalidResponse, Some(2)),
            "{length}: {error:?}"
        );
        assert_eq!((error.cursor().map(Cursor::as_str), wire.asked()), (Some("1"), 2));
    }
}

#[tokio::test]
async fn what_is_no_text_is_no_page() {
    for bytes in [
        &b"{\"imageIds\":[{\"imageTag\":\"1.\xff.0\"}]}"[..],
        b"{\"imageIds\":[{\"imageTag\":\"1.\xc3\"}]}",
        b"\xef\xbb\xbf{\"imageIds\":[]}",
        b"{\"imageIds\":[],\"nextToken\":\"\xff\"}",
        b"{\"imageIds\":[{\"imageTag\":\"1.\\ud800.0\"}]}",
        b"\x00",
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    ] {
        let wire =
            Wire::new(move |token, _| Turn::Answer(if token == "3" { bytes.to_vec() } else { nth(token) }));
        let error = wire.reflector().scan(&fake::image()).await.expect_err("no text");
        assert_eq!(
            (error.kind(), error.page()),
            (ErrorKind::InvalidResponse, Some(4)),
            "{bytes:?}: {error:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    // Blanks may precede a page: without a limit this would be one.
    let endless = [vec![b' '; 64 * 1024 * 1024], nth("1")].concat();
    let wire =
        Wire::new(move |token, _| Turn::Answer(if token == "1" { endless.clone() } else { nth(token) }));
    let error = wire.reflector().scan(&fake::image()).await.expect_err("too long");
    assert_eq!((error.kind(), error.page()), (ErrorKind::InvalidResponse, Some(2)));
    assert_eq!(
        error.to_string(),
        "the ECR API of eu-west-1 sent an answer of more than 64 MiB (page 2 of the listing)"
    );
    assert_eq!(wire.asked(), 2, "it is not asked for again");
}

#[tokio::test(start_paused = true)]
async fn a_slow_page_is_waited_for_and_one_that_is_too_slow_can_be_asked_for_later() {
    let wire = Wire::new(|token, _| Turn::Slow(Duration::from_secs(29), nth(token)));
    let begun = now();
    let scan = wire.reflector().scan(&fake::image()).await.expect("complete");
    assert_eq!((scan.len(), scan.listing().requests()), (12, 4));
    assert_eq!(begun.elapsed().as_secs(), 4 * 29);

    let wire = Wire::new(|token, asked| {
        let takes = if token == "1" && asked < 4 { 31 } else { 1 };
        Turn::Slow(Duration::from_secs(takes), nth(token))
    });
    let (reflector, image) = (wire.reflector(), fake::image());
    let begun = now();
    let error = reflector.scan(&image).await.expect_err("too slow");
    assert_eq!((error.kind(), error.page()), (ErrorKind::Unavailable, Some(2)));
    assert!(error.to_string().contains("did not answer in time"), "{error}");
    assert!(begun.elapsed() <= Duration::from_secs(92), "{:?}", begun.elapsed());
    let cursor = error.cursor().cloned().expect("that of page 2");
    assert_eq!(rest(reflector.pages_from(&image, cursor)).await.expect("complete").len(), 9);
}

#[tokio::test]
async fn pages_that_are_repeated_add_nothing_and_their_order_does_not_matter() {
    // What stands behind each token, in the order of a listing that repeats itself and goes back and forth.
    let order = ["0", "2", "0", "3", "1", "2"];
    let wire = Wire::new(move |token, _| {
        let at: usize = if token.is_empty() { 0 } else { token[1..].parse().expect("a token of ours") };
        let mut body: Value = serde_json::from_slice(&nth(order[at])).expect("JSON");
        body["nextToken"] = if at + 1 < order.len() { json!(format!("t{}", at + 1)) } else { Value::Null };
        Turn::Answer(body.to_string().into_bytes())
    });
    let policy = Policy::semver("*").expect("a range");
    let reflection = wire.reflector().reflect(&fake::image(), &policy).await.expect("complete");
    let in_order = Wire::new(|token, _| Turn::Answer(nth(token)));
    let expected = in_order.reflector().reflect(&fake::image(), &policy).await.expect("complete");
    assert_eq!(reflection.scan, expected.scan);
    assert_eq!(reflection.latest.image_ref(), expected.latest.image_ref());
    assert_eq!((reflection.scan.listing().tags(), expected.scan.listing().tags()), (18, 12));
}

#[tokio::test]
async fn tags_that_are_deleted_meanwhile_take_no_others_with_them() {
    // A token is the last tag of its page, whether it is still there or not; after each page every third tag goes.
    let wire = Wire::new(|token, asked| {
        let after: usize = token.parse().unwrap_or(0);
        let left = (1..=30).filter(|i| i % 3 != 0 || asked == 0).filter(|&i| i > after);
        let tags: Vec<_> = left.clone().take(4).map(|i| (i, format!("1.{i}.0"))).collect();
        let last = tags.last().map(|(i, _)| i.to_string());
        let next = last.filter(|_| left.count() > 4);
        Turn::Answer(page(tags, next.as_deref()).1.to_string().into_bytes())
    });
    let scan = wire.reflector().scan(&fake::image()).await.expect("complete");
    assert!((1..=30).filter(|i| i % 3 != 0).all(|i| scan.contains(&format!("1.{i}.0"))));
    assert!(scan.contains("1.3.0") && !scan.contains("1.6.0"));
    assert_eq!(scan.len(), 21);
}

/// Polls until it is done or was polled that often, and drops it.
async fn polled<F: Future>(future: F, times: &mut usize) -> Option<F::Output> {
    let mut future = pin!(future);
    while *times > 0 {
        *times -= 1;
        if let Poll::Ready(output) = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}

#[tokio::test(start_paused = true)]
async fn a_listing_can_be_given_up_at_every_point_and_goes_on_there() {
    let image = fake::image();
    let mut given_up = 0;
    for point in 1..1_000 {
        let wire = Wire::new(|token, _| Turn::Piecemeal(3, nth(token)));
        let reflector = wire.reflector();
        let mut pages = reflector.pages(&image);
        let mut tags = Vec::new();
        let mut left = point;
        // Given up once at this point, and the same page asked for again.
        let finished = loop {
            match polled(pages.next(), &mut left).await {
                Some(Ok(Some(page))) => {
                    tags.extend(page.entries().iter().map(|entry| entry.tag().to_string()));
                }
                Some(Ok(None)) => break true,
                Some(Err(error)) => panic!("{error}"),
                None => break false,
            }
        };
        if finished {
            assert_eq!((tags.len(), wire.asked()), (12, 4));
            break;
        }
        given_up += 1;
        tags.extend(rest(pages).await.expect("complete"));
        assert_eq!((tags.len(), tags.into_iter().collect()), (12, whole()), "given up at {point}");
        assert!(wire.asked() <= 5, "one page is asked for twice at most");

        // A scan that is given up leaves nothing behind for the next one.
        let mut left = point;
        let scan = match polled(reflector.scan(&image), &mut left).await {
            Some(done) => done.expect("complete"),
            None => reflector.scan(&image).await.expect("complete"),
        };
        assert_eq!((scan.len(), scan.listing().tags(), scan.listing().pages()), (12, 12, 4));
    }
    assert!((4 * 3..900).contains(&given_up), "{given_up} points");
}
