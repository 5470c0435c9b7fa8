//! How often a target is tried, and with which seed.

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseResult, TestRunner};

/// A target; the error says what failed, and how to see it again.
pub(crate) type Target = fn(Runs) -> Result<(), String>;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Runs {
    cases: u32,
    seed: u64,
}

/// Some seconds in all.
const CASES: u32 = if cfg!(debug_assertions) { 500 } else { 5000 };

impl Runs {
    /// Takes `--cases N` and `--seed N` out of the arguments.
    pub(crate) fn from_arguments(mut arguments: impl Iterator<Item = String>) -> (Self, Vec<String>) {
        let mut runs = Self { cases: CASES, seed: fastrand::u64(..) };
        let mut others = Vec::new();
        while let Some(argument) = arguments.next() {
            let mut number = || arguments.next().and_then(|text| text.parse::<u64>().ok()).expect("a number");
            match argument.as_str() {
                "--cases" => runs.cases = u32::try_from(number()).expect("a number of cases"),
                "--seed" => runs.seed = number(),
                _ => others.push(argument),
            }
        }
        (runs, others)
    }

    pub(crate) fn check<S: Strategy>(
        self,
        strategy: &S,
        test: impl Fn(S::Value) -> TestCaseResult,
    ) -> Result<(), String> {
        let Self { cases, seed } = self;
        let config = Config {
            cases,
            rng_seed: RngSeed::Fixed(seed),
            failure_persistence: None,
            max_shrink_iters: 10_000,
            ..Config::default()
        };
        let result = TestRunner::new(config).run(strategy, test);
        result.map_err(|error| format!("{error}\nagain: --seed {seed} --cases {cases}"))
    }
}
