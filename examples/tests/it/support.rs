//! Runs the `reflect` example in this process.

use clap::Parser;
use examples::terminal::Screen;
use local_aws::Repository;

use crate::args::Args;
use crate::program::{self, Verdict};
use crate::world::{Setup, World, mixed_repository};

/// What a run of the example wrote and came to.
pub(crate) struct Run {
    pub(crate) verdict: Verdict,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The arguments as the command line would give them.
pub(crate) fn args(words: &[&str]) -> Args {
    Args::parse_from(["reflect"].iter().chain(words))
}

/// The world that the arguments ask for, with the example's own repository.
pub(crate) async fn world(args: &Args) -> World {
    World::embedded(args.setup, mixed_repository(args.tags), Some(args.tags)).await.unwrap()
}

/// A world in which the repository has these tags.
pub(crate) async fn world_with(tags: &[&str]) -> World {
    let repository = Repository::with_tags("apps/mainapp", tags.iter().copied());
    World::embedded(Setup::Irsa, repository, Some(tags.len() as u64)).await.unwrap()
}

/// Runs the example in `world`.
pub(crate) async fn run(args: &Args, world: &World) -> Run {
    let (mut out, mut err) = (Screen::plain(Vec::new()), Screen::plain(Vec::new()));
    let verdict = program::run(args, world, &mut out, &mut err).await.unwrap();
    let text = |screen: Screen<Vec<u8>>| String::from_utf8(screen.into_inner().unwrap()).unwrap();
    Run { verdict, out: text(out), err: text(err) }
}
