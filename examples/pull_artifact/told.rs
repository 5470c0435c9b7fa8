//! What was pulled, told: as text, or as one JSON document.

use std::io::{self, Write};
use std::path::PathBuf;

use examples::terminal::style::{GOOD, HEADING, MINOR};
use examples::terminal::visible;
use serde_json::{Value, json};

use crate::pull::{Content, Pulled};

/// For people.
pub(crate) fn text(pulled: &Pulled, out: &mut impl Write) -> io::Result<()> {
    let Pulled { artifact, layer, content } = pulled;
    writeln!(out, "{HEADING}{}{HEADING:#}", artifact.name())?;
    writeln!(out, "  {MINOR}revision{MINOR:#}  {GOOD}{}{GOOD:#}", artifact.revision())?;
    for (what, value) in [
        ("source", artifact.source()),
        ("of", artifact.source_revision()),
        ("created", artifact.created()),
        ("type", Some(artifact.artifact_type())),
    ] {
        if let Some(value) = value {
            writeln!(out, "  {MINOR}{what:<8}{MINOR:#}  {}", visible(value))?;
        }
    }
    let media_type = visible(layer.media_type());
    writeln!(out, "  {MINOR}layer{MINOR:#}     {media_type}, {} bytes", layer.size())?;
    match content {
        Content::CopiedTo(path) => writeln!(out, "  copied to {}", path.display()),
        Content::ExtractedTo(path) => writeln!(out, "  extracted to {}", path.display()),
        Content::Checked(bytes) => writeln!(out, "  {bytes} bytes came, and are the layer's"),
        Content::Listed(names) => {
            names.iter().try_for_each(|name| writeln!(out, "    {}", visible(&name.to_string_lossy())))
        }
    }
}

/// For machines.
pub(crate) fn document(pulled: &Pulled) -> Value {
    let Pulled { artifact, layer, content } = pulled;
    let path = |path: &PathBuf| path.to_string_lossy().into_owned();
    let (copied_to, extracted_to, files) = match content {
        Content::CopiedTo(to) => (Some(path(to)), None, None),
        Content::ExtractedTo(to) => (None, Some(path(to)), None),
        Content::Checked(_) => (None, None, None),
        Content::Listed(names) => (None, None, Some(names.iter().map(path).collect::<Vec<_>>())),
    };
    json!({
        "image": artifact.name().to_string(),
        "revision": artifact.revision(),
        "digest": artifact.digest().to_string(),
        "source": artifact.source(),
        "sourceRevision": artifact.source_revision(),
        "created": artifact.created(),
        "type": artifact.artifact_type(),
        "annotations": artifact.annotations(),
        "layer": { "mediaType": layer.media_type(), "digest": layer.digest().to_string(), "size": layer.size() },
        "copiedTo": copied_to,
        "extractedTo": extracted_to,
        "files": files,
    })
}
