//! `ImageRepository`.

use core::time::Duration;
use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::policy::is_false;
use super::{ApiVersion, GoDuration, Manifest, Metadata, at, named, one, refused, scalar};
use crate::error::Error;
use crate::exclusion::ExclusionList;

/// Flux's [ImageRepository](https://fluxcd.io/flux/components/image/imagerepositories/).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", try_from = "Unchecked")]
#[non_exhaustive]
pub struct ImageRepository {
    /// The version of the API.
    pub api_version: ApiVersion,
    /// Name, namespace, labels and annotations.
    pub metadata: Metadata,
    /// What is scanned, and how.
    pub spec: ImageRepositorySpec,
}

impl ImageRepository {
    /// Reads a text that holds exactly one ImageRepository; documents of other kinds may stand beside it.
    ///
    /// # Errors
    ///
    /// Those of [`read`](super::read), and if there is none or more than one.
    pub fn from_yaml(text: &str) -> Result<Self, Error> {
        one(text, "ImageRepository", |manifest| match manifest {
            Manifest::ImageRepository(repository) => Some(repository),
            Manifest::ImagePolicy(_) => None,
        })
    }

    /// The tags this repository leaves out; Flux's default if the list is absent or empty.
    ///
    /// # Errors
    ///
    /// Those of [`ExclusionList::new`], with the manifest and the pattern's place in the list.
    pub fn exclusion_list(&self) -> Result<ExclusionList, Error> {
        let patterns = &self.spec.exclusion_list;
        if patterns.is_empty() {
            return Ok(ExclusionList::default());
        }
        ExclusionList::new(patterns).map_err(|error| {
            let at_fault = patterns.iter().position(|pattern| ExclusionList::new([pattern]).is_err());
            let field = format!("spec.exclusionList[{}]", at_fault.unwrap_or_default());
            at("ImageRepository", &self.metadata, &field, &error)
        })
    }

    /// How long one scan may take: the timeout, otherwise the interval; at least a second, as in Flux.
    pub fn timeout(&self) -> Duration {
        let given = self.spec.timeout.as_ref().unwrap_or(&self.spec.interval);
        given.duration().max(Duration::from_secs(1))
    }

    fn validate(&self) -> Result<(), Error> {
        named("ImageRepository", &self.metadata)?;
        let spec = &self.spec;
        let problem = if let Some(remedy) = image_fault(&spec.image) {
            format!("spec.image is {:?}: {remedy}", spec.image)
        } else if let Some(timeout) = spec.timeout.as_ref().filter(|timeout| timeout.as_str().contains('h')) {
            format!("spec.timeout is {:?}: the API takes ms, s and m here", timeout.as_str())
        } else if spec.exclusion_list.len() > MAX_EXCLUSIONS {
            let count = spec.exclusion_list.len();
            format!(
                "spec.exclusionList has {count} patterns: the API takes {MAX_EXCLUSIONS}, join some with |"
            )
        } else if spec.service_account_name.chars().count() > MAX_NAME {
            format!("spec.serviceAccountName is longer than {MAX_NAME} characters: use the account's name")
        } else {
            return Ok(());
        };
        Err(refused("ImageRepository", &self.metadata, &problem))
    }
}

/// The manifest as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Unchecked {
    api_version: ApiVersion,
    #[serde(rename = "kind")]
    _kind: Kind,
    #[serde(default)]
    metadata: Metadata,
    spec: ImageRepositorySpec,
    #[serde(default, rename = "status")]
    _status: IgnoredAny,
}

#[derive(Deserialize)]
enum Kind {
    ImageRepository,
}

impl TryFrom<Unchecked> for ImageRepository {
    type Error = Error;

    fn try_from(unchecked: Unchecked) -> Result<Self, Error> {
        let Unchecked { api_version, metadata, spec, .. } = unchecked;
        let repository = Self { api_version, metadata, spec };
        repository.validate()?;
        Ok(repository)
    }
}

