//! A repository that is watched: when it is scanned, and what comes of it for its policies.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use flux_ecr_reflect::scan::{LastScan, ScanSpec, should_scan};
use flux_ecr_reflect::{Error, ErrorKind, ImageName, ImageRef, ImageTask, ImageUpdate, Reflector, Scan};

use crate::clock::Turn;
use crate::configuration::Watched;
use crate::event::What;
use crate::health::{Health, Success};
use crate::object::Object;
use crate::policy::{Policy, Scans};
use crate::state::{Failing, Saved, Saving, Scanned};
use crate::times;

/// A repository, and what is known of it.
#[derive(Debug)]
pub(crate) struct Repository {
    pub(crate) object: Object,
    pub(crate) policies: Vec<Policy>,
    pub(crate) health: Health,
    /// Scans that came to an end, successfully or not.
    pub(crate) scans: u64,
    pub(crate) saving: Saving,
    reflector: Reflector,
    interval: Duration,
    timeout: Duration,
    spec: ScanSpec,
    patterns: Vec<String>,
    request: String,
    image: ImageName,
    is_suspended: bool,
    is_busy: bool,
    scan: Option<Arc<Scan>>,
    last: Option<(LastScan, Scanned)>,
    scan_at: Option<SystemTime>,
}

/// A scan to be made, or a look at the last one, for the policies that want it.
pub(crate) struct Job {
    index: usize,
    reflector: Reflector,
    image: ImageName,
    timeout: Duration,
    scans: bool,
    stored: Option<Arc<Scan>>,
    looks: Vec<Look>,
    turn: Turn,
}

struct Look {
    policy: usize,
    task: ImageTask,
    /// Whether it is to be looked at even if the scan fails.
    is_due: bool,
}

/// What came of a job.
pub(crate) struct Done {
    pub(crate) index: usize,
    /// `None` if there was no scan to make.
    pub(crate) scan: Option<Result<Arc<Scan>, Error>>,
    pub(crate) took: Duration,
    pub(crate) turn: Turn,
    updates: Vec<(usize, Result<ImageUpdate, Error>)>,
}

impl Repository {
    /// A repository that is to be scanned at once.
    pub(crate) fn new(watched: Watched, reflector: Reflector, now: SystemTime) -> Self {
        let Watched { object, manifest, image, interval, exclusions, policies } = watched;
        let request = manifest.metadata.annotations.get(REQUESTED_AT).cloned();
        let spec = ScanSpec::new(image.clone(), interval).with_exclusion_list(exclusions.clone());
        Self {
            spec: match &request {
                Some(request) => spec.with_reconcile_request(request),
                None => spec,
            },
            policies: policies.into_iter().map(|(object, task)| Policy::new(object, task)).collect(),
            health: Health::Unknown,
            scans: 0,
            saving: Saving::default(),
            reflector,
            timeout: manifest.timeout(),
            interval,
            patterns: exclusions.patterns().map(str::to_owned).collect(),
            request: request.unwrap_or_default(),
            image,
            is_suspended: manifest.is_suspended(),
            is_busy: false,
            scan: None,
            last: None,
            scan_at: (!manifest.is_suspended()).then_some(now),
            object,
        }
    }

    /// Goes on from what was saved: from the last scan, and from what the policies chose.
    pub(crate) fn restore(&mut self, saved: &Saved, scan: Option<Scan>, now: SystemTime) {
        if let (Some(scan), Some(scanned)) = (scan, &saved.scanned)
            && scan.image().to_string() == scanned.image
            && let Some(at) = times::parse(&scanned.at)
        {
            let last = LastScan::new(scan.image().clone(), at, scan.len())
                .with_exclusion_list(&scanned.exclusion_list)
                .with_reconcile_request(&scanned.reconcile_request);
            self.last = Some((last, scanned.clone()));
            self.health = Health::Ready;
            if *scan.image() == self.image {
                self.scan = Some(Arc::new(scan));
                // A policy may be another than it was.
                self.policies.iter_mut().for_each(|policy| policy.look_at = Some(now));
            }
        }
        if let Some(failing) = saved.failing.as_ref().and_then(Failing::health) {
            self.health = failing;
        }
        for policy in &mut self.policies {
            if let Some(saved) = saved.policies.get(&policy.object.qualified()) {
                policy.restore(saved);
            }
        }
    }

    pub(crate) fn saved(&self) -> Saved {
        let policies = self.policies.iter().map(|policy| (policy.object.qualified(), policy.saved()));
        Saved {
            scanned: self.last.as_ref().map(|(_, scanned)| scanned.clone()),
            failing: Failing::of(&self.health),
            policies: policies.collect(),
        }
    }

    /// The last scan.
    pub(crate) fn scan(&self) -> Option<&Arc<Scan>> {
        self.scan.as_ref()
    }

    /// When there is something to do; `None` while it is being done, and if there never is.
    pub(crate) fn wakes_at(&self) -> Option<SystemTime> {
        if self.is_busy {
            return None;
        }
        let looks = self.policies.iter().filter_map(|policy| policy.look_at).filter(|_| self.scan.is_some());
        looks.chain(self.scan_at).min()
    }

