//! What holds for every input, tried on random ones.

use std::cmp::Ordering;
use std::sync::LazyLock;

use flux_policy::range::Range;
use flux_policy::version::Version;
use flux_policy::{Decision, Error, ErrorKind, Order, Policy, Reason, Selected, TagFilter, number};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Ten times as many where they are quick: `cargo test --release`.
const CASES: u32 = if cfg!(debug_assertions) { 10_000 } else { 100_000 };

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Policies of every rule, with and without filters that make keys collide and tie.
static POLICIES: LazyLock<Vec<Policy>> = LazyLock::new(|| {
    let rules = || {
        [
            Policy::semver("*-0").unwrap(),
            Policy::semver(">=1 <2 || ^3.1").unwrap(),
            Policy::alphabetical(Order::Asc),
            Policy::alphabetical(Order::Desc),
            Policy::numerical(Order::Asc),
            Policy::numerical(Order::Desc),
            Policy::numerical(Order::Asc).without_non_numbers(),
        ]
    };
    let filters = [
        ("^v?(.*)$", "$1"),
        (r"^(\d+)\.(\d+)", "$1.$2"),
        (r"^v?(\d+\.\d+\.\d+)", "$1"),
        (r"(?P<v>\d+)(-rc)?", "$v"),
        (r"^(?:v|1)?\.?(.*?)(\d?)$", "${2}$1"),
    ];
    let filtered = filters.iter().flat_map(|(pattern, extract)| {
        let filter = TagFilter::new(pattern, extract).unwrap();
        rules().into_iter().map(move |policy| policy.with_filter(filter.clone()))
    });
    rules().into_iter().chain(filtered).collect()
});

/// Tags from so small an alphabet that versions tie, keys collide and tags repeat.
fn tag() -> impl Strategy<Value = String> {
    let part = select(vec![
        "0",
        "1",
        "2",
        "01",
        "10",
        "9007199254740992",
        "9007199254740993",
        "nan",
        "inf",
        "-0",
        "1e1",
    ]);
    let version =
        (select(vec!["", "v"]), vec(part.clone(), 1..4), select(vec!["", "-rc", "-rc.1", "-0", "+b", "+a"]))
            .prop_map(|(prefix, parts, suffix)| format!("{prefix}{}{suffix}", parts.join(".")));
    prop_oneof![4 => version, 2 => part.prop_map(str::to_owned), 1 => "[a-c1.v_-]{0,6}"]
}

fn same(a: &Result<Decision, Error>, b: &Result<Decision, Error>) {
    match (a, b) {
        (Ok(a), Ok(b)) => {
            assert_eq!(a.winner(), b.winner());
            assert_eq!(a.runner_up(), b.runner_up());
            assert_eq!((a.total(), a.eligible()), (b.total(), b.eligible()));
            for &reason in Reason::ALL {
                assert_eq!(a.count(reason), b.count(reason));
            }
            assert_eq!((a.lints(), a.advice()), (b.lints(), b.advice()));
        }
        (a, b) => {
            let text = |outcome: &Result<Decision, Error>| outcome.as_ref().err().map(ToString::to_string);
            assert_eq!(text(a), text(b));
        }
    }
}

fn winner(decision: &Result<Decision, Error>) -> Option<&str> {
    decision.as_ref().ok().and_then(Decision::winner).map(Selected::tag)
}

