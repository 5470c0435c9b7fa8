//! Images, references, tags, digests, and hosts of ECR.

use flux_ecr_reflect::{EcrRegistry, ImageName, ImageRef, RegistryKind};
use proptest::prelude::*;

use crate::mutant::mutants;
use crate::runs::Runs;

const DIGEST: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// What is taken is written as it was read, and has nothing in it that means something in a URL or a header.
pub(crate) fn images_and_references(runs: Runs) -> Result<(), String> {
    let full = format!("ghcr.io/org/app:1.0.0@{DIGEST}");
    let pinned = format!("registry.example.com:5000/a/b-c/d__e.f@{DIGEST}");
    let samples = [
        "podinfo",
        "library/redis",
        "docker.io/library/redis",
        "ghcr.io/stefanprodan/podinfo",
        "registry.example.com:5000/a/b-c/d__e.f:v1.2.3_rc.1",
        "[2001:db8::1]:5000/apps/app:latest",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp:1.0.0",
        &full,
        &pinned,
    ];
    runs.check(&mutants(&samples, &["sha256:", "https://", "user:password@", "__", "-", "."]), |mutant| {
        let text = mutant.text();
        if let Ok(name) = text.parse::<ImageName>() {
            prop_assert_eq!(name.to_string().parse::<ImageName>().ok(), Some(name.clone()));
            let of_a_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
            prop_assert!(name.registry().bytes().all(of_a_host), "{:?}", name);
            let of_a_path =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"/._-".contains(&byte);
            prop_assert!(name.repository().bytes().all(of_a_path), "{:?}", name);
            prop_assert!(!name.repository().contains("..") && !name.repository().contains("//"));
            let uri: http::Uri =
                format!("https://{}/v2/{}/tags/list", name.registry(), name.repository()).parse().unwrap();
            prop_assert_eq!(uri.authority().map(http::uri::Authority::as_str), Some(name.registry()));
        }
        if let Ok(reference) = text.parse::<ImageRef>() {
            prop_assert_eq!(reference.to_string().parse::<ImageRef>().ok(), Some(reference));
        }
        Ok(())
    })
}

/// A host that is taken for ECR's is one: by a second table, which is written as plainly as it can be.
pub(crate) fn hosts_of_ecr(runs: Runs) -> Result<(), String> {
    let samples = [
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
        "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
        "123456789012.dkr-ecr.eu-west-1.on.aws",
        "123456789012.dkr-ecr-fips.us-east-1.on.aws",
        "123456789012.dkr-ecr.cn-northwest-1.on.amazonwebservices.com.cn",
        "123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov",
        "123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov",
        "123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu",
        "public.ecr.aws",
        "ecr-public.aws.com",
    ];
    let words = [
        ".dkr.ecr.",
        ".dkr-ecr.",
        "-fips",
        ".amazonaws.com",
        ".com",
        ".cn",
        ".on.aws",
        ".",
        "-",
        "eu-west-1",
        "A",
    ];
    runs.check(&mutants(&samples, &words), |mutant| {
        let host = mutant.text();
        let registry = host.parse::<EcrRegistry>();
        if let Ok(registry) = &registry {
            prop_assert_eq!(registry.to_string(), &*host);
            prop_assert!(is_of_aws(&host), "{} is none of AWS's", host);
        }
        // As an image's it is ECR's, or somebody else's, or refused: what is none of ECR's is never ECR's after all.
        if let Ok(image) = format!("{host}/apps/app").parse::<ImageName>() {
            let is_private = matches!(image.registry_kind(), Ok(RegistryKind::Ecr(_)));
            prop_assert_eq!(is_private, registry.is_ok() && image.registry() == host);
            if matches!(image.registry_kind(), Ok(RegistryKind::EcrPublic { .. })) {
                prop_assert!(["public.ecr.aws", "ecr-public.aws.com"].contains(&image.registry()));
            }
        }
        Ok(())
    })
}

fn is_of_aws(host: &str) -> bool {
    const SUFFIXES: [&str; 14] = [
        ".amazonaws.com",
        ".amazonaws.com.cn",
        ".amazonaws.eu",
        ".c2s.ic.gov",
        ".sc2s.sgov.gov",
        ".cloud.adc-e.uk",
        ".csp.hci.ic.gov",
        ".on.aws",
        ".on.amazonwebservices.com.cn",
        ".on.amazonwebservices.eu",
        ".on.aws.ic.gov",
        ".on.aws.scloud",
        ".on.cloud-aws.adc-e.uk",
        ".on.aws.hci.ic.gov",
    ];
    let plain =
        host.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte));
    plain
        && host.bytes().take_while(u8::is_ascii_digit).count() == 12
        && SUFFIXES.iter().any(|suffix| host.ends_with(suffix))
}
