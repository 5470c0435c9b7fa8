//! A registry in memory, a clock that is skipped, and a watch between them.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use examples::terminal::Screen;
use flux_ecr_reflect::{
    Digest, Error, ErrorKind, ImageRef, PageRequest, Reflector, TagEntry, TagPage, TagSource, Throttle,
};
use flux_policy::manifest::CrossNamespaceRefs;
use tokio::sync::Notify;
use tokio::sync::mpsc::unbounded_channel;

use crate::clock::{Clock, Turn};
use crate::configuration::{Configuration, Source};
use crate::event::Summary;
use crate::metrics::Metrics;
use crate::printer::{Format, Printer};
use crate::repository::{Jitter, Repository};
use crate::state::Folder;
use crate::stop::{Stopper, stop};
use crate::watch::{Limits, Watch};

/// One repository, scanned every five minutes, and one policy.
pub(crate) const APP: &str = "
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: app, namespace: apps}
spec: {image: registry.example.com/app, interval: 5m}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: app, namespace: apps}
spec: {imageRepositoryRef: {name: app}, policy: {semver: {range: 1.x}}}
";

/// What the registry answers from now on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Tags(&'static [&'static str]),
    /// Of each tag, whatever it is.
    Digest(u64),
    Fails(ErrorKind),
    Hangs,
    /// Of this repository; the others go on.
    HangsFor(&'static str),
}

/// What everybody has in hand.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) clock: Clock,
    pub(crate) start: SystemTime,
    pub(crate) asked: Arc<Notify>,
    pub(crate) let_go: Arc<Notify>,
    registry: Arc<Mutex<Registry>>,
}

#[derive(Debug)]
struct Registry {
    answer: Answer,
    digest: u64,
    slow: Option<&'static str>,
    /// The seconds at which it was listed.
    listed: Vec<u64>,
}

/// What a watch wrote and came to.
pub(crate) struct Played {
    pub(crate) summary: Summary,
    pub(crate) lines: Vec<String>,
    pub(crate) metrics: String,
}

/// How a watch is set up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Setup<'a> {
    pub(crate) state: Option<&'a Path>,
    pub(crate) rounds: Option<u64>,
    /// One, unless it is more.
    pub(crate) at_once: usize,
    pub(crate) minutes: u64,
}

impl Stage {
    /// Nine o'clock, before a registry with these tags.
    pub(crate) fn new(tags: &'static [&'static str]) -> Self {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_603_600);
        let registry = Registry { answer: Answer::Tags(tags), digest: 1, slow: None, listed: Vec::new() };
        Self {
            clock: Clock::story(local_aws::Clock::fixed(start), None),
            start,
            asked: Arc::default(),
            let_go: Arc::default(),
            registry: Arc::new(Mutex::new(registry)),
        }
    }

    /// Answers otherwise from now on.
    pub(crate) fn answer(&self, answer: Answer) {
        let mut registry = self.registry.lock().unwrap();
        match answer {
            Answer::Digest(digest) => registry.digest = digest,
            Answer::HangsFor(repository) => registry.slow = Some(repository),
            answer => registry.answer = answer,
        }
    }

    /// When the registry was listed, in seconds since the start.
    pub(crate) fn listed(&self) -> Vec<u64> {
        self.registry.lock().unwrap().listed.clone()
    }

    /// Watches for so many minutes from now on; the registry changes its mind in these minutes since the start.
    pub(crate) async fn play(
        &self,
        manifests: &str,
        setup: Setup<'_>,
        script: &'static [(u64, Answer)],
    ) -> Played {
        self.play_until(manifests, setup, script, |_| ()).await
    }

    /// The same; `with` is given what stops the watch.
    pub(crate) async fn play_until(
        &self,
        manifests: &str,
        setup: Setup<'_>,
        script: &'static [(u64, Answer)],
        with: impl FnOnce(Stopper),
    ) -> Played {
        let sources = [Source { name: "test.yaml".to_owned(), text: manifests.to_owned() }];
        let configuration = Configuration::read(&sources, CrossNamespaceRefs::Allowed).unwrap();
        let now = self.clock.now();
        let repositories = configuration.repositories.into_iter().map(|watched| {
            let reflector = Reflector::builder()
                .tag_source(self.clone())
                .exclusion_list(watched.exclusions.clone())
                .time_source(self.clock.clone());
            Repository::new(watched, reflector.build().unwrap(), now)
        });
        let written = Written::default();
        let metrics = Arc::new(Metrics::new(self.clock.clone(), Vec::new(), Throttle::new()));
        let mut watch = Watch {
            repositories: repositories.collect(),
            clock: self.clock.clone(),
            jitter: Jitter::new(0, Some(0)),
            state: setup.state.map(|path| Folder::open(path.to_owned()).unwrap()),
            metrics: metrics.clone(),
            teller: Printer::new(written.without_colours(), Format::Text { width: 0 }),
            limits: Limits {
                at_once: setup.at_once.max(1),
                rounds: setup.rounds,
                ends_at: Some(now + Duration::from_mins(setup.minutes)),
                grace: Duration::from_secs(5),
            },
        };
        watch.restore().unwrap();
        let (stopper, stop) = stop();
        let (_tell, told) = unbounded_channel();
        let turn = self.clock.turn();
        tokio::spawn(self.clone().change(script, self.clock.turn()));
        with(stopper);
        let summary = watch.run(stop, told, turn).await.unwrap();
        Played { summary, lines: written.lines(), metrics: metrics.text().unwrap() }
    }

    async fn change(self, script: &'static [(u64, Answer)], mut turn: Turn) {
        for (minute, answer) in script {
            let at = self.start + Duration::from_mins(*minute);
            if at >= self.clock.now() {
                drop(turn);
                turn = self.clock.sleep_until(at).await;
                self.answer(*answer);
            }
        }
    }
}

#[async_trait]
impl TagSource for Stage {
    async fn page(&self, request: &PageRequest<'_>) -> Result<TagPage, Error> {
        let answer = {
            let mut registry = self.registry.lock().unwrap();
            registry.listed.push(self.clock.now().duration_since(self.start).unwrap().as_secs());
            let is_slow = registry.slow == Some(request.image().repository());
            if is_slow { Answer::Hangs } else { registry.answer }
        };
        self.asked.notify_one();
        match answer {
            Answer::Fails(kind) => Err(Error::new(kind, format!("the registry says {kind:?}"))),
            Answer::Hangs => {
                self.let_go.notified().await;
                Ok(TagPage::new(vec![TagEntry::new("1.9.9".parse()?)]))
            }
            Answer::Tags(tags) => {
                let entries = tags.iter().map(|tag| Ok(TagEntry::new(tag.parse()?)));
                Ok(TagPage::new(entries.collect::<Result<_, Error>>()?))
            }
            Answer::Digest(_) | Answer::HangsFor(_) => unreachable!("kept by themselves"),
        }
    }

    async fn digest(&self, _: &ImageRef) -> Result<Option<Digest>, Error> {
        format!("sha256:{:064x}", self.registry.lock().unwrap().digest).parse().map(Some)
    }
}

/// What was written, for whoever wants to read it meanwhile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    /// The lines, each with single blanks.
    pub(crate) fn lines(&self) -> Vec<String> {
        let text = self.text();
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    /// What writes here, as to a file.
    pub(crate) fn without_colours(&self) -> Screen<Box<dyn Write + Send>> {
        Screen::plain(Box::new(self.clone()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines up to the summary.
pub(crate) fn told(played: &Played) -> Vec<&str> {
    let lines = played.lines.iter().map(String::as_str);
    lines.take_while(|line| !line.contains(" stopped ")).collect()
}
