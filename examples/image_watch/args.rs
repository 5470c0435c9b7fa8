//! The command line.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Parser;
use flux_policy::manifest::GoDuration;

/// Watches the images that Flux manifests name, and prints what changes.
///
/// Without --live all of it happens on this machine: an embedded AWS plays the cloud, somebody pushes to it, and the time between
/// two events is skipped.
#[derive(Clone, Debug, Parser)]
#[command(name = "image_watch", version)]
pub(crate) struct Args {
    /// Files with ImageRepository and ImagePolicy manifests, or folders of .yaml, .yml and .json files. Needed with --live; without
    /// it the manifests of the story are taken.
    #[arg(value_name = "MANIFESTS", required_if_eq("live", "true"))]
    pub(crate) paths: Vec<PathBuf>,

    /// Use this process's own environment and the real registries, until ctrl-c.
    #[arg(long)]
    pub(crate) live: bool,

    /// End after this long, such as 30m.
    #[arg(long = "for", value_name = "DURATION")]
    pub(crate) duration: Option<GoDuration>,

    /// End when every repository was scanned this often, successfully or not.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) rounds: Option<u64>,

    /// Keep scans and choices in this folder, and go on from them after a restart.
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,

    /// Serve Prometheus metrics at http://ADDR/metrics. A port alone is one of loopback.
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub(crate) metrics: Option<SocketAddr>,

    /// How many repositories are scanned at once [default: 4; of the story 1, so that it is always told alike].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..))]
    concurrent: Option<u8>,

    /// By how much an interval may be longer than it says, at random, so that repositories do not come all at once.
    #[arg(long, value_name = "PERCENT", default_value_t = 5, value_parser = clap::value_parser!(u8).range(..100))]
    pub(crate) jitter: u8,

    /// How long scans that are under way may take to their end after ctrl-c. A second ctrl-c does not wait.
    #[arg(long, value_name = "DURATION", default_value = "5s")]
    pub(crate) grace: GoDuration,

    /// Let no policy refer to a repository of another namespace, as the flag of Flux's controllers.
    #[arg(long)]
    pub(crate) no_cross_namespace_refs: bool,

    /// Print one JSON object a line instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Args {
    /// How many repositories are scanned at once.
    pub(crate) fn at_once(&self) -> usize {
        let default = if self.live { 4 } else { 1 };
        self.concurrent.unwrap_or(default).into()
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse() {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    text.parse().map_err(|_| "give a port, or an address with one such as 127.0.0.1:9090".to_owned())
}
