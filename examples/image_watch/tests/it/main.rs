//! The example in memory, where time is skipped; over connections to an embedded AWS; and as a process.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

#[path = "../../args.rs"]
mod args;
#[path = "../../clock.rs"]
mod clock;
#[path = "../../configuration.rs"]
mod configuration;
#[path = "../../event.rs"]
mod event;
#[path = "../../files.rs"]
mod files;
#[path = "../../health.rs"]
mod health;
#[path = "../../json.rs"]
mod json;
#[path = "../../metrics.rs"]
mod metrics;
#[path = "../../object.rs"]
mod object;
#[path = "../../policy.rs"]
mod policy;
#[path = "../../printer.rs"]
mod printer;
#[path = "../../program.rs"]
#[allow(dead_code, reason = "the real world is for the process")]
mod program;
#[path = "../../repository.rs"]
mod repository;
#[path = "../../serve.rs"]
mod serve;
#[path = "../../state.rs"]
mod state;
#[path = "../../stop.rs"]
#[allow(dead_code, reason = "signals are for the process")]
mod stop;
#[path = "../../story.rs"]
mod story;
#[path = "../../text.rs"]
mod text;
#[path = "../../times.rs"]
mod times;
#[path = "../../watch.rs"]
mod watch;
#[path = "../../world.rs"]
mod world;

mod changes;
mod clocks;
mod lines;
mod manifests;
#[cfg(unix)]
mod process;
mod restart;
mod stage;
mod stopping;
mod whole_story;
