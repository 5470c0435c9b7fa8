use super::*;
use crate::exclusion::ExclusionList;
use crate::filter::TagFilter;
use crate::policy::{Order, Policy};

const POLICY: &str = "
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata:
  name: podinfo
  namespace: flux-system
  uid: 8f4c
spec:
  imageRepositoryRef: {name: podinfo, namespace: images}
  filterTags:
    pattern: '^main-[a-f0-9]+-(?P<ts>[0-9]+)$'
    extract: $ts
  policy:
    numerical: {order: desc}
  digestReflectionPolicy: Always
  interval: 10m
status: {latestRef: {name: x, tag: y}}
";

const REPOSITORY: &str = "
apiVersion: image.toolkit.fluxcd.io/v1beta2
kind: ImageRepository
metadata: {name: podinfo}
spec:
  image: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/podinfo
  interval: 5m
  timeout: 30s
  provider: aws
  serviceAccountName: reader
  secretRef: {name: pull}
  certSecretRef: {name: tls}
  proxySecretRef: {name: proxy}
  insecure: true
  suspend: true
  accessFrom:
    namespaceSelectors: [{matchLabels: {team: a}}, {matchLabels: {team: b, tier: prod}}]
  exclusionList: ['^.*\\.sig$', '^pr-']
";

#[test]
fn a_policy_is_read_and_round_trips() {
    let policy = ImagePolicy::from_yaml(POLICY).unwrap();
    assert_eq!(policy.metadata.name, "podinfo");
    assert_eq!(policy.spec.policy.numerical.unwrap().order, Order::Desc);
    assert_eq!(policy.digest_interval().unwrap().as_secs(), 600);
    let decision = policy.policy().unwrap().latest(["main-aa-7", "main-bb-3", "latest"]).unwrap();
    assert_eq!(decision.winner().unwrap().tag(), "main-bb-3");

    let written = yaml_serde::to_string(&policy).unwrap();
    assert_eq!(ImagePolicy::from_yaml(&written).unwrap(), policy);
    let json = serde_json::to_string(&policy).unwrap();
    assert_eq!(ImagePolicy::from_yaml(&json).unwrap(), policy);
    assert_eq!(serde_json::from_str::<ImagePolicy>(&json).unwrap(), policy);
}

#[test]
fn a_repository_is_read_and_round_trips() {
    let repository = ImageRepository::from_yaml(REPOSITORY).unwrap();
    assert_eq!(repository.api_version, ApiVersion::V1Beta2);
    assert_eq!(repository.spec.provider, Provider::Aws);
    assert_eq!(repository.timeout().as_secs(), 30);
    assert_eq!(repository.exclusion_list().unwrap().excludes("pr-7"), Some("^pr-"));
    let access = repository.spec.access_from.as_ref().unwrap();
    let labels = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    assert!(access.admits(&labels(&[("team", "b"), ("tier", "prod")])));
    assert!(!access.admits(&labels(&[("team", "b")])));

    let written = yaml_serde::to_string(&repository).unwrap();
    assert_eq!(ImageRepository::from_yaml(&written).unwrap(), repository);
}

#[test]
fn documents_and_lists_are_taken_apart() {
    let file = format!("{POLICY}---\nkind: ConfigMap\napiVersion: v1\n---\n{REPOSITORY}---\n");
    assert!(matches!(read(&file).unwrap()[..], [Manifest::ImagePolicy(_), Manifest::ImageRepository(_)]));
    let list = format!("kind: List\napiVersion: v1\nitems:\n- {}", POLICY.trim().replace('\n', "\n  "));
    assert_eq!(read(&list).unwrap().len(), 1);
    assert!(ImagePolicy::from_yaml(&format!("{POLICY}---{POLICY}")).is_err());
    assert!(ImageRepository::from_yaml(POLICY).is_err());
}

