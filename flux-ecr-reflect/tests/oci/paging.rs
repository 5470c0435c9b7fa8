//! From the first page of a list to its last, as the registry links them.

use flux_ecr_reflect::{Cursor, Error, ErrorKind, OciRegistry, PageRequest, TagPage, TagSource};
use proptest::prelude::*;

use crate::fake::{self, Asked, LIST, Log, Reply, sources, texts};

fn registry(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> (OciRegistry, Log) {
    let (client, log) = fake::world(answer);
    (fake::builder(client).build().expect("complete"), log)
}

/// Three pages, the second empty; where they begin is the registry's secret.
fn three_pages(asked: &Asked) -> Reply {
    let next = |last: &str| format!("<{LIST}?last={last}&n=2>; rel=\"next\"");
    match asked.query("last") {
        None => Reply::tags(&["1.0.0", "1.1.0"]).header("link", next("b%2FyZQ==")),
        Some("b%2FyZQ==") => Reply::tags(&[""; 0]).header("link", next("0,0;0")),
        Some("0,0;0") => Reply::tags(&["1.2.0", "0.9.0"]),
        Some(other) => panic!("a place the registry never named: {other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn links_are_followed_to_the_last_page() {
    let (registry, log) = registry(three_pages);
    let scan = fake::scan(&registry).await.expect("complete");
    assert_eq!(texts(&scan), ["0.9.0", "1.0.0", "1.1.0", "1.2.0"]);
    assert_eq!((scan.listing().pages(), scan.listing().requests(), scan.listing().tags()), (3, 3, 4));
    let get = format!("GET https://registry.example.com{LIST}");
    assert_eq!(
        log.lines(),
        [format!("{get}?n=1000"), format!("{get}?last=b%2FyZQ==&n=2"), format!("{get}?last=0,0;0&n=2")]
    );
    assert!(log.all().iter().all(|asked| asked.authorization.is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_page_may_be_smaller_and_is_asked_for_by_its_size() {
    let (client, log) = fake::world(|_| Reply::tags(&["1.0.0"]));
    let registry = fake::builder(client).page_size(7).build().expect("complete");
    fake::scan(&registry).await.expect("complete");
    assert_eq!(log.lines(), [format!("GET https://registry.example.com{LIST}?n=7")]);
    for size in [0, 1001] {
        let error = OciRegistry::builder().page_size(size).build().expect_err("out of range");
        assert_eq!(error.to_string(), format!("page_size: {size} is not from 1 to 1000"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_registry_without_pages_gives_all_at_once() {
    let tags: Vec<_> = (0..5000).map(|i| format!("1.{i}.0")).collect();
    let (registry, log) = registry(move |_| Reply::tags(&tags));
    assert_eq!(fake::scan(&registry).await.expect("complete").len(), 5000);
    assert_eq!(log.all().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn every_way_to_write_a_link_is_understood() {
    let host = "https://registry.example.com";
    for link in [
        format!("<{LIST}?last=x>; rel=\"next\""),
        format!("<{LIST}?last=x>; rel=next"),
        format!("<{LIST}?last=x>;REL=\"prefetch NEXT\""),
        format!("<{LIST}?last=x>"),
        format!("<{host}{LIST}?last=x>; rel=\"next\""),
        format!("<{host}:443{LIST}?last=x>; rel=\"next\""),
        format!("<HTTPS://REGISTRY.example.com{LIST}?last=x>; rel=\"next\""),
        format!("<//registry.example.com{LIST}?last=x>; rel=\"next\""),
        "<?last=x>; rel=\"next\"".to_owned(),
        "<list?last=x>; rel=\"next\"".to_owned(),
        format!("<{LIST}?first>; rel=\"first\"; title=\"a, <b>; rel=next\", <{LIST}?last=x>; rel=\"next\""),
    ] {
        let (registry, log) = registry({
            let link = link.clone();
            move |asked| match asked.query("last") {
                None => Reply::tags(&["1.0.0"]).header("link", &link),
                Some(_) => Reply::tags(&["2.0.0"]).header("link", "</>; rel=\"first\""),
            }
        });
        assert_eq!(fake::scan(&registry).await.map(|scan| scan.len()).ok(), Some(2), "{link}");
        assert_eq!(log.all().last().map(Asked::line), Some(format!("GET {host}{LIST}?last=x")), "{link}");
    }
}

#[tokio::test(start_paused = true)]
async fn several_link_headers_are_one_list() {
    let (registry, _) = registry(|asked| match asked.query("last") {
        None => Reply::tags(&["1.0.0"])
            .header("link", format!("<{LIST}>; rel=\"first\""))
            .header("link", format!("<{LIST}?last=x>; rel=\"next\"")),
        Some(_) => Reply::tags(&["2.0.0"]),
    });
    assert_eq!(fake::scan(&registry).await.expect("complete").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_where_a_link_leads_away() {
    for (link, said) in [
        (format!("<https://evil.example{LIST}?last=x>; rel=next"), "https://evil.example"),
        (format!("<//evil.example{LIST}?last=x>; rel=next"), "https://evil.example"),
        (format!("<http://registry.example.com{LIST}?last=x>; rel=next"), "http://registry.example.com"),
        (
            format!("<https://registry.example.com:5000{LIST}?last=x>; rel=next"),
            "https://registry.example.com:5000",
        ),
        (
            format!("<https://registry.example.com.evil.example{LIST}>; rel=next"),
            "https://registry.example.com.evil.example",
        ),
        (format!("<https://registry.example.com@evil.example{LIST}>; rel=next"), "without a usable address"),
        (format!("<https:\\\\evil.example{LIST}>; rel=next"), "without a usable address"),
        ("</v2/apps/other/tags/list?last=x>; rel=next".to_owned(), "/v2/apps/other/tags/list"),
        ("</v2/apps/app/tags/../../other/tags/list>; rel=next".to_owned(), "another path"),
        ("</logout>; rel=next".to_owned(), "another path"),
        (format!("<{LIST}?last=x; rel=next"), "cannot be read"),
        (format!("<{LIST}?last=x>; rel=next, <{LIST}?last=y>; rel=next"), "cannot be read"),
    ] {
        let (registry, log) = registry({
            let link = link.clone();
            move |_| Reply::tags(&["1.0.0"]).header("link", &link)
        });
        let error = fake::scan(&registry).await.expect_err(&link);
        assert_eq!((error.kind(), error.page()), (ErrorKind::InvalidResponse, Some(1)), "{link}");
        assert!(error.to_string().contains(said), "{error}");
        assert!(!error.to_string().contains("last="), "a query is shown: {error}");
        assert_eq!(log.all().len(), 1, "{link}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_listing_goes_on_from_a_cursor() {
    let (registry, log) = registry(three_pages);
    let reflector = fake::reflector(&registry);
    let image = fake::image();
    let mut pages = reflector.pages(&image);
    let first = pages.next().await.expect("page 1").expect("page 1");
    let cursor = first.next().cloned().expect("another page");
    drop(pages);
    log.take();
    let mut pages = reflector.pages_from(&image, cursor);
    let mut tags = Vec::new();
    while let Some(page) = pages.next().await.expect("complete") {
        tags.extend(page.entries().iter().map(|entry| entry.tag().to_string()));
    }
    assert_eq!(tags, ["1.2.0", "0.9.0"]);
    assert_eq!(log.all().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_cursor_from_elsewhere_is_refused_and_nothing_is_sent() {
    for cursor in [
        "",
        "eyJhIjoiYiJ9",
        "/v2/apps/other/tags/list?last=x",
        "/v2/apps/app/tags/list/../../manifests/latest",
        "https://evil.example/v2/apps/app/tags/list?last=x",
        "http://registry.example.com/v2/apps/app/tags/list?last=x",
        "https://user:password@registry.example.com/v2/apps/app/tags/list?last=x",
        "/v2/apps/app/tags/list?last=x\r\nHost: evil.example",
    ] {
        let (registry, log) = registry(|_| Reply::tags(&["1.0.0"]));
        let image = fake::image();
        let error = fake::reflector(&registry).pages_from(&image, Cursor::new(cursor)).next().await;
        let error = error.expect_err(cursor);
        assert_eq!(error.kind(), ErrorKind::Configuration, "{cursor}");
        assert!(!error.to_string().contains("last="), "{error}");
        assert!(log.all().is_empty(), "{cursor}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_runs_in_circles_is_met() {
    let (registry, _) = registry(|asked| {
        let next = match asked.query("last") {
            Some("a") => "b",
            Some("b") => "c",
            _ => "a",
        };
        Reply::tags(&["1.0.0"]).header("link", format!("<{LIST}?last={next}>; rel=next"))
    });
    let error = fake::scan(&registry).await.expect_err("a circle");
    assert!(error.to_string().contains("repeats a cursor"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_none_is_an_error_that_keeps_its_cursor() {
    let digest = format!("sha256:{:064}", 0);
    for (body, said, source) in [
        (&b""[..], "something other than a list of tags", "EOF while parsing"),
        (b"<html>", "something other than a list of tags", "expected value"),
        (b"[]", "something other than a list of tags", ""),
        (b"null", "something other than a list of tags", ""),
        (b"{}", "an object without \"tags\"", ""),
        (br#"{"name":"apps/app"}"#, "an object without \"tags\"", ""),
        (br#"{"tags":{}}"#, "something other than a list of tags", "invalid type"),
        (br#"{"tags":["1.0.0",null]}"#, "something other than a list of tags", "invalid type"),
        (br#"{"tags":["1.0.0""#, "something other than a list of tags", "EOF while parsing"),
        (br#"{"tags":["1.0.0"]}x"#, "something other than a list of tags", "trailing"),
        (br#"{"tags":["1.0.0"],"tags":[]}"#, "something other than a list of tags", "duplicate field"),
        (b"{\"tags\":[\"1.0.\xff\"]}", "something other than a list of tags", "unicode"),
        (br#"{"tags":["1.0.0",""]}"#, "a malformed tag", "tag \"\" is malformed"),
        (br#"{"tags":["a/b"]}"#, "a malformed tag", "tag \"a/b\" is malformed"),
        (digest.as_bytes(), "something other than a list of tags", ""),
        (br#"{"name":"apps/other","tags":["1.0.0"]}"#, "the tags of \"apps/other\"", ""),
        (br#"{"name":"otherapp","tags":["1.0.0"]}"#, "the tags of \"otherapp\"", ""),
    ] {
        let body = body.to_vec();
        let (registry, _) = registry({
            let body = body.clone();
            move |asked| match asked.query("last") {
                None => Reply::tags(&["1.0.0"]).header("link", format!("<{LIST}?last=x>; rel=next")),
                Some(_) => Reply::ok(body.clone()),
            }
        });
        let error = fake::scan(&registry).await.expect_err(said);
        let shown = format!("{} -> {error} {:?}", String::from_utf8_lossy(&body), sources(&error));
        assert_eq!((error.kind(), error.page()), (ErrorKind::InvalidResponse, Some(2)), "{shown}");
        assert_eq!(error.cursor().map(Cursor::as_str), Some("/v2/apps/app/tags/list?last=x"), "{shown}");
        assert!(error.to_string().contains(said) && sources(&error).concat().contains(source), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_list_is_a_page() {
    for body in [
        r#"{"tags":null}"#,
        r#"{"tags":[]}"#,
        r#"{"name":"app","tags":null}"#,
        r#"{"name":"proxy/apps/app","tags":[]}"#,
    ] {
        let (registry, _) = registry(move |_| Reply::ok(body));
        assert!(fake::scan(&registry).await.expect(body).is_empty(), "{body}");
    }
}

async fn first_page(registry: &OciRegistry) -> Result<TagPage, Error> {
    registry.page(&PageRequest::new(&fake::image())).await
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_a_registry_links_to_nobody_else_is_asked(
        link in prop_oneof![
            "\\PC{0,60}",
            "<(https?:)?(//)?[a-z@:.\\\\/]{0,20}(evil\\.example|registry\\.example\\.com)?[a-z0-9@:./?%\\\\#]{0,30}>; \
             ?(rel=\"?next\"?)?",
        ],
        location in "(https?:)?(//)?[a-z@:.\\\\/]{0,10}(evil\\.example)?[a-z0-9@:./?%#]{0,20}",
        status in prop_oneof![Just(200_u16), Just(307), Just(301)],
    ) {
        let (registry, log) = registry(move |asked| {
            let body = r#"{"tags":["1.0.0"]}"#;
            let reply = if asked.query("n").is_some() { Reply::new(status, body) } else { Reply::ok(body) };
            reply.header("link", &link).header("location", &location)
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(async {
            if let Ok(page) = first_page(&registry).await
                && let Some(next) = page.next()
            {
                let image = fake::image();
                registry.page(&PageRequest::new(&image).with_cursor(next)).await.ok();
            }
        });
        for asked in log.all() {
            prop_assert_eq!(asked.origin, "https://registry.example.com");
        }
    }

    #[test]
    fn however_a_list_is_cut_it_is_read_whole(
        cuts in prop::collection::vec(0_usize..5, 1..8),
        is_absolute in any::<bool>(),
    ) {
        let pages = cuts.len();
        let expected: usize = cuts.iter().sum();
        let (registry, log) = registry(move |asked| {
            let at: usize = asked.query("at").map_or(0, |at| at.parse().expect("a page"));
            let tags: Vec<_> = (0..cuts.get(at).copied().unwrap_or_default()).map(|i| format!("{at}.{i}.0")).collect();
            let reply = Reply::tags(&tags);
            if at + 1 == cuts.len() {
                return reply;
            }
            let host = if is_absolute { "https://registry.example.com" } else { "" };
            reply.header("link", format!("<{host}{LIST}?at={}>; rel=\"next\"", at + 1))
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let scan = runtime.expect("a runtime").block_on(fake::scan(&registry)).expect("complete");
        prop_assert_eq!((scan.len(), scan.listing().pages()), (expected, pages as u64));
        prop_assert_eq!(log.all().len(), pages);
    }
}
