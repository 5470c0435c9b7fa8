use std::collections::BTreeSet;

use flux_aws_auth::{Integration, Level, SourceKind, Support};

const SOURCES: [SourceKind; 7] = [
    SourceKind::PodIdentity,
    SourceKind::WebIdentity,
    SourceKind::AccessKeys,
    SourceKind::InstanceMetadata,
    SourceKind::ServiceAccount,
    SourceKind::AccessKeySecret,
    SourceKind::Custom("own"),
];

/// What the page of Flux says in prose, as a table.
#[test]
fn the_matrix_is_flux_s() {
    let expected = "\
| identity | level | ECR | ECR Public | S3 | KMS |
|---|---|---|---|---|---|
| EKS Pod Identity | controller | Flux 2.2 | Flux 2.6 | Flux 2.3 | Flux 2.2 |
| web identity (IRSA) | controller | Flux 0.40 | Flux 2.6 | Flux 0.1 | Flux 0.1 |
| access keys | controller | opt-in | opt-in | Flux 2.7 | Flux 0.1 |
| node metadata (IMDSv2) | node | Flux 0.40 | Flux 2.6 | opt-in | opt-in |
| EKS Pod Identity | object | no | no | no | no |
| ServiceAccount | object | Flux 2.6 | Flux 2.6 | Flux 2.7 | Flux 2.6 |
| access key in a Secret | object | opt-in | opt-in | Flux 0.1 | Flux 0.31 |
";
    assert_eq!(Integration::matrix_markdown(), expected);
}

#[test]
fn the_docs_show_the_matrix() {
    let source = include_str!("../../src/integration.rs");
    let rows =
        source.lines().filter_map(|line| line.strip_prefix("/// ")).filter(|line| line.starts_with('|'));
    assert_eq!(rows.collect::<Vec<_>>(), Integration::matrix_markdown().lines().collect::<Vec<_>>());
}

#[test]
fn the_matrix_as_data_and_as_a_table_are_one() {
    let combinations: Vec<_> = Integration::matrix().collect();
    let cells = combinations.iter().map(|combination| combination.support.to_string());
    let table = Integration::matrix_markdown();
    let rows = table.lines().skip(2).flat_map(|row| {
        let cells: Vec<_> =
            row.trim_matches('|').split('|').skip(2).map(|cell| cell.trim().to_owned()).collect();
        cells
    });
    assert!(cells.eq(rows));
    for one in &combinations {
        assert_eq!(one.integration.support(one.level, one.source), one.support);
        assert!(one.page.starts_with("https://fluxcd.io/flux/integrations/aws/#"), "{}", one.page);
    }
    let sources: BTreeSet<_> = combinations.iter().map(|one| one.source.to_string()).collect();
    assert_eq!(sources.len(), SOURCES.len() - 1, "every source but the program's own has a row");
}

/// No source gives an identity at two levels, so nothing of one level can be taken for another's.
#[test]
fn a_source_is_of_use_at_its_own_level_alone() {
    for &integration in Integration::ALL {
        for source in SOURCES {
            for level in [Level::Controller, Level::Object, Level::Node] {
                let support = integration.support(level, source);
                // What the program adds is the program's.
                let own = Level::of(source).unwrap_or(Level::Controller);
                let possible = !matches!(support, Support::Impossible { .. });
                assert_eq!(possible, level == own, "{integration} {level} {source}: {support:?}");
            }
        }
    }
}

#[test]
fn what_is_impossible_has_a_reason_and_another_way() {
    for &integration in Integration::ALL {
        for source in SOURCES {
            for level in [Level::Controller, Level::Object, Level::Node] {
                match integration.support(level, source) {
                    Support::Impossible { why, alternative, .. } => {
                        assert!(why.len() > 30 && alternative.ends_with('.'), "{why} / {alternative}");
                    }
                    Support::OptIn { why, .. } => assert!(why.contains("Flux"), "{why}"),
                    Support::Supported { since, .. } => assert!(since.to_string().contains('.')),
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}

#[test]
fn versions_are_ordered_as_numbers() {
    let since = |integration: Integration, level, source| match integration.support(level, source) {
        Support::Supported { since, .. } => since,
        other => panic!("{other:?}"),
    };
    let oidc = since(Integration::Ecr, Level::Controller, SourceKind::WebIdentity);
    let object = since(Integration::Ecr, Level::Object, SourceKind::ServiceAccount);
    assert!(oidc < object && (oidc.major(), oidc.minor()) == (0, 40));
}
