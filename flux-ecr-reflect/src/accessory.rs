//! What stands in a repository beside its images: signatures, attestations, SBOMs.

use crate::tags::TagEntry;

/// What says something about an image, and is none that could be run.
///
/// Registries list these among the tags. Of them Flux leaves out what its [default exclusion
/// list](flux_policy::ExclusionList::DEFAULT_PATTERN) names, which are the tags that end in `.sig`, and so does a
/// [`Reflector`](crate::Reflector); the rest it leaves out where it is
/// [told to](crate::ReflectorBuilder::without_accessories).
///
/// ```
/// use flux_ecr_reflect::Accessory;
///
/// let of = "sha256-87ef60f558bad79beea6425a3b28989f01dd417164150ab3baab98dcbf04def8";
/// assert_eq!(Accessory::of_tag(&format!("{of}.sig")), Some(Accessory::Signature));
/// assert_eq!(Accessory::of_tag(&format!("{of}.att")), Some(Accessory::Attestation));
/// assert_eq!(Accessory::of_tag(&format!("{of}.sbom")), Some(Accessory::Sbom));
/// assert_eq!(Accessory::of_tag(of), Some(Accessory::Referrers));
/// assert_eq!(Accessory::of_tag("1.2.3"), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Accessory {
    /// A signature: tagged by [cosign] as `sha256-….sig`, or of the type that cosign or [Notation] gives it.
    ///
    /// [cosign]: https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md#tag-based-discovery
    /// [Notation]: https://github.com/notaryproject/specifications/blob/main/specs/signature-specification.md
    Signature,
    /// An attestation: tagged by [cosign] as `sha256-….att`, or of an in-toto type.
    ///
    /// [cosign]: https://docs.sigstore.dev/cosign/verifying/attestation/
    Attestation,
    /// A software bill of materials: tagged by [cosign] as `sha256-….sbom`, or of a type of SPDX, CycloneDX or Syft.
    ///
    /// [cosign]: https://github.com/sigstore/cosign/blob/main/specs/SBOM_SPEC.md
    Sbom,
    /// The list of all of these for one image, tagged `sha256-…` where a registry has [no better place for it][1].
    ///
    /// [1]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
    Referrers,
    /// Anything else that names an image as its [subject][1].
    ///
    /// [1]: https://github.com/opencontainers/image-spec/blob/main/manifest.md#image-manifest-property-descriptions
    Other,
}

impl Accessory {
    /// By the tag alone: an algorithm, a dash and hexadecimal digits, with one of cosign's suffixes; or without, if they are 64, as
    /// the distribution specification cuts them. Whoever tags images by the beginning of a digest has fewer.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let rest = ["sha256-", "sha512-"].into_iter().find_map(|algorithm| tag.strip_prefix(algorithm))?;
        let (hex, accessory) = match rest.split_once('.') {
            None => (rest, Self::Referrers),
            Some((hex, "sig")) => (hex, Self::Signature),
            Some((hex, "att")) => (hex, Self::Attestation),
            Some((hex, "sbom")) => (hex, Self::Sbom),
            Some(_) => return None,
        };
        let is_long_enough = if accessory == Self::Referrers { hex.len() == 64 } else { !hex.is_empty() };
        let is_hex = is_long_enough && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_hex.then_some(accessory)
    }

    /// By the tag, and by type and subject where the listing tells them: that of ECR does for
    /// [`Detail::Images`](crate::Detail::Images).
    pub fn of(entry: &TagEntry) -> Option<Self> {
        let facts = || entry.facts();
        let by_type = || Self::of_type(facts()?.artifact_type.as_deref()?);
        let by_subject = || facts()?.subject.as_ref().map(|_| Self::Other);
        Self::of_tag(entry.tag().as_str()).or_else(by_type).or_else(by_subject)
    }

    fn of_type(media_type: &str) -> Option<Self> {
        let (_, accessory) = TYPES.into_iter().find(|(prefix, _)| media_type.starts_with(prefix))?;
        Some(accessory)
    }
}

