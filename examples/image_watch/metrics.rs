//! What Prometheus is told.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use flux_aws_auth::Chain;
use flux_ecr_reflect::Throttle;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::clock::Clock;
use crate::object::Object;

type Labels = Vec<(&'static str, String)>;

/// Counters of the watch, and those of the credentials and of the registries' limits.
pub(crate) struct Metrics {
    registry: Registry,
    scans: Family<Labels, Counter>,
    durations: Histogram,
    tags: Family<Labels, Gauge>,
    ages: Family<Labels, Gauge>,
    changes: Family<Labels, Counter>,
    successes: Mutex<BTreeMap<Object, SystemTime>>,
    clock: Clock,
}

impl Metrics {
    /// Metrics of which none has a value yet, but those of the credentials and of the limits.
    pub(crate) fn new(clock: Clock, chains: Vec<Chain>, throttle: Throttle) -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("image_watch"),
            scans: Family::default(),
            durations: Histogram::new(SECONDS),
            tags: Family::default(),
            ages: Family::default(),
            changes: Family::default(),
            successes: Mutex::default(),
            clock,
        };
        metrics.registered(chains, throttle)
    }

    fn registered(mut self, chains: Vec<Chain>, throttle: Throttle) -> Self {
        let Self { registry, scans, durations, tags, ages, changes, .. } = &mut self;
        registry.register("scans", "Scans by outcome: success, or the kind of the error", scans.clone());
        registry.register_with_unit("scan_duration", "How long scans took", Unit::Seconds, durations.clone());
        registry.register("tags", "Tags that the last successful scan found", tags.clone());
        registry.register_with_unit(
            "last_success_age",
            "How long ago the last successful scan of this run was",
            Unit::Seconds,
            ages.clone(),
        );
        registry.register("policy_changes", "How often a policy chose another image", changes.clone());
        registry.register_collector(Box::new(Outside { chains, throttle }));
        self
    }

    /// A scan came to its end.
    pub(crate) fn scanned(&self, repository: &Object, outcome: &'static str, took: Duration) {
        let mut labels = labels(repository);
        labels.push(("outcome", outcome.to_owned()));
        self.scans.get_or_create(&labels).inc();
        self.durations.observe(took.as_secs_f64());
    }

    /// A scan has found so many tags.
    pub(crate) fn tags(&self, repository: &Object, tags: usize) {
        self.tags.get_or_create(&labels(repository)).set(i64::try_from(tags).unwrap_or(i64::MAX));
    }

    /// A scan has succeeded.
    pub(crate) fn succeeded(&self, repository: &Object, at: SystemTime) {
        self.successes().insert(repository.clone(), at);
    }

    /// A policy has chosen another image.
    pub(crate) fn changed(&self, policy: &Object) {
        self.changes.get_or_create(&labels(policy)).inc();
    }

    /// All of them as text, as [OpenMetrics](https://prometheus.io/docs/specs/om/open_metrics_spec/) has it.
    ///
    /// # Errors
    ///
    /// None, as long as there is memory.
    pub(crate) fn text(&self) -> Result<String, fmt::Error> {
        let now = self.clock.now();
        for (repository, at) in self.successes().iter() {
            let age = now.duration_since(*at).unwrap_or_default().as_secs();
            self.ages.get_or_create(&labels(repository)).set(i64::try_from(age).unwrap_or(i64::MAX));
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    fn successes(&self) -> MutexGuard<'_, BTreeMap<Object, SystemTime>> {
        self.successes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What [`Metrics::text`] is.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// From a page in a region nearby to a repository whose listing times out.
const SECONDS: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// What others count, asked when it is wanted.
#[derive(Debug)]
struct Outside {
    chains: Vec<Chain>,
    throttle: Throttle,
}

impl Collector for Outside {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut credentials = [("hit", 0), ("miss", 0), ("load", 0), ("refresh", 0), ("failure", 0)];
        for counters in self.chains.iter().map(Chain::counters) {
            let counts =
                [counters.hits, counters.misses, counters.loads, counters.refreshes, counters.failures];
            credentials.iter_mut().zip(counts).for_each(|((_, sum), count)| *sum += count);
        }
        let help = "Credentials: had at once (hit) or waited for (miss), and what became of asking for them";
        let mut family = encoder.encode_descriptor("credentials", help, None, MetricType::Counter)?;
        for (event, count) in credentials {
            ConstCounter::new(count).encode(family.encode_family(&[("event", event)])?)?;
        }
        let help = "Answers by which a registry asked to slow down";
        let count = ConstCounter::new(self.throttle.throttled_answers());
        count.encode(encoder.encode_descriptor("throttled_answers", help, None, MetricType::Counter)?)
    }
}

fn labels(object: &Object) -> Labels {
    vec![("namespace", object.namespace.clone()), ("name", object.name.clone())]
}
