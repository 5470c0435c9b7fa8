//! The example through either API, and with what goes beyond Flux.

use serde_json::Value;

use crate::program::Verdict;
use crate::support::{args, run, world, world_with};

async fn json(tags: &str, words: &[&str]) -> Value {
    let args = args(&[&["--json", "--tags", tags], words].concat());
    let world = world(&args).await;
    let run = run(&args, &world).await;
    assert_eq!(run.verdict, Verdict::Found, "{}", run.out);
    serde_json::from_str(&run.out).unwrap()
}

#[tokio::test]
async fn both_apis_find_the_same() {
    let (ecr, oci) = (json("2500", &[]).await, json("2500", &["--oci"]).await);
    assert_eq!(ecr["through"], "the ECR API, with AWS credentials from web identity (IRSA)");
    assert_eq!(oci["through"], "the distribution API, with a user and a password");
    for part in ["/scan", "/decision/winner/tag", "/decision/leftOut", "/latestImage"] {
        assert!(ecr.pointer(part).is_some(), "{part}");
        assert_eq!(ecr.pointer(part), oci.pointer(part), "{part}");
    }
    let requests = |findings: &Value| findings["steps"][1]["requests"].as_u64().unwrap();
    // Three pages; beside them a login and the digest.
    assert_eq!((requests(&ecr), requests(&oci)), (3, 5));
}

/// Its only page is as long as was asked for, and nothing follows.
#[tokio::test]
async fn both_apis_read_a_repository_of_exactly_a_page() {
    let (ecr, oci) = (json("1000", &[]).await, json("1000", &["--oci"]).await);
    assert_eq!(ecr["scan"]["revision"], oci["scan"]["revision"]);
}

#[tokio::test]
async fn the_newest_push_is_the_last_image_that_was_pushed() {
    let args = args(&["--json", "--newest-push"]);
    let world = world_with(&["9.0.0", "1.0.0", "5.0.0"]).await;
    let run = run(&args, &world).await;
    let findings: Value = serde_json::from_str(&run.out).unwrap();
    let latest = findings["latestImage"].as_str().unwrap();
    assert!(latest.contains(":5.0.0@sha256:"), "{latest}");
    assert!(findings["pushedAt"].as_str().is_some_and(|at| at.starts_with("20")), "{}", run.out);
}

#[tokio::test]
async fn what_is_younger_than_the_minimum_age_is_left_out() {
    for (age, verdict) in [("1ms", Verdict::Found), ("999999h", Verdict::NothingMatched)] {
        let args = args(&["--min-age", age]);
        let run = run(&args, &world_with(&["1.0.0", "1.1.0"]).await).await;
        assert_eq!(run.verdict, verdict, "{age}: {}", run.out);
    }
}
