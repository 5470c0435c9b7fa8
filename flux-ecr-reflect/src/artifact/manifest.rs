//! What a manifest says.

use std::collections::BTreeMap;

use oci_distribution::client::linux_amd64_resolver;
use oci_distribution::manifest::{OciDescriptor, OciImageIndex, OciImageManifest, OciManifest};

use crate::error::{Error, ErrorKind};
use crate::image::{Digest, ImageName};

/// A layer of an artifact: what it is and how long, not its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    media_type: String,
    digest: Digest,
    size: u64,
    annotations: BTreeMap<String, String>,
}

impl Layer {
    /// What it is, such as [`FLUX_CONTENT_MEDIA_TYPE`](super::FLUX_CONTENT_MEDIA_TYPE).
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// The digest of its bytes.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// How many bytes it has, by the manifest.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Its annotations.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.annotations
    }
}

/// What is wanted of a manifest.
#[derive(Clone)]
pub(super) struct Contents {
    pub(super) artifact_type: String,
    pub(super) config_media_type: String,
    pub(super) layers: Vec<Layer>,
    pub(super) annotations: BTreeMap<String, String>,
}

pub(super) enum Parsed {
    Contents(Contents),
    /// A list of manifests, and that of the one for `linux/amd64`.
    Platform(Digest),
}

impl Contents {
    pub(super) fn parse(name: &ImageName, manifest: &[u8]) -> Result<Parsed, Error> {
        let manifest: OciManifest = serde_json::from_slice(manifest)
            .map_err(|error| malformed(name, "cannot be read").with_source(error))?;
        match manifest {
            OciManifest::Image(manifest) => Self::of_image(name, manifest).map(Parsed::Contents),
            OciManifest::ImageIndex(index) => of_index(name, &index).map(Parsed::Platform),
        }
    }

    fn of_image(name: &ImageName, manifest: OciImageManifest) -> Result<Self, Error> {
        if manifest.schema_version != 2 {
            return Err(malformed(name, &format!("has schema version {}", manifest.schema_version)));
        }
        let config_media_type = manifest.config.media_type;
        let layers = manifest.layers.into_iter().map(|layer| Layer::of_descriptor(name, layer));
        Ok(Self {
            artifact_type: manifest.artifact_type.unwrap_or_else(|| config_media_type.clone()),
            config_media_type,
            layers: layers.collect::<Result<_, _>>()?,
            annotations: manifest.annotations.unwrap_or_default(),
        })
    }
}

impl Layer {
    fn of_descriptor(name: &ImageName, descriptor: OciDescriptor) -> Result<Self, Error> {
        let OciDescriptor { media_type, digest, size, annotations, .. } = descriptor;
        let digest = Digest::try_from(digest)
            .map_err(|error| malformed(name, "has a layer without a digest").with_source(error))?;
        let size = u64::try_from(size).map_err(|_| malformed(name, "has a layer of negative size"))?;
        Ok(Self { media_type, digest, size, annotations: annotations.unwrap_or_default() })
    }
}

fn of_index(name: &ImageName, index: &OciImageIndex) -> Result<Digest, Error> {
    let digest = linux_amd64_resolver(&index.manifests).ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("{name} is an image index without an image for linux/amd64"))
            .with_hint("Name the digest of one of them.")
    })?;
    Digest::try_from(digest)
        .map_err(|error| malformed(name, "is an index with a malformed digest").with_source(error))
}

pub(super) fn malformed(name: &ImageName, what: &str) -> Error {
    Error::new(ErrorKind::InvalidResponse, format!("a manifest of {name} {what}"))
}
