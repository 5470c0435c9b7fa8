//! Flux's manifests.

use flux_policy::manifest::{self, ImagePolicy, ImageRepository, Manifest};
use proptest::prelude::*;

use crate::mutant::mutants;
use crate::runs::Runs;

const POLICY: &str = "apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata:
  name: podinfo
  namespace: apps
spec:
  imageRepositoryRef:
    name: podinfo
  filterTags:
    pattern: '^(?P<branch>main)-[a-f0-9]+-(?P<ts>[0-9]+)'
    extract: '$ts'
  policy:
    numerical:
      order: asc
  digestReflectionPolicy: Always
  interval: 10m
";

const SEMVER: &str = "apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: &m {name: a}
spec: {imageRepositoryRef: {name: a, namespace: b}, policy: {semver: {range: '>=1.0.0 <2.0.0 || ~3.1.x-0'}}}
";

const REPOSITORY: &str = "apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata:
  name: podinfo
spec:
  image: ghcr.io/stefanprodan/podinfo
  interval: 1h30m
  timeout: 30s
  provider: aws
  exclusionList: ['^.*\\.sig$', 'nightly']
  accessFrom:
    namespaceSelectors:
      - matchLabels: {team: a}
";

const LIST: &str = r#"{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"image.toolkit.fluxcd.io/v1","kind":"ImagePolicy","metadata":{"name":"a"},"spec":{"imageRepositoryRef":{"name":"a"},"policy":{"alphabetical":{"order":"desc"}}}}]}"#;

const LAUGHS: &str = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c]\n";

/// What is taken is written and read back as the same; and it makes a policy or an error.
pub(crate) fn flux_manifests(runs: Runs) -> Result<(), String> {
    let samples = [POLICY, SEMVER, REPOSITORY, LIST, LAUGHS];
    let words = [
        "---\n",
        "- ",
        "  ",
        ": ",
        "&a ",
        "*a",
        "<<: *a",
        "<<: *m",
        "? ",
        "!!binary ",
        "!!str ",
        "|\n",
        ">-\n",
        "%YAML 9.9\n",
        "~",
        ".inf",
        "0x1F",
        "1h",
        "-1s",
        "(?P<a>",
        "(a*)*",
        "[^\\x{10FFFF}]{1000}",
        "$1",
        ">=",
        "||",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
        "{a: ",
    ];
    runs.check(&mutants(&samples, &words), |mutant| {
        for manifest in manifest::read(&mutant.text()).unwrap_or_default() {
            match manifest {
                Manifest::ImagePolicy(policy) => {
                    let json = serde_json::to_string(&policy).unwrap();
                    let again = ImagePolicy::from_yaml(&json);
                    prop_assert!(again.is_ok_and(|again| again == policy), "{}", json);
                    if let Ok(rule) = policy.policy() {
                        rule.latest(["1.0.0", "main-abc-1700000000", "latest"]).ok();
                    }
                }
                Manifest::ImageRepository(repository) => {
                    let json = serde_json::to_string(&repository).unwrap();
                    let again = ImageRepository::from_yaml(&json);
                    prop_assert!(again.is_ok_and(|again| again == repository), "{}", json);
                    repository.exclusion_list().ok().map(|list| list.excludes("1.0.0.sig").is_some());
                    repository.timeout();
                }
                _ => {}
            }
        }
        Ok(())
    })
}
