//! Paging: complete, unordered, and with tokens that are good for one listing.

use std::collections::BTreeSet;

use local_aws::{Repository, TagScheme as _, TagStyle};
use serde_json::{Value, json};

use crate::scenario::{builder, ecr, start};

#[tokio::test]
async fn pages_make_up_the_whole_listing() {
    let aws = start().await;
    let ecr = ecr(&aws).await;
    for (size, pages) in
        [(None, 3), (Some(1), 250), (Some(100), 3), (Some(249), 2), (Some(250), 1), (Some(1000), 1)]
    {
        let before = aws.requests().get("ecr:ListImages").copied().unwrap_or_default();
        let mut input = json!({ "repositoryName": "apps/mainapp", "filter": { "tagStatus": "TAGGED" } });
        if let Some(size) = size {
            input["maxResults"] = json!(size);
        }
        let mut tags = Vec::new();
        loop {
            let page = ecr.ecr(aws.ecr_url(), "ListImages", &input).await.json();
            let ids = page["imageIds"].as_array().expect("a list");
            assert!(ids.len() as u64 <= size.unwrap_or(100));
            tags.extend(ids.iter().map(|id| id["imageTag"].as_str().expect("a tag").to_owned()));
            match page.get("nextToken") {
                Some(token) => input["nextToken"] = token.clone(),
                None => break,
            }
        }
        let distinct: BTreeSet<_> = tags.iter().collect();
        assert_eq!((tags.len(), distinct.len()), (250, 250));
        assert!(!tags.is_sorted(), "the listing's order must not be relied on");
        assert_eq!(aws.requests()["ecr:ListImages"] - before, pages, "{size:?}");
    }
}

#[tokio::test]
async fn a_token_of_another_listing_is_refused() {
    let aws = builder()
        .repository(Repository::generated("apps/other", 250, TagStyle::Semver))
        .start()
        .await
        .expect("a valid set-up");
    let ecr = ecr(&aws).await;
    let first = json!({ "repositoryName": "apps/mainapp", "maxResults": 10 });
    let page = ecr.ecr(aws.ecr_url(), "ListImages", &first).await.json();
    let token = page["nextToken"].as_str().expect("more pages");

    let altered: String = token.chars().rev().collect();
    let with = |operation: &'static str, name: &str, token: &str, filter: Value| {
        (operation, json!({ "repositoryName": name, "nextToken": token, "filter": filter }))
    };
    let own = with("ListImages", "apps/mainapp", token, json!({ "tagStatus": "ANY" }));
    let foreign = [
        with("ListImages", "apps/other", token, json!({})),
        with("ListImages", "apps/mainapp", token, json!({ "tagStatus": "TAGGED" })),
        with("DescribeImages", "apps/mainapp", token, json!({})),
        with("ListImages", "apps/mainapp", &altered, json!({})),
        with("ListImages", "apps/mainapp", "", json!({})),
    ];
    assert_eq!(ecr.ecr(aws.ecr_url(), own.0, &own.1).await.status, 200);
    for (operation, input) in foreign {
        ecr.ecr(aws.ecr_url(), operation, &input).await.is_json_fault(
            "InvalidParameterException",
            "Invalid parameter at 'nextToken' failed to satisfy constraint: 'must be a token of this listing'",
        );
    }
}

#[tokio::test]
async fn a_million_tags_are_a_thousand_pages() {
    let aws = builder()
        .repository(Repository::generated("apps/large", 1_000_000, TagStyle::BranchBuild))
        .start()
        .await
        .expect("a valid set-up");
    let ecr = ecr(&aws).await;
    let mut input = json!({ "repositoryName": "apps/large", "maxResults": 1000 });
    for _ in 0..5 {
        let page = ecr.ecr(aws.ecr_url(), "ListImages", &input).await.json();
        assert_eq!(page["imageIds"].as_array().map(Vec::len), Some(1000));
        input["nextToken"] = page["nextToken"].clone();
    }
    let last = json!({
        "repositoryName": "apps/large",
        "imageIds": [{ "imageTag": TagStyle::BranchBuild.tag(999_999) }],
    });
    let found = ecr.ecr(aws.ecr_url(), "DescribeImages", &last).await.json();
    assert_eq!(found["imageDetails"][0]["imagePushedAt"], 1_704_067_200.0 + 999_999.0 * 60.0);
}
