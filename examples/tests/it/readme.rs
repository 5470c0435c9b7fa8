//! The README shows what the example really prints.

use crate::support::{args, run, world};

/// A line without what changes from run to run: times, ports, how much of an hour is left.
fn settled(line: &str) -> String {
    let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    for place in 0..words.len() {
        let unit = words.get(place + 1).map(|word| word.trim_end_matches([':', ',']));
        if matches!(unit, Some("ms" | "min")) && words[place].parse::<u64>().is_ok() {
            words[place] = String::from("N");
        }
        if let Some((before, after)) = words[place].split_once("127.0.0.1:") {
            let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
            words[place] = format!("{before}127.0.0.1:PORT{after}");
        }
    }
    words.retain(|word| !word.is_empty());
    words.join(" ")
}

async fn check(marker: &str, words: &[&str]) {
    let readme = include_str!("../../../README.md");
    let block = readme.split_once(&format!("<!-- output of: {marker} -->\n```text\n")).expect(marker).1;
    let shown: Vec<_> = block.split_once("```").unwrap().0.trim_end().lines().map(settled).collect();
    let args = args(words);
    let world = world(&args).await;
    let run = run(&args, &world).await;
    let printed: Vec<_> = format!("{}{}", run.out, run.err).trim_end().lines().map(settled).collect();
    assert_eq!(shown, printed, "the README's block of `{marker}` should be\n{}{}", run.out, run.err);
}

#[tokio::test]
async fn the_readme_shows_the_real_output() {
    check("reflect", &[]).await;
    check("reflect --setup nothing", &["--setup", "nothing"]).await;
}

#[test]
fn the_readme_shows_the_real_matrix() {
    let readme = include_str!("../../../README.md");
    let block = readme.split_once("<!-- the support matrix -->\n").expect("the matrix's marker").1;
    let shown: Vec<_> = block.lines().take_while(|line| line.starts_with('|')).collect();
    let matrix = flux_aws_auth::Integration::matrix_markdown();
    assert_eq!(
        shown,
        matrix.trim_end().lines().collect::<Vec<_>>(),
        "the README's matrix should be\n{matrix}"
    );
}
