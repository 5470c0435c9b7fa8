//! Flux's manifests, read from YAML or JSON (feature `serde`).
//!
//! [`ImagePolicy`] and [`ImageRepository`] of `image.toolkit.fluxcd.io/v1` and `v1beta2`. [`read`] takes a file of any
//! number of documents and hands back those of the two kinds, lists included; [`ImagePolicy::from_yaml`] and
//! [`ImageRepository::from_yaml`] want exactly one. JSON is read as the YAML it is.
//!
//! What Flux's API server would refuse is refused, with field, value and remedy. A field that the API does not know is
//! refused too, as `kubectl apply` does, because it is most often a misspelt one. `status` is ignored. As in the API
//! server, a field that is null counts as absent. Merge keys (`<<`) are applied. `Deserialize` refuses the same.
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

mod access;
mod duration;
mod policy;
mod repository;
mod scalar;

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use yaml_serde::Value;

use crate::error::{Error, ErrorKind};

pub use access::{AccessDenied, CrossNamespaceRefs};
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
/// [`InvalidManifest`](ErrorKind::InvalidManifest) for text that is not YAML, and for a document of one of the two kinds
/// that Flux's API server would refuse.
pub fn read(text: &str) -> Result<Vec<Manifest>, Error> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut manifests = Vec::new();
    for (index, document) in yaml_serde::Deserializer::from_str(text).enumerate() {
        let document = Value::deserialize(document).map_err(|error| unreadable(index, &error))?;
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
        let mut merged = value.clone();
        let fault = merge(&mut merged).err();
        let manifest = match (kind_of(&merged), fault) {
            (None, _) => return Ok(None),
            (Some(_), Some(error)) => return Err(in_document(index, &error)),
            (Some(Kind::ImagePolicy), None) => {
                Self::ImagePolicy(typed::<policy::Unchecked>(merged, index, again)?.try_into()?)
            }
            (Some(Kind::ImageRepository), None) => {
                Self::ImageRepository(typed::<repository::Unchecked>(merged, index, again)?.try_into()?)
            }
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
    #[serde(default, deserialize_with = "scalar::text")]
    pub name: String,
    /// Its namespace, where the manifest gives one.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "scalar::optional_text")]
    pub namespace: Option<String>,
    /// Its labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "scalar::text_map")]
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "scalar::text_map")]
    pub annotations: BTreeMap<String, String>,
}

const GROUP: &str = "image.toolkit.fluxcd.io/";

enum Kind {
    ImagePolicy,
    ImageRepository,
}

fn kind_of(value: &Value) -> Option<Kind> {
    let in_group = value.get("apiVersion")?.as_str()?.starts_with(GROUP);
    match value.get("kind")?.as_str()? {
        "ImagePolicy" if in_group => Some(Kind::ImagePolicy),
        "ImageRepository" if in_group => Some(Kind::ImageRepository),
        _ => None,
    }
}

/// The items of `kubectl get -o yaml`.
fn list_items(document: &Value) -> Option<&Vec<Value>> {
    let kind = document.get("kind")?.as_str()?;
    if kind.ends_with("List") { document.get("items")?.as_sequence() } else { None }
}

/// One round takes in what a merged mapping holds, merge keys of its own included; the next takes those in.
fn merge(value: &mut Value) -> Result<(), yaml_serde::Error> {
    while has_merge_key(value) {
        value.apply_merge()?;
    }
    Ok(())
}

fn has_merge_key(value: &Value) -> bool {
    match value {
        Value::Mapping(mapping) => mapping.contains_key("<<") || mapping.values().any(has_merge_key),
        Value::Sequence(items) => items.iter().any(has_merge_key),
        Value::Tagged(tagged) => has_merge_key(&tagged.value),
        _ => false,
    }
}

/// Kubernetes
/// [drops nulls](https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#defaulting-and-nullable) before it fills in defaults; no field of the two kinds is nullable. Items of lists stay.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Mapping(mapping) => {
            mapping.retain(|_, value| !value.is_null());
            mapping.values_mut().for_each(drop_nulls);
        }
        Value::Sequence(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

fn typed<'t, T: DeserializeOwned>(
    mut value: Value,
    index: usize,
    again: impl Fn() -> Option<yaml_serde::Deserializer<'t>>,
) -> Result<T, Error> {
    drop_nulls(&mut value);
    let error = match yaml_serde::from_value(value.clone()) {
        Ok(typed) => return Ok(typed),
        Err(error) => error,
    };
    // A value knows neither path nor line. Written out again it knows the path; the line is that of the text, if the
    // text has the same fault.
    let rewritten = yaml_serde::to_string(&value).ok();
    let error = rewritten.and_then(|text| yaml_serde::from_str::<T>(&text).err()).unwrap_or(error);
    let located = again().and_then(|document| T::deserialize(document).err());
    let located = located.filter(|located| without_place(located) == without_place(&error));
    Err(match located {
        Some(located) => in_document(index, &located),
        None => in_document(index, &without_place(&error)),
    })
}

fn without_place(error: &yaml_serde::Error) -> String {
    let text = error.to_string();
    let place = error.location().map(|at| format!(" at line {} column {}", at.line(), at.column()));
    place.map_or_else(|| text.clone(), |place| text.replace(&place, ""))
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
fn in_document(index: usize, error: &impl Display) -> Error {
    Error::new(ErrorKind::InvalidManifest, format!("document {}: {error}", index + 1))
}

/// YAML takes an unquoted `>` for a folded text and an unquoted `*` for an alias, and ranges begin with both.
fn unreadable(index: usize, error: &yaml_serde::Error) -> Error {
    let text = error.to_string();
    let unread = in_document(index, &text);
    if text.contains("block scalar") || text.contains("alias") {
        unread.with_hint("Put a value that begins with > or * in quotes.")
    } else {
        unread
    }
}

/// An error about a field that is well-formed YAML and that the API server would refuse.
fn refused(kind: &str, metadata: &Metadata, problem: &str) -> Error {
    Error::new(ErrorKind::InvalidManifest, format!("{kind} {:?}: {problem}", metadata.name))
}

/// What the API server wants of every object.
fn named(kind: &str, metadata: &Metadata) -> Result<(), Error> {
    if metadata.name.is_empty() {
        let text = format!("{kind}: metadata.name is missing or empty: name the object");
        return Err(Error::new(ErrorKind::InvalidManifest, text));
    }
    Ok(())
}

/// An error of a part of the crate that knows no manifests, with the place the manifest gave it.
fn at(kind: &str, metadata: &Metadata, field: &str, error: &Error) -> Error {
    let mut placed = Error::new(error.kind(), format!("{kind} {:?}: {field}: {error}", metadata.name));
    if let Some(hint) = error.hint() {
        placed = placed.with_hint(hint);
    }
    match std::error::Error::source(error) {
        Some(_) => placed.with_source(SourceOf(error.clone())),
        None => placed,
    }
}

/// The source of an error, which the error itself does not give away.
#[derive(Debug)]
struct SourceOf(Error);

impl Display for SourceOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        std::error::Error::source(&self.0).map_or(Ok(()), |source| Display::fmt(source, f))
    }
}

impl std::error::Error for SourceOf {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.0)?.source()
    }
}

#[cfg(test)]
mod tests;
