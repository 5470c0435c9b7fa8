//! A scenario played once: what came of each step, and in what it was not as expected.

use std::fmt::Write as _;
use std::sync::Arc;

use aws_smithy_async::time::TimeSource;
use flux_aws_auth::{Error, Resolved};

use crate::chain::Asked;
use crate::format::{Expect, ExpectedError, Scenario, Step};
use crate::log::{Log, around};
use crate::network::Network;
use crate::report;
use crate::values::Span;
use crate::world::{Clock, Files};

/// What a scenario showed.
#[derive(Debug, Default)]
pub(crate) struct Played {
    /// One line or more for each thing that was not as expected.
    pub(crate) flaws: Vec<String>,
    /// The report of each step.
    pub(crate) reports: Vec<String>,
}

/// Plays a scenario in virtual time.
pub(crate) fn play(scenario: Arc<Scenario>) -> Played {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime");
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    tracing::subscriber::with_default(subscriber, || {
        runtime.block_on(async { Stage::new(scenario).play(&log).await })
    })
}

struct Stage {
    scenario: Arc<Scenario>,
    clock: Clock,
    network: Network,
    asked: Asked,
    /// All that a program could print.
    shown: String,
}

impl Stage {
    fn new(scenario: Arc<Scenario>) -> Self {
        let clock = Clock::new();
        let files = Files::new(scenario.clone(), clock);
        let network = Network::new(scenario.clone(), clock, files.clone());
        let environment = files.environment();
        let shown = format!("{environment:?}\n");
        let asked = Asked::new(&scenario, clock, &network, &files);
        Self { scenario, clock, network, asked, shown }
    }

    async fn play(mut self, log: &Log) -> Played {
        let mut played = Played::default();
        let scenario = self.scenario.clone();
        for (index, step) in scenario.steps().iter().enumerate() {
            let (flaws, report) = self.step(step).await;
            let place = if scenario.steps().len() > 1 { format!("steps[{index}].") } else { String::new() };
            played.flaws.extend(flaws.into_iter().map(|flaw| format!("{place}expect.{flaw}")));
            played.reports.push(report);
        }
        played.flaws.extend(self.network.flaws());
        let ours: String = log.text().lines().filter(|line| line.contains("flux_")).collect();
        for (where_, text) in [("what can be printed", &self.shown), ("tracing", &ours)] {
            if text.contains("canary") {
                played.flaws.push(format!("a secret is in {where_}: {}", around(text)));
            }
        }
        played
    }

    /// Takes one step. Gives what was not as expected, and the report.
    async fn step(&mut self, step: &Step) -> (Vec<String>, String) {
        #[expect(clippy::disallowed_methods, reason = "time passes between two calls")]
        tokio::time::sleep(step.after.duration()).await;
        if step.forget {
            self.asked.chain().forget();
        }
        let (started, requests) = (self.clock.elapsed(), self.network.requests());
        let result = match step.wait_for_identity {
            Some(patience) => Box::pin(self.asked.chain().wait_for_identity(patience.duration())).await,
            None => self.asked.resolve().await,
        };
        let took = self.clock.elapsed().saturating_sub(started);
        let requests = self.network.requests() - requests;
        let asked = &self.asked;
        write!(self.shown, "{asked:?}\n{result:?}\n{result:#?}\n").expect("a string");
        let mut flaws = match &result {
            Ok(resolved) => self.flaws_of_success(&step.expect, resolved),
            Err(error) => flaws_of_failure(&step.expect, error),
        };
        let text = match &result {
            Ok(resolved) => resolved.report().to_string(),
            Err(error) => error.report().map(ToString::to_string).unwrap_or_default(),
        };
        write!(self.shown, "{text}\n{}\n", story(&result)).expect("a string");
        if let Some(expected) = step.expect.requests.filter(|expected| *expected != requests) {
            flaws.push(format!("requests: expected {expected}, got {requests}"));
        }
        let deadline = step.wait_for_identity.or(self.scenario.options.deadline);
        let deadline = deadline.map_or(DEFAULT_DEADLINE, Span::milliseconds);
        let bounds =
            step.expect.elapsed.map(|bounds| (bounds.least.milliseconds(), bounds.most.milliseconds()));
        let (least, most) = bounds.unwrap_or((0, deadline));
        let milliseconds = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
        if !(least..=most).contains(&milliseconds) {
            flaws.push(format!("elapsed: expected {least} ms to {most} ms, got {milliseconds} ms"));
        }
        if let Some(difference) =
            step.expect.report.as_ref().and_then(|expected| report::difference(expected, &text))
        {
            flaws.push(format!("report:\n{difference}"));
        }
        (flaws, text)
    }

