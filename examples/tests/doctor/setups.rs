//! Each way to an identity, looked at and asked.

use clap::Parser;
use examples::terminal::Screen;
use serde_json::Value;

use crate::args::Args;
use crate::program::{self, Verdict};
use crate::world::{World, mixed_repository};

/// What the example says with these words, and how often AWS was asked meanwhile.
async fn run(words: &[&str]) -> (Verdict, String, u64) {
    let args = Args::parse_from(["doctor"].iter().chain(words));
    let world = World::embedded(args.setup, mixed_repository(100), Some(100)).await.unwrap();
    let mut out = Screen::plain(Vec::new());
    let verdict = program::run(&args, &world, &mut out).await.unwrap();
    let out = String::from_utf8(out.into_inner().unwrap()).unwrap();
    let aws = world.aws.as_ref().unwrap();
    for secret in aws.secrets_issued() {
        assert!(!out.contains(&secret), "{words:?} tells a secret:\n{out}");
    }
    (verdict, out, aws.requests().values().sum())
}

#[tokio::test]
async fn each_setup_is_seen_for_what_it_is_without_a_request() {
    let cases = [
        ("pod-identity", Verdict::Well, "used: EKS Pod Identity"),
        (
            "irsa",
            Verdict::Well,
            "used: web identity (IRSA): role arn:aws:iam::111122223333:role/flux-image-reflector",
        ),
        ("access-keys", Verdict::Well, "access keys for ECR: not supported by Flux"),
        ("node", Verdict::Well, "so the node is asked for the role that everything on it shares"),
        ("service-account", Verdict::Well, "used: ServiceAccount"),
        ("nothing", Verdict::Problem, "it started before the annotation was made"),
    ];
    for (setup, expected, text) in cases {
        let (verdict, out, requests) = run(&["--setup", setup]).await;
        assert_eq!((verdict, requests), (expected, 0), "{setup}:\n{out}");
        assert!(out.contains(text), "{setup}: {text:?} is not in\n{out}");
    }
}

#[tokio::test]
async fn each_setup_that_works_works_when_asked() {
    for setup in ["pod-identity", "irsa", "access-keys", "node", "service-account"] {
        let (verdict, out, _) = run(&["--setup", setup, "--ask"]).await;
        assert_eq!(verdict, Verdict::Well, "{setup}:\n{out}");
        for text in [
            "AWS knows the caller as arn:aws:",
            "ecr:GetAuthorizationToken: the identity may log in",
            "ecr:ListImages: the identity may list the tags of",
        ] {
            assert!(out.contains(text), "{setup}: {text:?} is not in\n{out}");
        }
    }
}

#[tokio::test]
async fn the_document_has_every_finding_and_the_trust_policy() {
    let (_, out, _) = run(&["--json", "--ask"]).await;
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["used"], "web identity (IRSA)");
    assert!(document["findings"].as_array().unwrap().len() > 10, "{out}");
    assert_eq!(document["trustPolicy"]["Statement"][0]["Action"], "sts:AssumeRoleWithWebIdentity");
    assert!(document["caller"].as_str().unwrap().contains("assumed-role/flux-image-reflector/"));
}

/// The policy that the role should have, held against the image before anybody is asked.
#[tokio::test]
async fn a_policy_that_misses_the_image_is_told_what_is_wrong_with_it() {
    let data = |name: &str| format!("{}/data/doctor/{name}", env!("CARGO_MANIFEST_DIR"));
    let (verdict, out, requests) = run(&["--permissions", &data("wrong-arn.json")]).await;
    assert_eq!((verdict, requests), (Verdict::Problem, 0), "{out}");
    assert!(out.contains("\"mainapp\" is only a part of the repository's name"), "{out}");
    let (verdict, out, _) = run(&["--permissions", &data("right.json")]).await;
    assert_eq!(verdict, Verdict::Well, "{out}");
}
