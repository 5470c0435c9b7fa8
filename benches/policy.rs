//! How long an evaluation takes, beside what else one could use.
//!
//! One thread; the tags are slices of one contiguous buffer in the order in which Flux stores them; compiling range and
//! pattern is included. `cargo bench -p benches --bench policy` measures, `-- --test` runs each contender once. The
//! contenders stand in `contenders.rs`, the tag sets in `tag_sets.rs`; `policy.md` holds the results of one run, and what
//! bounds each.

use std::hint::black_box;

use benches::contenders;
use benches::tag_sets::Set;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn evaluations(criterion: &mut Criterion) {
    for count in [100_000, 1_000_000] {
        for set in Set::ALL {
            let tags = set.tags(count);
            let mut group = criterion.benchmark_group(format!("{}/{count}", set.name()));
            group.sample_size(10).throughput(Throughput::Elements(count as u64));
            for (name, evaluate) in contenders::of(set) {
                // Two tags may have equal keys here, between which only Flux's rule decides.
                if name == "flux-policy" {
                    assert_eq!(evaluate(set, &tags).as_deref(), set.answer(count));
                }
                group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
                    bencher.iter(|| evaluate(set, black_box(&tags)));
                });
            }
        }
    }
}

criterion_group!(policy, evaluations);
criterion_main!(policy);
