//! What the examples print where somebody reads it on a terminal, and where nobody does.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::process::Command;

use examples::program::of_example;
use examples::terminal::style::{BAD, GOOD, HEADING, MINOR, REMEDY, WARNING};

/// Each of these words is told in the colour that is theirs.
#[test]
fn colours_are_where_they_help_and_change_no_word() {
    let (good, bad) =
        (|text: &str| format!("{GOOD}{text}{GOOD:#}"), |text: &str| format!("{BAD}{text}{BAD:#}"));
    let heading = |text: &str| format!("{HEADING}{text}{HEADING:#}");
    let remedy = format!("{REMEDY}What to do:{REMEDY:#}");
    let minio = ["data/explain/minio.yaml", "data/explain/minio.txt"];
    let builds = ["data/explain/builds.yaml", "data/explain/builds.txt"];
    let wrong = ["data/explain/wrong.yaml", "data/explain/podinfo.txt"];
    let note = format!("{WARNING}note:{WARNING:#}");
    for (example, words, marked) in [
        (
            "reflect",
            &[][..],
            vec![good("34.9.4"), good("provided"), good("Credentials from"), heading("Decision")],
        ),
        (
            "reflect",
            &["--setup", "nothing"],
            vec![bad("No AWS credentials"), remedy.clone(), format!("{MINOR}skipped{MINOR:#}")],
        ),
        ("reflect", &["--tags", "20"], vec![bad("none"), bad("no tag qualifies")]),
        ("doctor", &["--setup", "nothing"], vec![bad("PROBLEM"), remedy, heading("web identity (IRSA)")]),
        ("doctor", &["--explain-order"], vec![good("used"), heading("This program's order")]),
        ("explain_policy", &minio, vec![good("RELEASE.2024-06-13T22-53-53Z"), heading("ImagePolicy minio")]),
        ("explain_policy", &builds, vec![good("1.4.1-alpine3.18")]),
        ("explain_policy", &wrong, vec![note]),
        ("object_level", &[], vec![good("2 tags"), bad("AccessDenied by ECR")]),
    ] {
        let run = |variable: &[(&str, &str)]| {
            let program =
                Command::new(of_example(example)).args(words).envs(variable.iter().copied()).output();
            let output = program.unwrap();
            String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
        };
        let painted = run(&[("CLICOLOR_FORCE", "1")]);
        for marked in marked {
            assert!(painted.contains(&marked), "{example} {words:?}: {marked:?} is not in\n{painted:?}");
        }
        let plain = run(&[]);
        assert!(!plain.contains('\u{1b}'), "{example} {words:?}:\n{plain:?}");
        examples::shown::same(example, &plain, &anstream::adapter::strip_str(&painted).to_string());
        let refused = run(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]);
        assert!(!refused.contains('\u{1b}'), "{example} {words:?}:\n{refused:?}");
    }
}
