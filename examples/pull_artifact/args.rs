//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use flux_ecr_reflect::artifact::ArtifactRef;
use flux_ecr_reflect::{Error, ImageName};

use crate::fleet;

/// Fetches an OCI artifact, as Flux's OCIRepository does.
#[derive(Clone, Debug, Parser)]
#[command(name = "pull_artifact", version)]
pub(crate) struct Args {
    /// Ask the real registry of --image, and not an embedded one.
    #[arg(long, requires = "image")]
    pub(crate) live: bool,

    /// The repository, as in an OCIRepository's .spec.url behind oci://.
    #[arg(long)]
    image: Option<String>,

    /// The tag; `latest`, unless something else is asked for.
    #[arg(long)]
    tag: Option<String>,

    /// The greatest version in this range, in preference to a tag. Where the registry is embedded it is `*`, unless something is
    /// asked for.
    #[arg(long, value_name = "RANGE")]
    semver: Option<String>,

    /// Look for versions only among the tags that this pattern finds something in.
    #[arg(long, value_name = "PATTERN", requires = "semver")]
    semver_filter: Option<String>,

    /// The digest, in preference to everything else.
    #[arg(long)]
    digest: Option<String>,

    /// The media type of the layer; the first layer, unless set.
    #[arg(long)]
    pub(crate) media_type: Option<String>,

    /// What is done with the layer.
    #[arg(long, value_enum, default_value_t = Operation::Extract)]
    pub(crate) operation: Operation,

    /// Print one JSON document instead of text.
    #[arg(long)]
    pub(crate) json: bool,

    /// Where it goes: a new folder, or a file for `copy`. Unless set, it is unpacked, listed and thrown away.
    #[arg(long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
}

/// An OCIRepository's `.spec.layerSelector.operation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Operation {
    /// Unpack it
    Extract,
    /// Keep it as it is
    Copy,
}

impl Args {
    pub(crate) fn image(&self) -> Result<ImageName, Error> {
        self.image.as_deref().unwrap_or(fleet::IMAGE).parse()
    }

    pub(crate) fn reference(&self) -> Result<ArtifactRef, Error> {
        let is_asked = self.tag.is_some() || self.digest.is_some() || self.live;
        let mut reference = match &self.tag {
            Some(tag) => ArtifactRef::tag(tag.parse()?),
            None => ArtifactRef::latest(),
        };
        if let Some(range) = self.semver.as_deref().or((!is_asked).then_some("*")) {
            reference = reference.with_semver(range)?;
        }
        if let Some(pattern) = &self.semver_filter {
            reference = reference.with_semver_filter(pattern)?;
        }
        Ok(match &self.digest {
            Some(digest) => reference.with_digest(digest.parse()?),
            None => reference,
        })
    }
}
