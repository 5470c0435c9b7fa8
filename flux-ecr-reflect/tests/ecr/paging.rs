//! However a registry cuts and orders its pages, the answers are those of the whole list.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use flux_ecr_reflect::{
    Cursor, Error, ImageName, PageRequest, Reflector, Scan, Tag, TagEntry, TagPage, TagSource,
};
use flux_policy::{ExclusionList, Policy, Selected};
use proptest::prelude::*;

/// Pages in memory; the cursor of a page is its number.
#[derive(Debug)]
struct Pages {
    pages: Vec<Vec<String>>,
    /// Whether the last page never comes, the first time it is asked for.
    hangs_once: AtomicBool,
}

#[async_trait]
impl TagSource for Pages {
    async fn page(&self, request: &PageRequest<'_>) -> Result<TagPage, Error> {
        let number = request.cursor().map_or(0, |cursor| cursor.as_str().parse().expect("a cursor of ours"));
        let last = number + 1 >= self.pages.len();
        if last && self.hangs_once.swap(false, Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        let tags = self.pages.get(number).into_iter().flatten();
        let page =
            TagPage::new(tags.map(|tag| Ok(TagEntry::new(tag.parse()?))).collect::<Result<_, Error>>()?);
        Ok(if last { page } else { page.with_next(Cursor::new((number + 1).to_string())) })
    }
}

fn reflector(pages: Vec<Vec<String>>, exclusion_list: ExclusionList, hangs_once: bool) -> Reflector {
    let source = Pages { pages, hangs_once: hangs_once.into() };
    Reflector::builder().tag_source(source).exclusion_list(exclusion_list).build().expect("complete")
}

fn texts(scan: &Scan) -> Vec<String> {
    scan.tags().map(|tag| tag.to_string()).collect()
}

fn image() -> ImageName {
    "ghcr.io/org/app".parse().expect("valid")
}

/// Tags cut into pages, some of them empty.
fn pages() -> impl Strategy<Value = Vec<Vec<String>>> {
    let tag = prop_oneof![
        "v?[0-3]\\.[0-9]\\.[0-9]",
        "[0-3]\\.[0-9]\\.[0-9]-rc\\.[0-9]",
        "pr-[0-9]",
        "sha256-[0-9a-f]{4}\\.sig",
    ];
    prop::collection::vec(prop::collection::vec(tag, 0..8), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn pages_do_not_show(pages in pages(), exclude_requests in any::<bool>()) {
        let exclusion_list = if exclude_requests {
            ExclusionList::new(["^pr-"]).expect("a pattern")
        } else {
            ExclusionList::default()
        };
        let kept: BTreeSet<&str> =
            pages.iter().flatten().map(String::as_str).filter(|tag| exclusion_list.excludes(tag).is_none()).collect();
        let policy = Policy::semver(">=1.0.0").expect("a range");
        let expected = policy.latest(&kept).expect("a decision");

        let reflector = reflector(pages.clone(), exclusion_list.clone(), false);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let reflection = runtime.block_on(reflector.reflect(&image(), &policy)).expect("complete");

        prop_assert!(reflection.scan.tags().map(|tag| tag.to_string()).eq(kept.iter().copied()));
        let latest = reflection.latest.image_ref().and_then(|image| image.tag()).map(Tag::as_str);
        prop_assert_eq!(latest, expected.winner().map(Selected::tag));
        let listed = pages.iter().flatten().count() as u64;
        prop_assert_eq!(reflection.scan.listing().tags(), listed);
        prop_assert_eq!(reflection.scan.listing().pages(), pages.len().max(1) as u64);
    }
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_listing_leaves_nothing_behind() {
    let pages = vec![vec!["1.0.0".to_owned()], vec!["1.1.0".to_owned()], vec!["1.2.0".to_owned()]];
    let reflector = reflector(pages, ExclusionList::default(), true);
    let image = image();
    tokio::time::timeout(Duration::from_secs(1), reflector.scan(&image)).await.expect_err("page 3 hangs");
    let scan = reflector.scan(&image).await.expect("complete");
    assert_eq!(texts(&scan), ["1.0.0", "1.1.0", "1.2.0"]);
    assert_eq!(scan.listing().pages(), 3);
}
