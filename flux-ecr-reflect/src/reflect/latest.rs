//! The image a policy wants.

use std::time::{Duration, SystemTime};

use flux_policy::{Candidate, Decision, Policy, Selected, Selector};

use super::report::Report;
use crate::error::{Error, ErrorKind};
use crate::image::{Digest, ImageName, ImageRef, Tag};
use crate::pages::Listing;
use crate::scan::Scan;
use crate::tags::{Detail, TagEntry};

/// The image a policy wants, or why there is none.
#[derive(Debug, Clone)]
#[must_use = "it may hold no image: ask image_ref()"]
pub struct LatestImage {
    name: ImageName,
    image_ref: Option<ImageRef>,
    decision: Decision,
    report: Report,
}

impl LatestImage {
    /// Of a listing that is complete, before anybody asks for a digest that it did not tell.
    pub(super) fn new(image: &ImageName, selector: Selector, report: Report) -> Result<Self, Error> {
        let decision = selector.finish().map_err(|error| {
            let wrapped =
                Error::new(ErrorKind::Policy, format!("the policy cannot judge the tags of {image}"));
            match error.hint().map(str::to_owned) {
                Some(hint) => wrapped.with_hint(hint),
                None => wrapped,
            }
            .with_source(error)
        })?;
        let image_ref = match decision.winner() {
            None => None,
            Some(winner) => {
                let tagged = image.clone().with_tag(winner.tag().parse()?);
                Some(match winner.digest() {
                    Some(digest) => tagged.with_digest(digest.parse()?),
                    None => tagged,
                })
            }
        };
        Ok(Self { name: image.clone(), image_ref, decision, report })
    }

    /// Adds the digest that the listing did not tell.
    pub(super) fn add_digest(&mut self, digest: Digest, duration: Duration) {
        self.image_ref = self.image_ref.take().map(|image| image.with_digest(digest));
        self.report = Report { asked_for_digest: true, duration, ..self.report };
    }

    /// `name:tag@sha256:…`, or `None` when no tag satisfies the policy.
    ///
    /// A tag can move between the moment its digest was told and a pull, so pull by the digest.
    pub fn image_ref(&self) -> Option<&ImageRef> {
        self.image_ref.as_ref()
    }

    /// The image that was asked about.
    pub fn name(&self) -> &ImageName {
        &self.name
    }

    /// The tag that was chosen.
    pub fn tag(&self) -> Option<&Tag> {
        self.image_ref()?.tag()
    }

    /// Its digest: the one that was listed beside the tag, or else the one that the registry told when asked for it. `None` where
    /// it tells none.
    pub fn digest(&self) -> Option<&Digest> {
        self.image_ref()?.digest()
    }

    /// When the image behind the tag was pushed, where the listing tells it. Amazon ECR is asked for it only if the policy
    /// [needs it](Policy::needs_push_time); what it says of a tag that moved, see
    /// [`ImageFacts::pushed_at`](crate::ImageFacts::pushed_at).
    pub fn pushed_at(&self) -> Option<SystemTime> {
        let millis = self.decision.winner().and_then(Selected::pushed_at)?.unix_millis();
        let length = Duration::from_millis(millis.unsigned_abs());
        match millis {
            0.. => SystemTime::UNIX_EPOCH.checked_add(length),
            _ => SystemTime::UNIX_EPOCH.checked_sub(length),
        }
    }

    /// Why this tag, or why none: the winner, the runner-up, and what was left out for which reason.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// What finding it took, and as whom the registry was asked.
    pub fn report(&self) -> Report {
        self.report
    }

    /// What the listing took: pages, requests, tags listed and excluded.
    pub fn listing(&self) -> Listing {
        self.report.listing()
    }
}

/// A scan and the latest image, of one listing.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Reflection {
    /// All tags.
    pub scan: Scan,
    /// The image the policy wants.
    pub latest: LatestImage,
}

/// What a listing has to tell for this policy.
pub(super) fn detail_for(policy: &Policy) -> Detail {
    if policy.needs_push_time() { Detail::Images } else { Detail::Digests }
}

pub(super) fn offer(selector: &mut Selector, entry: &TagEntry) {
    let mut candidate = Candidate::new(entry.tag().as_str());
    if let Some(digest) = entry.digest() {
        candidate = candidate.with_digest(digest.as_str());
    }
    if let Some(pushed_at) = entry.pushed_at() {
        candidate = candidate.with_pushed_at(pushed_at.into());
    }
    selector.push(&candidate);
}
