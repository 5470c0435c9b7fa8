use proptest::prelude::*;

use super::*;

#[track_caller]
fn accepts(host: &str, region: &str, partition: &str, fips: bool, dual_stack: bool) {
    let registry: EcrRegistry = host.parse().expect(host);
    assert_eq!(registry.account_id(), "123456789012");
    assert_eq!((registry.region(), registry.partition()), (region, partition));
    assert_eq!((registry.is_fips(), registry.is_dual_stack()), (fips, dual_stack), "{host}");
    assert_eq!(registry.to_string(), host);
}

#[track_caller]
fn refuses(host: &str, reason: &str) {
    let error = host.parse::<EcrRegistry>().expect_err(host);
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains(reason), "{error}");
}

#[test]
fn every_row_of_the_table() {
    for (host, region, partition, fips, dual_stack) in [
        ("dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1", "aws", false, false),
        ("dkr.ecr.mx-central-1.amazonaws.com", "mx-central-1", "aws", false, false),
        ("dkr.ecr-fips.us-east-1.amazonaws.com", "us-east-1", "aws", true, false),
        ("dkr-ecr.us-west-2.on.aws", "us-west-2", "aws", false, true),
        ("dkr-ecr-fips.us-west-2.on.aws", "us-west-2", "aws", true, true),
        ("dkr.ecr.us-gov-west-1.amazonaws.com", "us-gov-west-1", "aws-us-gov", false, false),
        ("dkr-ecr-fips.us-gov-east-1.on.aws", "us-gov-east-1", "aws-us-gov", true, true),
        ("dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1", "aws-cn", false, false),
        ("dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", "cn-north-1", "aws-cn", false, true),
        ("dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1", "aws-eusc", false, false),
        ("dkr-ecr.eusc-de-east-1.on.amazonwebservices.eu", "eusc-de-east-1", "aws-eusc", false, true),
        ("dkr-ecr.us-iso-west-1.on.aws.ic.gov", "us-iso-west-1", "aws-iso", false, true),
        ("dkr-ecr.us-isob-east-1.on.aws.scloud", "us-isob-east-1", "aws-iso-b", false, true),
        ("dkr-ecr.eu-isoe-west-1.on.cloud-aws.adc-e.uk", "eu-isoe-west-1", "aws-iso-e", false, true),
        ("dkr-ecr-fips.us-isof-south-1.on.aws.hci.ic.gov", "us-isof-south-1", "aws-iso-f", true, true),
        ("dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1", "aws-iso", false, false),
        ("dkr.ecr.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1", "aws-iso-b", false, false),
        ("dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1", "aws-iso-e", false, false),
        ("dkr.ecr.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1", "aws-iso-f", false, false),
    ] {
        accepts(&format!("123456789012.{host}"), region, partition, fips, dual_stack);
    }
}

#[test]
fn look_alikes() {
    for host in [
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com.",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com:443",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.comx",
        "123456789012.dkr.ecr.eu-west-1.evil.amazonaws.com",
        "evil.123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "user@123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "123456789012@dkr.ecr.eu-west-1.amazonaws.com",
        " 123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com ",
        "123456789012.DKR.ecr.eu-west-1.amazonaws.com",
        "123456789012.dkr.ecr.EU-west-1.amazonaws.com",
        "123456789012.dkr.ecr.eu-west-1.amazonaws。com",
        "123456789012.dkr.ecr.eu-wеst-1.amazonaws.com",
        "１23456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "123456789012xdkr.ecr.eu-west-1.amazonaws.com",
        "123456789012.dkrxecr.eu-west-1.amazonaws.com",
        "123456789012.dkr.ecr..amazonaws.com",
        "123456789012.dkr.ecr.eu-west-1..amazonaws.com",
        "",
        ".",
    ] {
        refuses(host, "is not a private Amazon ECR registry");
    }
}

