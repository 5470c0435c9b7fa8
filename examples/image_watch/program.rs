//! The program from arguments to exit code, writing where it is told.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use examples::failure::Failure;
use flux_aws_auth::Environment;
use flux_ecr_reflect::Throttle;
use flux_policy::manifest::CrossNamespaceRefs;
use tokio::sync::mpsc::unbounded_channel;

use crate::args::Args;
use crate::clock::Clock;
use crate::configuration::{Configuration, Note, sources};
use crate::event::{Event, Summary, What};
use crate::metrics::Metrics;
use crate::printer::{Format, Printer};
use crate::repository::{Jitter, Repository};
use crate::serve::serve;
use crate::state::Folder;
use crate::stop::{Stop, Stopper};
use crate::story::Story;
use crate::watch::{Limits, Teller, Watch};
use crate::world::World;

/// The real world, or the story at this speed.
pub(crate) enum Setting {
    Live,
    Story { speed: Option<u32> },
}

/// Watches until it is to stop.
///
/// # Errors
///
/// Bad input, at once, and what keeps the output from being written.
pub(crate) async fn run(
    args: &Args,
    setting: Setting,
    out: impl Write + Send,
    (stopper, stop): (Stopper, Stop),
) -> Result<Summary, Failure> {
    let story = match setting {
        Setting::Live => None,
        Setting::Story { speed } => {
            let story = Story::begin(speed).await;
            Some(story.map_err(|error| Failure::about("The embedded AWS did not start", error))?)
        }
    };
    let mut world = match &story {
        None => World::new(Clock::Machine, Environment::from_process(), Throttle::process_wide()),
        // Its pauses are of the machine's time, which a story does not wait for.
        Some(story) => {
            let throttle = Throttle::new().with_max_wait(LONGEST_TURN_OF_THE_STORY);
            World::new(story.clock.clone(), story.environment(), throttle)
        }
    };
    let configuration = configuration(args)?;
    let clock = world.clock.clone();
    let turn = clock.turn();
    let now = clock.now();
    let mut notes = configuration.notes;
    let (mut repositories, mut refused) = (Vec::new(), None);
    for watched in configuration.repositories {
        match world.reflector(&watched) {
            Ok(reflector) => repositories.push(Repository::new(watched, reflector, now)),
            Err(error) => {
                let (object, why) = (watched.object, error.to_string());
                refused.get_or_insert_with(|| Failure::about(&object, error));
                notes.push(Note::NotWatched { object, why });
            }
        }
    }
    // What is wrong for all of them is not about any.
    if let (true, Some(failure)) = (repositories.is_empty(), refused) {
        return Err(failure);
    }
    let metrics = Arc::new(Metrics::new(clock.clone(), world.chains(), world.throttle.clone()));
    let state = args.state.clone().map(Folder::open).transpose()?;
    let mut teller = Printer::new(out, format(args, &repositories, &notes)).with_last_line();
    for note in notes {
        teller.tell(&Event { at: now, what: note.into() })?;
    }
    if let Some(address) = args.metrics {
        let url = serve(address, metrics.clone())
            .await
            .map_err(|error| Failure::about(format!("The metrics cannot be served at {address}"), error))?;
        teller.tell(&Event { at: now, what: What::Serving { url } })?;
    }
    let limits = Limits {
        at_once: args.at_once(),
        rounds: args.rounds,
        ends_at: args.duration.as_ref().map(|duration| now + duration.duration()),
        grace: args.grace.duration(),
    };
    let jitter = Jitter::new(args.jitter, story.is_some().then_some(SEED_OF_THE_STORY));
    let (tell, told) = unbounded_channel();
    let script =
        story.map(|story| tokio::spawn(story.play(world.throttle.clone(), tell, stopper, clock.turn())));
    let mut watch = Watch { repositories, clock, jitter, state, metrics, teller, limits };
    watch.restore()?;
    let summary = watch.run(stop, told, turn).await;
    if let Some(script) = script {
        script.abort();
    }
    Ok(summary?)
}

fn configuration(args: &Args) -> Result<Configuration, Failure> {
    let sources = match (&*args.paths, args.live) {
        ([], false) => Story::manifests(),
        (paths, _) => sources(paths)?,
    };
    let references =
        if args.no_cross_namespace_refs { CrossNamespaceRefs::Blocked } else { CrossNamespaceRefs::Allowed };
    Configuration::read(&sources, references)
}

fn format(args: &Args, repositories: &[Repository], notes: &[Note]) -> Format {
    if args.json {
        return Format::Json;
    }
    let watched = repositories.iter().flat_map(|repository| {
        let policies = repository.policies.iter().map(|policy| &policy.object);
        policies.chain([&repository.object])
    });
    let others = notes.iter().filter_map(|note| match note {
        Note::Skipped { .. } => None,
        Note::Suspended(object) | Note::NotWatched { object, .. } => Some(object),
    });
    let width = watched.chain(others).map(|object| object.to_string().chars().count()).max();
    Format::Text { width: width.unwrap_or_default() }
}

impl From<Note> for What {
    fn from(note: Note) -> Self {
        match note {
            Note::Skipped { file, what } => Self::Skipped { file, what },
            Note::Suspended(object) => Self::Suspended(object),
            Note::NotWatched { object, why } => Self::NotWatched { object, why },
        }
    }
}

const LONGEST_TURN_OF_THE_STORY: Duration = Duration::from_millis(500);
const SEED_OF_THE_STORY: u64 = 7;
