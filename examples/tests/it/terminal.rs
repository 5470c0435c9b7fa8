//! What the example sends to a terminal.

use anstream::adapter::strip_str;
use examples::terminal::Screen;

use crate::program;
use crate::support::{args, run, world};

/// The words of a text, without the ones that change from run to run.
fn words(text: &str) -> Vec<&str> {
    text.split_whitespace()
        .filter(|word| !word.contains("127.0.0.1") && word.parse::<u64>().is_err())
        .collect()
}

#[tokio::test]
async fn lines_fit_and_say_what_the_plain_text_says() {
    for arguments in [&[][..], &["--setup", "nothing"]] {
        let args = args(arguments);
        let plain = run(&args, &world(&args).await).await;
        for width in [80, 120] {
            let (mut out, mut err) =
                (Screen::terminal(Vec::new(), width), Screen::terminal(Vec::new(), width));
            program::run(&args, &world(&args).await, &mut out, &mut err).await.unwrap();
            let text = [out.into_inner().unwrap(), err.into_inner().unwrap()].concat();
            let text = strip_str(std::str::from_utf8(&text).unwrap()).to_string();
            for line in text.lines() {
                let may_be_longer = !line.trim().contains(' ');
                assert!(line.chars().count() <= width || may_be_longer, "{width}: {line:?}");
            }
            assert_eq!(words(&text), words(&format!("{}{}", plain.out, plain.err)));
        }
    }
}
