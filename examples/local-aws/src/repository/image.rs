//! Images: manifests, configuration and layer made from an index.

use aws_lc_rs::digest::{Context, SHA256, digest};
use axum::body::Bytes;
use serde::Deserialize;

/// The media type of every manifest that is not pushed.
pub(super) const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of its configuration.
pub(super) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The media type of the only layer.
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// A manifest as it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    pub(crate) digest: String,
    pub(crate) media_type: String,
    pub(crate) bytes: Bytes,
}

/// What a manifest says, as far as it is read here: that of an image has a configuration and layers, that of an index
/// other manifests.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Description {
    pub(crate) media_type: Option<String>,
    pub(crate) artifact_type: Option<String>,
    pub(crate) config: Option<Descriptor>,
    #[serde(default)]
    pub(crate) layers: Vec<Descriptor>,
    #[serde(default)]
    pub(crate) manifests: Vec<Descriptor>,
}

/// A reference from a manifest.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    pub(crate) media_type: String,
    pub(crate) digest: String,
    pub(crate) size: u64,
}

impl Description {
    /// The blobs it names.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.config.iter().chain(&self.layers)
    }

    /// What kind of artifact it is of, where it says so.
    pub(crate) fn artifact_media_type(&self) -> Option<&str> {
        let config = self.config.as_ref().map(|config| config.media_type.as_str());
        self.artifact_type.as_deref().or(config)
    }
}

/// What the images of a repository have in common: one configuration, one layer, and all of the manifest but the
/// revision, which is made from the image's index.
///
/// The revision stands last in the manifest, so that the digest of the part before it is computed once.
pub(super) struct Images {
    config: Vec<u8>,
    layer: Vec<u8>,
    manifest_head: String,
    head_digested: Context,
}

const MANIFEST_TAIL: &str = "\"}}";

impl Images {
    /// The images of the repository `name`.
    pub(super) fn new(name: &str) -> Self {
        // Two blocks of zeros are an empty tar archive.
        let layer = vec![0; 1024];
        // Written out, not through a map, whose order can differ between builds: bytes decide the digest.
        let config = format!(
            "{{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{{\"Labels\":{{\"org.opencontainers.image.title\":{}}}}},\
             \"rootfs\":{{\"type\":\"layers\",\"diff_ids\":[\"{}\"]}}}}",
            serde_json::Value::from(name),
            digest_of(&layer),
        )
        .into_bytes();
        let descriptor = |media_type: &str, blob: &[u8]| {
            format!(
                "{{\"mediaType\":\"{media_type}\",\"digest\":\"{}\",\"size\":{}}}",
                digest_of(blob),
                blob.len()
            )
        };
        let manifest_head = format!(
            "{{\"schemaVersion\":2,\"mediaType\":\"{IMAGE_MANIFEST}\",\"config\":{},\"layers\":[{}],\
             \"annotations\":{{\"org.opencontainers.image.revision\":\"",
            descriptor(CONFIG, &config),
            descriptor(LAYER, &layer),
        );
        let mut head_digested = Context::new(&SHA256);
        head_digested.update(manifest_head.as_bytes());
        Self { config, layer, manifest_head, head_digested }
    }

    /// The manifest of image `index`.
    pub(super) fn manifest(&self, index: u64) -> String {
        format!("{}{index:040x}{MANIFEST_TAIL}", self.manifest_head)
    }

    /// The digest of the manifest of image `index`.
    pub(super) fn digest(&self, index: u64) -> String {
        format!("sha256:{}", hex::encode(self.raw_digest(index)))
    }

    /// The image among the first `count` whose manifest has this digest, by computing theirs.
    pub(super) fn find(&self, digest: &str, count: u64) -> Option<u64> {
        let wanted = hex::decode(digest.strip_prefix("sha256:")?).ok()?;
        (0..count).find(|&index| self.raw_digest(index).as_ref() == wanted)
    }

    /// The bytes of a manifest, its configuration and its layer together.
    pub(super) fn size(&self) -> u64 {
        let manifest = self.manifest_head.len() + 40 + MANIFEST_TAIL.len();
        (manifest + self.config.len() + self.layer.len()) as u64
    }

    /// A blob of the repository, with its media type.
    pub(super) fn blob(&self, digest: &str) -> Option<(&'static str, &[u8])> {
        let blobs = [(CONFIG, self.config.as_slice()), (LAYER, self.layer.as_slice())];
        blobs.into_iter().find(|(_, blob)| digest_of(blob) == digest)
    }

    fn raw_digest(&self, index: u64) -> aws_lc_rs::digest::Digest {
        let mut context = self.head_digested.clone();
        context.update(format!("{index:040x}").as_bytes());
        context.update(MANIFEST_TAIL.as_bytes());
        context.finish()
    }
}

/// The digest of `bytes`.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(digest(&SHA256, bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_has_its_digest_and_names_blobs_that_exist() {
        let images = Images::new("apps/mainapp");
        for index in [0, 7, u64::MAX] {
            let manifest = images.manifest(index);
            assert_eq!(images.digest(index), digest_of(manifest.as_bytes()));
            let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("a manifest is JSON");
            for part in [&manifest["config"], &manifest["layers"][0]] {
                let (media_type, blob) =
                    images.blob(part["digest"].as_str().expect("a digest")).expect("a blob");
                assert_eq!(part["mediaType"], media_type);
                assert_eq!(part["size"], blob.len());
            }
        }
    }

    #[test]
    fn a_digest_is_the_same_in_every_build() {
        assert_eq!(
            Images::new("apps/mainapp").digest(0),
            "sha256:553589c84ddbf441c64b858d9652ed58262a7cea051c2f76648b1b0e5f917677"
        );
    }

    #[test]
    fn an_image_is_found_by_its_digest_and_only_among_those_there_are() {
        let images = Images::new("apps/mainapp");
        assert_eq!(images.find(&images.digest(41), 42), Some(41));
        assert_eq!(images.find(&images.digest(41), 41), None);
        assert_eq!(images.find("sha256:00", 42), None);
        assert_eq!(images.find("41", 42), None);
    }

    #[test]
    fn repositories_have_images_of_their_own() {
        assert_ne!(Images::new("a").digest(0), Images::new("b").digest(0));
    }
}