    fn flaws_of_success(&self, expect: &Expect, resolved: &Resolved) -> Vec<String> {
        let mut flaws = Flaws::default();
        if let Some(error) = &expect.error {
            flaws.add("error.kind", &error.kind, &"credentials");
        }
        let source = resolved.report().provided_by().map(|kind| kind.to_string());
        flaws.compare("source", expect.source.as_ref(), &source.unwrap_or_default());
        flaws.compare("identity", expect.identity.as_ref(), &resolved.principal().to_string());
        let key = resolved.credentials().access_key_id().to_owned();
        flaws.compare("key", expect.key.as_ref(), &key);
        let now = self.clock.now();
        if resolved.expiry().is_some_and(|expiry| expiry <= now) {
            flaws.add("expires_in", &"credentials that are good", &"expired ones");
        }
        if let Some(expected) = expect.expires_in {
            let left = resolved.expiry().and_then(|expiry| expiry.duration_since(now).ok());
            // AWS writes whole seconds.
            let expected = expected.duration().as_secs();
            let left = left.map(|left| left.as_secs_f64().round());
            if left != Some(f64::from(u32::try_from(expected).unwrap_or(u32::MAX))) {
                flaws.add("expires_in", &format!("{expected} s"), &format!("{left:?}"));
            }
        }
        flaws.0
    }
}

/// The deadline of a chain that is told no other, in milliseconds.
const DEFAULT_DEADLINE: i64 = 20_000;

fn flaws_of_failure(expect: &Expect, error: &Error) -> Vec<String> {
    let mut flaws = Flaws::default();
    let story = story_of(error);
    let Some(expected) = &expect.error else {
        flaws.add("source", expect.source.as_ref().map_or(&"", |source| source), &story);
        return flaws.0;
    };
    let ExpectedError { kind, reason, message, hint, status, code, request_id, retryable } = expected;
    flaws.compare("error.kind", Some(kind), &format!("{:?}", error.kind()));
    flaws.compare("error.reason", Some(reason), &error.reason().to_string());
    if !story.contains(message.as_str()) {
        flaws.add("error.message", message, &story);
    }
    for part in hint {
        if !error.hint().unwrap_or_default().contains(part.as_str()) {
            flaws.add("error.hint", part, &error.hint().unwrap_or("none"));
        }
    }
    if error.hint().is_none() {
        flaws.add("error.hint", &"some advice, as each failure has", &"none");
    }
    flaws.compare("error.status", status.as_ref(), &error.http_status().unwrap_or_default());
    flaws.compare("error.code", code.as_ref(), &error.aws_code().unwrap_or_default().to_owned());
    flaws.compare(
        "error.request_id",
        request_id.as_ref(),
        &error.request_id().unwrap_or_default().to_owned(),
    );
    flaws.compare("error.retryable", retryable.as_ref(), &error.is_retryable());
    flaws.0
}

#[derive(Default)]
struct Flaws(Vec<String>);

impl Flaws {
    fn compare<T: PartialEq + std::fmt::Display>(&mut self, field: &str, expected: Option<&T>, got: &T) {
        if let Some(expected) = expected.filter(|expected| *expected != got) {
            self.add(field, expected, got);
        }
    }

    fn add(&mut self, field: &str, expected: &dyn std::fmt::Display, got: &dyn std::fmt::Display) {
        self.0.push(format!(
            "{field}: expected {expected}\n{:width$}  got      {got}",
            "",
            width = field.len()
        ));
    }
}

fn story(result: &Result<Resolved, Error>) -> String {
    match result {
        Ok(resolved) => resolved.principal().to_string(),
        Err(error) => format!("{}\n{}", story_of(error), error.hint().unwrap_or_default()),
    }
}

/// The messages of an error and its causes.
fn story_of(error: &Error) -> String {
    let mut story = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        write!(story, ": {error}").expect("a string");
        cause = error.source();
    }
    story
}
