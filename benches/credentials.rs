//! What credentials cost that are at hand, what ten thousand callers cost who need the same ones, and how many requests the
//! first ones take: beside `aws-config` and the identity cache of the AWS SDK.
//!
//! `cargo bench -p benches --bench credentials` measures, `-- --test` runs each contender once; both hold the number of requests
//! to the rival's. `credentials.md` holds the results of one run.
//!
//! `aws-config` reads the process's environment, so the program starts itself again with what it is to read.

#![allow(clippy::print_stdout, reason = "a program")]

#[path = "credentials/contenders.rs"]
mod contenders;
#[path = "credentials/network.rs"]
mod network;
#[path = "credentials/requests.rs"]
mod requests;

use std::hint::black_box;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Instant;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use criterion::{BatchSize, Criterion};
use tokio::runtime::Runtime;

use contenders::{CachedIdentity, Login, chain_over, irsa};
use network::Network;

const CALLERS: usize = 10_000;
/// Set where the environment is the one to be read.
const PREPARED: &str = "FLUX_BENCH_PREPARED";

#[expect(clippy::disallowed_methods, reason = "the program's own mark")]
fn main() -> ExitCode {
    if std::env::var_os(PREPARED).is_none() {
        return again_with(requests::ENVIRONMENT);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let Ok(runtime) = runtime else { return ExitCode::FAILURE };
    runtime.block_on(requests::compare());
    let mut criterion = Criterion::default().configure_from_args();
    at_hand(&mut criterion, &runtime);
    cold(&mut criterion, &runtime);
    criterion.final_summary();
    ExitCode::SUCCESS
}

fn again_with(environment: &[(&str, &str)]) -> ExitCode {
    let mut again = Command::new(std::env::current_exe().unwrap_or_default());
    again.args(std::env::args_os().skip(1)).env(PREPARED, "yes").envs(environment.iter().copied());
    match again.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// One caller, one thread, credentials that are good for a while.
fn at_hand(criterion: &mut Criterion, runtime: &Runtime) {
    let _context = runtime.enter();
    let chain = chain_over(irsa(), &Network::default());
    let handle = Login::handle();
    let environment = EnvironmentVariableCredentialsProvider::new();
    let cached = CachedIdentity::over(EnvironmentVariableCredentialsProvider::new());
    let contenders: [(&str, &dyn Fn() -> Option<usize>); 4] = [
        ("flux-aws-auth, a chain as a provider", &|| {
            now(black_box(&chain).provide_credentials()).and_then(Result::ok).as_ref().map(key)
        }),
        ("flux-aws-auth, a handle", &|| {
            now(black_box(&handle).get()).and_then(Result::ok).map(|login| login.0)
        }),
        ("aws-config, environment variables", &|| {
            now(black_box(&environment).provide_credentials()).and_then(Result::ok).as_ref().map(key)
        }),
        ("AWS SDK, cached identity", &|| now(black_box(&cached).credentials()).flatten().as_ref().map(key)),
    ];
    runtime.block_on(async {
        assert!(chain.provide_credentials().await.is_ok() && handle.get().await.is_ok());
        assert!(cached.credentials().await.is_some());
    });
    let mut group = criterion.benchmark_group("at hand");
    for (name, ask) in contenders {
        assert!(ask().is_some(), "{name} had to wait");
        println!("{name}: {:.0} ns in the quickest round", quickest(ask));
        group.bench_function(name, |bencher| bencher.iter(ask));
    }
    group.finish();
}

/// Nanoseconds per call in the quickest of many rounds of a thousand: what it takes when nobody else wants the core, which on a
/// shared machine criterion's averages do not show.
fn quickest(ask: &dyn Fn() -> Option<usize>) -> f64 {
    let round = || {
        #[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
        let start = Instant::now();
        (0..1000).for_each(|_| {
            black_box(ask());
        });
        start.elapsed().as_secs_f64() * 1e6
    };
    (0..1000).map(|_| round()).fold(f64::INFINITY, f64::min)
}

/// Something of what was given, so that giving it was no waste.
fn key(credentials: &Credentials) -> usize {
    credentials.access_key_id().len()
}

/// Ten thousand tasks who all need what nobody has yet, until the last of them has it.
fn cold(criterion: &mut Criterion, runtime: &Runtime) {
    let mut group = criterion.benchmark_group("10,000 callers of none");
    group.sample_size(20);
    group.bench_function("flux-aws-auth, web identity", |bencher| {
        bencher.iter_batched(
            || {
                let network = Network::default();
                (Arc::new(chain_over(irsa(), &network)), network)
            },
            |(chain, network)| {
                runtime.block_on(all(|| {
                    let chain = chain.clone();
                    async move { chain.provide_credentials().await.is_ok() }
                }));
                assert_eq!(network.requests(), 1);
            },
            BatchSize::PerIteration,
        );
    });
    group.bench_function("AWS SDK, cached identity over aws-config's web identity", |bencher| {
        bencher.iter_batched(
            || {
                let network = Network::default();
                (Arc::new(CachedIdentity::over(requests::aws_config_web_identity(&network))), network)
            },
            |(cached, network)| {
                runtime.block_on(all(|| {
                    let cached = cached.clone();
                    async move { cached.credentials().await.is_some() }
                }));
                assert_eq!(network.requests(), 1);
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

async fn all<F: Future<Output = bool> + Send + 'static>(call: impl Fn() -> F) {
    let callers: Vec<_> = (0..CALLERS).map(|_| tokio::spawn(call())).collect();
    for caller in callers {
        assert!(caller.await.unwrap_or(false));
    }
}

/// What is ready at the first poll.
#[inline]
fn now<F: Future>(future: F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}