/// What an ImageRepository asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ImageRepositorySpec {
    /// The name of the image, without scheme and tag.
    #[serde(deserialize_with = "scalar::text")]
    pub image: String,
    /// How often to scan.
    pub interval: GoDuration,
    /// How long a scan may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<GoDuration>,
    /// The Secret with registry credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// The Secret with the proxy to use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_secret_ref: Option<SecretRef>,
    /// The ServiceAccount whose identity or pull secrets are used; empty if none.
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "scalar::text")]
    pub service_account_name: String,
    /// The Secret with TLS certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_secret_ref: Option<SecretRef>,
    /// Whether scans are paused; see [`ImageRepository::is_suspended`].
    #[serde(default, skip_serializing_if = "is_false", deserialize_with = "scalar::flag")]
    pub suspend: bool,
    /// Which other namespaces may refer to this repository; see [`ImagePolicy::check_access`](super::ImagePolicy::check_access).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_from: Option<AccessFrom>,
    /// Patterns of tags to leave out; see [`ImageRepository::exclusion_list`].
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "scalar::texts")]
    pub exclusion_list: Vec<String>,
    /// Whose login is used.
    #[serde(default)]
    pub provider: Provider,
    /// Whether the registry speaks plain HTTP.
    #[serde(default, skip_serializing_if = "is_false", deserialize_with = "scalar::flag")]
    pub insecure: bool,
}

/// Whose login is used for the registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Provider {
    /// None but pull secrets.
    #[default]
    Generic,
    /// Amazon ECR.
    Aws,
    /// Azure Container Registry.
    Azure,
    /// Google Artifact Registry.
    Gcp,
}

/// The name of a Secret in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct SecretRef {
    /// Its name.
    #[serde(deserialize_with = "scalar::text")]
    pub name: String,
}

/// Which namespaces may refer to a repository: those that match any of the selectors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct AccessFrom {
    /// The selectors.
    pub namespace_selectors: Vec<NamespaceSelector>,
}

impl AccessFrom {
    /// Whether a namespace with these labels may refer to the repository.
    pub fn admits(&self, labels: &BTreeMap<String, String>) -> bool {
        let all = |selector: &NamespaceSelector| {
            selector.match_labels.iter().all(|(name, value)| labels.get(name) == Some(value))
        };
        self.namespace_selectors.iter().any(all)
    }
}

/// Selects namespaces by their labels; no labels select every namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct NamespaceSelector {
    /// The labels a namespace must have, all of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "scalar::text_map")]
    pub match_labels: BTreeMap<String, String>,
}

const MAX_EXCLUSIONS: usize = 25;
const MAX_NAME: usize = 253;

/// What to do about a name that is not that of a repository, by the rules of the library Flux reads it with:
/// [`name.NewRepository`](https://pkg.go.dev/github.com/google/go-containerregistry/pkg/name#NewRepository).
fn image_fault(image: &str) -> Option<String> {
    if image.is_empty() {
        return Some("give the name of an image such as ghcr.io/stefanprodan/podinfo".to_owned());
    }
    if image.contains(char::is_whitespace) {
        return Some("remove the blanks".to_owned());
    }
    if let Some((scheme, _)) = image.split_once("://") {
        return Some(format!("remove \"{scheme}://\""));
    }
    if let Some((_, digest)) = image.split_once('@') {
        return Some(format!("remove \"@{digest}\""));
    }
    // A colon before the last slash belongs to a port.
    let name = image.rsplit_once('/').map_or(image, |(_, name)| name);
    if let Some((_, tag)) = name.split_once(':') {
        return Some(format!("remove \":{tag}\""));
    }
    let path = match image.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) => path,
        _ => image,
    };
    let known = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || "_-./".contains(char);
    let other = path.chars().find(|char| !known(*char))?;
    Some(format!("{other:?} cannot be part of it, small letters, digits and . _ - / can"))
}
