//! Listings that are odd in the ways ECR's can be, and tags that change while they are read.

use local_aws::{Listing, LocalAws, Repository, Service, TagStyle};
use serde_json::{Value, json};

use crate::client::Login;
use crate::scenario::{builder, ecr};

/// An account whose `apps/odd` has 25 images, dealt out in this way.
async fn start(listing: Listing) -> LocalAws {
    let odd = Repository::generated("apps/odd", 25, TagStyle::BuildNumber).listing(listing);
    builder().repository(odd).start().await.expect("a valid set-up")
}

/// The tags on each page of `apps/odd`, ten asked for at a time; `between` happens after each.
async fn pages(aws: &LocalAws, operation: &str, most: usize, between: impl Fn(usize)) -> Vec<Vec<String>> {
    let ecr = ecr(aws).await;
    let mut input = json!({ "repositoryName": "apps/odd", "maxResults": 10 });
    let mut pages = Vec::new();
    while pages.len() < most {
        let page = ecr.ecr(aws.ecr_url(), operation, &input).await.json();
        let tags = match operation {
            "ListImages" => tags(&page["imageIds"], |image| json!([image["imageTag"]])),
            _ => tags(&page["imageDetails"], |image| image["imageTags"].clone()),
        };
        pages.push(tags);
        between(pages.len());
        match page.get("nextToken") {
            Some(token) => input["nextToken"] = token.clone(),
            None => break,
        }
    }
    pages
}

fn tags(images: &Value, of: impl Fn(&Value) -> Value) -> Vec<String> {
    let images = images.as_array().expect("a list").iter();
    images
        .flat_map(|image| of(image).as_array().cloned().unwrap_or_default())
        .filter_map(|tag| tag.as_str().map(str::to_owned))
        .collect()
}

#[tokio::test]
async fn pages_are_short_empty_or_repeat_what_was_before() {
    let cases = [
        (Listing::new(), vec![10, 10, 5], 25),
        (Listing::new().at_most(9), vec![9, 9, 7], 25),
        (Listing::new().empty_pages(), vec![10, 0, 10, 0, 5], 25),
        (Listing::new().repeating(2), vec![10, 10, 9], 29),
        (Listing::new().endless(), vec![10, 10, 5, 10, 10, 5], 50),
    ];
    for (listing, sizes, total) in cases {
        let aws = start(listing.clone()).await;
        for operation in ["ListImages", "DescribeImages"] {
            let pages = pages(&aws, operation, 6, |_| {}).await;
            assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), sizes, "{listing:?}");
            let mut tags = pages.concat();
            assert_eq!(tags.len(), total);
            tags.sort();
            tags.dedup();
            assert_eq!(tags.len(), 25, "{listing:?}: every tag is on some page");
        }
    }
}

#[tokio::test]
async fn tags_that_go_while_they_are_listed_take_no_other_with_them() {
    for operation in ["ListImages", "DescribeImages"] {
        let aws = start(Listing::new()).await;
        let whole = pages(&aws, operation, 9, |_| {}).await;
        let (gone, kept) = (whole[1][0].clone(), whole[1][1..].to_vec());
        let found = pages(&aws, operation, 9, |page| {
            if page == 1 {
                assert!(aws.untag(Service::Registry, "apps/odd", &gone));
            }
        })
        .await;
        assert_eq!(found[..3], [whole[0].clone(), kept, whole[2].clone()]);
        let login = Login::ecr(&aws, &ecr(&aws).await).await;
        let manifest = format!("{}/v2/apps/odd/manifests/{gone}", aws.registry_url());
        login.get(&manifest).await.is_fault(404, "MANIFEST_UNKNOWN");
    }
}

#[tokio::test]
async fn a_tag_moves() {
    let aws = start(Listing::new()).await;
    let ecr = ecr(&aws).await;
    let digest = async |tag: &str| {
        let input = json!({ "repositoryName": "apps/odd", "imageIds": [{ "imageTag": tag }] });
        let answer = ecr.ecr(aws.ecr_url(), "DescribeImages", &input).await.json();
        answer["imageDetails"][0]["imageDigest"].clone()
    };
    let (before, other) = (digest("7").await, digest("8").await);
    assert!(aws.retag(Service::Registry, "apps/odd", "7", "8"));
    assert_eq!(digest("7").await, other);
    assert_ne!(before, other);
    assert!(aws.retag(Service::Registry, "apps/odd", "latest", "7"));
    assert_eq!(digest("latest").await, other);

    let untagged = json!({ "repositoryName": "apps/odd", "filter": { "tagStatus": "UNTAGGED" } });
    let untagged = ecr.ecr(aws.ecr_url(), "ListImages", &untagged).await.json();
    assert_eq!(untagged["imageIds"], json!([{ "imageDigest": before }]));
    for (registry, repository, tag, to) in [
        (Service::Registry, "apps/odd", "new", "none"),
        (Service::Registry, "apps/none", "new", "7"),
        (Service::Sts, "apps/odd", "new", "7"),
    ] {
        assert!(!aws.retag(registry, repository, tag, to));
        assert!(!aws.untag(registry, repository, to) || repository == "apps/odd");
    }
}

#[tokio::test]
async fn archived_images_are_listed_on_request() {
    let aws = builder()
        .repository(Repository::with_tags("apps/old", ["1.0.0", "1.1.0"]).archived("1.0.0"))
        .start()
        .await
        .expect("a valid set-up");
    let ecr = ecr(&aws).await;
    let ask = async |operation: &str, status: Option<&str>| {
        let filter = status.map_or(json!({}), |status| json!({ "imageStatus": status }));
        let input = json!({ "repositoryName": "apps/old", "filter": filter });
        ecr.ecr(aws.ecr_url(), operation, &input).await.json()
    };
    for (status, tag) in [(None, "1.1.0"), (Some("ACTIVE"), "1.1.0"), (Some("ARCHIVED"), "1.0.0")] {
        let listed = ask("ListImages", status).await;
        assert_eq!(listed["imageIds"].as_array().map(Vec::len), Some(1));
        assert_eq!(listed["imageIds"][0]["imageTag"], tag);
        let described = ask("DescribeImages", status).await;
        let image = &described["imageDetails"][0];
        assert_eq!(image["imageTags"], json!([tag]));
        assert_eq!(image["imageStatus"], status.unwrap_or("ACTIVE"));
    }
    assert_eq!(ask("ListImages", Some("ANY")).await["imageIds"].as_array().map(Vec::len), Some(2));

    let login = Login::ecr(&aws, &ecr).await;
    let get = async |path: &str| login.get(&format!("{}/v2/apps/old/{path}", aws.registry_url())).await;
    assert_eq!(get("tags/list").await.tags(), ["1.1.0"]);
    get("manifests/1.0.0").await.is_fault(404, "MANIFEST_UNKNOWN");
}