#[track_caller]
fn refuses(manifest: &str, old: &str, new: &str, expected: &str) {
    assert!(manifest.contains(old), "{old}");
    let error = read(&manifest.replace(old, new)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidManifest);
    assert_eq!(error.to_string(), expected);
}

#[test]
fn what_the_api_server_refuses_is_refused_with_field_value_and_remedy() {
    refuses(
        POLICY,
        "Always",
        "Never",
        "ImagePolicy \"podinfo\": spec.interval is \"10m\": remove it, or set spec.digestReflectionPolicy to Always",
    );
    refuses(
        POLICY,
        "  interval: 10m\n",
        "",
        "ImagePolicy \"podinfo\": spec.interval is missing: spec.digestReflectionPolicy Always needs one such as 10m",
    );
    refuses(
        POLICY,
        "desc",
        "DESC",
        "document 1: spec.policy.numerical.order: \"DESC\" must be asc or desc at line 14 column 24",
    );
    refuses(
        REPOSITORY,
        "image: ",
        "image: https://",
        concat!(
            "ImageRepository \"podinfo\": spec.image is ",
            "\"https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/podinfo\": remove \"https://\""
        ),
    );
    refuses(
        REPOSITORY,
        "30s",
        "1h",
        "ImageRepository \"podinfo\": spec.timeout is \"1h\": the API takes ms, s and m here",
    );
}

#[test]
fn malformed_documents_are_located() {
    let error = |old: &str, new: &str| read(&POLICY.replace(old, new)).unwrap_err().to_string();
    assert!(error("filterTags", "filterTag").contains("unknown field `filterTag`"));
    assert!(error("name: podinfo\n  namespace", "[").starts_with("document 1: "));
    assert!(error("  policy:\n    numerical: {order: desc}\n", "").contains("missing field `policy`"));
    assert!(error("/v1\n", "/v3\n").contains("unknown variant"));
}

#[test]
fn a_policy_without_a_rule_is_the_controllers_complaint() {
    let policy = ImagePolicy::from_yaml(&POLICY.replace("numerical: {order: desc}", "{}")).unwrap();
    assert_eq!(policy.policy().unwrap_err().kind(), ErrorKind::InvalidPolicy);
}

#[test]
fn what_a_policy_cannot_be_made_of_is_named_with_manifest_and_field() {
    // Go takes it; compiled it is beyond this crate's limit.
    const HUGE: &str = r"[\pL\pN]{900}[\pL\pN]{900}[\pL\pN]{900}[\pL\pN]{900}[\pL\pN]{900}";
    let manifest = |old: &str, new: &str| ImagePolicy::from_yaml(&POLICY.replace(old, new)).unwrap();
    let own = Policy::semver(">=1 and <2").unwrap_err();
    let error = manifest("numerical: {order: desc}", "semver: {range: '>=1 and <2'}").policy().unwrap_err();
    assert_eq!(error.to_string(), format!("ImagePolicy \"podinfo\": spec.policy.semver.range: {own}"));
    assert_eq!((error.kind(), error.hint()), (own.kind(), own.hint()));

    let own = TagFilter::new("(?!a)", "").unwrap_err();
    let error = manifest("^main-[a-f0-9]+-(?P<ts>[0-9]+)$", "(?!a)").policy().unwrap_err();
    assert_eq!(error.to_string(), format!("ImagePolicy \"podinfo\": spec.filterTags.pattern: {own}"));
    assert_eq!((error.kind(), error.hint()), (own.kind(), own.hint()));

    let own = TagFilter::new(HUGE, "").unwrap_err();
    let error = manifest("^main-[a-f0-9]+-(?P<ts>[0-9]+)$", HUGE).policy().unwrap_err();
    let source = |error: &Error| std::error::Error::source(error).unwrap().to_string();
    assert_eq!(source(&error), source(&own));

    let own = ExclusionList::new(["("]).unwrap_err();
    let repository = ImageRepository::from_yaml(&REPOSITORY.replace("'^pr-'", "'('")).unwrap();
    let error = repository.exclusion_list().unwrap_err();
    assert_eq!(error.to_string(), format!("ImageRepository \"podinfo\": spec.exclusionList[1]: {own}"));
    assert_eq!((error.kind(), error.hint()), (own.kind(), own.hint()));
}

