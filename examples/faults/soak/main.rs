//! Everything at once, for as long as it is told: hundreds of identities and repositories on real sockets and in real time, while
//! faults come and go, tags are given, moved and deleted, roles are changed, ServiceAccounts are made again, token files
//! rotate, logins are revoked, and the clock runs sixty times as fast as it should and leaps on top of that.
//!
//! What must hold of every answer, whenever it comes:
//!
//! * it is the identity that was asked for, as its ServiceAccount was at some time during the call: the account says whose each
//!   access key id is (`tenant.rs`);
//! * it had not expired when it was asked for, unless it is the node's, which is stable through an outage of its metadata
//!   service;
//! * a listing has every tag that was there throughout, and none that was not there at any time (`repository.rs`);
//! * it comes: no caller waits beyond its limit;
//! * an error is of a kind that the faults explain.
//!
//! And of the whole: when the faults end, everything works again within [`RECOVERY`]; memory, tasks and file descriptors do not grow with
//! what was done; and when the clients are dropped, no task and no connection of theirs is left.
//!
//! ```console
//! $ cargo test -p faults --test soak -- --seconds 120
//! ```
//!
//! Two minutes, of a development build on two busy cores: 203 identities, 380 repositories, 46,618 requests of which 6,575 met a fault,
//! 7,578 answers of identities, 2,331 refreshes, 5,312 listings, 527 calls dropped, 5,206 changes, 63 hours by their clock; 104 MiB at
//! most, both sides of it; everything works again within 3.7 s.
//!
//! The seed is printed first and last, and `--seed` takes it: the same faults, changes and calls are made at about the same times. What
//! the scheduler of the machine makes of them is not in the seed.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod callers;
mod changes;
mod clients;
mod faults;
mod notes;
mod process;
mod repository;
mod tenant;
mod time;
mod world;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tokio::runtime::{Builder, Runtime};

use clients::Clients;
use notes::Notes;
use process::Use;
use time::pause;
use world::World;

/// How soon everything works again when the faults have ended.
const RECOVERY: Duration = Duration::from_secs(30);
/// How soon nothing is left of the clients.
const REST: Duration = Duration::from_secs(30);

/// Everything at once, and what must hold meanwhile.
#[derive(Debug, Parser)]
struct Args {
    /// How long faults are injected.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Of an earlier run, to have its like again.
    #[arg(long)]
    seed: Option<u64>,
    /// Tenants with a ServiceAccount, two roles and a repository each.
    #[arg(long, default_value_t = 200)]
    tenants: usize,
    /// Further repositories, for each of: ECR through the distribution API, ECR Public, a registry that is not AWS's.
    #[arg(long, default_value_t = 60)]
    repositories: usize,
    /// As the process that measures itself, with a heap that gives back what is free.
    #[arg(long, hide = true)]
    measured: bool,
    /// As cargo gives it to any test.
    #[arg(long, hide = true)]
    quiet: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if args.measured { run(&args) } else { process::run_measured() }
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the report is what it is run for")]
fn run(args: &Args) -> ExitCode {
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    println!("soak: seed {seed}");
    let (servers, callers) = (runtime("servers"), runtime("callers"));
    let world = servers.block_on(World::start(args.tenants, args.repositories, seed));
    let notes = Arc::new(Notes::new(world.clock.clone()));
    let summary = callers.block_on(soak(args, seed, &world, &notes));
    rest(&callers, &notes);
    println!("soak: errors meanwhile: {}", notes.errors());
    println!("soak: {summary}");
    let violations = notes.violations();
    for violation in &violations {
        eprintln!("soak: {violation}");
    }
    println!("soak: seed {seed}, {} violations", violations.len());
    if violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn soak(args: &Args, seed: u64, world: &Arc<World>, notes: &Arc<Notes>) -> String {
    let clients = Arc::new(Clients::new(world, args.tenants));
    let clock = tokio::spawn(time::run(world.clock.clone()));

    callers::visit_all(world, &clients, notes, RECOVERY).await;
    let before = Use::now();

    notes.storm(true);
    let mut tasks = vec![
        tokio::spawn(faults::run(world.clone(), notes.clone(), seed)),
        tokio::spawn(changes::run(world.clone(), notes.clone(), seed)),
    ];
    for number in 0..callers::CALLERS {
        tasks.push(tokio::spawn(callers::run(world.clone(), clients.clone(), notes.clone(), seed, number)));
    }
    let mut most = before;
    for _ in 0..args.seconds * 4 {
        pause(Duration::from_millis(250)).await;
        most = most.max(Use::now());
        if notes.is_over(tasks.iter().any(tokio::task::JoinHandle::is_finished)) {
            break;
        }
    }
    notes.end();
    for task in tasks {
        notes.check(task.await.is_ok(), || "a task of the soak has panicked".to_owned());
    }

    world.restore();
    let recovered = callers::visit_all(world, &clients, notes, RECOVERY).await;
    notes.storm(false);
    callers::visit_all(world, &clients, notes, RECOVERY).await;
    let after = Use::now();
    after.check(before, most, world.requests(), notes);
    clock.abort();
    let _ended = clock.await;
    format!(
        "{} identities, {} repositories, {} s: {} requests, {}; {most} at most; everything works again within {:.1} s",
        world.tenants.len() + world.controllers.len(),
        world.repositories.len(),
        args.seconds,
        world.requests(),
        notes.summary(),
        recovered.as_secs_f64(),
    )
}

/// Nobody has the clients any more: neither do any tasks.
fn rest(callers: &Runtime, notes: &Notes) {
    let left = callers.block_on(async {
        let step = Duration::from_millis(100);
        let mut waited = Duration::ZERO;
        while Use::now().tasks > 0 && waited < REST {
            pause(step).await;
            waited += step;
        }
        Use::now().tasks
    });
    notes.check(left == 0, || format!("{left} tasks are left of clients that are gone"));
}

fn runtime(name: &str) -> Runtime {
    Builder::new_multi_thread().worker_threads(2).thread_name(name).enable_all().build().unwrap()
}
