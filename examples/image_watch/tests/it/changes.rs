//! What is told of changes and failures, and when the registry is asked.

use flux_ecr_reflect::ErrorKind;

use crate::stage::{APP, Answer, Setup, Stage, told};

const HALF_AN_HOUR: Setup<'_> = Setup { state: None, rounds: None, at_once: 1, minutes: 30 };

#[tokio::test]
async fn a_change_is_one_line_and_no_change_is_none() {
    let stage = Stage::new(&["1.0.0"]);
    let played = stage
        .play(
            APP,
            HALF_AN_HOUR,
            &[(7, Answer::Tags(&["1.0.0", "1.1.0", "2.0.0"])), (12, Answer::Tags(&["1.0.0", "2.0.0"]))],
        )
        .await;
    assert_eq!(
        told(&played),
        [
            "09:00:00 ready repository apps/app successful scan: found 1 tags with checksum 160432618",
            r#"09:00:00 changed policy apps/app nothing → 1.0.0: highest version in "1.x""#,
            "09:10:00 changed policy apps/app 1.0.0 → 1.1.0: 1.1.0 is new",
            "09:15:00 changed policy apps/app 1.1.0 → 1.0.0: 1.1.0 is gone",
        ]
    );
    assert_eq!(stage.listed(), [0, 300, 600, 900, 1200, 1500]);
    let summary = &played.summary;
    assert_eq!((summary.scans, summary.failed_scans, summary.changes), (6, 0, 3));
}

#[tokio::test]
async fn failures_are_told_once_and_so_is_their_end() {
    let stage = Stage::new(&["1.0.0"]);
    let script = &[(7, Answer::Fails(ErrorKind::AccessDenied)), (21, Answer::Tags(&["1.0.0", "1.1.0"]))];
    let played = stage.play(APP, HALF_AN_HOUR, script).await;
    assert_eq!(
        told(&played)[2..],
        [
            "09:10:00 failing repository apps/app the registry says AccessDenied",
            "Next try: in 5m",
            "09:25:00 ready repository apps/app successful scan: found 2 tags with checksum 495453000, after 3 failures in 15m",
            "09:25:00 changed policy apps/app 1.0.0 → 1.1.0: 1.1.0 is new",
        ]
    );
}

#[tokio::test]
async fn a_failure_of_another_kind_is_told_too() {
    let stage = Stage::new(&["1.0.0"]);
    let script = &[(7, Answer::Fails(ErrorKind::AccessDenied)), (12, Answer::Fails(ErrorKind::NotFound))];
    let played = stage.play(APP, HALF_AN_HOUR, script).await;
    let told = told(&played);
    let failing: Vec<_> = told.iter().filter(|line| line.contains(" failing ")).collect();
    assert_eq!(
        failing,
        [
            &"09:10:00 failing repository apps/app the registry says AccessDenied",
            &"09:15:00 failing repository apps/app the registry says NotFound",
        ]
    );
    let failing: Vec<_> = played.summary.failing.iter().map(ToString::to_string).collect();
    assert_eq!(failing, ["repository apps/app"]);
}

#[tokio::test]
async fn what_may_pass_by_itself_is_tried_again_soon_and_ever_later_up_to_the_interval() {
    let stage = Stage::new(&["1.0.0"]);
    stage.play(APP, HALF_AN_HOUR, &[(3, Answer::Fails(ErrorKind::Throttled))]).await;
    let at = [0, 300, 310, 330, 370, 450, 610, 910, 1210, 1510];
    assert_eq!(stage.listed(), at);
}

#[tokio::test]
async fn that_nothing_matches_is_told_once_and_keeps_the_choice() {
    let stage = Stage::new(&["latest"]);
    let script =
        &[(7, Answer::Tags(&["1.0.0"])), (12, Answer::Tags(&["2.0.0"])), (22, Answer::Tags(&["1.0.0"]))];
    let played = stage.play(APP, HALF_AN_HOUR, script).await;
    assert_eq!(
        told(&played)[1..],
        [
            r#"09:00:00 no match policy apps/app none of 1 tags is what it wants: highest version in "1.x""#,
            r#"09:10:00 changed policy apps/app nothing → 1.0.0: highest version in "1.x""#,
            r#"09:15:00 no match policy apps/app none of 1 tags is what it wants: highest version in "1.x""#,
            "09:25:00 ready policy apps/app a tag is what it wants again",
        ]
    );
}

#[tokio::test]
async fn a_digest_is_looked_for_at_the_policy_s_interval_without_a_scan() {
    let stage = Stage::new(&["1.0.0"]);
    let manifests = APP
        .replace("interval: 5m", "interval: 1h")
        .replace("policy: {semver", "digestReflectionPolicy: Always, interval: 10m, policy: {semver");
    let played = stage.play(&manifests, HALF_AN_HOUR, &[(7, Answer::Digest(2))]).await;
    assert_eq!(told(&played).len(), 3, "{:?}", told(&played));
    assert!(told(&played)[2].starts_with("09:10:00 changed policy apps/app 1.0.0@sha256:"));
    assert!(told(&played)[2].ends_with(": the tag was moved"));
    assert_eq!(stage.listed(), [0]);
}

#[tokio::test]
async fn what_is_suspended_is_left_alone() {
    let stage = Stage::new(&["1.0.0"]);
    let repository = APP.replace("interval: 5m", "interval: 5m, suspend: true");
    let played = stage.play(&repository, HALF_AN_HOUR, &[]).await;
    assert_eq!((told(&played).len(), stage.listed().len()), (0, 0));

    let policy = APP.replace("imageRepositoryRef", "suspend: true, imageRepositoryRef");
    let played = stage.play(&policy, HALF_AN_HOUR, &[]).await;
    assert_eq!((told(&played).len(), stage.listed().len()), (1, 6));
}

#[tokio::test]
async fn it_ends_after_the_rounds_that_were_asked_for() {
    let stage = Stage::new(&["1.0.0"]);
    let setup = Setup { rounds: Some(3), ..HALF_AN_HOUR };
    let played = stage.play(APP, setup, &[(7, Answer::Fails(ErrorKind::NotFound))]).await;
    assert_eq!(stage.listed(), [0, 300, 600]);
    assert_eq!(played.summary.reason, "every repository was scanned as often as was asked for");
}

#[tokio::test]
async fn metrics_count_what_happened() {
    let stage = Stage::new(&["1.0.0", "1.1.0"]);
    let played = stage.play(APP, HALF_AN_HOUR, &[(17, Answer::Fails(ErrorKind::NotFound))]).await;
    let value = |line: &str| {
        let found =
            played.metrics.lines().find_map(|found| found.strip_prefix(line)?.trim().parse::<u64>().ok());
        found.unwrap_or_else(|| panic!("{line} is not in\n{}", played.metrics))
    };
    let app = r#"namespace="apps",name="app""#;
    assert_eq!(value(&format!(r#"image_watch_scans_total{{{app},outcome="success"}}"#)), 4);
    assert_eq!(value(&format!(r#"image_watch_scans_total{{{app},outcome="not_found"}}"#)), 2);
    assert_eq!(value("image_watch_scan_duration_seconds_count"), 6);
    assert_eq!(value(&format!("image_watch_tags{{{app}}}")), 2);
    assert_eq!(value(&format!("image_watch_policy_changes_total{{{app}}}")), 1);
    // The last scan that succeeded was at a quarter past, and it is half past.
    assert_eq!(value(&format!("image_watch_last_success_age_seconds{{{app}}}")), 900);
    assert_eq!(value("image_watch_throttled_answers_total"), 0);
    assert!(played.metrics.ends_with("# EOF\n"));
}
