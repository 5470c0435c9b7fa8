//! What is known of the images behind the tags: push time, size, media and artifact type.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use flux_ecr_reflect::{Detail, Error, ImageFacts, PageRequest, Reflector, TagEntry, TagPage, TagSource};
use flux_policy::Policy;

use crate::fake;

/// Two images that were pushed one after the other; notes what it is asked for.
#[derive(Debug, Clone, Default)]
struct Dated {
    asked: Arc<Mutex<Vec<Detail>>>,
}

#[async_trait]
impl TagSource for Dated {
    async fn page(&self, request: &PageRequest<'_>) -> Result<TagPage, Error> {
        self.asked.lock().expect("not poisoned").push(request.detail());
        let pushed = |tag: &str, second| -> Result<TagEntry, Error> {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
            Ok(TagEntry::new(tag.parse()?).with_pushed_at(at))
        };
        Ok(TagPage::new(vec![pushed("a", 2_000)?, pushed("b", 1_000)?]))
    }
}

#[tokio::test]
async fn push_times_are_asked_for_when_the_policy_needs_them_and_reach_it() {
    let source = Dated::default();
    let reflector = Reflector::builder().tag_source(source.clone()).build().expect("complete");
    let image = fake::image();
    for (policy, winner) in
        [(Policy::newest_push(), "a"), (Policy::alphabetical(flux_policy::Order::Asc), "b")]
    {
        let latest = reflector.latest_image(&image, &policy).await.expect("complete");
        let tag = latest.image_ref().and_then(|image| image.tag()).expect("a winner");
        assert_eq!(tag.as_str(), winner);
        reflector.reflect(&image, &policy).await.expect("complete");
    }
    reflector.scan(&image).await.expect("complete");
    reflector.pages(&image).next().await.expect("complete");
    reflector.pages(&image).with_detail(Detail::Images).next().await.expect("complete");
    let (less, more) = (Detail::Digests, Detail::Images);
    assert_eq!(*source.asked.lock().expect("not poisoned"), [more, more, less, less, less, less, more]);
}

#[test]
fn the_tags_of_an_image_share_its_facts_until_one_is_changed() {
    let at = |second| SystemTime::UNIX_EPOCH + Duration::from_secs(second);
    let mut facts = ImageFacts::default();
    facts.size = Some(7);
    facts.pushed_at = Some(at(1));
    let shared = Arc::new(facts);
    let entry = |tag: &str| TagEntry::new(tag.parse().expect(tag)).with_facts(shared.clone());
    let (kept, changed) = (entry("1.0"), entry("latest").with_pushed_at(at(2)));
    assert_eq!((kept.pushed_at(), kept.facts().and_then(|facts| facts.size)), (Some(at(1)), Some(7)));
    assert_eq!((changed.pushed_at(), changed.facts().and_then(|facts| facts.size)), (Some(at(2)), Some(7)));
    assert_eq!(TagEntry::new("1.0".parse().expect("valid")).pushed_at(), None);
}
