//! Repositories: which tags each had at what time, so that it can be said what a listing must and may have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use fastrand::Rng;
use flux_ecr_reflect::ImageName;
use local_aws::{LocalAws, Service, TagScheme, TagStyle};

use crate::notes::lock;

/// So many tags of the set-up stay as they are, for others to be given to their images.
const KEPT: u64 = 5;

#[derive(Debug)]
pub(crate) struct Repository {
    pub(crate) image: ImageName,
    /// Through which of its APIs it is read.
    pub(crate) registry: Service,
    /// In the registry.
    path: String,
    tags: Mutex<Tags>,
}

#[derive(Debug, Default)]
struct Tags {
    /// How many changes there were.
    changes: u64,
    /// The tags that are there, each with the change that brought it.
    there: BTreeMap<String, u64>,
    /// Those that are not there any more, each with the change that took it away.
    gone: BTreeMap<String, u64>,
}

impl Repository {
    /// A repository of `count` semver tags, at least [`KEPT`].
    pub(crate) fn new(registry: Service, path: String, image: ImageName, count: u64) -> Self {
        let there = (0..count).map(|index| (TagStyle::Semver.tag(index), 0)).collect();
        Self { image, registry, path, tags: Mutex::new(Tags { there, ..Tags::default() }) }
    }

    /// The present, as a number to tell [`judge`](Self::judge).
    pub(crate) fn now(&self) -> u64 {
        lock(&self.tags).changes
    }

    /// Gives, moves or deletes a tag. Who looks at the tags meanwhile waits.
    pub(crate) fn change(&self, aws: &LocalAws, random: &mut Rng) {
        let registry = if self.registry == Service::Ecr { Service::Registry } else { self.registry };
        let mut tags = lock(&self.tags);
        tags.changes += 1;
        let change = tags.changes;
        let image = TagStyle::Semver.tag(random.u64(0..KEPT));
        let kept = |tag: &str| TagStyle::Semver.index(tag).is_some_and(|index| index < KEPT);
        let some = |tags: &BTreeMap<String, u64>, random: &mut Rng| {
            let tag = tags.keys().nth(random.usize(0..tags.len().max(1)))?;
            (!kept(tag)).then(|| tag.clone())
        };
        let done = match random.u8(0..10) {
            0..4 => {
                let Some(tag) = some(&tags.there, random) else { return };
                tags.there.remove(&tag);
                tags.gone.insert(tag.clone(), change);
                aws.untag(registry, &self.path, &tag)
            }
            4..6 => {
                let Some(tag) = some(&tags.there, random) else { return };
                aws.retag(registry, &self.path, &tag, &image)
            }
            _ => {
                let again = some(&tags.gone, random).filter(|_| random.bool());
                let tag = again.unwrap_or_else(|| format!("{}.0.{change}", random.u8(100..110)));
                tags.there.insert(tag.clone(), change);
                aws.retag(registry, &self.path, &tag, &image)
            }
        };
        assert!(done, "{} has another tag than it should have", self.path);
    }

    /// What is wrong with a complete listing that began at `since` and has ended.
    pub(crate) fn judge(&self, since: u64, listed: &BTreeSet<String>) -> Option<String> {
        let tags = lock(&self.tags);
        // One that went and came again was not there throughout.
        let lost = tags.there.iter().find(|(tag, at)| **at <= since && !listed.contains(*tag));
        let was_there = |tag: &String| {
            tags.there.contains_key(tag) || tags.gone.get(tag).is_some_and(|gone_at| *gone_at > since)
        };
        let invented = listed.iter().find(|tag| !was_there(tag));
        match (lost, invented) {
            (Some((tag, at)), _) => Some(format!(
                "{} has {tag} since change {at}, and the listing from {since} on has not",
                self.image
            )),
            (_, Some(tag)) => Some(format!("{} has no {tag}, and the listing has", self.image)),
            (None, None) => None,
        }
    }
}