/// How types begin: what follows is a version or a format.
const TYPES: [(&str, Accessory); 10] = [
    ("application/vnd.dev.cosign.artifact.sig.", Accessory::Signature),
    ("application/vnd.dev.cosign.artifact.att.", Accessory::Attestation),
    ("application/vnd.dev.cosign.artifact.sbom.", Accessory::Sbom),
    ("application/vnd.dev.sigstore.bundle.", Accessory::Signature),
    ("application/vnd.cncf.notary.signature", Accessory::Signature),
    ("application/vnd.in-toto", Accessory::Attestation),
    ("application/spdx", Accessory::Sbom),
    ("text/spdx", Accessory::Sbom),
    ("application/vnd.cyclonedx", Accessory::Sbom),
    ("application/vnd.syft", Accessory::Sbom),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tags::ImageFacts;

    #[test]
    fn tags_are_recognised_whole() {
        let hex = "0123456789abcdef".repeat(4);
        for (suffix, accessory) in [
            ("", Accessory::Referrers),
            (".sig", Accessory::Signature),
            (".att", Accessory::Attestation),
            (".sbom", Accessory::Sbom),
        ] {
            assert_eq!(Accessory::of_tag(&format!("sha256-{hex}{suffix}")), Some(accessory));
            assert_eq!(Accessory::of_tag(&format!("sha512-{hex}{suffix}")), Some(accessory));
            for no_such in [
                format!("v1-sha256-{hex}{suffix}"),
                format!("sha256-{hex}{suffix}.1"),
                format!("sha256-{hex}x{suffix}"),
                format!("sha256-{}{suffix}", hex.to_uppercase()),
                format!("sha256-{suffix}"),
                format!("sha1-{hex}{suffix}"),
            ] {
                assert_eq!(Accessory::of_tag(&no_such), None, "{no_such}");
            }
        }
        let longer = format!("sha512-{hex}{hex}");
        for image in
            ["1.2.3", "latest", "sha256", "1.0.0.sig", "sha256-abc.tar", "sha256-0123456789ab", &longer]
        {
            assert_eq!(Accessory::of_tag(image), None, "{image}");
        }
    }

    #[test]
    fn types_and_subjects_are_recognised_where_the_tag_says_nothing() {
        let entry = |tag: &str, artifact_type: Option<&str>, has_subject: bool| {
            let subject = format!("sha256:{:064}", 1).parse().expect("a digest");
            TagEntry::new(tag.parse().expect(tag)).with_facts(ImageFacts {
                artifact_type: artifact_type.map(str::to_owned),
                subject: has_subject.then_some(subject),
                ..ImageFacts::default()
            })
        };
        for (artifact_type, accessory) in [
            ("application/vnd.dev.cosign.artifact.sig.v1+json", Accessory::Signature),
            ("application/vnd.dev.cosign.artifact.att.v1+json", Accessory::Attestation),
            ("application/vnd.dev.cosign.artifact.sbom.v1+json", Accessory::Sbom),
            ("application/vnd.dev.sigstore.bundle.v0.3+json", Accessory::Signature),
            ("application/vnd.cncf.notary.signature", Accessory::Signature),
            ("application/vnd.in-toto+json", Accessory::Attestation),
            ("application/spdx+json", Accessory::Sbom),
            ("text/spdx", Accessory::Sbom),
            ("application/vnd.cyclonedx+json", Accessory::Sbom),
            ("application/vnd.syft+json", Accessory::Sbom),
        ] {
            assert_eq!(Accessory::of(&entry("1.0.0", Some(artifact_type), true)), Some(accessory));
            assert_eq!(Accessory::of(&entry("1.0.0", Some(artifact_type), false)), Some(accessory));
        }
        for image in [
            None,
            Some("application/vnd.oci.image.config.v1+json"),
            Some("application/vnd.docker.container.image.v1+json"),
            Some("application/vnd.cncf.helm.config.v1+json"),
            Some("application/vnd.cncf.flux.config.v1+json"),
        ] {
            assert_eq!(Accessory::of(&entry("1.0.0", image, false)), None, "{image:?}");
            assert_eq!(Accessory::of(&entry("1.0.0", image, true)), Some(Accessory::Other), "{image:?}");
        }
        assert_eq!(Accessory::of(&entry("sha256-0f.sig", None, false)), Some(Accessory::Signature));
        assert_eq!(Accessory::of(&TagEntry::new("1.0.0".parse().expect("a tag"))), None);
    }
}
