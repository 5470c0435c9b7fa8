//! However slow, long or broken an answer is, there is an end to it, and nothing is lost.

#![expect(
    clippy::disallowed_methods,
    reason = "the clock is tokio's, and stands still until a test moves it"
)]

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use aws_smithy_async::rt::sleep::{AsyncSleep, TokioSleep};
use flux_ecr_reflect::{Cursor, Error, ErrorKind, Scan, TagPage};
use tokio::time::Instant;

use crate::fake::{self, Asked, LIST, Log, Reply, sources};

/// What comes of a scan, how long it took, and what was asked.
async fn scan(
    answer: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static,
) -> (Result<Scan, Error>, Duration, Log) {
    let asked_before = AtomicUsize::new(0);
    let (client, log) = fake::world(move |asked| answer(asked_before.fetch_add(1, Ordering::Relaxed), asked));
    let registry = fake::builder(client).build().expect("complete");
    let start = Instant::now();
    (fake::scan(&registry).await, start.elapsed(), log)
}

#[tokio::test(start_paused = true)]
async fn what_fails_for_a_moment_is_tried_again() {
    for reply in [
        Reply::new(429, ""),
        Reply::new(500, ""),
        Reply::new(502, ""),
        Reply::new(503, ""),
        Reply::new(504, ""),
        Reply::new(408, ""),
        Reply::reset(),
        Reply::tags(&["0.9.0"]).cut(),
        Reply::hang(),
    ] {
        let shown = format!("{reply:?}");
        let (result, _, log) =
            scan(move |before, _| if before < 2 { reply.clone() } else { Reply::tags(&["1.0.0"]) }).await;
        let scan = result.expect(&shown);
        assert_eq!((scan.len(), scan.listing().requests(), log.all().len()), (1, 3, 3), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_throttling_ends() {
    let (result, time, log) = scan(|_, _| Reply::error(429, "TOOMANYREQUESTS", "slow down")).await;
    let error = result.expect_err("throttled");
    assert_eq!((error.kind(), log.all().len()), (ErrorKind::Throttled, 5));
    assert_eq!(time, Duration::from_secs(1 + 2 + 4 + 8));
}

#[tokio::test(start_paused = true)]
async fn a_registry_says_when_to_come_back() {
    for (value, at_least) in [("7", 7), ("0", 1), ("soon", 1), ("Fri, 31 Dec 1999 23:59:59 GMT", 1)] {
        let (result, time, _) = scan(move |before, _| match before {
            0 => Reply::new(429, "").header("retry-after", value),
            _ => Reply::tags(&["1.0.0"]),
        })
        .await;
        result.expect(value);
        let expected = Duration::from_secs(at_least)..Duration::from_secs(at_least + 1);
        assert!(expected.contains(&time), "{value}: {time:?}");
    }
    let (result, time, log) = scan(|_, _| Reply::new(429, "").header("retry-after", "3600")).await;
    assert_eq!(result.expect_err("too long").kind(), ErrorKind::Throttled);
    assert_eq!((log.all().len(), time), (1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_is_silent_is_given_up() {
    let (result, time, log) = scan(|_, _| Reply::hang()).await;
    let error = result.expect_err("silence");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("in time"), "{error}");
    assert_eq!(time, Duration::from_secs(90));
    assert_eq!(log.all().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_page_has_one_deadline_whatever_it_waits_for() {
    let (client, _) = fake::world(|_| Reply::new(429, "").header("retry-after", "15"));
    let registry = fake::builder(client).timeout(Duration::from_secs(20)).build().expect("complete");
    let start = Instant::now();
    let error = fake::scan(&registry).await.expect_err("late");
    assert_eq!((error.kind(), start.elapsed()), (ErrorKind::Throttled, Duration::from_secs(20)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_page_is_waited_for() {
    let (result, time, _) = scan(|_, _| Reply::tags(&["1.0.0"]).after(Duration::from_secs(10))).await;
    assert_eq!((result.expect("complete").len(), time), (1, Duration::from_secs(10)));
}

#[tokio::test(start_paused = true)]
async fn an_enormous_page_is_not_read() {
    let tags: Vec<_> = (0..100_000).map(|i| format!("1.{i}.0")).collect();
    let (client, log) = fake::world(move |_| Reply::tags(&tags));
    let registry = fake::builder(client).max_page_bytes(100_000).build().expect("complete");
    let error = fake::scan(&registry).await.expect_err("too long");
    assert_eq!((error.kind(), log.all().len()), (ErrorKind::InvalidResponse, 1));
    assert!(error.to_string().contains("longer than 100000 bytes"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("max_page_bytes")), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn what_breaks_in_the_middle_keeps_its_page_and_cursor() {
    let (result, _, _) = scan(|_, asked| match asked.query("last") {
        None => Reply::tags(&["1.0.0"]).header("link", format!("<{LIST}?last=x>; rel=next")),
        Some(_) => Reply::reset(),
    })
    .await;
    let error = result.expect_err("broken");
    assert_eq!((error.kind(), error.page()), (ErrorKind::Unavailable, Some(2)));
    assert_eq!(error.cursor().map(Cursor::as_str), Some("/v2/apps/app/tags/list?last=x"));
    assert_eq!(
        error.to_string(),
        "registry.example.com could not be asked for the tags of registry.example.com/apps/app: the connection was reset \
         (page 2 of the listing)"
    );
    assert!(!format!("{error:?}").contains("last="), "{error:?}");
    assert_eq!(sources(&error).len(), 1);
}

/// Two pages behind a token, each answer after a while.
fn behind_a_token(asked: &Asked) -> Reply {
    let reply = if asked.path.starts_with("/token") {
        Reply::ok(r#"{"token":"t"}"#)
    } else if asked.authorization.is_none() {
        Reply::unauthorized(r#"Bearer realm="https://registry.example.com/token""#)
    } else if asked.query("last").is_none() {
        Reply::tags(&["1.0.0"]).header("link", format!("<{LIST}?last=x>; rel=next"))
    } else {
        Reply::tags(&["2.0.0"])
    };
    reply.after(Duration::from_millis(10))
}

#[tokio::test(start_paused = true)]
async fn abandoned_at_any_point_a_listing_goes_on_where_it_was() {
    let mut was_abandoned = [false; 3];
    for polls in 1..20 {
        let (client, _) = fake::world(behind_a_token);
        let registry = fake::builder(client).build().expect("complete");
        let (reflector, image) = (fake::reflector(&registry), fake::image());
        let mut pages = reflector.pages(&image);
        let mut tags = Vec::new();
        for was_abandoned in &mut was_abandoned {
            let mut page = poll_often(polls, pages.next()).await;
            *was_abandoned |= page.is_none();
            if page.is_none() {
                page = Some(pages.next().await);
            }
            let page = page.expect("either").expect("a page");
            tags.extend(page.iter().flat_map(TagPage::entries).map(|entry| entry.tag().to_string()));
        }
        assert_eq!(tags, ["1.0.0", "2.0.0"], "{polls} polls");
    }
    assert_eq!(was_abandoned, [true, true, false]);
}

/// Polls a future so often, with time between the polls for the next answer to come, and drops it.
async fn poll_often<T: Send>(polls: u32, future: impl Future<Output = T> + Send) -> Option<T> {
    let mut future = pin!(future);
    for _ in 0..polls {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(output);
        }
        TokioSleep::new().sleep(Duration::from_millis(11)).await;
    }
    None
}
