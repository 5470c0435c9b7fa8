//! Finding the latest image takes the memory of one page, however many tags there are.

#![expect(clippy::expect_used, reason = "the helpers of tests may panic as tests do")]

use async_trait::async_trait;
use flux_ecr_reflect::{Cursor, Error, ImageName, PageRequest, Reflector, TagEntry, TagPage, TagSource};
use flux_policy::{Policy, TagFilter};

/// A repository whose tag `i` and digest `i` are made when asked for.
#[derive(Debug)]
struct Generated {
    tags: u64,
}

const PER_PAGE: u64 = 1000;

#[async_trait]
impl TagSource for Generated {
    async fn page(&self, request: &PageRequest<'_>) -> Result<TagPage, Error> {
        let start: u64 =
            request.cursor().map_or(0, |cursor| cursor.as_str().parse().expect("a cursor of ours"));
        let end = (start + PER_PAGE).min(self.tags);
        let entry = |i| {
            // 7919 is prime to a million, so the numbers come out of order and each once.
            let number = i * 7919 % 1_000_000;
            let tag = format!("main-{i:07x}-{:010}", 1_600_000_000 + number).parse()?;
            Ok(TagEntry::new(tag).with_digest(format!("sha256:{number:064x}").parse()?))
        };
        let page = TagPage::new((start..end).map(entry).collect::<Result<_, Error>>()?);
        Ok(if end < self.tags { page.with_next(Cursor::new(format!("{end:012}"))) } else { page })
    }
}

/// The winner, and the most bytes that were in use at once.
fn latest_of(tags: u64) -> (String, u64) {
    let policy = Policy::numerical(flux_policy::Order::Asc)
        .with_filter(TagFilter::new("^main-[a-f0-9]+-(?P<ts>[0-9]+)", "$ts").expect("a pattern"));
    let reflector = Reflector::builder().tag_source(Generated { tags }).build().expect("complete");
    let image: ImageName = "ghcr.io/org/app".parse().expect("valid");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");

    let mut winner = String::new();
    let used = allocation_counter::measure(|| {
        let latest = runtime.block_on(reflector.latest_image(&image, &policy)).expect("complete");
        assert_eq!((latest.listing().tags(), latest.decision().total()), (tags, tags));
        winner = latest.image_ref().expect("a winner").to_string();
    });
    (winner, used.bytes_max)
}

#[test]
fn latest_image_takes_the_memory_of_one_page() {
    let (_, small) = latest_of(2 * PER_PAGE);
    let (winner, large) = latest_of(200 * PER_PAGE);
    // The greatest 7919 · i mod 1,000,000 below i = 200,000 is that of i = 186,766 = 0x2d98e.
    assert_eq!(winner, format!("ghcr.io/org/app:main-002d98e-1600999954@sha256:{:064x}", 999_954));
    assert!(large <= small + 4096, "2,000 tags take {small} bytes at most, 200,000 take {large}");
}
