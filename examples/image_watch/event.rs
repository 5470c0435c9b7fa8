//! What happens, as it is told.

use std::time::{Duration, SystemTime};

use flux_ecr_reflect::ImageRef;

use crate::object::Object;

/// Something that happened, and when.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) at: SystemTime,
    pub(crate) what: What,
}

/// What happened. Each is told once: a repository that goes on failing, or being fine, is none.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// Metrics are to be had at this address.
    Serving { url: String },
    /// A file has a document that is nothing to watch.
    Skipped { file: String, what: String },
    /// An object is left alone, as its manifest says.
    Suspended(Object),
    /// An object is not watched.
    NotWatched { object: Object, why: String },
    /// What was saved of a repository cannot be used, or nothing can be saved.
    State { object: Object, problem: String },
    /// Somebody does something to the registry; only in the story.
    Story { text: String },
    /// An object is as it should be: for the first time, or again after failures.
    Ready { object: Object, message: String, after: Option<Recovery> },
    /// A policy chooses another image than before.
    Changed { policy: Object, from: Option<ImageRef>, to: ImageRef, reason: String },
    /// No tag satisfies a policy, which keeps what it chose before, if anything.
    NoMatch { policy: Object, reason: String },
    /// An object fails, or in another way than before.
    Failing { object: Object, failure: Failure },
    /// No more scans are begun; these go on for a while.
    Stopping { under_way: usize, grace: Duration },
    /// The end.
    Stopped(Summary),
}

/// The end of a time of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recovery {
    pub(crate) failures: u64,
    pub(crate) lasted: Duration,
}

/// Why an object fails.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// The error's kind in small letters: `access_denied`.
    pub(crate) kind: &'static str,
    pub(crate) message: String,
    pub(crate) causes: Vec<String>,
    pub(crate) hint: Option<String>,
    pub(crate) next_try_in: Duration,
}

/// What came of it all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary {
    pub(crate) reason: &'static str,
    pub(crate) scans: u64,
    pub(crate) failed_scans: u64,
    pub(crate) changes: u64,
    pub(crate) abandoned: usize,
    pub(crate) policies: Vec<(Object, Option<ImageRef>)>,
    pub(crate) failing: Vec<Object>,
}
