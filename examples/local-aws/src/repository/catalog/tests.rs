use std::collections::BTreeSet;

use super::super::TagStyle;
use super::*;

const HOME: &str = "111122223333";

fn catalog(repository: Repository) -> Catalog {
    Catalog::new(repository, HOME).expect("a valid repository")
}

fn tags(catalog: &Catalog, listed: Listed) -> Vec<Option<String>> {
    (0..catalog.entries(listed)).map(|position| catalog.entry(listed, position).tag).collect()
}

#[test]
fn every_tag_is_listed_once_and_not_in_order() {
    for count in [0, 1, 2, 3, 10, 12, 100, 997, 1000, 4096] {
        let catalog = catalog(Repository::generated("apps/web", count, TagStyle::BuildNumber));
        let listed = tags(&catalog, Listed::Tagged);
        let distinct: BTreeSet<_> = listed.iter().collect();
        assert_eq!(distinct.len() as u64, count);
        let sorted = (1..=count).map(|tag| Some(tag.to_string())).collect::<Vec<_>>();
        assert_eq!(listed == sorted, count < 2, "{count}: {listed:?}");
    }
}

#[test]
fn aliases_and_untagged_images() {
    let catalog = catalog(
        Repository::with_tags("apps/api", ["1.0.0", "1.1.0"])
            .also_tagged("1.1.0", "latest")
            .also_tagged("latest", "stable")
            .untagged(2),
    );
    let tagged: BTreeSet<_> = tags(&catalog, Listed::Tagged).into_iter().flatten().collect();
    assert_eq!(tagged, BTreeSet::from(["1.0.0", "1.1.0", "latest", "stable"].map(str::to_owned)));
    assert_eq!(tags(&catalog, Listed::Untagged), [None, None]);
    assert_eq!(tags(&catalog, Listed::Any).len(), 6);

    assert_eq!(catalog.tags_of(1), ["1.1.0", "latest", "stable"]);
    assert_eq!(catalog.tags_of(2), Vec::<String>::new());
    assert_eq!(catalog.image_by_tag("stable"), Some(1));
    assert_eq!(catalog.image_by_tag("2.0.0"), None);

    let images = |listed| -> BTreeSet<u64> {
        (0..catalog.image_count(listed)).map(|position| catalog.image(listed, position)).collect()
    };
    assert_eq!(images(Listed::Tagged), BTreeSet::from([0, 1]));
    assert_eq!(images(Listed::Untagged), BTreeSet::from([2, 3]));
    assert_eq!(images(Listed::Any), BTreeSet::from([0, 1, 2, 3]));
    let untagged: BTreeSet<u64> =
        (0..2).map(|position| catalog.entry(Listed::Untagged, position).image).collect();
    assert_eq!(untagged, BTreeSet::from([2, 3]));
}

#[test]
fn an_image_is_found_by_tag_and_by_digest() {
    let styled = catalog(Repository::generated("apps/web", 1_000_000, TagStyle::Semver));
    assert_eq!(styled.image_by_tag(&styled.tag(999_999)), Some(999_999));
    assert_eq!(styled.image_by_tag("1000.0.0"), None);
    assert_eq!(styled.image_by_tag("01.0.0"), None);

    let own = catalog(Repository::generated("apps/worker", 100, |i| format!("build-{i}")));
    assert_eq!(own.image_by_tag("build-99"), Some(99));
    assert_eq!(own.image_by_tag("build-100"), None);
    assert_eq!(own.image_by_digest(&own.images.digest(99)), Some(99));
    assert_eq!(own.image_by_digest(&own.images.digest(100)), None);
}

#[test]
fn names() {
    for valid in ["ab", "apps/mainapp", "a/b", "team-1/app_2.x", "a.b/c-d/e_f"] {
        assert!(valid_name(valid), "{valid}");
    }
    let long = "a".repeat(257);
    for invalid in ["", "a", "Apps/x", "/apps", "apps/", "a//b", "a..b", "-a/b", "a_/b", "a b", long.as_str()]
    {
        assert!(!valid_name(invalid), "{invalid}");
    }
}

#[test]
fn tags_that_are_refused() {
    let small = || Repository::with_tags("apps/api", ["1.0.0", "1.1.0"]);
    let cases = [
        (small().also_tagged("2.0.0", "latest"), "also_tagged `2.0.0` is not valid: a tag of the repository"),
        (small().also_tagged("1.0.0", "1.1.0"), "there are two tags named `1.1.0`"),
        (Repository::with_tags("apps/api", ["1", "1"]), "there are two tags named `1`"),
    ];
    for (repository, message) in cases {
        let Err(error) = Catalog::new(repository, HOME) else { panic!("{message}") };
        assert_eq!(error.to_string(), message);
    }
    let long = "1".repeat(129);
    for tag in ["", ".1", "-1", "a b", "a/b", "1+1", long.as_str()] {
        let error = Catalog::new(Repository::with_tags("apps/api", [tag]), HOME).err();
        assert!(matches!(error, Some(Error::Invalid { field: "tag", .. })), "{tag}");
    }
}
