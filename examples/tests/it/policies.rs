//! The manifests of Flux's own page, <https://fluxcd.io/flux/components/image/imagepolicies/>, and what it says of them.

use crate::program::Verdict;
use crate::support::{args, run, world, world_with};

const PODINFO: [&str; 12] = [
    "5.0.0",
    "5.1.0",
    "5.1.1",
    "5.1.2",
    "5.1.3",
    "5.1.4",
    "5.2.0",
    "6.0.0",
    "6.0.1-rc.0",
    "latest",
    "1.4.0-rc.1",
    "1.5.0-rc.2",
];
const MINIO: [&str; 4] = [
    "RELEASE.2023-10-25T06-33-25Z",
    "RELEASE.2024-01-01T16-36-33Z",
    "RELEASE.2024-01-01T16-36-33Z.fips",
    "latest",
];

async fn latest(policy: &str, tags: &[&str]) -> String {
    let world = world_with(tags).await;
    let run = run(&args(&["--policy", &data(policy), "--json"]), &world).await;
    assert_eq!(run.verdict, Verdict::Found, "{policy}: {}", run.out);
    let document: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let image = document["latestImage"].as_str().unwrap();
    let tagged = image.strip_prefix("111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp:").unwrap();
    tagged.split_once("@sha256:").unwrap().0.to_owned()
}

fn data(name: &str) -> String {
    format!("{}/data/{name}.yaml", env!("CARGO_MANIFEST_DIR"))
}

#[tokio::test]
async fn the_page_s_manifests_give_the_page_s_answers() {
    assert_eq!(latest("podinfo", &PODINFO).await, "5.1.4", "range 5.1.x, and the page's own answer");
    assert_eq!(latest("stable", &PODINFO).await, "6.0.0", "the latest stable version");
    assert_eq!(latest("release-candidate", &PODINFO).await, "1.5.0-rc.2", "the latest release candidate");
    assert_eq!(
        latest("release-timestamp", &MINIO).await,
        "RELEASE.2024-01-01T16-36-33Z",
        "the latest release"
    );
}

#[tokio::test]
async fn they_work_on_the_example_s_own_repository() {
    for (policy, tag) in [
        ("podinfo", "5.1.4"),
        ("stable", "34.9.4"),
        ("release-candidate", "1.9.3-rc.1"),
        ("release-timestamp", "RELEASE.2024-01-02T17-38-00Z"),
    ] {
        let args = args(&["--policy", &data(policy)]);
        let run = run(&args, &world(&args).await).await;
        assert_eq!(run.verdict, Verdict::Found, "{policy}: {}", run.err);
        assert!(run.out.contains(&format!("apps/mainapp:{tag}@sha256:")), "{policy}:\n{}", run.out);
    }
}

#[tokio::test]
async fn nothing_matched_is_an_answer_with_reasons() {
    let world = world_with(&["latest", "4.0.0", "5.2.0"]).await;
    let run = run(&args(&["--policy", &data("podinfo")]), &world).await;
    assert_eq!(run.verdict, Verdict::NothingMatched);
    for expected in ["1 not a version: latest", "2 outside the range", "Latest image\n  none"] {
        assert!(run.out.contains(expected), "{expected:?} is not in\n{}", run.out);
    }
}

#[tokio::test]
async fn two_hundred_thousand_tags_are_listed_to_the_last() {
    let args = args(&["--tags", "200000", "--json"]);
    let world = world(&args).await;
    let run = run(&args, &world).await;
    let document: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(document["scan"]["tagCount"], 190_000);
    assert_eq!(document["decision"]["winner"]["tag"], "2799.9.4");
    assert_eq!(world.aws.as_ref().unwrap().requests()["ecr:ListImages"], 200);
}