#[test]
fn an_image_is_the_name_of_a_repository() {
    const IMAGE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/podinfo";
    let refused = |image: &str, remedy: &str| {
        let expected = format!("ImageRepository \"podinfo\": spec.image is {image:?}: {remedy}");
        refuses(REPOSITORY, IMAGE, &format!("{image:?}"), &expected);
    };
    refused("", "give the name of an image such as ghcr.io/stefanprodan/podinfo");
    refused("ghcr.io/a b", "remove the blanks");
    refused(" alpine", "remove the blanks");
    refused("oci://ghcr.io/a", "remove \"oci://\"");
    refused("alpine:3.18", "remove \":3.18\"");
    refused("localhost:5000", "remove \":5000\"");
    refused("localhost:5000/a/b:1", "remove \":1\"");
    refused("ghcr.io/a:1@sha256:0a1b", "remove \"@sha256:0a1b\"");
    refused("ghcr.io/Team/app", "'T' cannot be part of it, small letters, digits and . _ - / can");
    for image in ["alpine", "localhost:5000/a", "ghcr.io/team/app_x.y-z", "Registry.example:5000/app"] {
        ImageRepository::from_yaml(&REPOSITORY.replace(IMAGE, image)).unwrap();
    }
}

#[test]
fn a_wrong_value_is_named_with_its_whole_path() {
    refuses(
        POLICY,
        "10m",
        "ten",
        "document 1: spec.interval: \"ten\" is not a duration such as 10m, 1h30m or 1.5s at line 16 column 13",
    );
    refuses(
        REPOSITORY,
        "30s",
        "30",
        "document 1: spec.timeout: \"30\" is not a duration such as 10m, 1h30m or 1.5s at line 8 column 12",
    );
    let list = format!("kind: List\nitems:\n- {}", POLICY.trim().replace('\n', "\n  "));
    refuses(
        &list,
        "10m",
        "ten",
        "document 1: spec.interval: \"ten\" is not a duration such as 10m, 1h30m or 1.5s",
    );
}

#[test]
fn what_lacks_its_quotes_or_has_too_many_is_told_so() {
    let error = |old: &str, new: &str| read(&POLICY.replace(old, new)).unwrap_err();
    let range = |range: &str| error("numerical: {order: desc}", &format!("semver:\n      range: {range}"));
    assert_eq!(
        range("1.2").to_string(),
        "document 1: spec.policy.semver.range: is a number, put it in quotes at line 15 column 14"
    );
    assert!(range("1").to_string().contains("spec.policy.semver.range: is a number, put it in quotes"));
    let labelled = error("  uid: 8f4c", "  labels: {canary: true}").to_string();
    assert!(labelled.contains("metadata.labels.canary: is a truth value, put it in quotes"), "{labelled}");
    let paused = error("status:", "  suspend: yes\nstatus:").to_string();
    assert!(
        paused.contains("spec.suspend: \"yes\" is a text, write true or false without quotes"),
        "{paused}"
    );
    for unquoted in [">=1.0.0 <2.0.0", "*"] {
        assert_eq!(range(unquoted).hint(), Some("Put a value that begins with > or * in quotes."));
    }
    let excluded = REPOSITORY.replace("'^pr-'", "7");
    let excluded = read(&excluded).unwrap_err().to_string();
    assert!(excluded.contains("spec.exclusionList[1]: is a number, put it in quotes"), "{excluded}");
}

