//! Situations as data: each file below this directory is a test of its own. `README.md` says how to write one.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod chain;
mod format;
#[path = "../it/log.rs"]
mod log;
mod network;
mod report;
mod run;
mod values;
mod world;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use flux_aws_auth::Reason;
use libtest_mimic::{Arguments, Failed, Trial};

use format::Scenario;

/// How often a scenario is played to find the numbers in its reports that differ from run to run.
const RUNS_TO_BLESS: usize = 5;

fn main() -> ExitCode {
    let (bless, arguments): (Vec<_>, Vec<_>) = std::env::args().partition(|argument| argument == "--bless");
    let bless = !bless.is_empty();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files = Vec::new();
    collect(&directory, &mut files);
    files.sort();
    let all = files.clone();
    let trials = files.into_iter().map(|file| {
        let name = file.strip_prefix(&directory).unwrap_or(&file).with_extension("");
        Trial::test(name.display().to_string(), move || test(&file, bless))
    });
    let mut trials: Vec<_> = trials.collect();
    trials.push(Trial::test("every_reason_has_a_scenario", move || every_reason_has_a_scenario(&all)));
    libtest_mimic::run(&Arguments::from_iter(arguments), trials).exit_code()
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in
        std::fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path())
    {
        if entry.is_dir() {
            collect(&entry, files);
        } else if entry.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            files.push(entry);
        }
    }
}

fn test(file: &Path, bless: bool) -> Result<(), Failed> {
    let text = read(file);
    let scenario = Arc::new(Scenario::parse(&text).map_err(|flaw| format!("{}: {flaw}", file.display()))?);
    if bless {
        write(file, &blessed(&scenario, &text));
        return Ok(());
    }
    let flaws = run::play(scenario.clone()).flaws;
    if flaws.is_empty() {
        return Ok(());
    }
    Err(format!("{}: {}\n{}", file.display(), scenario.description, flaws.join("\n")).into())
}

/// What the Kubernetes API answers is the matter of what asks it. Here there is but the outcome.
const OF_KUBERNETES: [Reason; 8] = [
    Reason::ApiServerAnswerMalformed,
    Reason::ApiServerFailing,
    Reason::ApiServerRejected,
    Reason::ApiServerThrottled,
    Reason::ApiServerUnauthorized,
    Reason::ApiServerUnreachable,
    Reason::ServiceAccountForbidden,
    Reason::ServiceAccountMissing,
];

/// Those of the authenticator, before there is a chain.
const OF_THE_AUTHENTICATOR: [Reason; 3] =
    [Reason::DefaultServiceAccountMissing, Reason::IdentityNotAllowed, Reason::ObjectLevelDisabled];

fn every_reason_has_a_scenario(files: &[PathBuf]) -> Result<(), Failed> {
    let texts: String = files.iter().map(|file| read(file)).collect();
    let words: HashSet<_> = texts.split(|c: char| !c.is_alphanumeric()).collect();
    let covered = |reason: &Reason| {
        words.contains(reason.as_str())
            || OF_KUBERNETES.contains(reason)
            || OF_THE_AUTHENTICATOR.contains(reason)
    };
    let missing: Vec<_> = Reason::ALL.iter().filter(|reason| !covered(reason)).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("no scenario ends in {missing:?}").into()) }
}

/// The scenario's text with the reports of today.
fn blessed(scenario: &Arc<Scenario>, text: &str) -> String {
    let runs: Vec<_> = (0..RUNS_TO_BLESS).map(|_| run::play(scenario.clone()).reports).collect();
    let reports = scenario.steps().iter().enumerate().filter_map(|(step, of)| {
        let before = of.expect.report.as_ref()?;
        let reports: Vec<_> = runs.iter().map(|reports| reports[step].clone()).collect();
        let common = report::common(&reports);
        Some(report::difference(before, &common).map(|_| report::with_any_numbers_of(before, &common)))
    });
    report::rewrite(text, &reports.collect::<Vec<_>>())
}

#[expect(clippy::disallowed_methods, reason = "a scenario is a file")]
fn read(file: &Path) -> String {
    std::fs::read_to_string(file).expect("a readable file")
}

#[expect(clippy::disallowed_methods, reason = "asked to on the command line")]
fn write(file: &Path, text: &str) {
    std::fs::write(file, text).expect("a file that can be written");
}