#[test]
fn the_reason_names_the_part() {
    refuses("12345678901.dkr.ecr.eu-west-1.amazonaws.com", "\"12345678901\" is not an account of 12 digits");
    refuses("1234567890123.dkr.ecr.eu-west-1.amazonaws.com", "not an account of 12 digits");
    refuses("123456789012.dkr.eks.eu-west-1.amazonaws.com", "not followed by dkr.ecr");
    refuses("123456789012.dkr.ecr.europe.amazonaws.com", "\"europe\" is not an AWS region");
    refuses("123456789012.dkr.ecr.eu-1.amazonaws.com", "\"eu-1\" is not an AWS region");
    refuses(
        "123456789012.dkr.ecr.cn-north-1.amazonaws.com",
        "ends in \"amazonaws.com.cn\", not in \"amazonaws.com\"",
    );
    refuses("123456789012.dkr.ecr.eu-west-1.amazonaws.com.cn", "ends in \"amazonaws.com\"");
    refuses("123456789012.dkr.ecr.eu-west-1.on.aws", "ends in \"amazonaws.com\", not in \"on.aws\"");
    refuses("123456789012.dkr-ecr.eu-west-1.amazonaws.com", "ends in \"on.aws\"");
    refuses("123456789012.dkr-ecr.us-iso-east-1.c2s.ic.gov", "ends in \"on.aws.ic.gov\"");
    refuses("public.ecr.aws", "Amazon ECR Public");
    refuses("ghcr.io", "not an account of 12 digits");
}

#[test]
fn the_hint_tells_other_registries_from_misspelt_ones() {
    let hint = |host: &str| {
        let error = host.parse::<EcrRegistry>().expect_err(host);
        error.hint().expect("a hint").to_owned()
    };
    for host in ["ghcr.io", "index.docker.io", "public.ecr.aws", "localhost:5000", "10.0.0.1"] {
        assert!(hint(host).starts_with("Only private Amazon ECR"), "{host}");
    }
    for host in
        ["1234.dkr.ecr.eu-west-1.amazonaws.com", "123456789012.DKR.ecr.eu-west-1.on.aws", "123456789012.ecr"]
    {
        assert!(hint(host).starts_with("Use ACCOUNT.dkr.ecr.REGION"), "{host}");
    }
}

#[test]
fn the_kind_of_a_registry() {
    let kind = |host: &str| RegistryKind::of(host).expect(host);
    assert!(matches!(kind("123456789012.dkr.ecr.eu-west-1.amazonaws.com"), RegistryKind::Ecr(_)));
    assert_eq!(kind("public.ecr.aws"), RegistryKind::EcrPublic { dual_stack: false });
    assert_eq!(kind("ecr-public.aws.com"), RegistryKind::EcrPublic { dual_stack: true });
    for host in
        ["ghcr.io", "index.docker.io", "localhost:5000", "10.0.0.1", "12345678.example", "ecr.example"]
    {
        assert_eq!(kind(host), RegistryKind::Other, "{host}");
    }
    for host in [
        "public.ecr.aws.evil.example",
        "public.ecr.aws:443",
        "public.ecr.aws.",
        "PUBLIC.ecr.aws",
        "evil.ecr-public.aws.com",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
        "123456789012.DKR.ECR.eu-west-1.amazonaws.com",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com:443",
        "123456789012.dkr-ecr.eu-west-1.evil.example",
        "amazonaws.com.evil.example",
    ] {
        let error = RegistryKind::of(host).expect_err(host);
        assert_eq!(error.kind(), ErrorKind::Configuration);
    }
}

