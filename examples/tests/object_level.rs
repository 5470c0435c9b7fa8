//! The example `object_level`: each tenant gets its own, and nobody what is another's.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

#[path = "../object_level/cluster.rs"]
mod cluster;
#[path = "../object_level/program.rs"]
mod program;
#[path = "../object_level/told.rs"]
mod told;

use examples::terminal::Screen;
use serde_json::json;

#[tokio::test]
async fn each_tenant_gets_its_own_and_nobody_what_is_another_s() {
    let document = told::document(&program::run().await.unwrap());
    let by = |by: &str, code: &str| json!({ "by": by, "code": code });
    let (by_ecr, not_trusted) = (by("ECR", "AccessDenied"), by("credentials", "NotTrusted"));
    let read = |team: &str, owner: &str, tags, refused| {
        let repository = format!("{owner}/app");
        json!({ "team": team, "repository": repository, "tags": tags, "refused": refused })
    };
    let expected = json!([
        read("team-a", "team-a", json!(2), json!(null)),
        read("team-a", "team-b", json!(null), by_ecr.clone()),
        read("team-b", "team-a", json!(null), by_ecr),
        read("team-b", "team-b", json!(2), json!(null)),
        read("team-c", "team-a", json!(null), not_trusted.clone()),
        read("team-c", "team-b", json!(null), not_trusted.clone()),
    ]);
    assert_eq!(document["reads"], expected);
    let own = "role arn:aws:iam::111122223333:role/team-a, session image-reader.team-a.eu-west-1.fluxcd.io";
    assert_eq!(document["teamA"]["atFirst"]["identity"], own);
    assert_eq!(document["teamA"]["withAnotherRole"], json!({ "identity": null, "refused": not_trusted }));
    let deleted = by("credentials", "InvalidConfiguration");
    assert_eq!(document["teamA"]["withoutServiceAccount"], json!({ "identity": null, "refused": deleted }));
    assert_eq!(document["controller"]["identity"], "a role of account 111122223333");
    let hint = document["hint"].as_str().unwrap();
    assert!(hint.contains("subject system:serviceaccount:team-c:image-reader"), "{hint}");
}

#[tokio::test]
async fn on_a_terminal_there_is_a_row_for_each_team() {
    let story = program::run().await.unwrap();
    let mut screen = Screen::plain(Vec::new());
    told::text(&story, true, &mut screen).unwrap();
    let text = String::from_utf8(screen.into_inner().unwrap()).unwrap();
    for row in [
        "reads   team-a/app                   team-b/app\n",
        "team-a  2 tags                       AccessDenied by ECR\n",
        "team-b  AccessDenied by ECR          2 tags\n",
        "team-c  no credentials (NotTrusted)  no credentials (NotTrusted)\n",
    ] {
        assert!(text.contains(row), "{row:?} is not in\n{text}");
    }
}
