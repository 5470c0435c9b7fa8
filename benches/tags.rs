//! What it takes to get from a registry to the latest of its tags, or to all of them, beside what one writes first.
//!
//! `cargo bench -p benches --bench tags` measures over loopback sockets, against the embedded AWS, which runs in the same
//! process; `-- --test` runs each contender once. Both hold the number of requests to the number of pages. What the contenders take
//! by themselves `instructions.rs` counts; `tags.md` holds the results of one run.

use std::collections::BTreeMap;

use aws_credential_types::Credentials;
use benches::listings::{Contender, OF_ECR, OF_OCI, Place};
use benches::tag_sets::Set;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use local_aws::{GenericRegistry, LocalAws, Repository, User};
use tokio::runtime::Runtime;

const TAGS: usize = 100_000;
const PAGES: u64 = 100;
const READ: &str = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ecr:ListImages", "Resource": "*"}}"#;

#[expect(clippy::expect_used, reason = "a bench")]
fn listings(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let tags: Vec<_> = Set::Semver.tags(TAGS).iter().map(str::to_owned).collect();
    let greatest = tags.iter().max().cloned();
    let repository = || Repository::with_tags("apps/mainapp", tags.clone());
    let aws = LocalAws::builder()
        .user(User::new("bench").permissions(READ))
        .repository(repository())
        .generic_registry(GenericRegistry::open().repository(repository()));
    let aws = runtime.block_on(aws.start()).expect("on loopback");
    let key = aws.access_key("bench").expect("of the user");
    let place = Place {
        http_client: flux_aws_auth::http_client(),
        credentials: Credentials::new(key.id(), key.secret(), None, None, "bench"),
        ecr_url: Some(aws.ecr_url().to_owned()),
        ecr_image: format!("{}.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp", aws.account()),
        oci_url: aws.generic_registry_url().to_owned(),
        oci_repository: "apps/mainapp".to_owned(),
    };
    let latest = Set::Semver.answer(TAGS).map(str::to_owned);
    for (api, contenders, answer) in [("ecr", OF_ECR, latest), ("oci", OF_OCI, greatest)] {
        let mut group = criterion.benchmark_group(format!("tags/{api}/{TAGS}"));
        group.sample_size(10).throughput(Throughput::Elements(TAGS as u64));
        for (name, list) in contenders {
            let before = aws.requests();
            let found = runtime.block_on(list(place.clone()));
            assert_eq!(found, answer, "{name}");
            assert_eq!(made_since(&before, &aws.requests()), PAGES, "{name}");
            measure(&mut group, &runtime, (name, list), &place);
        }
    }
}

fn measure(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    runtime: &Runtime,
    (name, list): Contender,
    place: &Place,
) {
    group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
        bencher.iter(|| runtime.block_on(list(place.clone())));
    });
}

fn made_since(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> u64 {
    after.values().sum::<u64>() - before.values().sum::<u64>()
}

criterion_group!(tags, listings);
criterion_main!(tags);