fn any_host() -> impl Strategy<Value = String> {
    let region = prop::sample::select(vec![
        "eu-west-1",
        "us-gov-east-1",
        "cn-northwest-1",
        "eusc-de-east-1",
        "us-iso-west-1",
        "us-isob-west-1",
        "eu-isoe-west-1",
        "us-isof-east-1",
    ]);
    ("[0-9]{12}", region, any::<bool>(), any::<bool>()).prop_map(|(account, region, fips, dual_stack)| {
        let partition = Partition::of_region(region);
        let suffix = suffix_of(partition, dual_stack);
        format!("{account}.{}.{region}.{suffix}", HostForm { fips, dual_stack }.label())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_parsed_prints_as_it_was(host in any_host()) {
        let registry: EcrRegistry = host.parse().expect("a row of the table");
        prop_assert_eq!(registry.to_string(), host);
    }

    // Whatever is written into a host, it is either refused or still spells a host of the table in full.
    #[test]
    fn one_edit_never_reaches_another_host(
        host in any_host(),
        at in any::<prop::sample::Index>(),
        edit in prop_oneof![Just(String::new()), any::<char>().prop_map(String::from), "[a-z0-9.:@/-]"],
        replace in any::<bool>(),
    ) {
        let at = at.index(host.len());
        let (head, tail) = host.split_at(at);
        let tail = if replace || edit.is_empty() { &tail[1..] } else { tail };
        let edited = format!("{head}{edit}{tail}");
        if let Ok(registry) = edited.parse::<EcrRegistry>() {
            prop_assert_eq!(registry.to_string(), edited.clone());
            let suffix = suffix_of(Partition::of_region(registry.region()), registry.is_dual_stack());
            let before = edited.strip_suffix(suffix);
            prop_assert!(before.is_some_and(|before| before.ends_with('.')));
        }
    }

    // Several edits of every sort that was ever used to pass for somebody else. What is taken for ECR is ECR's, letter by letter.
    #[test]
    fn no_mutation_is_taken_for_ecr(
        host in prop_oneof![any_host(), prop::sample::select(PUBLIC_HOSTS.map(str::to_owned).to_vec())],
        mutations in prop::collection::vec((0..8_u8, any::<prop::sample::Index>(), "[a-z0-9-]{1,8}"), 1..4),
    ) {
        let mut mutated = host.clone();
        for (sort, at, word) in mutations {
            let at = at.index(host.len());
            let at = (0..=at).rev().find(|&at| mutated.is_char_boundary(at)).unwrap_or_default();
            match sort {
                0 => mutated = format!("{word}.{mutated}"),
                1 => mutated = format!("{mutated}.{word}"),
                2 => mutated = format!("{word}@{mutated}"),
                3 => mutated = format!("{mutated}:{}", word.len()),
                4 => mutated.push('.'),
                5 => mutated = mutated.char_indices().map(|(i, c)| if i == at { c.to_ascii_uppercase() } else { c }).collect(),
                6 => mutated.insert_str(at, ["а", "。", "\u{200b}", "．", "\0"][word.len() % 5]),
                _ => mutated.insert_str(at, ["%2e", "%2f", "%00", "/", "\\", "?", "#", " "][word.len() % 8]),
            }
        }
        if mutated != host {
            match RegistryKind::of(&mutated) {
                Ok(RegistryKind::Ecr(registry)) => prop_assert_eq!(registry.to_string(), mutated.as_str()),
                Ok(RegistryKind::EcrPublic { .. }) => prop_assert!(PUBLIC_HOSTS.contains(&mutated.as_str())),
                Ok(RegistryKind::Other) | Err(_) => {}
            }
            // Whichever it is, an image's name has the same idea of where the host ends.
            let host = mutated.split('/').next().unwrap_or_default();
            if let Ok(image) = format!("{mutated}/apps/mainapp").parse::<crate::ImageName>() {
                prop_assert!(image.registry() == host || !host.contains(['.', ':']), "{}", image);
            }
        }
    }

    #[test]
    fn nothing_may_stand_before_or_behind(host in any_host(), extra in "[ -~]{1,12}") {
        let (before, behind) = (format!("{extra}{host}"), format!("{host}{extra}"));
        prop_assert!(before.parse::<EcrRegistry>().is_err());
        // `amazonaws.com` + `.cn` is a suffix of another partition, and the region says which one is meant.
        prop_assert!(behind.parse::<EcrRegistry>().is_err());
    }
}
