//! Lists that are cut without a link to the rest.

use flux_ecr_reflect::{Cursor, ErrorKind, OciRegistry};
use proptest::prelude::*;

use crate::fake::{self, Asked, LIST, Log, Reply, texts};

fn registry(page_size: u16, answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> (OciRegistry, Log) {
    let (client, log) = fake::world(answer);
    (fake::builder(client).page_size(page_size).build().expect("complete"), log)
}

fn tags(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("1.{i:03}")).collect()
}

/// The first `n` of the tags after `last`, and never a link.
fn cut(tags: &[String], asked: &Asked) -> Reply {
    let n = asked.query("n").and_then(|n| n.parse().ok()).expect("a number is asked for");
    let last = asked.query("last").unwrap_or_default();
    let page: Vec<_> = tags.iter().filter(|tag| tag.as_str() > last).take(n).collect();
    Reply::tags(&page)
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_cut_is_read_to_its_end() {
    for (count, requests) in [(0, 1), (2, 1), (3, 2), (4, 2), (6, 3), (7, 3)] {
        let (registry, log) = registry(3, move |asked| cut(&tags(count), asked));
        let scan = fake::scan(&registry).await.expect("complete");
        assert_eq!(texts(&scan), tags(count));
        let listing = scan.listing();
        assert_eq!((listing.pages(), listing.requests(), listing.tags()), (requests, requests, count as u64));
        let get = format!("GET https://registry.example.com{LIST}?n=3");
        let all = [get.clone(), format!("{get}&last=1.002"), format!("{get}&last=1.005")];
        assert_eq!(log.lines(), all[..log.all().len()], "{count} tags");
        assert_eq!(log.all().len() as u64, requests, "{count} tags");
    }
}

#[tokio::test(start_paused = true)]
async fn who_ignores_the_last_tag_has_given_all_and_no_tag_counts_twice() {
    for order in [["a", "b", "c"], ["c", "a", "b"]] {
        let (registry, log) = registry(3, move |_| Reply::tags(&order));
        let scan = fake::scan(&registry).await.expect("complete");
        assert_eq!(texts(&scan), ["a", "b", "c"]);
        assert_eq!((scan.listing().pages(), scan.listing().tags()), (2, 3));
        assert_eq!(log.all().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn who_gives_the_last_tag_again_gives_those_after_it_too() {
    let (registry, log) = registry(3, |asked| match asked.query("last") {
        None => Reply::tags(&["a", "b", "c"]),
        Some("c") => Reply::tags(&["c", "d", "e"]),
        Some("e") => Reply::tags(&["e", "f"]),
        Some(other) => panic!("{other} was never the last"),
    });
    let scan = fake::scan(&registry).await.expect("complete");
    assert_eq!(texts(&scan), ["a", "b", "c", "d", "e", "f"]);
    assert_eq!((scan.listing().tags(), log.all().len()), (6, 3));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_know_the_last_tag_has_given_all() {
    for refusal in [
        Reply::new(400, ""),
        Reply::error(400, "UNSUPPORTED", "invalid last"),
        Reply::error(416, "PAGINATION_NUMBER_INVALID", "invalid last"),
        // Amazon ECR, whose `last` is a token of its own.
        Reply::error(405, "UNSUPPORTED", "Invalid parameter at 'NextToken'"),
    ] {
        let (registry, log) = registry(2, move |asked| match asked.query("last") {
            None => Reply::tags(&["a", "b"]),
            Some(_) => refusal.clone(),
        });
        let scan = fake::scan(&registry).await.expect("complete");
        assert_eq!((texts(&scan), log.all().len()), (vec!["a".to_owned(), "b".to_owned()], 2));
    }
}

#[tokio::test(start_paused = true)]
async fn what_else_stops_the_rest_is_an_error_that_keeps_its_place() {
    for (refusal, kind) in [
        (Reply::error(401, "UNAUTHORIZED", "no"), ErrorKind::Credentials),
        (Reply::error(400, "DENIED", "Your authorization token has expired"), ErrorKind::Credentials),
        (Reply::error(403, "DENIED", "no"), ErrorKind::AccessDenied),
        (Reply::error(404, "NAME_UNKNOWN", "no"), ErrorKind::NotFound),
        (Reply::new(404, ""), ErrorKind::InvalidResponse),
        (Reply::new(500, ""), ErrorKind::Unavailable),
        (Reply::ok("<html>"), ErrorKind::InvalidResponse),
    ] {
        let (registry, _) = registry(2, move |asked| match asked.query("last") {
            None => Reply::tags(&["a", "b"]),
            Some(_) => refusal.clone(),
        });
        let error = fake::scan(&registry).await.expect_err("the rest is missing");
        assert_eq!((error.kind(), error.page()), (kind, Some(2)), "{error}");
        assert!(error.cursor().is_some_and(|cursor| cursor.as_str().contains("n=2&last=b")), "{error}");
    }
    // A first page is refused as it ever was.
    let (registry, _) = registry(2, |_| Reply::new(400, ""));
    assert_eq!(fake::scan(&registry).await.expect_err("refused").kind(), ErrorKind::InvalidResponse);
}

#[tokio::test(start_paused = true)]
async fn who_links_is_not_asked_for_more_than_its_links() {
    let (registry, log) = registry(2, |asked| match asked.query("last") {
        // Even one that looks like what is asked without a link.
        None => {
            Reply::tags(&["a", "b"]).header("link", format!("<{LIST}?n=2&last=b#unlinked>; rel=\"next\""))
        }
        Some(_) => Reply::tags(&["b", "c"]),
    });
    let scan = fake::scan(&registry).await.expect("complete");
    assert_eq!(texts(&scan), ["a", "b", "c"]);
    assert_eq!((scan.listing().tags(), log.all().len()), (4, 2));
}

#[tokio::test(start_paused = true)]
async fn a_link_that_comes_late_is_followed() {
    let (registry, log) = registry(2, |asked| match asked.query("last") {
        None => Reply::tags(&["a", "b"]),
        Some("b") => Reply::tags(&["c", "d"]).header("link", format!("<{LIST}?last=x>; rel=\"next\"")),
        Some(_) => Reply::tags(&["e", "f"]),
    });
    assert_eq!(fake::scan(&registry).await.expect("complete").len(), 6);
    assert_eq!(log.all().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_listing_goes_on_from_where_it_was_cut() {
    let (first, _) = registry(3, |asked| cut(&tags(7), asked));
    let (reflector, image) = (fake::reflector(&first), fake::image());
    let mut pages = reflector.pages(&image);
    let page = pages.next().await.expect("page 1").expect("page 1");
    let cursor = Cursor::new(page.next().expect("another page").as_str());

    // As another process does, which asks for other numbers.
    let (second, log) = registry(1000, |asked| cut(&tags(7), asked));
    let reflector = fake::reflector(&second);
    let mut pages = reflector.pages_from(&image, cursor);
    let mut rest = Vec::new();
    while let Some(page) = pages.next().await.expect("complete") {
        rest.extend(page.entries().iter().map(|entry| entry.tag().to_string()));
    }
    assert_eq!(rest, tags(7)[3..]);
    let get = format!("GET https://registry.example.com{LIST}?n=3");
    assert_eq!(log.lines(), [format!("{get}&last=1.002"), format!("{get}&last=1.005")]);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_runs_in_circles_is_met() {
    let (registry, _) = registry(2, |asked| match asked.query("last") {
        Some("b") => Reply::tags(&["c", "d"]),
        Some("d") => Reply::tags(&["e", "f"]),
        _ => Reply::tags(&["a", "b"]),
    });
    let error = fake::scan(&registry).await.expect_err("a circle");
    assert!(error.to_string().contains("repeats a cursor"), "{error}");
}

proptest! {
    #[test]
    fn wherever_a_list_is_cut_every_tag_comes_once(count in 0_usize..40, page_size in 1_u16..10) {
        let (registry, log) = registry(page_size, move |asked| cut(&tags(count), asked));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let scan = runtime.expect("a runtime").block_on(fake::scan(&registry)).expect("complete");
        prop_assert_eq!(texts(&scan), tags(count));
        prop_assert_eq!(scan.listing().tags(), count as u64);
        prop_assert_eq!(log.all().len(), count / usize::from(page_size) + 1);
    }
}
