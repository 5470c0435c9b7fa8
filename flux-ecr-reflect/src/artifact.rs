//! OCI artifacts, as Flux's [OCIRepository](https://fluxcd.io/flux/components/source/ocirepositories/) reads them: a manifest with
//! layers, of which one holds the files.
//!
//! ```no_run
//! use flux_ecr_reflect::artifact::{Artifact, ArtifactRef};
//! use flux_ecr_reflect::{Error, OciRegistry};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Error> {
//! let registry = OciRegistry::builder().build()?;
//! let reference = ArtifactRef::semver(">=6.0.0")?;
//! let artifact = Artifact::resolve(&registry, &"ghcr.io/stefanprodan/manifests/podinfo".parse()?, &reference).await?;
//! println!("{}", artifact.revision()); // 6.9.1@sha256:3b6c…
//! artifact.extract_to(artifact.layer(None)?, "podinfo").await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What is checked
//!
//! A manifest and a layer are what their digest says, or an error. A layer of more bytes than its manifest or the
//! [limits](Limits) say is given up where it exceeds them. What is written to a path is there whole and checked, or not at all,
//! whatever fails and whenever the future is dropped.
//!
//! Files are written by tokio, so [`Artifact::copy_to`] and [`Artifact::extract_to`] need its runtime.
//!
//! Signatures (`.spec.verify`) are not verified: that needs a trust policy of your own.
//!
//! # Who is asked
//!
//! The [`OciRegistry`], with its logins, proxy and certificates. A registry may send its clients elsewhere for a layer, as ECR
//! sends them to S3: they go there without a login, and neither from `https` to plain `http` nor to an address that is not public.
//! What the manifest's `urls` name is not asked.

use std::collections::BTreeMap;
use std::fmt;

use flux_policy::{Candidate, Policy, Selected};

use crate::error::{Error, ErrorKind};
use crate::image::{Digest, ImageName, Tag};
use crate::oci::OciRegistry;
use crate::pages::Pages;

mod download;
mod extract;
mod limits;
mod manifest;
mod reference;

pub use self::limits::Limits;
pub use self::manifest::Layer;
pub use self::reference::ArtifactRef;

use self::manifest::Contents;
use self::reference::Choice;

/// The type of the config of artifacts that `flux push artifact` makes.
pub const FLUX_CONFIG_MEDIA_TYPE: &str = "application/vnd.cncf.flux.config.v1+json";
/// The type of the layer with their files: a tar archive, compressed with gzip.
pub const FLUX_CONTENT_MEDIA_TYPE: &str = "application/vnd.cncf.flux.content.v1.tar+gzip";

/// One artifact of a repository, of a certain digest. Its layers are still in the registry.
#[derive(Clone)]
pub struct Artifact {
    registry: OciRegistry,
    name: ImageName,
    tag: Option<Tag>,
    digest: Digest,
    contents: Contents,
    limits: Limits,
}

impl Artifact {
    /// Finds the artifact that `reference` says, and reads its manifest.
    ///
    /// Of a list of images for several platforms it is the one for `linux/amd64`, as in Flux; its digest is the list's.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is no such tag or digest, or no tag in the range; [`ErrorKind::InvalidResponse`] for a
    /// manifest that is none, or not of its digest; and whatever stopped the requests.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the requests.
    pub async fn resolve(
        registry: &OciRegistry,
        name: &ImageName,
        reference: &ArtifactRef,
    ) -> Result<Self, Error> {
        let (tag, asked) = match reference.choice() {
            Choice::Digest(digest) => (None, digest.to_string()),
            Choice::Tag(tag) => (Some(tag.clone()), tag.to_string()),
            Choice::Semver(policy) => {
                let tag = latest(registry, name, policy).await?;
                (Some(tag.clone()), tag.to_string())
            }
        };
        let found = registry.manifest(name, &asked).await?;
        let contents = match Contents::parse(name, &found.bytes)? {
            manifest::Parsed::Contents(contents) => contents,
            manifest::Parsed::Platform(digest) => {
                let found = registry.manifest(name, digest.as_str()).await?;
                match Contents::parse(name, &found.bytes)? {
                    manifest::Parsed::Contents(contents) => contents,
                    manifest::Parsed::Platform(_) => {
                        return Err(manifest::malformed(name, "is a list in a list"));
                    }
                }
            }
        };
        let (name, registry) = (name.clone(), registry.clone());
        Ok(Self { registry, name, tag, digest: found.digest, contents, limits: Limits::default() })
    }

