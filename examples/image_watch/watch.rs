//! The loop: what is due is begun, what is done is told and saved, until somebody says stop.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::clock::{Clock, Turn};
use crate::event::{Event, Summary, What};
use crate::health::kind_name;
use crate::metrics::Metrics;
use crate::object::Object;
use crate::repository::{Done, Jitter, Job, Repository};
use crate::state::Folder;
use crate::stop::Stop;

/// Who is told what happens.
pub(crate) trait Teller {
    /// # Errors
    ///
    /// Why it cannot be told. That ends the watch.
    fn tell(&mut self, event: &Event) -> io::Result<()>;

    /// How it stands, whenever that has changed.
    fn status(&mut self, status: &Status);
}

/// How it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) repositories: usize,
    pub(crate) policies: usize,
    pub(crate) failing: usize,
    pub(crate) scans: u64,
    pub(crate) under_way: usize,
    pub(crate) next: Option<(Object, SystemTime)>,
}

/// A watch over repositories.
pub(crate) struct Watch<T> {
    pub(crate) repositories: Vec<Repository>,
    pub(crate) clock: Clock,
    pub(crate) jitter: Jitter,
    pub(crate) state: Option<Folder>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) teller: T,
    pub(crate) limits: Limits,
}

/// How much, and for how long.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Repositories that are asked at once.
    pub(crate) at_once: usize,
    /// How often each is scanned.
    pub(crate) rounds: Option<u64>,
    pub(crate) ends_at: Option<SystemTime>,
    /// How long what is under way may take to its end.
    pub(crate) grace: Duration,
}

/// Jobs under way. Dropping them abandons what they ask for, which leaves nothing behind.
type UnderWay = FuturesUnordered<std::pin::Pin<Box<dyn Future<Output = Done> + Send>>>;

impl<T: Teller + Send> Watch<T> {
    /// Goes on from what was saved.
    ///
    /// # Errors
    ///
    /// Why it cannot be told that something saved is not usable.
    pub(crate) fn restore(&mut self) -> io::Result<()> {
        let Some(folder) = &self.state else { return Ok(()) };
        let at = self.clock.now();
        for repository in &mut self.repositories {
            let (saved, scan, problems) = folder.load(&repository.object);
            repository.restore(&saved, scan, at);
            if let Some(scan) = repository.scan() {
                self.metrics.tags(&repository.object, scan.len());
            }
            for problem in problems {
                let what = What::State { object: repository.object.clone(), problem };
                self.teller.tell(&Event { at, what })?;
            }
        }
        Ok(())
    }

