//! Whatever comes from outside, almost right: nothing panics, nothing leaks, and what is read is what was written.
//!
//! Each target takes valid samples and edits them: bytes flipped, cut, repeated, spliced, special words put in between. What must
//! hold is said beside each target, and where there is another way to read the same text, both must agree.
//!
//! `cargo test -p faults --test fuzz` runs for some seconds; `-- --cases 100000` as long as one likes, and `-- --seed 7` again what
//! failed. A failure prints both, with the smallest input that fails.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod arns;
mod credentials;
mod docker_config;
mod ecr;
mod endpoints;
mod headers;
mod json;
mod manifests;
mod mutant;
mod names;
mod oci;
mod runs;
mod scans;
mod secrets;
mod tokens;
mod world;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use runs::{Runs, Target};

const TARGETS: [(&str, Target); 22] = [
    ("names::images_and_references", names::images_and_references),
    ("names::hosts_of_ecr", names::hosts_of_ecr),
    ("endpoints::addresses_of_token_services_and_sts", endpoints::addresses_of_token_services_and_sts),
    ("endpoints::addresses_of_proxies", endpoints::addresses_of_proxies),
    ("arns::arns_and_patterns", arns::arns_and_patterns),
    ("arns::policies", arns::policies),
    ("docker_config::logins", docker_config::logins),
    ("manifests::flux_manifests", manifests::flux_manifests),
    ("secrets::sops", secrets::sops),
    ("secrets::buckets", secrets::buckets),
    ("scans::saved_scans", scans::saved_scans),
    ("oci::links", oci::links),
    ("oci::challenges", oci::challenges),
    ("oci::lists", oci::lists),
    ("oci::bearer_tokens", oci::bearer_tokens),
    ("ecr::listings", ecr::listings),
    ("ecr::logins", ecr::logins),
    ("credentials::of_the_agent", credentials::of_the_agent),
    ("credentials::of_the_node", credentials::of_the_node),
    ("credentials::of_sts", credentials::of_sts),
    ("tokens::claims", tokens::claims),
    ("headers::nothing_is_smuggled_into_a_header", headers::nothing_is_smuggled_into_a_header),
];

fn main() -> ExitCode {
    let (runs, arguments) = Runs::from_arguments(std::env::args());
    let trials = TARGETS.into_iter().map(|(name, target)| Trial::test(name, move || Ok(target(runs)?)));
    libtest_mimic::run(&Arguments::from_iter(arguments), trials.collect()).exit_code()
}
