//! The README shows what the example really prints.

use examples::shown;

use crate::support::{args, run, world};

async fn check(marker: &str, words: &[&str]) {
    let readme = include_str!("../../../README.md");
    let block = readme.split_once(&format!("<!-- output of: {marker} -->\n```text\n")).expect(marker).1;
    let (shown, _) = block.split_once("```").unwrap();
    let args = args(words);
    let world = world(&args).await;
    let run = run(&args, &world).await;
    shown::same(marker, shown, &format!("{}{}", run.out, run.err));
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
