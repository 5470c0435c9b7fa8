//! What is read: manifests, and a list of tags.

use std::io::{self, Read};
use std::path::Path;

use examples::failure::Failure;
use flux_policy::manifest::{self, ImagePolicy, ImageRepository, Manifest};
use flux_policy::{Error, Policy};

/// A policy of the file by its name, or why it is none.
pub(crate) type Named = (String, Result<Policy, Error>);

/// The policies of a file, each with the exclusion list of the repository it refers to.
pub(crate) fn policies(path: &Path) -> Result<Vec<Named>, Failure> {
    policies_of(&read(path)?).map_err(|error| Failure::about(path.display(), error))
}

/// The tags of a file, or of standard input.
pub(crate) fn tags(path: Option<&Path>) -> Result<String, Failure> {
    match path {
        Some(path) => read(path),
        None => read_standard_input(),
    }
}

fn policies_of(text: &str) -> Result<Vec<Named>, Error> {
    let (mut policies, mut repositories) = (Vec::new(), Vec::new());
    for manifest in manifest::read(text)? {
        match manifest {
            Manifest::ImagePolicy(policy) => policies.push(policy),
            Manifest::ImageRepository(repository) => repositories.push(repository),
            _ => {}
        }
    }
    if policies.is_empty() {
        // Says what is missing better than an empty answer would.
        policies.push(ImagePolicy::from_yaml(text)?);
    }
    let compiled =
        policies.into_iter().map(|policy| (policy.metadata.name.clone(), compile(&policy, &repositories)));
    Ok(compiled.collect())
}

fn compile(manifest: &ImagePolicy, repositories: &[ImageRepository]) -> Result<Policy, Error> {
    let policy = manifest.policy()?;
    match repositories.iter().find(|repository| is_of(manifest, repository)) {
        Some(repository) => Ok(policy.with_exclusion_list(repository.exclusion_list()?)),
        None => Ok(policy),
    }
}

/// Whether a policy refers to a repository, by name and by namespace where both give one.
fn is_of(policy: &ImagePolicy, repository: &ImageRepository) -> bool {
    let reference = &policy.spec.image_repository_ref;
    let namespace = reference.namespace.as_ref().or(policy.metadata.namespace.as_ref());
    let same_namespace = namespace.zip(repository.metadata.namespace.as_ref()).is_none_or(|(a, b)| a == b);
    reference.name == repository.metadata.name && same_namespace
}

#[allow(clippy::disallowed_methods, reason = "a program that reads the files it is given")]
fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::about(path.display(), error))
}

fn read_standard_input() -> Result<String, Failure> {
    let mut text = String::new();
    let read = io::stdin().lock().read_to_string(&mut text);
    read.map(|_| text).map_err(|error| Failure::about("standard input", error))
}