    /// The work that there is to do now, if any.
    pub(crate) fn begin(
        &mut self,
        index: usize,
        now: SystemTime,
        jitter: &mut Jitter,
        turn: &Turn,
    ) -> Option<Job> {
        let mut scans = self.scan_at.is_some_and(|at| at <= now);
        if scans && !self.health.is_failing() {
            let due = should_scan(&self.spec, self.last.as_ref().map(|(last, _)| last), now);
            if due.reason().is_none() {
                self.scan_at = Some(now + jitter.over(due.next_scan_in()));
                scans = false;
            }
        }
        let stored = self.scan.clone();
        let looks = self.policies.iter().enumerate().filter_map(|(policy, watched)| {
            let is_due = stored.is_some() && watched.look_at.is_some_and(|at| at <= now);
            (scans || is_due).then(|| Look { policy, task: watched.task.clone(), is_due })
        });
        let looks: Vec<_> = looks.collect();
        if !scans && looks.is_empty() {
            return None;
        }
        self.is_busy = true;
        let (reflector, image, timeout) = (self.reflector.clone(), self.image.clone(), self.timeout);
        Some(Job { index, reflector, image, timeout, scans, stored, looks, turn: turn.clone() })
    }

    /// Takes over what came of a job, and says what is new.
    pub(crate) fn finish(&mut self, done: Done, now: SystemTime, jitter: &mut Jitter) -> Vec<What> {
        self.is_busy = false;
        let older = self.scan.clone();
        let mut news = Vec::new();
        if let Some(outcome) = done.scan {
            self.scans += 1;
            match outcome {
                Ok(scan) => news.extend(self.scanned(scan, now, jitter)),
                Err(error) => {
                    let (next_try_in, failure) = self.health.failed(&error, self.interval, now);
                    self.scan_at = Some(now + jitter.over(next_try_in));
                    let object = self.object.clone();
                    news.extend(failure.map(|failure| What::Failing { object, failure }));
                }
            }
        }
        let Some(newer) = self.scan.as_deref() else { return news };
        let scans = Scans { older: older.as_deref(), newer };
        for (index, update) in done.updates {
            if let Some(policy) = self.policies.get_mut(index) {
                news.extend(policy.looked(update, scans, self.interval, now));
            }
        }
        news
    }

    fn scanned(&mut self, scan: Arc<Scan>, now: SystemTime, jitter: &mut Jitter) -> Option<What> {
        let last = LastScan::new(self.image.clone(), now, scan.len())
            .with_exclusion_list(&self.patterns)
            .with_reconcile_request(&self.request);
        let next = should_scan(&self.spec, Some(&last), now).next_scan_in();
        self.scan_at = Some(now + jitter.over(next));
        let scanned = Scanned {
            image: self.image.to_string(),
            at: times::rfc3339(now),
            exclusion_list: self.patterns.clone(),
            reconcile_request: self.request.clone(),
        };
        self.last = Some((last, scanned));
        let message = scan.to_string();
        self.scan = Some(scan);
        let after = match self.health.succeeded(now) {
            Success::NoNews => return None,
            Success::First => None,
            Success::After(recovery) => Some(recovery),
        };
        Some(What::Ready { object: self.object.clone(), message, after })
    }

    /// Whether it is scanned at all.
    pub(crate) fn is_suspended(&self) -> bool {
        self.is_suspended
    }

    /// What its policies chose last.
    pub(crate) fn choices(&self) -> impl Iterator<Item = (Object, Option<ImageRef>)> {
        self.policies.iter().map(|policy| (policy.object.clone(), policy.task.status().latest().cloned()))
    }
}

impl Job {
    /// One listing for all policies; of the registry there is nothing else to ask but digests.
    pub(crate) async fn run(self) -> Done {
        let Self { index, reflector, image, timeout, scans, stored, looks, turn } = self;
        let stopwatch = stopwatch();
        let scan = if scans {
            let scan = tokio::time::timeout(timeout, reflector.scan(&image)).await;
            Some(scan.unwrap_or_else(|_| Err(too_slow(&image, timeout))).map(Arc::new))
        } else {
            None
        };
        let took = stopwatch.elapsed();
        let is_new = matches!(scan, Some(Ok(_)));
        let looked_at = scan.as_ref().and_then(|scan| scan.clone().ok()).or(stored);
        let mut updates = Vec::new();
        if let Some(scan) = looked_at {
            for Look { policy, task, is_due } in looks {
                if is_new || is_due {
                    updates.push((policy, reflector.update_from(&task, &scan).await));
                }
            }
        }
        Done { index, scan, took, turn, updates }
    }
}

/// Makes intervals longer at random.
#[derive(Clone, Debug)]
pub(crate) struct Jitter {
    percent: u8,
    random: fastrand::Rng,
}

impl Jitter {
    /// By this much at most; with a seed always the same way.
    pub(crate) fn new(percent: u8, seed: Option<u64>) -> Self {
        Self { percent, random: seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed) }
    }

    /// The duration or a little more, in whole seconds where it is not shorter than one.
    pub(crate) fn over(&mut self, duration: Duration) -> Duration {
        let longer = duration.mul_f64(1.0 + f64::from(self.percent) / 100.0 * self.random.f64());
        if duration < Duration::from_secs(1) { longer } else { Duration::from_secs(longer.as_secs()) }
    }
}

fn too_slow(image: &ImageName, timeout: Duration) -> Error {
    let message = format!("the scan of {image} took longer than {}", times::short(timeout));
    Error::new(ErrorKind::Unavailable, message)
        .with_hint("Give it more time (spec.timeout of the ImageRepository), or find out what is slow.")
}

#[expect(clippy::disallowed_methods, reason = "no time of day: how long a scan takes")]
fn stopwatch() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

/// <https://fluxcd.io/flux/components/image/imagerepositories/#triggering-a-reconcile>
const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";