proptest! {
    #![proptest_config(config(CASES))]

    #[test]
    fn the_order_of_the_tags_does_not_matter(
        (tags, shuffled) in vec(tag(), 0..9).prop_flat_map(|tags| (Just(tags.clone()), Just(tags).prop_shuffle())),
        policy in select((0..POLICIES.len()).collect::<Vec<_>>()),
    ) {
        // A tag that occurs twice counts once, so that ties and collisions are those of a set.
        let unique = |tags: Vec<String>| {
            let mut seen = std::collections::HashSet::new();
            tags.into_iter().filter(|tag| seen.insert(tag.clone())).collect::<Vec<_>>()
        };
        let policy = &POLICIES[policy];
        same(&policy.latest(unique(tags)), &policy.latest(unique(shuffled)));
    }

    #[test]
    fn latest_explain_and_a_tournament_agree(
        tags in vec(tag(), 0..9),
        split in 0_usize..9,
        policy in select((0..POLICIES.len()).collect::<Vec<_>>()),
    ) {
        let policy = &POLICIES[policy];
        let latest = policy.latest(&tags);
        let explanation = policy.explain(&tags);
        same(&latest, &explanation.decision().cloned().map_err(Clone::clone));
        prop_assert_eq!(explanation.verdicts().len(), tags.len());
        if latest.is_ok() {
            let (left, right) = tags.split_at(split.min(tags.len()));
            let (left, right) = (policy.latest(left), policy.latest(right));
            let finalists: Vec<&str> = [winner(&left), winner(&right)].into_iter().flatten().collect();
            let final_round = policy.latest(finalists);
            prop_assert_eq!(winner(&final_round), winner(&latest));
        }
    }

    #[test]
    fn the_runner_up_wins_without_the_winner(
        tags in vec(tag(), 1..9),
        policy in select((0..POLICIES.len()).collect::<Vec<_>>()),
    ) {
        let policy = &POLICIES[policy];
        if let Ok(decision) = policy.latest(&tags) {
            let rest = tags.iter().filter(|tag| Some(tag.as_str()) != decision.winner().map(Selected::tag));
            let expected = policy.latest(rest).unwrap();
            prop_assert_eq!(decision.runner_up().map(Selected::tag), expected.winner().map(Selected::tag));
        }
    }

    #[test]
    fn versions_read_back_and_are_totally_ordered(texts in vec("v?[0-9]{1,3}(\\.[0-9x]{1,21}){0,3}(-[0-9a-b.-]{0,4})?(\\+[a0.]{0,3})?", 3)) {
        let versions: Vec<Version> = texts.iter().filter_map(|text| Version::parse_loose(text).ok()).collect();
        for version in &versions {
            let canonical = version.to_string();
            let again = Version::parse(&canonical).unwrap();
            prop_assert_eq!(again.cmp_precedence(version), Ordering::Equal);
            prop_assert_eq!(version.to_semver().to_string(), canonical);
        }
        if let [a, b, c] = versions[..] {
            prop_assert_eq!(a.cmp_precedence(&b), b.cmp_precedence(&a).reverse());
            if a.cmp_precedence(&b).is_le() && b.cmp_precedence(&c).is_le() {
                prop_assert!(a.cmp_precedence(&c).is_le());
            }
        }
    }

    #[test]
    fn ranges_never_panic_and_suggestions_admit(
        range in "([<>=!~^|, v*x-]{0,2}[0-2x*]{1,2}(\\.[0-2x*]){0,2}(-[0a.])?( - | \\|\\| |, | )?){0,4}",
        version in "[0-3]\\.[0-3]\\.[0-3](-[0a](\\.1)?)?",
    ) {
        let version = Version::parse(&version).unwrap();
        if let Ok(range) = Range::parse(&range) {
            let opened = Range::parse(&range.with_prereleases()).unwrap();
            if range.refuses_only_as_prerelease(&version) {
                prop_assert!(opened.matches(&version), "{} {} {}", range, opened, version);
            }
            if version.prerelease().is_empty() {
                prop_assert_eq!(range.matches(&version), opened.matches(&version), "{} {} {}", range, opened, version);
            }
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>(), other in "[ -~]{0,30}") {
        for text in [&text, &other] {
            if let (Ok(range), Ok(version)) = (Range::parse(text), Version::parse(&other)) {
                range.matches(&version);
            }
            let _ = number::parse(text);
            let _ = Version::parse(text).map(|version| version.to_semver());
            let _ = text.parse::<Order>();
        }
    }

    #[test]
    fn plain_decimals_are_what_rust_reads(text in "[+-]?[0-9]{0,25}(\\.[0-9]{0,25})?(e[+-]?[0-9]{0,3})?") {
        let rust = text.parse::<f64>().ok().filter(|number| number.is_finite());
        prop_assert_eq!(number::parse(&text).map(f64::to_bits), rust.map(f64::to_bits));
    }
}

proptest! {
    #![proptest_config(config(if cfg!(debug_assertions) { 1000 } else { CASES }))]

    #[test]
    fn patterns_and_templates_never_panic(
        pieces in vec(select(vec![
            "a", "v", "1", ".", "-", "\\d", "\\w", "\\pL", "\\b", "\\B", "^", "$", "|", "(", ")", "(?P<n>", "(?i)", "(?U:", "(?s-m:",
            "[a-c]", "[^\\d-]", "[[:^alpha:]x", "]", "*", "+", "?", "{2}", "{1,3}", "{,2}", "{1001}", "\\Q.*", "\\E", "\\x{d800}", "é",
        ]), 0..12),
        template in "[$n1{}a_é]{0,8}",
        tags in vec("[ -~é\n]{0,12}", 1..4),
    ) {
        let pattern = pieces.concat();
        match TagFilter::new(&pattern, &template) {
            Ok(filter) => tags.iter().for_each(|tag| drop(filter.key(tag))),
            Err(error) => prop_assert!(matches!(error.kind(), ErrorKind::InvalidPolicy | ErrorKind::Unsupported)),
        }
    }
}

#[cfg(feature = "serde")]
proptest! {
    #![proptest_config(config(if cfg!(debug_assertions) { 1000 } else { CASES }))]

    #[test]
    fn manifests_never_panic_and_round_trip(
        cuts in vec((0_usize..600, "[ -~\n\t]{0,3}"), 0..3),
        range in "[<>=^~0-9.x* -]{0,12}",
        pattern in "[ -~]{0,16}",
    ) {
        let mut text = format!(
            "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {{name: a}}\nspec:\n  \
             imageRepositoryRef: {{name: b}}\n  policy:\n    semver: {{range: {range:?}}}\n  \
             filterTags: {{pattern: {pattern:?}, extract: $1}}\n  digestReflectionPolicy: Always\n  interval: 1h30m\n"
        );
        if let Ok(manifests) = flux_policy::manifest::read(&text) {
            for manifest in manifests {
                if let flux_policy::manifest::Manifest::ImagePolicy(policy) = manifest {
                    let json = serde_json::to_string(&policy).unwrap();
                    prop_assert_eq!(flux_policy::manifest::ImagePolicy::from_yaml(&json).unwrap(), policy.clone());
                    let _ = policy.policy();
                }
            }
        }
        for (at, noise) in cuts {
            let at = at.min(text.len());
            text.replace_range(at..(at + noise.len()).min(text.len()), &noise);
        }
        let _ = flux_policy::manifest::read(&text);
    }
}
