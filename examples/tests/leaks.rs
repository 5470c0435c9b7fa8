//! No secret of a run in its output, in its errors, or in the tracing of these crates at any level.
//!
//! A program of its own: who listens to tracing is a matter of the whole process.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![allow(dead_code, reason = "shared with the other end-to-end tests, which use more of it")]

#[path = "../reflect/args.rs"]
mod args;
#[path = "../reflect/counting.rs"]
mod counting;
#[path = "../reflect/job.rs"]
mod job;
#[path = "../reflect/json.rs"]
mod json;
#[path = "../reflect/program.rs"]
mod program;
#[path = "it/support.rs"]
mod support;
#[path = "../reflect/text.rs"]
mod text;
#[path = "../reflect/world.rs"]
mod world;

use std::io;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use support::{args, run, world};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_secret_of_a_run_is_shown() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let runs: [&[&str]; 10] = [
        &["--setup", "pod-identity"],
        &["--setup", "irsa"],
        &["--setup", "access-keys"],
        &["--setup", "node"],
        &["--setup", "service-account"],
        &["--setup", "nothing"],
        &["--setup", "irsa", "--json"],
        &["--setup", "pod-identity", "--image", "111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/missing"],
        &["--setup", "node", "--image", "444455556666.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp"],
        &["--setup", "irsa", "--image", "111122223333.dkr.ecr.eu-west-1.amazonaws.com/apps/missing"],
    ];
    for words in runs {
        log.0.lock().unwrap().clear();
        let args = args(words);
        let world = world(&args).await;
        let run = run(&args, &world).await;
        let traced = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(traced.contains("TRACE"), "the trace level is on");
        let ours: String = traced.lines().filter(|line| line.contains(" flux_")).collect();
        assert!(ours.contains("asked a credential source"), "the crates' own tracing is looked at");

        let secrets = world.aws.as_ref().unwrap().secrets_issued();
        assert!(!secrets.is_empty());
        for secret in secrets {
            for (place, text) in [("output", &run.out), ("errors", &run.err), ("tracing", &ours)] {
                assert!(!text.contains(&secret), "{words:?}: a secret is in the {place}:\n{text}");
            }
        }
    }
}
