//! The end, while a scan is under way.

use crate::stage::{APP, Answer, Setup, Stage};

const HOUR: Setup<'_> = Setup { state: None, rounds: None, at_once: 1, minutes: 60 };

#[tokio::test(start_paused = true)]
async fn a_scan_that_goes_on_for_longer_than_the_grace_is_abandoned() {
    let stage = Stage::new(&[]);
    stage.answer(Answer::Hangs);
    let asked = stage.asked.clone();
    let played = stage
        .play_until(APP, HOUR, &[], |stopper| {
            tokio::spawn(async move {
                asked.notified().await;
                stopper.stop("ctrl-c");
            });
        })
        .await;
    assert_eq!((played.summary.reason, played.summary.abandoned, played.summary.scans), ("ctrl-c", 1, 0));
    assert_eq!(
        played.lines[..2],
        ["09:00:00 stopping 1 scan under way, for 5s at most", "09:00:00 stopped ctrl-c"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_scan_that_comes_to_its_end_within_the_grace_counts() {
    let stage = Stage::new(&[]);
    stage.answer(Answer::Hangs);
    let (asked, let_go) = (stage.asked.clone(), stage.let_go.clone());
    let played = stage
        .play_until(APP, HOUR, &[], |stopper| {
            tokio::spawn(async move {
                asked.notified().await;
                stopper.stop("ctrl-c");
                tokio::task::yield_now().await;
                let_go.notify_one();
            });
        })
        .await;
    assert_eq!((played.summary.abandoned, played.summary.scans, played.summary.changes), (0, 1, 1));
    assert!(played.lines.contains(&"policy apps/app: registry.example.com/app:1.9.9".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_slow_repository_holds_up_no_other_if_there_is_room() {
    let slow = APP
        .replace("name: app,", "name: a-slow,")
        .replace("com/app", "com/slow")
        .replace("{name: app}", "{name: a-slow}");
    let manifests = format!("{slow}---{APP}");
    for (at_once, expected) in [(1, 0), (2, 1)] {
        let stage = Stage::new(&["1.0.0"]);
        stage.answer(Answer::HangsFor("slow"));
        let asked = stage.asked.clone();
        let played = stage
            .play_until(&manifests, Setup { at_once, ..HOUR }, &[], |stopper| {
                tokio::spawn(async move {
                    asked.notified().await;
                    tokio::task::yield_now().await;
                    stopper.stop("ctrl-c");
                });
            })
            .await;
        assert_eq!((played.summary.scans, played.summary.abandoned), (expected, 1), "{:?}", played.lines);
    }
}
