//! The keys that nobody has a handle to, and which of them goes first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::time::Instant;

use super::erased::Key;

#[derive(Default)]
pub(super) struct IdleKeys {
    /// The one that goes first in front.
    by_rank: BTreeMap<Rank, Arc<dyn Key>>,
    /// The same, by when they expire.
    ending: BTreeSet<(Instant, Rank)>,
    /// How many have come so far.
    come: u64,
}

/// The place of a key among the others.
#[derive(Clone, Copy)]
pub(super) struct Idle {
    rank: Rank,
    until: Option<Instant>,
}

/// What has only a failure goes before what has a value, and then what was let go of first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    has_value: bool,
    since: u64,
}

impl IdleKeys {
    /// Adds a key: of a value or, else, of a failure, that ends at some time if it does.
    pub(super) fn add(&mut self, key: Arc<dyn Key>, has_value: bool, until: Option<Instant>) -> Idle {
        let rank = Rank { has_value, since: self.come };
        self.come += 1;
        self.by_rank.insert(rank, key);
        self.ending.extend(until.map(|until| (until, rank)));
        Idle { rank, until }
    }

    pub(super) fn remove(&mut self, idle: Idle) {
        self.by_rank.remove(&idle.rank);
        if let Some(until) = idle.until {
            self.ending.remove(&(until, idle.rank));
        }
    }

    /// One that has expired, else the one that goes first.
    pub(super) fn first(&self, now: Instant) -> Option<&Arc<dyn Key>> {
        match self.ending.first().filter(|(until, _)| *until <= now) {
            Some((_, rank)) => self.by_rank.get(rank),
            None => self.by_rank.values().next(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_rank.len()
    }
}
