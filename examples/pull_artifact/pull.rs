//! The pull itself, and what is told of it.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use flux_ecr_reflect::artifact::{Artifact, ArtifactRef, Layer};
use flux_ecr_reflect::{ImageName, OciRegistry};

use crate::BoxError;
use crate::args::{Args, Operation};

/// What is pulled, and from where.
pub(crate) struct Pull {
    pub(crate) registry: OciRegistry,
    pub(crate) image: ImageName,
    pub(crate) reference: ArtifactRef,
}

impl Pull {
    pub(crate) async fn run(&self, args: &Args) -> Result<String, BoxError> {
        let artifact = Artifact::resolve(&self.registry, &self.image, &self.reference).await?;
        let layer = artifact.layer(args.media_type.as_deref())?;
        let mut text = description(&artifact, layer);
        match (&args.out, args.operation) {
            (Some(path), Operation::Copy) => {
                artifact.copy_to(layer, path).await?;
                writeln!(text, "  copied to {}", path.display())?;
            }
            (Some(path), Operation::Extract) => {
                artifact.extract_to(layer, path).await?;
                writeln!(text, "  extracted to {}", path.display())?;
            }
            (None, Operation::Copy) => {
                let bytes = artifact.write_to(layer, tokio::io::sink()).await?;
                writeln!(text, "  {bytes} bytes came, and are the layer's")?;
            }
            (None, Operation::Extract) => {
                let folder = tempfile::tempdir()?;
                let files = folder.path().join("files");
                artifact.extract_to(layer, &files).await?;
                for name in names(&files)? {
                    writeln!(text, "    {}", name.display())?;
                }
            }
        }
        Ok(text)
    }
}

fn description(artifact: &Artifact, layer: &Layer) -> String {
    let mut text = format!("{}\n  revision  {}\n", artifact.name(), artifact.revision());
    for (what, value) in [
        ("source", artifact.source()),
        ("of", artifact.source_revision()),
        ("created", artifact.created()),
        ("type", Some(artifact.artifact_type())),
    ] {
        if let Some(value) = value {
            text.extend(["  ", &format!("{what:<8}"), "  ", value, "\n"]);
        }
    }
    text + &format!("  layer     {}, {} bytes\n", layer.media_type(), layer.size())
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
