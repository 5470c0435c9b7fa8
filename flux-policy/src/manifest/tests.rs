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
        "document 1: spec.policy.numerical: order \"DESC\": must be asc or desc at line 14 column 16",
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
    assert!(error("10m", "10").contains("spec"), "{}", error("10m", "10"));
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
    let manifest = |old: &str, new: &str| ImagePolicy::from_yaml(&POLICY.replace(old, new)).unwrap();
    let own = Policy::semver(">=1 and <2").unwrap_err();
    let error = manifest("numerical: {order: desc}", "semver: {range: '>=1 and <2'}").policy().unwrap_err();
    assert_eq!(error.to_string(), format!("ImagePolicy \"podinfo\": spec.policy.semver.range: {own}"));
    assert_eq!((error.kind(), error.hint()), (own.kind(), own.hint()));

    let own = TagFilter::new("(?!a)", "").unwrap_err();
    let error = manifest("^main-[a-f0-9]+-(?P<ts>[0-9]+)$", "(?!a)").policy().unwrap_err();
    assert_eq!(error.to_string(), format!("ImagePolicy \"podinfo\": spec.filterTags.pattern: {own}"));
    assert_eq!((error.kind(), error.hint()), (own.kind(), own.hint()));

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