#[test]
fn a_null_is_an_absent_field() {
    let with = |old: &str, new: &str| read(&POLICY.replace(old, new));
    let policy =
        with("digestReflectionPolicy: Always\n  interval: 10m", "digestReflectionPolicy:\n  interval: ~");
    let [Manifest::ImagePolicy(policy)] = &policy.unwrap()[..] else { panic!("one policy") };
    assert_eq!(policy.spec.digest_reflection_policy, DigestReflectionPolicy::Never);
    let order = with("order: desc", "order: null").unwrap();
    let [Manifest::ImagePolicy(policy)] = &order[..] else { panic!("one policy") };
    assert_eq!(policy.spec.policy.numerical.unwrap().order, Order::Asc);

    let refused = |old: &str, new: &str, expected: &str| {
        let error = with(old, new).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    refused("policy:\n    numerical: {order: desc}", "policy:", "spec: missing field `policy`");
    refused("{name: podinfo, namespace", "{name: null, namespace", "missing field `name`");
    let item = read(&REPOSITORY.replace("'^pr-'", "null")).unwrap_err().to_string();
    assert!(item.contains("spec.exclusionList[1]: "), "{item}");
}

#[test]
fn a_manifest_has_a_name_and_no_unknown_field() {
    let unnamed = "ImagePolicy: metadata.name is missing or empty: name the object";
    refuses(POLICY, "  name: podinfo\n", "", unnamed);
    refuses(POLICY, "  name: podinfo\n", "  name: ''\n", unnamed);
    refuses(
        REPOSITORY,
        "metadata: {name: podinfo}\n",
        "",
        "ImageRepository: metadata.name is missing or empty: name the object",
    );
    let unknown = read(&POLICY.replace("status:", "sepc:")).unwrap_err().to_string();
    assert!(unknown.contains("unknown field `sepc`"), "{unknown}");
}

#[test]
fn deserialize_refuses_what_read_refuses() {
    let policy = serde_json::to_value(ImagePolicy::from_yaml(POLICY).unwrap()).unwrap();
    let with = |pointer: &str, value: &str| {
        let mut changed = policy.clone();
        *changed.pointer_mut(pointer).unwrap() = value.into();
        serde_json::from_value::<ImagePolicy>(changed).unwrap_err().to_string()
    };
    assert!(with("/spec/digestReflectionPolicy", "Never").contains("spec.interval is \"10m\": remove it"));
    assert!(with("/kind", "ImageRepository").contains("unknown variant `ImageRepository`"));
    assert!(with("/metadata/name", "").contains("metadata.name is missing or empty"));
    let repository = REPOSITORY.replace("/team/podinfo", "/team/podinfo:1");
    let error = yaml_serde::from_str::<ImageRepository>(&repository).unwrap_err().to_string();
    assert!(error.contains("remove \":1\""), "{error}");
}

#[test]
fn merge_keys_and_a_byte_order_mark_are_understood() {
    let merged = "
kind: List
items:
- &base
  apiVersion: image.toolkit.fluxcd.io/v1
  kind: ImagePolicy
  metadata: {name: one}
  spec: &spec
    imageRepositoryRef: {name: app}
    policy: {alphabetical: {}}
- &second
  <<: *base
  metadata: {name: two}
  spec:
    <<: *spec
    policy: {numerical: {}}
- <<: *second
  metadata: {name: three}
";
    let names: Vec<_> = read(merged)
        .unwrap()
        .into_iter()
        .map(|manifest| match manifest {
            Manifest::ImagePolicy(policy) => (policy.metadata.name, policy.spec.policy.numerical.is_some()),
            Manifest::ImageRepository(_) => panic!("no repository was written"),
        })
        .collect();
    assert_eq!(names, [("one".to_owned(), false), ("two".to_owned(), true), ("three".to_owned(), true)]);
    refuses(
        POLICY,
        "spec:\n",
        "spec:\n  <<: 1\n",
        "document 1: expected a mapping or list of mappings for merging, but found scalar",
    );
    assert!(read("kind: ConfigMap\napiVersion: v1\ndata: {<<: text}\n").unwrap().is_empty());
    assert_eq!(read(&format!("\u{feff}{}", POLICY.trim())).unwrap().len(), 1);
}
