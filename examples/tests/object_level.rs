//! The example `object_level`: each tenant gets its own, and nobody what is another's.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

#[path = "../object_level/program.rs"]
mod program;

#[tokio::test]
async fn each_tenant_gets_its_own_and_nobody_what_is_another_s() {
    let mut out = Vec::new();
    program::run(&mut out).await.unwrap();
    let text = String::from_utf8(out).unwrap();
    let own = "role arn:aws:iam::111122223333:role/team-a, session image-reader.team-a.eu-west-1.fluxcd.io";
    for line in [
        "  team-a reads team-a/app: 2 tags",
        "  team-a reads team-b/app: AccessDenied by ECR",
        "  team-b reads team-a/app: AccessDenied by ECR",
        "  team-b reads team-b/app: 2 tags",
        "  team-c reads team-a/app: no credentials (NotTrusted)",
        "  team-c reads team-b/app: no credentials (NotTrusted)",
        &format!("team-a is {own}"),
        "It annotates its ServiceAccount with the role of team-b: no credentials (NotTrusted)",
        "Its ServiceAccount is deleted: no credentials (InvalidConfiguration)",
        "The controller is a role of account 111122223333, and nobody else was",
    ] {
        assert!(text.lines().any(|told| told == line), "{line:?} is not in\n{text}");
    }
    assert!(text.contains("subject system:serviceaccount:team-c:image-reader"), "{text}");
}
