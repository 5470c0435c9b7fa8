//! `ImagePolicy`.

use core::time::Duration;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::{ApiVersion, GoDuration, Manifest, Metadata, at, named, one, refused, scalar};
use crate::error::{Error, ErrorKind};
use crate::filter::TagFilter;
use crate::policy::{Order, Policy};

/// Flux's [ImagePolicy](https://fluxcd.io/flux/components/image/imagepolicies/).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", try_from = "Unchecked")]
#[non_exhaustive]
pub struct ImagePolicy {
    /// The version of the API.
    pub api_version: ApiVersion,
    /// Name, namespace, labels and annotations.
    pub metadata: Metadata,
    /// What is wanted.
    pub spec: ImagePolicySpec,
}

impl ImagePolicy {
    /// Reads a text that holds exactly one ImagePolicy; documents of other kinds may stand beside it.
    ///
    /// # Errors
    ///
    /// Those of [`read`](super::read), and if there is none or more than one.
    pub fn from_yaml(text: &str) -> Result<Self, Error> {
        one(text, "ImagePolicy", |manifest| match manifest {
            Manifest::ImagePolicy(policy) => Some(policy),
            Manifest::ImageRepository(_) => None,
        })
    }

    /// The policy this manifest asks for: the first present of `semver`, `alphabetical` and `numerical`, with
    /// `filterTags`. It uses nothing that goes beyond Flux.
    ///
    /// # Errors
    ///
    /// [`InvalidPolicy`](ErrorKind::InvalidPolicy) if no rule is given or the range or the pattern cannot be read, which
    /// the API server lets pass and the controller reports; [`Unsupported`](ErrorKind::Unsupported) as in
    /// [`TagFilter::new`]. The error names the manifest and the field.
    pub fn policy(&self) -> Result<Policy, Error> {
        let placed = |field: &'static str| move |error| at("ImagePolicy", &self.metadata, field, &error);
        let choice = &self.spec.policy;
        let policy = if let Some(semver) = &choice.semver {
            Policy::semver(&semver.range).map_err(placed("spec.policy.semver.range"))?
        } else if let Some(alphabetical) = &choice.alphabetical {
            Policy::alphabetical(alphabetical.order)
        } else if let Some(numerical) = &choice.numerical {
            Policy::numerical(numerical.order)
        } else {
            let text = format!(
                "ImagePolicy {:?}: spec.policy is empty: give one of semver, alphabetical, numerical",
                self.metadata.name
            );
            return Err(Error::new(ErrorKind::InvalidPolicy, text));
        };
        match &self.spec.filter_tags {
            Some(filter) => {
                let filter = TagFilter::new(&filter.pattern, &filter.extract)
                    .map_err(placed("spec.filterTags.pattern"))?;
                Ok(policy.with_filter(filter))
            }
            None => Ok(policy),
        }
    }

    /// How often to look for a new digest of the same tag: only under `digestReflectionPolicy: Always`, ten minutes
    /// for an interval of zero, as in Flux.
    pub fn digest_interval(&self) -> Option<Duration> {
        if self.spec.digest_reflection_policy != DigestReflectionPolicy::Always {
            return None;
        }
        let interval = self.spec.interval.as_ref().map(GoDuration::duration);
        Some(interval.filter(|interval| !interval.is_zero()).unwrap_or(Duration::from_mins(10)))
    }

    fn validate(&self) -> Result<(), Error> {
        named("ImagePolicy", &self.metadata)?;
        let always = self.spec.digest_reflection_policy == DigestReflectionPolicy::Always;
        let problem = match (&self.spec.interval, always) {
            (Some(interval), false) => format!(
                "spec.interval is {:?}: remove it, or set spec.digestReflectionPolicy to Always",
                interval.as_str()
            ),
            (None, true) => {
                "spec.interval is missing: spec.digestReflectionPolicy Always needs one such as 10m"
                    .to_owned()
            }
            _ => return Ok(()),
        };
        Err(refused("ImagePolicy", &self.metadata, &problem))
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
    spec: ImagePolicySpec,
    #[serde(default, rename = "status")]
    _status: IgnoredAny,
}

#[derive(Deserialize)]
enum Kind {
    ImagePolicy,
}

impl TryFrom<Unchecked> for ImagePolicy {
    type Error = Error;

    fn try_from(unchecked: Unchecked) -> Result<Self, Error> {
        let Unchecked { api_version, metadata, spec, .. } = unchecked;
        let policy = Self { api_version, metadata, spec };
        policy.validate()?;
        Ok(policy)
    }
}

/// What an ImagePolicy asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ImagePolicySpec {
    /// The ImageRepository whose tags are looked at.
    pub image_repository_ref: ImageRepositoryRef,
    /// The rule.
    pub policy: PolicyChoice,
    /// Which tags count, and which part of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter_tags: Option<FilterTags>,
    /// Whether the digest of the selected tag is recorded.
    #[serde(default)]
    pub digest_reflection_policy: DigestReflectionPolicy,
    /// How often to look for a new digest; given exactly if the digest is always reflected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<GoDuration>,
    /// Whether reconciliation is paused; see [`ImagePolicy::is_suspended`].
    #[serde(default, skip_serializing_if = "is_false", deserialize_with = "scalar::flag")]
    pub suspend: bool,
}

/// The name of an ImageRepository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ImageRepositoryRef {
    /// Its name.
    #[serde(deserialize_with = "scalar::text")]
    pub name: String,
    /// Its namespace, if not that of the policy.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "scalar::optional_text")]
    pub namespace: Option<String>,
}

/// The rules an ImagePolicy may give; of several the first in this order counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct PolicyChoice {
    /// The highest version in a range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub semver: Option<SemverRange>,
    /// The last in byte order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alphabetical: Option<RuleOrder>,
    /// The greatest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numerical: Option<RuleOrder>,
}

/// The argument of the semver rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct SemverRange {
    /// A range in [its language](crate::guide::range_language).
    #[serde(deserialize_with = "scalar::text")]
    pub range: String,
}

/// The argument of the alphabetical and the numerical rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct RuleOrder {
    /// `asc` or `desc`, in small letters.
    #[serde(default, with = "order")]
    pub order: Order,
}

/// `spec.filterTags`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct FilterTags {
    /// The pattern; empty matches every tag.
    #[serde(default, deserialize_with = "scalar::text")]
    pub pattern: String,
    /// The template; empty means the tag itself.
    #[serde(default, deserialize_with = "scalar::text")]
    pub extract: String,
}

/// When the digest of the selected tag is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum DigestReflectionPolicy {
    /// Always the digest that the tag has now.
    Always,
    /// Once, when the tag is selected.
    IfNotPresent,
    /// Never; the default.
    #[default]
    Never,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
pub(super) fn is_false(value: &bool) -> bool {
    !value
}

/// The API server admits the orders in small letters only, although the controller would take any case.
mod order {
    use serde::{Deserializer, Serializer};

    use super::scalar;
    use crate::policy::Order;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
    pub(super) fn serialize<S: Serializer>(order: &Order, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(order)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Order, D::Error> {
        scalar::parsed(deserializer, |text| match text {
            "asc" => Ok(Order::Asc),
            "desc" => Ok(Order::Desc),
            other => Err(format!("{other:?} must be asc or desc")),
        })
    }
}
