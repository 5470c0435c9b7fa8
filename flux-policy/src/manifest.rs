//! Flux's manifests, read from YAML or JSON (feature `serde`).
//!
//! [`ImagePolicy`] and [`ImageRepository`] of `image.toolkit.fluxcd.io/v1` and `v1beta2`. [`read`] takes a file of any
//! number of documents and hands back those of the two kinds, lists included; [`ImagePolicy::from_yaml`] and
//! [`ImageRepository::from_yaml`] want exactly one. JSON is read as the YAML it is.
//!
//! What Flux's API server would refuse is refused, with field, value and remedy. A field that the API does not know is
//! refused too, as `kubectl apply` does, because it is most often a misspelt one. `status` is ignored.
//!
//! ```
//! use flux_policy::manifest::ImagePolicy;
//!
//! let manifest = ImagePolicy::from_yaml(
//!     "
//! apiVersion: image.toolkit.fluxcd.io/v1
//! kind: ImagePolicy
//! metadata:
//!   name: podinfo
//! spec:
//!   imageRepositoryRef:
//!     name: podinfo
//!   policy:
//!     semver:
//!       range: 6.x
//! ",
//! )?;
//! let decision = manifest.policy()?.latest(["6.7.1", "6.8.0", "7.0.0"])?;
//! assert_eq!(decision.winner().unwrap().tag(), "6.8.0");
//! # Ok::<(), flux_policy::Error>(())
//! ```

mod duration;
mod policy;
mod repository;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use yaml_serde::Value;

use crate::error::{Error, ErrorKind};

pub use duration::{GoDuration, NotADuration};
pub use policy::{
    DigestReflectionPolicy, FilterTags, ImagePolicy, ImagePolicySpec, ImageRepositoryRef, PolicyChoice,
    RuleOrder, SemverRange,
};
pub use repository::{
    AccessFrom, ImageRepository, ImageRepositorySpec, NamespaceSelector, Provider, SecretRef,
};

/// Reads every ImagePolicy and ImageRepository of a file; documents of other kinds are passed over.
///
/// # Errors
///
/// [`InvalidManifest`](ErrorKind::InvalidManifest) for text that is no YAML, and for a document of one of the two kinds
/// that Flux's API server would refuse.
pub fn read(text: &str) -> Result<Vec<Manifest>, Error> {
    let mut manifests = Vec::new();
    for (index, document) in yaml_serde::Deserializer::from_str(text).enumerate() {
        let document = Value::deserialize(document).map_err(|error| in_document(index, &error))?;
        let whole = || yaml_serde::Deserializer::from_str(text).nth(index);
        if let Some(items) = list_items(&document) {
            for item in items {
                manifests.extend(Manifest::from_value(item, index, || None)?);
            }
        } else {
            manifests.extend(Manifest::from_value(&document, index, whole)?);
        }
    }
    Ok(manifests)
}

/// A manifest of one of the kinds this module knows.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Manifest {
    /// An ImagePolicy.
    ImagePolicy(ImagePolicy),
    /// An ImageRepository.
    ImageRepository(ImageRepository),
}

impl Manifest {
    /// `None` for another kind. `again` gives the same document from the text, for an error that knows its place.
    fn from_value<'t>(
        value: &Value,
        index: usize,
        again: impl Fn() -> Option<yaml_serde::Deserializer<'t>>,
    ) -> Result<Option<Self>, Error> {
        let api_version = value.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
        let manifest = match kind {
            "ImagePolicy" if api_version.starts_with(GROUP) => {
                let policy: ImagePolicy = typed(value, index, again)?;
                policy.validate()?;
                Self::ImagePolicy(policy)
            }
            "ImageRepository" if api_version.starts_with(GROUP) => {
                let repository: ImageRepository = typed(value, index, again)?;
                repository.validate()?;
                Self::ImageRepository(repository)
            }
            _ => return Ok(None),
        };
        Ok(Some(manifest))
    }
}

/// The version of the API a manifest is written for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ApiVersion {
    /// `image.toolkit.fluxcd.io/v1`
    #[default]
    #[serde(rename = "image.toolkit.fluxcd.io/v1")]
    V1,
    /// `image.toolkit.fluxcd.io/v1beta2`, which Flux calls deprecated.
    #[serde(rename = "image.toolkit.fluxcd.io/v1beta2")]
    V1Beta2,
}

/// The part of an object's metadata that matters here; the rest is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Metadata {
    /// The object's name.
    #[serde(default)]
    pub name: String,
    /// Its namespace, where the manifest gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

const GROUP: &str = "image.toolkit.fluxcd.io/";

/// The items of `kubectl get -o yaml`.
fn list_items(document: &Value) -> Option<&Vec<Value>> {
    let kind = document.get("kind")?.as_str()?;
    if kind.ends_with("List") { document.get("items")?.as_sequence() } else { None }
}

fn typed<'t, T: DeserializeOwned>(
    value: &Value,
    index: usize,
    again: impl Fn() -> Option<yaml_serde::Deserializer<'t>>,
) -> Result<T, Error> {
    yaml_serde::from_value(value.clone()).map_err(|error| {
        let located = again().and_then(|document| T::deserialize(document).err());
        in_document(index, &located.unwrap_or(error))
    })
}

/// Reads a text that holds exactly one manifest of the wanted kind.
fn one<T>(text: &str, kind: &str, wanted: impl Fn(Manifest) -> Option<T>) -> Result<T, Error> {
    let mut found = read(text)?.into_iter().filter_map(wanted);
    match (found.next(), found.next()) {
        (Some(manifest), None) => Ok(manifest),
        (None, _) => Err(Error::new(
            ErrorKind::InvalidManifest,
            format!("no document has kind {kind} and apiVersion {GROUP}v1 or v1beta2"),
        )),
        (Some(_), Some(_)) => {
            let text = format!("more than one document has kind {kind}: read them all with manifest::read");
            Err(Error::new(ErrorKind::InvalidManifest, text))
        }
    }
}

/// The parser's line becomes ours; its type stays out of the API.
fn in_document(index: usize, error: &yaml_serde::Error) -> Error {
    Error::new(ErrorKind::InvalidManifest, format!("document {}: {error}", index + 1))
}

/// An error about a field that is well-formed YAML and that the API server would refuse.
fn refused(kind: &str, metadata: &Metadata, problem: &str) -> Error {
    Error::new(ErrorKind::InvalidManifest, format!("{kind} {:?}: {problem}", metadata.name))
}

/// An error of a part of the crate that knows no manifests, with the place the manifest gave it.
fn at(kind: &str, metadata: &Metadata, field: &str, error: &Error) -> Error {
    let placed = Error::new(error.kind(), format!("{kind} {:?}: {field}: {error}", metadata.name));
    match error.hint() {
        Some(hint) => placed.with_hint(hint),
        None => placed,
    }
}

#[cfg(test)]
mod tests;
