//! Outputs that documentation shows, held against what the programs print, so that none can be stale.
//!
//! In documentation an output stands below its command, in a block of the kind `console`:
//!
//! ```console
//! $ cargo run --example reflect
//! Set-up
//! …
//! Latest image
//!   111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp:34.9.4@sha256:…
//! …
//! ```
//!
//! `…` stands for any text, and on a line of its own for any number of lines. Times and ports may differ.

use std::path::Path;
use std::process::{Command, Stdio};

/// Runs the commands of a module's documentation from the root of the workspace, and holds the output below each against what it
/// prints. In place of `cargo run --example …` or `cargo run -p …` it is `program` that runs. A command without an output has
/// to print something, and not errors alone. Those with `--live` do not run, nor do those that are not about the program.
///
/// # Panics
///
/// When an output is not as it is shown, or none is shown.
#[track_caller]
pub fn check(source: &str, program: &Path) {
    let commands = commands(source);
    assert!(commands.iter().any(|(_, shown)| !shown.is_empty()), "no output is shown");
    for (command, shown) in commands {
        let Some(run) = with_program(&command, program).filter(|run| !run.contains(" --live")) else {
            continue;
        };
        if shown.is_empty() {
            assert!(!output(&run).is_empty(), "`{command}` prints nothing");
        } else {
            same(&command, &shown, &output(&format!("{{ {run}\n}} 2>&1")));
        }
    }
}

/// What a shell prints on standard output.
fn output(command: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", command])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .stdin(Stdio::null())
        .output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

/// Holds what is shown as the output of `what` against what was printed.
///
/// # Panics
///
/// When it is not the same.
#[track_caller]
pub fn same(what: &str, shown: &str, printed: &str) {
    let settled = |text: &str| text.trim_end().lines().map(settled).collect::<Vec<_>>();
    assert!(
        lines_match(&settled(shown), &settled(printed)),
        "what is shown of `{what}` is\n{shown}\nbut it should be\n{printed}"
    );
}

/// The commands in the `console` blocks of a module's documentation, each with what is shown below it.
fn commands(source: &str) -> Vec<(String, String)> {
    let documentation = source.lines().map_while(|line| line.strip_prefix("//!"));
    let mut commands: Vec<(String, String)> = Vec::new();
    let (mut in_console, mut goes_on) = (false, false);
    for line in documentation.map(|line| line.strip_prefix(' ').unwrap_or(line)) {
        if line.starts_with("```") {
            in_console = line == "```console";
        } else if in_console {
            match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => commands.push((command.to_owned(), String::new())),
                (None, Some((command, _))) if goes_on => command.extend(["\n", line]),
                (None, Some((_, shown))) => shown.extend([line, "\n"]),
                (None, None) => {}
            }
            goes_on = line.ends_with('\\');
        }
    }
    for (_, shown) in &mut commands {
        shown.truncate(shown.trim_end().len());
    }
    commands
}

/// A command of the program's, which is there in the place of Cargo. What else is needed has to be everywhere.
fn with_program(command: &str, program: &Path) -> Option<String> {
    let (before, run) = command.split_once("cargo run ")?;
    if !(before.is_empty() || before.starts_with("echo ")) {
        return None;
    }
    // An option, the program's name, and what separates its arguments.
    let mut words = run.splitn(3, ' ').skip(2);
    let arguments = words.next().map_or("", |rest| rest.strip_prefix("-- ").unwrap_or(rest));
    Some(format!("{before}'{}' {arguments}", program.display()))
}

