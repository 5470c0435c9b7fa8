//! What is read from files, and what is said of what is not watched.

use examples::failure::Failure;
use flux_policy::manifest::CrossNamespaceRefs;

use crate::configuration::{Configuration, Note, Source, sources};
use crate::stage::APP;
use crate::story::Story;

fn read(files: &[(&str, &str)]) -> Result<Configuration, Failure> {
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| Source { name: (*name).to_owned(), text: (*text).to_owned() })
        .collect();
    Configuration::read(&files, CrossNamespaceRefs::Allowed)
}

#[test]
fn a_malformed_manifest_is_named_by_file_and_document() {
    let unknown_field = format!("{APP}---\n{}", APP.replace("interval:", "intervall:"));
    for (text, parts) in [
        ("a: [", &["bad.yaml", "document 1"][..]),
        (&*unknown_field, &["bad.yaml", "document 3", "intervall"]),
        (&APP.replace("range: 1.x", "ranges: 1.x"), &["bad.yaml", "document 2", "ranges"]),
        (&APP.replace("interval: 5m", "interval: soon"), &["bad.yaml", "document 1", "soon"]),
        (
            &APP.replace("image: registry", "image: https://registry"),
            &["bad.yaml", r#"ImageRepository "app""#, "https://"],
        ),
    ] {
        let error = read(&[("good.yaml", APP), ("bad.yaml", text)]).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{part} is not in {error}");
        }
    }
}

#[test]
fn two_objects_of_one_name_are_refused() {
    let error = read(&[("one.yaml", APP), ("two.yaml", APP)]).unwrap_err().to_string();
    assert_eq!(error, "two.yaml: there is more than one ImageRepository apps/app\n");
}

#[test]
fn where_there_is_nothing_to_watch_that_is_an_error() {
    let error = read(&[("none.yaml", "kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}")])
        .unwrap_err()
        .to_string();
    assert_eq!(error, "there is no ImageRepository to watch in none.yaml\n");
}

#[test]
fn what_is_not_watched_has_a_reason() {
    let repository = |name: &str, spec: &str| {
        format!(
            "---\napiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {{name: {name}, namespace: apps}}\n\
             spec: {{image: registry.example.com/{name}, interval: 5m, {spec}}}\n"
        )
    };
    let policy = APP.split_once("---").unwrap().1;
    let text = [
        APP.to_owned(),
        repository("secret", "secretRef: {name: s}"),
        repository("account", "provider: aws, serviceAccountName: s"),
        repository("cloud", "provider: gcp"),
        repository("paused", "suspend: true"),
        format!(
            "---{}",
            policy.replace("{name: app, ", "{name: lost, ").replace("{name: app}", "{name: nowhere}")
        ),
        format!("---{}", policy.replace("{name: app, ", "{name: bad, ").replace("1.x", "nonsense")),
        format!(
            "---{}",
            policy
                .replace("namespace: apps", "namespace: others")
                .replace("{name: app}", "{name: app, namespace: apps}")
        ),
    ]
    .concat();
    let configuration = read(&[("test.yaml", &text)]).unwrap();
    let notes: Vec<_> = configuration.notes.iter().map(|note| format!("{note:?}")).collect();
    for (name, part) in [
        ("secret", "spec.secretRef names a Secret"),
        ("account", "spec.serviceAccountName names a ServiceAccount"),
        ("cloud", "spec.provider is neither aws nor generic"),
        ("paused", "Suspended"),
        ("lost", "ImageRepository apps/nowhere is not watched"),
        ("bad", "spec.policy.semver.range"),
        ("app", "can't be accessed due to missing ACL labels on 'accessFrom'"),
    ] {
        let name = format!("name: \"{name}\"");
        assert!(
            notes.iter().any(|note| note.contains(&name) && note.contains(part)),
            "{name} {part} {notes:#?}"
        );
    }
    assert_eq!(notes.len(), 7, "{notes:#?}");
}

#[test]
fn the_story_s_manifests_are_those_of_its_folder() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/watch");
    let read = sources(&[folder.into()]).unwrap();
    let (own, found) = (Story::manifests(), read);
    assert_eq!(
        own.iter().map(|source| &source.text).collect::<Vec<_>>(),
        found.iter().map(|source| &source.text).collect::<Vec<_>>()
    );
    let blocked = Configuration::read(&own, CrossNamespaceRefs::Blocked).unwrap();
    let policies = blocked.repositories.iter().map(|watched| watched.policies.len()).sum::<usize>();
    let is_blocked =
        |note: &&Note| format!("{note:?}").contains("cross-namespace references have been blocked");
    assert_eq!((policies, blocked.notes.iter().filter(is_blocked).count()), (3, 2));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = sources(&["no/such/file.yaml".into()]).unwrap_err().to_string();
    assert!(error.starts_with("no/such/file.yaml cannot be read: "), "{error}");
}
