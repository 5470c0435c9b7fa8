//! Tasks from Flux's manifests (feature `manifest`).

use flux_policy::manifest::{DigestReflectionPolicy, ImagePolicy, ImageRepository};

use super::digest::DigestReflection;
use super::task::ImageTask;
use crate::error::{Error, ErrorKind};

impl ImageTask {
    /// What a Flux ImagePolicy and the ImageRepository it refers to ask for: image, policy, exclusion list, timeout, and when the
    /// digest is recorded.
    ///
    /// How the registry is reached, and as whom, is the reflector's:
    /// [`RegistryTransport`](crate::RegistryTransport) and [`DockerConfig`](crate::DockerConfig) are made of the Secrets that
    /// the ImageRepository names. Whether the policy [may use](ImagePolicy::check_access) the repository, and whether either
    /// [is suspended](ImagePolicy::is_suspended), is to be asked before.
    ///
    /// ```
    /// use flux_ecr_reflect::{DigestReflection, ImageTask};
    /// use flux_policy::manifest::{ImagePolicy, ImageRepository};
    ///
    /// let repository = ImageRepository::from_yaml(
    ///     "
    /// apiVersion: image.toolkit.fluxcd.io/v1
    /// kind: ImageRepository
    /// metadata: {name: app, namespace: apps}
    /// spec: {image: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp, interval: 5m, provider: aws}
    /// ",
    /// )?;
    /// let policy = ImagePolicy::from_yaml(
    ///     "
    /// apiVersion: image.toolkit.fluxcd.io/v1
    /// kind: ImagePolicy
    /// metadata: {name: app, namespace: apps}
    /// spec:
    ///   imageRepositoryRef: {name: app}
    ///   policy: {semver: {range: 1.x}}
    ///   digestReflectionPolicy: IfNotPresent
    /// ",
    /// )?;
    /// let task = ImageTask::from_manifests(&policy, &repository)?;
    /// assert_eq!(task.image().repository(), "apps/mainapp");
    /// assert_eq!(task.digest_reflection(), DigestReflection::IfNotPresent);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when the image, the policy, its filter or the exclusion list cannot be used.
    pub fn from_manifests(policy: &ImagePolicy, repository: &ImageRepository) -> Result<Self, Error> {
        let task = Self::new(repository.spec.image.parse()?, policy.policy().map_err(|error| told(&error))?)
            .with_exclusion_list(repository.exclusion_list().map_err(|error| told(&error))?)
            .with_timeout(repository.timeout());
        Ok(task.with_digest_reflection(
            match (policy.spec.digest_reflection_policy, policy.digest_interval()) {
                (DigestReflectionPolicy::Always, Some(interval)) => DigestReflection::Always { interval },
                (DigestReflectionPolicy::IfNotPresent, _) => DigestReflection::IfNotPresent,
                _ => DigestReflection::Never,
            },
        ))
    }
}

fn told(error: &flux_policy::Error) -> Error {
    let told = Error::new(ErrorKind::Configuration, error.to_string());
    match error.hint() {
        Some(hint) => told.with_hint(hint),
        None => told,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn task(repository: &str, policy: &str) -> Result<ImageTask, Error> {
        let manifest = |kind: &str, spec: &str| {
            format!(
                "{{apiVersion: image.toolkit.fluxcd.io/v1, kind: {kind}, metadata: {{name: app}}, spec: {{{spec}}}}}"
            )
        };
        let repository = ImageRepository::from_yaml(&manifest("ImageRepository", repository)).unwrap();
        let policy = format!("imageRepositoryRef: {{name: app}}, {policy}");
        ImageTask::from_manifests(
            &ImagePolicy::from_yaml(&manifest("ImagePolicy", &policy)).unwrap(),
            &repository,
        )
    }

    #[test]
    fn all_that_concerns_a_decision_is_taken_over() {
        let task = task(
            "image: ghcr.io/org/app, interval: 5m, timeout: 30s, exclusionList: ['^pr-']",
            "policy: {semver: {range: 1.x}}, digestReflectionPolicy: Always, interval: 1h",
        );
        let task = task.unwrap();
        assert_eq!(task.image.to_string(), "ghcr.io/org/app");
        assert_eq!(task.policy.to_string(), r#"highest version in "1.x""#);
        assert_eq!(task.digest_reflection, DigestReflection::Always { interval: Duration::from_hours(1) });
        assert_eq!(task.timeout, Some(Duration::from_secs(30)));
        let exclusions = task.exclusion_list.unwrap();
        assert_eq!((exclusions.excludes("pr-7"), exclusions.excludes("a.sig")), (Some("^pr-"), None));
    }

    #[test]
    fn defaults_are_flux_s() {
        let task = task("image: ghcr.io/org/app, interval: 5m", "policy: {numerical: {}}").unwrap();
        assert_eq!(
            (task.digest_reflection, task.timeout),
            (DigestReflection::Never, Some(Duration::from_mins(5)))
        );
        assert!(task.exclusion_list.unwrap().excludes("a.sig").is_some());
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let image = "image: ghcr.io/org/app, interval: 5m";
        for (repository, policy, part) in [
            (image, "policy: {semver: {range: nonsense}}", "spec.policy.semver.range"),
            (image, "policy: {}", "spec.policy is empty"),
            ("image: ghcr.io/org//app, interval: 5m", "policy: {semver: {range: 1.x}}", "ghcr.io/org//app"),
        ] {
            let error = task(repository, policy).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
