//! Images and artifacts with content of their own.

use std::collections::BTreeMap;

use axum::body::Bytes;
use serde_json::{Value, json};

use super::image::{IMAGE_MANIFEST, digest_of};

/// An image, or any other artifact, with this content: what [`Repository::artifact`](crate::Repository::artifact) puts
/// into a repository.
///
/// ```
/// use local_aws::{Artifact, Repository};
///
/// let tarball = b"a gzipped tarball".to_vec();
/// let manifests = Artifact::flux(tarball)
///     .annotation("org.opencontainers.image.source", "https://github.com/example/fleet.git")
///     .annotation("org.opencontainers.image.revision", "main@sha1:0123456789abcdef0123456789abcdef01234567");
/// let chart = Artifact::new("application/vnd.cncf.helm.config.v1+json", "{}")
///     .layer("application/vnd.cncf.helm.chart.content.v1.tar+gzip", b"a chart".to_vec());
/// let repository = Repository::empty("fleet/manifests").artifact("1.0.0", manifests).artifact("chart", chart);
/// ```
#[derive(Clone, Debug)]
pub struct Artifact {
    config: Blob,
    layers: Vec<Blob>,
    kind: Option<String>,
    annotations: BTreeMap<String, String>,
}

/// Content with its media type.
#[derive(Clone, Debug)]
struct Blob {
    media_type: String,
    content: Bytes,
}

impl Artifact {
    /// An artifact with this configuration, by media type and content, and no layer.
    pub fn new(config_media_type: impl Into<String>, config: impl Into<Vec<u8>>) -> Self {
        Self {
            config: Blob { media_type: config_media_type.into(), content: config.into().into() },
            layers: Vec::new(),
            kind: None,
            annotations: BTreeMap::new(),
        }
    }

    /// An artifact as `flux push artifact` makes it, of a gzipped tarball.
    ///
    /// Source: <https://fluxcd.io/flux/cheatsheets/oci-artifacts/>.
    pub fn flux(tarball: impl Into<Vec<u8>>) -> Self {
        Self::new("application/vnd.cncf.flux.config.v1+json", "{}")
            .layer("application/vnd.cncf.flux.content.v1.tar+gzip", tarball)
    }

    /// One more layer.
    #[must_use]
    pub fn layer(mut self, media_type: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        self.layers.push(Blob { media_type: media_type.into(), content: content.into().into() });
        self
    }

    /// Its `artifactType`.
    #[must_use]
    pub fn artifact_type(mut self, media_type: impl Into<String>) -> Self {
        self.kind = Some(media_type.into());
        self
    }

    /// One more annotation of its manifest.
    #[must_use]
    pub fn annotation(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.annotations.insert(key.into(), value.into());
        self
    }

    /// Its manifest, as JSON text.
    pub(super) fn manifest(&self) -> String {
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": IMAGE_MANIFEST,
            "config": self.config.descriptor(),
            "layers": self.layers.iter().map(Blob::descriptor).collect::<Vec<_>>(),
        });
        if let Some(kind) = &self.kind {
            manifest["artifactType"] = json!(kind);
        }
        if !self.annotations.is_empty() {
            manifest["annotations"] = json!(self.annotations);
        }
        manifest.to_string()
    }

    /// What its manifest refers to.
    pub(super) fn blobs(&self) -> impl Iterator<Item = &Bytes> {
        std::iter::once(&self.config).chain(&self.layers).map(|blob| &blob.content)
    }
}

impl Blob {
    fn descriptor(&self) -> Value {
        let Self { media_type, content } = self;
        json!({ "mediaType": media_type, "digest": digest_of(content), "size": content.len() })
    }
}
