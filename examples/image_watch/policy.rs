//! A policy that is watched: what it chose, and what is new about it.

use std::time::{Duration, SystemTime};

use flux_ecr_reflect::{Error, ImageRef, ImageStatus, ImageTask, ImageUpdate, Scan};

use crate::event::What;
use crate::health::{Health, Success};
use crate::object::Object;
use crate::state::{Failing, SavedPolicy};

/// A policy, and what is known of it.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) object: Object,
    pub(crate) task: ImageTask,
    pub(crate) health: Health,
    /// When to look again though there is no new scan: for a digest, or after a failure.
    pub(crate) look_at: Option<SystemTime>,
    matches_nothing: bool,
}

impl Policy {
    pub(crate) fn new(object: Object, task: ImageTask) -> Self {
        Self { object, task, health: Health::Unknown, look_at: None, matches_nothing: false }
    }

    /// Goes on from what was saved.
    pub(crate) fn restore(&mut self, saved: &SavedPolicy) {
        let image = |text: &Option<String>| text.as_ref().and_then(|text| text.parse().ok());
        let status = ImageStatus::new(image(&saved.latest), image(&saved.previous));
        self.task = self.task.clone().with_status(status);
        self.matches_nothing = saved.matches_nothing;
        self.health = saved.failing.as_ref().and_then(Failing::health).unwrap_or(Health::Ready);
    }

    pub(crate) fn saved(&self) -> SavedPolicy {
        let text = |image: Option<&ImageRef>| image.map(ToString::to_string);
        SavedPolicy {
            latest: text(self.task.status().latest()),
            previous: text(self.task.status().previous()),
            matches_nothing: self.matches_nothing,
            failing: Failing::of(&self.health),
        }
    }

    /// Takes over what came of a look, and says what is new.
    pub(crate) fn looked(
        &mut self,
        update: Result<ImageUpdate, Error>,
        scans: Scans<'_>,
        interval: Duration,
        now: SystemTime,
    ) -> Vec<What> {
        let update = match update {
            Ok(update) => update,
            Err(error) => {
                let (next_try_in, failure) = self.health.failed(&error, interval, now);
                self.look_at = Some(now + next_try_in);
                let object = self.object.clone();
                return failure.map(|failure| What::Failing { object, failure }).into_iter().collect();
            }
        };
        self.look_at = update.requeue_after().map(|after| now + after);
        let mut news = Vec::new();
        if let Success::After(recovery) = self.health.succeeded(now) {
            let message = "evaluated".to_owned();
            news.push(What::Ready { object: self.object.clone(), message, after: Some(recovery) });
        }
        news.extend(self.news(&update, scans));
        self.matches_nothing = update.latest().image_ref().is_none();
        self.task = self.task.clone().with_status(update.into_status());
        news
    }

    fn news(&self, update: &ImageUpdate, scans: Scans<'_>) -> Option<What> {
        let decision = update.latest().decision();
        if update.latest().image_ref().is_none() {
            let reason = format!("none of {} tags is what it wants: {}", decision.total(), decision.policy());
            return (!self.matches_nothing).then(|| What::NoMatch { policy: self.object.clone(), reason });
        }
        if update.is_new() {
            let from = self.task.status().latest().cloned();
            let to = update.status().latest()?.clone();
            let reason = scans.reason(from.as_ref(), &to).unwrap_or_else(|| decision.policy().to_owned());
            return Some(What::Changed { policy: self.object.clone(), from, to, reason });
        }
        self.matches_nothing.then(|| What::Ready {
            object: self.object.clone(),
            message: "a tag is what it wants again".to_owned(),
            after: None,
        })
    }
}

/// The scan before, if there was one, and the one that was looked at.
#[derive(Clone, Copy)]
pub(crate) struct Scans<'a> {
    pub(crate) older: Option<&'a Scan>,
    pub(crate) newer: &'a Scan,
}

impl Scans<'_> {
    /// What happened to the tags, if that is why another image is chosen.
    fn reason(self, from: Option<&ImageRef>, to: &ImageRef) -> Option<String> {
        let from = from.filter(|from| from.name() == to.name())?;
        let (old, new) = (from.tag()?, to.tag()?);
        if old == new {
            let moved = from.digest().is_some() && to.digest().is_some();
            return Some(
                if moved { "the tag was moved" } else { "its digest is recorded otherwise" }.to_owned(),
            );
        }
        if !self.newer.contains(old.as_str()) {
            return Some(format!("{old} is gone"));
        }
        let older = self.older?;
        (!older.contains(new.as_str())).then(|| format!("{new} is new"))
    }
}
