//! The story, over connections to its embedded AWS.

use std::path::Path;

use clap::Parser;
use examples::shown;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::args::Args;
use crate::event::Summary;
use crate::program::{self, Setting};
use crate::stage::Written;
use crate::stop::stop;

/// Runs the program, whose story takes no longer than its work.
async fn run(words: &[&str]) -> (Summary, Written) {
    let args = Args::parse_from(["image_watch"].iter().chain(words));
    let written = Written::default();
    let out = written.without_colours();
    let summary = program::run(&args, Setting::Story { speed: None }, out, stop()).await.unwrap();
    (summary, written)
}

#[test]
fn the_program_prints_what_its_documentation_shows() {
    shown::check(include_str!("../../main.rs"), Path::new(env!("CARGO_BIN_EXE_image_watch")));
}

#[tokio::test]
async fn json_is_one_object_a_line_that_says_the_same() {
    let (summary, written) = run(&["--json"]).await;
    let text = written.text();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    let count = |event: &str| events.iter().filter(|found| **found == event).count() as u64;
    assert_eq!((count("changed"), count("story"), count("stopped")), (summary.changes, 8, 1));
    assert!(lines.iter().all(|line| line["time"].as_str().unwrap().starts_with("2026-01-05T09:")));
    let release =
        lines.iter().find(|line| line["reason"] == "6.2.1 is new" && line["namespace"] == "apps").unwrap();
    assert_eq!((&release["kind"], &release["name"]), (&"ImagePolicy".into(), &"web".into()));
    assert!(release["to"].as_str().unwrap().ends_with("/apps/web:6.2.1"), "{release}");
    let denied = lines.iter().find(|line| line["error"] == "access_denied").unwrap();
    assert!(denied["hint"].is_string() && denied["nextTryInSeconds"] == 600, "{denied}");
    let stopped = lines.last().unwrap();
    assert_eq!((&stopped["reason"], &stopped["abandoned"]), (&"the story is over".into(), &0.into()));
    assert_eq!(stopped["policies"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn metrics_are_served_over_http() {
    let (summary, written) = run(&["--metrics", "0", "--for", "52m"]).await;
    let lines = written.lines();
    let url = lines.iter().find_map(|line| line.strip_prefix("09:00:00 metrics http://")).unwrap();
    let (host, path) = url.split_once('/').unwrap();
    assert!(host.starts_with("127.0.0.1:"));
    let answer = get(host, &format!("/{path}")).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.0 200"), "{head}");
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    let sum = |name: &str| -> u64 {
        let values =
            body.lines().filter(|line| line.starts_with(name)).map(|line| line.rsplit_once(' ').unwrap().1);
        values.map(|value| value.parse::<u64>().unwrap()).sum()
    };
    assert_eq!(sum("image_watch_scans_total"), summary.scans);
    assert_eq!(sum("image_watch_policy_changes_total"), summary.changes);
    assert!(sum("image_watch_throttled_answers_total") >= 1);
    assert!(sum("image_watch_credentials_total{event=\"load\"}") >= 1);
    assert_eq!(sum("image_watch_credentials_total{event=\"failure\"}"), 0);
    assert!(get(host, "/").await.starts_with("HTTP/1.0 404"));
}

async fn get(host: &str, path: &str) -> String {
    let mut connection = TcpStream::connect(host).await.unwrap();
    connection.write_all(format!("GET {path} HTTP/1.0\r\nhost: {host}\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_restart_in_the_middle_of_the_story_loses_and_repeats_nothing() {
    // Another story each time, with the same morning: all that is chosen by nine is chosen already.
    let folder = tempfile::tempdir().unwrap();
    let words = ["--state", folder.path().to_str().unwrap(), "--for", "4m"];
    let (first, _) = run(&words).await;
    let (second, written) = run(&words).await;
    assert_eq!((first.changes, second.changes, second.scans), (4, 0, 0), "{}", written.text());
    assert_eq!(first.policies, second.policies);
}