    /// Sets how much is read and unpacked at most.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The repository.
    pub fn name(&self) -> &ImageName {
        &self.name
    }

    /// The tag by which it was found; `None` where it was a digest.
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// The digest of the manifest that was found, which was computed.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What Flux has in [`.status.artifact.revision`][1]: `TAG@sha256:…`, and the digest alone where that was asked for.
    ///
    /// [1]: https://fluxcd.io/flux/components/source/ocirepositories/#artifact
    pub fn revision(&self) -> String {
        match &self.tag {
            Some(tag) => format!("{tag}@{}", self.digest),
            None => self.digest.to_string(),
        }
    }

    /// The annotations of the manifest: what Flux has in `.status.artifact.metadata`.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.contents.annotations
    }

    /// The annotation `org.opencontainers.image.source`: where the files come from, such as the URL of a Git repository.
    pub fn source(&self) -> Option<&str> {
        self.annotation("org.opencontainers.image.source")
    }

    /// The annotation `org.opencontainers.image.revision`: of what state they are, such as `main@sha1:…`.
    pub fn source_revision(&self) -> Option<&str> {
        self.annotation("org.opencontainers.image.revision")
    }

    /// The annotation `org.opencontainers.image.created`: when the artifact was made, in RFC 3339.
    pub fn created(&self) -> Option<&str> {
        self.annotation("org.opencontainers.image.created")
    }

    /// The type of the artifact: `artifactType` of its manifest, and the type of its config where there is none.
    pub fn artifact_type(&self) -> &str {
        &self.contents.artifact_type
    }

    /// Whether `flux push artifact` made it.
    pub fn is_of_flux(&self) -> bool {
        self.contents.config_media_type == FLUX_CONFIG_MEDIA_TYPE
    }

    /// The layers, in the order of the manifest.
    pub fn layers(&self) -> &[Layer] {
        &self.contents.layers
    }

    /// The first layer of a type or, without one, the first of all: [`.spec.layerSelector.mediaType`][1].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is none, with the types that there are.
    ///
    /// [1]: https://fluxcd.io/flux/components/source/ocirepositories/#layer-selector
    pub fn layer(&self, media_type: Option<&str>) -> Result<&Layer, Error> {
        let layers = self.layers();
        let found = layers.iter().find(|layer| media_type.is_none_or(|wanted| layer.media_type() == wanted));
        found.ok_or_else(|| match media_type {
            None => Error::new(ErrorKind::NotFound, format!("artifact {self} has no layers")),
            Some(wanted) => {
                let there = layers.iter().map(Layer::media_type).collect::<Vec<_>>().join(", ");
                Error::new(ErrorKind::NotFound, format!("artifact {self} has no layer of type {wanted:?}"))
                    .with_hint(format!("It has layers of these types: {there}."))
            }
        })
    }

    fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations().get(key).map(String::as_str)
    }
}

impl fmt::Display for Artifact {
    /// The repository and the digest: `ghcr.io/org/app@sha256:…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.digest)
    }
}

impl fmt::Debug for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Artifact")
            .field("name", &self.name)
            .field("revision", &self.revision())
            .field("layers", &self.contents.layers)
            .finish_non_exhaustive()
    }
}

/// The tag that a range wants, of all that there are.
async fn latest(registry: &OciRegistry, name: &ImageName, policy: &Policy) -> Result<Tag, Error> {
    let mut selector = policy.selector();
    let mut pages = Pages::new(registry, name, None);
    while let Some(page) = pages.next().await? {
        for entry in page.entries() {
            selector.push(&Candidate::new(entry.tag().as_str()));
        }
    }
    let decision = selector.finish().map_err(|error| {
        Error::new(ErrorKind::Policy, format!("the range cannot judge the tags of {name}")).with_source(error)
    })?;
    match decision.winner().map(Selected::tag) {
        Some(tag) => tag.parse(),
        None => Err(Error::new(ErrorKind::NotFound, format!("no tag of {name} fits the artifact's range"))
            .with_hint(decision.to_string())),
    }
}