/// A line without what changes from run to run, times and ports, and with one space between its columns.
fn settled(line: &str) -> String {
    let text = line.trim_start_matches(' ');
    let (indentation, _) = line.split_at(line.len() - text.len());
    let words: Vec<&str> = text.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
    let settled = words.iter().enumerate().map(|(place, word)| {
        let unit = words.get(place + 1).map(|unit| unit.trim_end_matches([':', ',']));
        if matches!(unit, Some("ms" | "min")) && word.parse::<u64>().is_ok() {
            return "N".to_owned();
        }
        match word.split_once("127.0.0.1:") {
            Some((before, port)) => {
                let after = port.trim_start_matches(|c: char| c.is_ascii_digit());
                format!("{before}127.0.0.1:PORT{after}")
            }
            None => (*word).to_owned(),
        }
    });
    format!("{indentation}{}", settled.collect::<Vec<_>>().join(" "))
}

fn lines_match(shown: &[String], printed: &[String]) -> bool {
    match (shown.split_first(), printed.split_first()) {
        (None, printed) => printed.is_none(),
        (Some((first, rest)), _) if first.trim() == "…" => {
            (0..=printed.len()).any(|skipped| lines_match(rest, &printed[skipped..]))
        }
        (Some((first, rest)), Some((line, lines))) => line_matches(first, line) && lines_match(rest, lines),
        (Some(_), None) => false,
    }
}

fn line_matches(shown: &str, printed: &str) -> bool {
    let Some((start, rest)) = shown.split_once('…') else { return shown == printed };
    let Some(mut left) = printed.strip_prefix(start) else { return false };
    let Some((middle, end)) = rest.rsplit_once('…') else { return left.ends_with(rest) };
    for part in middle.split('…') {
        let Some((_, behind)) = left.split_once(part) else { return false };
        left = behind;
    }
    left.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(shown: &str, printed: &str) -> bool {
        let settled = |text: &str| text.lines().map(settled).collect::<Vec<_>>();
        lines_match(&settled(shown), &settled(printed))
    }

    #[test]
    fn an_ellipsis_stands_for_text_or_lines_and_nothing_else_does() {
        for (shown, printed) in [
            ("a\nb", "a\nb"),
            ("a\n…\nd", "a\nb\nc\nd"),
            ("a\n…\nb", "a\nb"),
            ("a…d", "abcd"),
            ("a … c … e", "a b c d e"),
            ("in 4 ms, http://127.0.0.1:80/x", "in   12 ms, http://127.0.0.1:4000/x"),
        ] {
            assert!(matches(shown, printed), "{shown:?} and {printed:?}");
        }
        for (shown, printed) in [
            ("a\nb", "a"),
            ("a", "a\nb"),
            ("a\n…\nd", "a\nb\nc"),
            ("a…d", "abc"),
            ("a…c…", "ab"),
            ("  a", "a"),
            ("in 4 ms", "in 4 s"),
        ] {
            assert!(!matches(shown, printed), "{shown:?} and {printed:?}");
        }
    }

    #[test]
    fn commands_are_found_with_what_is_shown_below_them() {
        let docs =
            ["Prose.", "$ none", "```console", "$ one \\", "  --long", "out", "", "more", "$ two", "```"];
        let others = ["```text", "$ three", "```"];
        let docs = [&docs[..], &others].concat().join("\n//! ");
        let source = format!("//! {docs}\nfn main() {{}}\n//! ```console\n//! $ four\n");
        let text = |text: &str| text.to_owned();
        let expected = [(text("one \\\n  --long"), text("out\n\nmore")), (text("two"), text(""))];
        assert_eq!(commands(&source), expected);
    }

    #[test]
    fn the_program_runs_in_the_place_of_cargo() {
        let program = Path::new("/programs/doctor");
        for (command, run) in [
            ("cargo run --example doctor", Some("'/programs/doctor' ")),
            ("cargo run -p doctor -- --ask", Some("'/programs/doctor' --ask")),
            ("echo x | cargo run --example doctor -- get", Some("echo x | '/programs/doctor' get")),
            ("crane ls image | cargo run --example doctor", None),
            ("docker pull", None),
        ] {
            assert_eq!(with_program(command, program).as_deref(), run);
        }
    }
}
