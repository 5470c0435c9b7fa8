use std::sync::Mutex;

use async_trait::async_trait;

use super::*;
use crate::tags::TagEntry;

/// Answers page after page from a script; the cursor of a page is its place in the script.
#[derive(Debug)]
struct Script(Mutex<Vec<Result<Option<&'static str>, ErrorKind>>>);

impl Script {
    fn new(pages: impl IntoIterator<Item = Result<Option<&'static str>, ErrorKind>>) -> Self {
        let mut pages: Vec<_> = pages.into_iter().collect();
        pages.reverse();
        Self(Mutex::new(pages))
    }
}

#[async_trait]
impl TagSource for Script {
    async fn page(&self, _: &PageRequest<'_>) -> Result<TagPage, Error> {
        let step = self.0.lock().expect("not poisoned").pop().expect("asked for more pages than scripted");
        let next = step.map_err(|kind| Error::new(kind, "scripted"))?;
        let page = TagPage::new(vec![TagEntry::new("1.0.0".parse()?)]).with_requests(2);
        Ok(match next {
            Some(cursor) => page.with_next(Cursor::new(cursor)),
            None => page,
        })
    }
}

async fn walk(source: &Script) -> Result<(u64, Listing), Error> {
    let image: ImageName = "ghcr.io/org/app".parse()?;
    let mut pages = Pages::new(source, &image, None);
    let mut seen = 0;
    while let Some(page) = pages.next().await? {
        seen += page.entries().len() as u64;
    }
    assert!(pages.next().await?.is_none(), "the end is final");
    Ok((seen, pages.into_listing(0)))
}

#[tokio::test]
async fn every_page_is_read_once_and_counted() {
    let source = Script::new([Ok(Some("a")), Ok(Some("b")), Ok(None)]);
    let (seen, listing) = walk(&source).await.expect("complete");
    assert_eq!((seen, listing.tags(), listing.pages(), listing.requests()), (3, 3, 3, 6));
}

#[tokio::test]
async fn an_error_names_its_page_and_keeps_the_cursor() {
    let source = Script::new([Ok(Some("a")), Ok(Some("b")), Err(ErrorKind::Throttled)]);
    let error = walk(&source).await.expect_err("page 3 fails");
    assert_eq!((error.kind(), error.page()), (ErrorKind::Throttled, Some(3)));
    assert_eq!(error.cursor().map(Cursor::as_str), Some("b"));
    assert_eq!(error.to_string(), "scripted (page 3 of the listing)");
}

#[tokio::test]
async fn a_cursor_that_is_refused_at_once_is_told_and_a_wrong_name_is_of_no_page() {
    let image: ImageName = "ghcr.io/org/app".parse().expect("valid");
    let source = Script::new([Err(ErrorKind::Configuration), Err(ErrorKind::Configuration)]);
    let error = Pages::new(&source, &image, None).next().await.expect_err("a wrong name");
    assert_eq!((error.page(), error.cursor()), (None, None));
    let mut resumed = Pages::new(&source, &image, None).beginning_at(Cursor::new("old"));
    let error = resumed.next().await.expect_err("a cursor that is good no more");
    assert_eq!((error.page(), error.cursor().map(Cursor::as_str)), (Some(1), Some("old")));
}

#[tokio::test]
async fn a_failed_page_can_be_asked_for_again() {
    let source = Script::new([Ok(Some("a")), Err(ErrorKind::Unavailable), Ok(None)]);
    let image: ImageName = "ghcr.io/org/app".parse().expect("valid");
    let mut pages = Pages::new(&source, &image, None);
    pages.next().await.expect("page 1");
    pages.next().await.expect_err("page 2 fails");
    assert!(pages.next().await.expect("page 2 again").is_some());
    assert!(pages.next().await.expect("end").is_none());
}

#[tokio::test]
async fn circles_of_any_length_are_met() {
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    for length in 1..=names.len() {
        for lead_in in [0, 1, 5] {
            let lead = ["x1", "x2", "x3", "x4", "x5"].into_iter().take(lead_in);
            let circle = names.into_iter().take(length).cycle();
            let source = Script::new(lead.chain(circle).take(64).map(|cursor| Ok(Some(cursor))));
            let error = walk(&source).await.expect_err("a circle");
            assert_eq!(error.kind(), ErrorKind::InvalidResponse);
            assert!(error.to_string().contains("repeats a cursor"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_listing_that_is_resumed_into_a_circle_is_met_too() {
    let image: ImageName = "ghcr.io/org/app".parse().expect("valid");
    let source = Script::new(["a", "b"].into_iter().cycle().take(16).map(|cursor| Ok(Some(cursor))));
    let mut pages = Pages::new(&source, &image, None).beginning_at(Cursor::new("b"));
    let error = loop {
        match pages.next().await {
            Ok(page) => assert!(page.is_some(), "a circle has no end"),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("repeats a cursor"), "{error}");
}

#[tokio::test]
async fn progress_is_told_after_every_page() {
    let image: ImageName = "ghcr.io/org/app".parse().expect("valid");
    let told = Mutex::new(Vec::new());
    let told = std::sync::Arc::new(told);
    let hook = {
        let told = told.clone();
        move |progress: PageProgress<'_>| {
            told.lock().expect("not poisoned").push((progress.pages, progress.tags, progress.more));
        }
    };
    let source = Script::new([Ok(Some("a")), Ok(None)]);
    let mut pages = Pages::new(&source, &image, Some(&hook));
    while pages.next().await.expect("complete").is_some() {}
    assert_eq!(*told.lock().expect("not poisoned"), [(1, 1, true), (2, 2, false)]);
}
