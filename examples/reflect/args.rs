//! The command line.

use std::path::PathBuf;

use clap::Parser;
use flux_policy::manifest::GoDuration;

use crate::world::{EMBEDDED_IMAGE, Setup};

/// Finds AWS credentials, scans an ECR repository, picks the latest image, and explains each step.
///
/// Without --live all of it happens on this machine: an embedded AWS plays the cloud, and this program plays a Flux
/// controller in an EKS pod.
#[derive(Clone, Debug, Parser)]
#[command(name = "reflect", version)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(crate) struct Args {
    /// How the pod gets its identity.
    #[arg(long, value_enum, default_value_t = Setup::Irsa, conflicts_with = "live")]
    pub(crate) setup: Setup,

    /// The image, as in the spec of an ImageRepository: the name without a tag. The embedded AWS has apps/mainapp, in account
    /// 111122223333 and region eu-west-1, and that is what is taken unless this is given.
    #[arg(long)]
    pub(crate) image: Option<String>,

    /// A file with a Flux ImagePolicy manifest. Without it, the policy is the range ">=1.0.0".
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,

    /// Pick the image that was pushed last, whatever its tag says. Flux has no such policy.
    #[arg(long, conflicts_with = "policy")]
    pub(crate) newest_push: bool,

    /// Pick no image that was pushed less than this long ago, such as 24h or 30m. Flux has no such option.
    #[arg(long, value_name = "DURATION")]
    pub(crate) min_age: Option<GoDuration>,

    /// Ask the registry through the distribution API, as Flux does, and not through the ECR API: with a login, and with a request of
    /// its own for the digest. That API tells no push times.
    #[arg(long, conflicts_with_all = ["newest_push", "min_age"])]
    pub(crate) oci: bool,

    /// How many images the embedded repository has.
    #[arg(long, value_name = "N", default_value_t = 2500, conflicts_with = "live",
          value_parser = clap::value_parser!(u64).range(..=1_000_000))]
    pub(crate) tags: u64,

    /// Print one JSON document instead of text.
    #[arg(long)]
    pub(crate) json: bool,

    /// Use this process's own environment and the real AWS. Needs --image.
    #[arg(long, requires = "image")]
    pub(crate) live: bool,
}

impl Args {
    /// The image, given or embedded.
    pub(crate) fn image(&self) -> &str {
        self.image.as_deref().unwrap_or(EMBEDDED_IMAGE)
    }
}
