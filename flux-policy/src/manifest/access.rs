//! Which policies may use an ImageRepository, and whether either is suspended.

use std::collections::BTreeMap;

use super::{ImagePolicy, ImageRepository};

impl ImagePolicy {
    /// Checks that this policy may use `repository`, in [Flux's order][1]: the controller's own setting first, then the
    /// repository's `accessFrom`. Within one namespace access is always granted.
    ///
    /// `labels` are those of the namespace the policy is in, as Kubernetes has them now; they are looked at only where the
    /// repository is in another.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    ///
    /// use flux_policy::manifest::{CrossNamespaceRefs, ImagePolicy, ImageRepository};
    ///
    /// let policy = ImagePolicy::from_yaml(
    ///     "
    /// apiVersion: image.toolkit.fluxcd.io/v1
    /// kind: ImagePolicy
    /// metadata: {name: app, namespace: team-a}
    /// spec:
    ///   imageRepositoryRef: {name: app, namespace: images}
    ///   policy: {semver: {range: 1.x}}
    /// ",
    /// )?;
    /// let repository = ImageRepository::from_yaml(
    ///     "
    /// apiVersion: image.toolkit.fluxcd.io/v1
    /// kind: ImageRepository
    /// metadata: {name: app, namespace: images}
    /// spec:
    ///   image: ghcr.io/org/app
    ///   interval: 5m
    ///   accessFrom: {namespaceSelectors: [{matchLabels: {tenant: a}}]}
    /// ",
    /// )?;
    /// let labels = BTreeMap::from([("tenant".to_owned(), "b".to_owned())]);
    /// let denied = policy.check_access(&repository, &labels, CrossNamespaceRefs::Allowed).unwrap_err();
    /// assert_eq!(
    ///     denied.to_string(),
    ///     "access denied: 'images/app' can't be accessed due to ACL labels mismatch on namespace 'team-a'"
    /// );
    /// # Ok::<(), flux_policy::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Why not, in Flux's words.
    ///
    /// [1]: https://github.com/fluxcd/image-reflector-controller/blob/main/internal/controller/imagepolicy_controller.go
    pub fn check_access(
        &self,
        repository: &ImageRepository,
        labels: &BTreeMap<String, String>,
        references: CrossNamespaceRefs,
    ) -> Result<(), AccessDenied> {
        let own = self.metadata.namespace.as_deref().unwrap_or_default();
        let reference = &self.spec.image_repository_ref;
        let namespace = self.repository_namespace().unwrap_or_default();
        let referred = qualified(namespace, &reference.name);
        if references == CrossNamespaceRefs::Blocked && namespace != own {
            return Err(AccessDenied::CrossNamespace { repository: referred });
        }
        let actual = repository.metadata.namespace.as_deref().unwrap_or(namespace);
        if (actual, &repository.metadata.name) != (namespace, &reference.name) {
            let actual = qualified(actual, &repository.metadata.name);
            return Err(AccessDenied::NotReferred { repository: actual, referred });
        }
        if namespace.is_empty() || namespace == own {
            return Ok(());
        }
        match &repository.spec.access_from {
            None => Err(AccessDenied::NoAccessFrom { repository: referred }),
            Some(access) if access.admits(labels) => Ok(()),
            Some(_) => Err(AccessDenied::LabelsMismatch { repository: referred, namespace: own.to_owned() }),
        }
    }

    /// The namespace of the ImageRepository this policy refers to: the policy's own, unless the reference names another.
    /// `None` where neither is given.
    pub fn repository_namespace(&self) -> Option<&str> {
        let named = self.spec.image_repository_ref.namespace.as_deref();
        named.filter(|namespace| !namespace.is_empty()).or(self.metadata.namespace.as_deref())
    }

    /// Whether Flux leaves this policy as it is, its last choice included. Even a requested reconciliation does nothing then.
    ///
    /// That its ImageRepository is suspended does not suspend a policy: it goes on from the last scan.
    pub fn is_suspended(&self) -> bool {
        self.spec.suspend
    }
}

impl ImageRepository {
    /// Whether Flux scans this repository no more: not at its interval, not when a scan is requested, and not when its spec
    /// changes. What the last scan found stays.
    pub fn is_suspended(&self) -> bool {
        self.spec.suspend
    }
}

/// Whether objects may refer to objects of other namespaces at all: [`--no-cross-namespace-refs`][1] of Flux's controllers.
///
/// [1]: https://fluxcd.io/flux/components/image/options/
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the flag is set or not")]
pub enum CrossNamespaceRefs {
    /// As `accessFrom` says; the default.
    #[default]
    Allowed,
    /// Never: what operators of a cluster with several tenants set.
    Blocked,
}

