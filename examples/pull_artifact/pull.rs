//! The pull itself.

use std::io;
use std::path::{Path, PathBuf};

use examples::failure::Failure;
use flux_ecr_reflect::artifact::{Artifact, ArtifactRef, Layer};
use flux_ecr_reflect::{ImageName, OciRegistry};

use crate::args::{Args, Operation};

/// What is pulled, and from where.
pub(crate) struct Pull {
    pub(crate) registry: OciRegistry,
    pub(crate) image: ImageName,
    pub(crate) reference: ArtifactRef,
}

/// What came of it.
pub(crate) struct Pulled {
    pub(crate) artifact: Artifact,
    pub(crate) layer: Layer,
    pub(crate) content: Content,
}

/// What became of the layer.
pub(crate) enum Content {
    CopiedTo(PathBuf),
    ExtractedTo(PathBuf),
    /// So many bytes came, and nobody has them.
    Checked(u64),
    /// These files are in it, and nobody has them.
    Listed(Vec<PathBuf>),
}

impl Pull {
    pub(crate) async fn run(&self, args: &Args) -> Result<Pulled, Failure> {
        let artifact = Artifact::resolve(&self.registry, &self.image, &self.reference).await?;
        let layer = artifact.layer(args.media_type.as_deref())?.clone();
        let content = match (args.out.clone(), args.operation) {
            (Some(path), Operation::Copy) => {
                artifact.copy_to(&layer, &path).await?;
                Content::CopiedTo(path)
            }
            (Some(path), Operation::Extract) => {
                artifact.extract_to(&layer, &path).await?;
                Content::ExtractedTo(path)
            }
            (None, Operation::Copy) => Content::Checked(artifact.write_to(&layer, tokio::io::sink()).await?),
            (None, Operation::Extract) => {
                let folder = tempfile::tempdir()?;
                let files = folder.path().join("files");
                artifact.extract_to(&layer, &files).await?;
                Content::Listed(names(&files)?)
            }
        };
        Ok(Pulled { artifact, layer, content })
    }
}

/// The files in a folder and those below it, in order.
fn names(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                names.push(path.strip_prefix(folder).map(Path::to_owned).unwrap_or(path));
            }
        }
    }
    names.sort();
    Ok(names)
}
