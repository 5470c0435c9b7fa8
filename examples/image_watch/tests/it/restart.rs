//! What is kept from one run to the next.

use flux_ecr_reflect::ErrorKind;

use crate::files;
use crate::stage::{APP, Answer, Setup, Stage, told};

fn for_minutes(minutes: u64, folder: &tempfile::TempDir) -> Setup<'_> {
    Setup { state: Some(folder.path()), rounds: None, at_once: 1, minutes }
}

#[tokio::test]
async fn a_restart_repeats_no_line_and_waits_for_the_interval() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(&["1.0.0"]);
    let first = stage.play(APP, for_minutes(12, &folder), &[]).await;
    assert_eq!((told(&first).len(), stage.listed()), (2, vec![0, 300, 600]));

    let second = stage.play(APP, for_minutes(12, &folder), &[(17, Answer::Tags(&["1.0.0", "1.2.0"]))]).await;
    assert_eq!(told(&second), ["09:20:00 changed policy apps/app 1.0.0 → 1.2.0: 1.2.0 is new"]);
    assert_eq!(stage.listed(), [0, 300, 600, 900, 1200]);
    let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut files: Vec<_> = files.map(|name| name.into_string().unwrap()).collect();
    files.sort_unstable();
    assert_eq!(files, ["apps_app.json", "apps_app.scan"]);
}

#[tokio::test]
async fn a_policy_that_is_another_is_answered_from_the_last_scan() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(&["1.0.0", "2.0.0"]);
    stage.play(APP, for_minutes(2, &folder), &[]).await;
    let second = stage.play(&APP.replace("range: 1.x", "range: 2.x"), for_minutes(2, &folder), &[]).await;
    let changed = r#"09:02:00 changed policy apps/app 1.0.0 → 2.0.0: highest version in "2.x""#;
    assert_eq!((told(&second), stage.listed()), (vec![changed], vec![0]));
}

#[tokio::test]
async fn failures_go_on_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(&["1.0.0"]);
    let denied = &[(3, Answer::Fails(ErrorKind::AccessDenied))];
    stage.play(APP, for_minutes(12, &folder), denied).await;
    let second = stage.play(APP, for_minutes(12, &folder), &[(16, Answer::Tags(&["1.0.0"]))]).await;
    assert_eq!(
        told(&second),
        [
            "09:17:00 ready repository apps/app successful scan: found 1 tags with checksum 160432618, after 3 failures in 12m",
        ]
    );
}

#[tokio::test]
async fn what_is_damaged_is_told_and_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(&["1.0.0"]);
    stage.play(APP, for_minutes(2, &folder), &[]).await;
    for file in ["apps_app.scan", "apps_app.json"] {
        files::replace(&folder.path().join(file), "torn").unwrap();
        let listed = stage.listed().len();
        let again = stage.play(APP, for_minutes(2, &folder), &[]).await;
        let problem = told(&again)[0];
        assert!(problem.contains(" state repository apps/app ") && problem.contains(file), "{problem}");
        assert_eq!(stage.listed().len(), listed + 1, "{file}");
    }
    let healthy = stage.play(APP, for_minutes(2, &folder), &[]).await;
    assert!(told(&healthy).is_empty(), "{:?}", told(&healthy));
}

#[tokio::test]
async fn that_nothing_can_be_saved_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(&["1.0.0"]);
    // In the way of the file.
    std::fs::create_dir(folder.path().join("apps_app.json")).unwrap();
    let played = stage.play(APP, for_minutes(12, &folder), &[]).await;
    let problems = told(&played).into_iter().filter(|line| line.contains("cannot be written")).count();
    assert_eq!((problems, stage.listed().len()), (1, 3), "{:?}", told(&played));
}