/// Why a policy may not use an ImageRepository. `Display` writes Flux's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccessDenied {
    /// The controller lets nobody refer to another namespace.
    #[error("cannot access 'ImageRepository/{repository}', cross-namespace references have been blocked")]
    CrossNamespace {
        /// `namespace/name`
        repository: String,
    },
    /// The repository is in another namespace and has no `spec.accessFrom`.
    #[error("access denied: '{repository}' can't be accessed due to missing ACL labels on 'accessFrom'")]
    NoAccessFrom {
        /// `namespace/name`
        repository: String,
    },
    /// None of the selectors of `spec.accessFrom` matches the labels of the policy's namespace.
    #[error(
        "access denied: '{repository}' can't be accessed due to ACL labels mismatch on namespace '{namespace}'"
    )]
    LabelsMismatch {
        /// `namespace/name`
        repository: String,
        /// The policy's namespace.
        namespace: String,
    },
    /// The policy refers to another repository than the one it was held against. Flux, which looks the repository up by the
    /// reference, has no such case.
    #[error("the policy refers to ImageRepository '{referred}', not to '{repository}'")]
    NotReferred {
        /// `namespace/name` of the one given.
        repository: String,
        /// `namespace/name` of the one referred to.
        referred: String,
    },
}

fn qualified(namespace: &str, name: &str) -> String {
    format!("{namespace}/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(reference: &str) -> ImagePolicy {
        let text = format!(
            "{{apiVersion: image.toolkit.fluxcd.io/v1, kind: ImagePolicy, metadata: {{name: p, namespace: ns1}},
               spec: {{imageRepositoryRef: {reference}, policy: {{semver: {{range: 1.x}}}}}}}}"
        );
        ImagePolicy::from_yaml(&text).unwrap()
    }

    fn repository(metadata: &str, access_from: &str) -> ImageRepository {
        let text = format!(
            "{{apiVersion: image.toolkit.fluxcd.io/v1, kind: ImageRepository, metadata: {metadata},
               spec: {{image: ghcr.io/org/app, interval: 5m{access_from}}}}}"
        );
        ImageRepository::from_yaml(&text).unwrap()
    }

    #[track_caller]
    fn check(reference: &str, access_from: &str, references: CrossNamespaceRefs, expected: Result<(), &str>) {
        let policy = policy(reference);
        let namespace = policy.repository_namespace().unwrap();
        let repository = repository(&format!("{{name: r, namespace: {namespace}}}"), access_from);
        let labels = [("foo1", "bar1"), ("foo2", "bar2")].map(|(name, value)| (name.into(), value.into()));
        let found = policy.check_access(&repository, &labels.into(), references);
        assert_eq!(found.map_err(|denied| denied.to_string()), expected.map_err(str::to_owned));
    }

    #[test]
    fn access_is_what_flux_grants_and_denies() {
        use CrossNamespaceRefs::{Allowed, Blocked};

        let selectors = |selectors: &str| format!(", accessFrom: {{namespaceSelectors: [{selectors}]}}");
        let mismatch =
            Err("access denied: 'ns2/r' can't be accessed due to ACL labels mismatch on namespace 'ns1'");

        check("{name: r}", "", Blocked, Ok(()));
        check("{name: r, namespace: ns1}", "", Blocked, Ok(()));
        check("{name: r, namespace: ''}", "", Blocked, Ok(()));
        check("{name: r}", &selectors("{matchLabels: {aaa: bbb}}"), Allowed, Ok(()));

        let other = "{name: r, namespace: ns2}";
        let blocked = "cannot access 'ImageRepository/ns2/r', cross-namespace references have been blocked";
        check(other, &selectors("{matchLabels: {foo1: bar1}}"), Blocked, Err(blocked));
        let missing = "access denied: 'ns2/r' can't be accessed due to missing ACL labels on 'accessFrom'";
        check(other, "", Allowed, Err(missing));
        check(other, &selectors(""), Allowed, mismatch);
        check(other, &selectors("{matchLabels: {foo1: bar1}}"), Allowed, Ok(()));
        check(other, &selectors("{matchLabels: {foo1: bar1, foo2: bar2}}"), Allowed, Ok(()));
        check(other, &selectors("{matchLabels: {foo1: bar1, foo3: bar3}}"), Allowed, mismatch);
        check(other, &selectors("{matchLabels: {foo1: other}}"), Allowed, mismatch);
        check(other, &selectors("{matchLabels: {aaa: bbb}}, {matchLabels: {foo2: bar2}}"), Allowed, Ok(()));
        check(other, &selectors("{}"), Allowed, Ok(()));
    }

    #[test]
    fn a_repository_that_is_not_referred_to_grants_nothing() {
        let open = ", accessFrom: {namespaceSelectors: [{}]}";
        for (metadata, given) in
            [("{name: r, namespace: ns3}", "ns3/r"), ("{name: other, namespace: ns2}", "ns2/other")]
        {
            let found = policy("{name: r, namespace: ns2}").check_access(
                &repository(metadata, open),
                &BTreeMap::new(),
                CrossNamespaceRefs::Allowed,
            );
            let expected = format!("the policy refers to ImageRepository 'ns2/r', not to '{given}'");
            assert_eq!(found.unwrap_err().to_string(), expected);
        }
        // A file that leaves the namespace to kubectl.
        let found = policy("{name: r}").check_access(
            &repository("{name: r}", ""),
            &BTreeMap::new(),
            CrossNamespaceRefs::Blocked,
        );
        assert_eq!(found, Ok(()));
    }
}
