//! The command line.

use std::path::PathBuf;

use clap::Parser;

use crate::world::{EMBEDDED_IMAGE, Setup};

/// Tells what AWS credentials a pod has, what is wrong with them, and what to do.
///
/// Without --live all of it happens on this machine: an embedded AWS plays the cloud, and this program plays a Flux
/// controller in an EKS pod.
#[derive(Clone, Debug, Parser)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch on the command line")]
#[command(name = "doctor", version)]
pub(crate) struct Args {
    /// How the pod gets its identity.
    #[arg(long, value_enum, default_value_t = Setup::Irsa, conflicts_with = "live")]
    pub(crate) setup: Setup,

    /// Ask, too: get credentials, then ask AWS whose they are and what they may do with the image.
    #[arg(long)]
    pub(crate) ask: bool,

    /// The image, as in the spec of an ImageRepository: the name without a tag. The embedded AWS has apps/mainapp, in account
    /// 111122223333 and region eu-west-1, and that is what is taken unless this is given. With --live, none.
    #[arg(long)]
    pub(crate) image: Option<String>,

    /// A file with the role's permission policy, to be held against the image.
    #[arg(long, value_name = "FILE")]
    pub(crate) permissions: Option<PathBuf>,

    /// Say only which source is used and why, and what an AWS SDK's own chain would do.
    #[arg(long, conflicts_with_all = ["ask", "permissions"])]
    pub(crate) explain_order: bool,

    /// Print one JSON document instead of text.
    #[arg(long)]
    pub(crate) json: bool,

    /// Use this process's own environment and the real AWS.
    #[arg(long)]
    pub(crate) live: bool,
}

impl Args {
    /// The image, given or embedded.
    pub(crate) fn image(&self) -> Option<&str> {
        self.image.as_deref().or((!self.live).then_some(EMBEDDED_IMAGE))
    }
}