    /// Watches until it is to stop, and tells what came of it. `told` is what others have to tell meanwhile.
    ///
    /// # Errors
    ///
    /// Why nothing can be told any more.
    pub(crate) async fn run(
        mut self,
        mut stop: Stop,
        mut told: UnboundedReceiver<Event>,
        turn: Turn,
    ) -> io::Result<Summary> {
        let mut under_way = UnderWay::new();
        let mut turn = Some(turn);
        let mut summary = Summary::default();
        summary.reason = loop {
            if let Some(reason) = self.is_over() {
                break reason;
            }
            self.begin_what_is_due(&mut under_way, turn.take());
            if self.has_done_its_rounds() && under_way.is_empty() {
                break "every repository was scanned as often as was asked for";
            }
            self.teller.status(&self.status(under_way.len()));
            let wakes_at = self.wakes_at(under_way.len());
            let clock = self.clock.clone();
            let woken = async {
                match wakes_at {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                reason = stop.wait() => break reason,
                Some(event) = told.recv() => self.teller.tell(&event)?,
                Some(done) = under_way.next() => turn = Some(self.finish(done, &mut summary).await?),
                woken = woken => turn = Some(woken),
            }
        };
        self.end(under_way, summary).await
    }

    /// Jobs for everything that is due, as far as there is room. They keep the turn until they are done.
    fn begin_what_is_due(&mut self, under_way: &mut UnderWay, turn: Option<Turn>) {
        let now = self.clock.now();
        let turn = turn.unwrap_or_else(|| self.clock.turn());
        let mut order: Vec<usize> = (0..self.repositories.len()).collect();
        order.sort_by_key(|&index| self.repositories.get(index).and_then(Repository::wakes_at));
        for index in order {
            let Some(repository) = self.repositories.get_mut(index) else { continue };
            let is_due = repository.wakes_at().is_some_and(|at| at <= now);
            if is_due && under_way.len() < self.limits.at_once && !is_done(&self.limits, repository) {
                let job = repository.begin(index, now, &mut self.jitter, &turn);
                under_way.extend(job.map(|job| Box::pin(Job::run(job)) as _));
            }
        }
    }

    /// Takes over what came of a job: tells, counts, saves.
    async fn finish(&mut self, done: Done, summary: &mut Summary) -> io::Result<Turn> {
        let turn = done.turn.clone();
        let at = self.clock.now();
        let Some(repository) = self.repositories.get_mut(done.index) else { return Ok(turn) };
        let mut new_scan = None;
        if let Some(outcome) = &done.scan {
            let (name, scan) = match outcome {
                Ok(scan) => ("success", Some(scan)),
                Err(error) => (kind_name(error.kind()), None),
            };
            self.metrics.scanned(&repository.object, name, done.took);
            summary.scans += 1;
            match scan {
                Some(scan) => {
                    self.metrics.tags(&repository.object, scan.len());
                    self.metrics.succeeded(&repository.object, at);
                    new_scan = Some(scan.clone());
                }
                None => summary.failed_scans += 1,
            }
        }
        for what in repository.finish(done, at, &mut self.jitter) {
            if let What::Changed { policy, .. } = &what {
                summary.changes += 1;
                self.metrics.changed(policy);
            }
            self.teller.tell(&Event { at, what })?;
        }
        if let Some(folder) = &self.state {
            let saved = folder.save(&repository.object, &repository.saved(), new_scan).await;
            if let Some(problem) = repository.saving.is_news(saved) {
                let what = What::State { object: repository.object.clone(), problem };
                self.teller.tell(&Event { at, what })?;
            }
        }
        Ok(turn)
    }

    /// Waits a while for what is under way, and tells how it all ended.
    async fn end(mut self, mut under_way: UnderWay, mut summary: Summary) -> io::Result<Summary> {
        if !under_way.is_empty() {
            let what = What::Stopping { under_way: under_way.len(), grace: self.limits.grace };
            self.teller.tell(&Event { at: self.clock.now(), what })?;
            let grace = self.limits.grace;
            let rest = async {
                while let Some(done) = under_way.next().await {
                    self.finish(done, &mut summary).await?;
                }
                io::Result::Ok(())
            };
            if let Ok(ended) = tokio::time::timeout(grace, rest).await {
                ended?;
            }
        }
        summary.abandoned = under_way.len();
        summary.policies = self.repositories.iter().flat_map(Repository::choices).collect();
        summary.failing = self.failing().cloned().collect();
        let what = What::Stopped(summary.clone());
        self.teller.tell(&Event { at: self.clock.now(), what })?;
        Ok(summary)
    }

    fn is_over(&self) -> Option<&'static str> {
        self.limits.ends_at.is_some_and(|at| at <= self.clock.now()).then_some("the time is over")
    }

    fn has_done_its_rounds(&self) -> bool {
        self.repositories.iter().all(|repository| is_done(&self.limits, repository))
    }

    /// When there is something to do again, if there is room for it.
    fn wakes_at(&self, under_way: usize) -> Option<SystemTime> {
        let next = self.next().map(|(_, at)| at).filter(|_| under_way < self.limits.at_once);
        next.into_iter().chain(self.limits.ends_at).min()
    }

    fn next(&self) -> Option<(&Object, SystemTime)> {
        let repositories = self.repositories.iter().filter(|repository| !is_done(&self.limits, repository));
        let wakes = repositories.filter_map(|repository| Some((&repository.object, repository.wakes_at()?)));
        wakes.min_by_key(|(_, at)| *at)
    }

    fn failing(&self) -> impl Iterator<Item = &Object> {
        self.repositories.iter().flat_map(|repository| {
            let policies = repository.policies.iter().filter(|policy| policy.health.is_failing());
            let own = repository.health.is_failing().then_some(&repository.object);
            own.into_iter().chain(policies.map(|policy| &policy.object))
        })
    }

    fn status(&self, under_way: usize) -> Status {
        Status {
            repositories: self.repositories.len(),
            policies: self.repositories.iter().map(|repository| repository.policies.len()).sum(),
            failing: self.failing().count(),
            scans: self.repositories.iter().map(|repository| repository.scans).sum(),
            under_way,
            next: self.next().map(|(object, at)| (object.clone(), at)),
        }
    }
}

fn is_done(limits: &Limits, repository: &Repository) -> bool {
    limits.rounds.is_some_and(|rounds| repository.is_suspended() || repository.scans >= rounds)
}
