//! One image to keep up to date, and what came of it.

use std::time::Duration;

use flux_policy::{ExclusionList, Policy};

use super::digest::{DigestReflection, DigestStep};
use super::latest::LatestImage;
use super::status::ImageStatus;
use crate::error::{Error, ErrorKind};
use crate::image::{ImageName, ImageRef};

/// An image to keep up to date: what Flux's ImagePolicy and ImageRepository say together. What they are in Flux's own code is
/// in [the guide](crate::guide::from_go#choosing-imagepolicy).
///
/// ```
/// use flux_ecr_reflect::{DigestReflection, Error, ImageTask, Reflector};
/// use flux_policy::Policy;
///
/// /// One reconciliation of an ImagePolicy.
/// async fn reconcile(reflector: &Reflector, task: ImageTask) -> Result<ImageTask, Error> {
///     let update = reflector.update(&task).await?;
///     if let Some(message) = update.status().ready_message().filter(|_| update.is_new()) {
///         println!("{message}");
///     }
///     Ok(task.with_status(update.into_status()))
/// }
///
/// # fn task() -> Result<ImageTask, Box<dyn std::error::Error>> {
/// let image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/apps/mainapp".parse()?;
/// let task = ImageTask::new(image, Policy::semver("1.x")?).with_digest_reflection(DigestReflection::IfNotPresent);
/// # Ok(task)
/// # }
/// # task().unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct ImageTask {
    pub(super) image: ImageName,
    pub(super) policy: Policy,
    pub(super) digest_reflection: DigestReflection,
    pub(super) status: ImageStatus,
    pub(super) exclusion_list: Option<ExclusionList>,
    pub(super) timeout: Option<Duration>,
}

impl ImageTask {
    /// The tag of `image` that `policy` wants, without a digest: Flux's defaults.
    pub fn new(image: ImageName, policy: Policy) -> Self {
        let (digest_reflection, status) = (DigestReflection::default(), ImageStatus::default());
        Self { image, policy, digest_reflection, status, exclusion_list: None, timeout: None }
    }

    /// Says when the digest is recorded too: `.spec.digestReflectionPolicy` of an ImagePolicy.
    #[must_use]
    pub fn with_digest_reflection(mut self, digest_reflection: DigestReflection) -> Self {
        self.digest_reflection = digest_reflection;
        self
    }

    /// Says what was chosen before.
    #[must_use]
    pub fn with_status(mut self, status: ImageStatus) -> Self {
        self.status = status;
        self
    }

    /// Leaves out these tags in place of the [reflector's own](crate::ReflectorBuilder::exclusion_list):
    /// `.spec.exclusionList` of an ImageRepository.
    #[must_use]
    pub fn with_exclusion_list(mut self, list: ExclusionList) -> Self {
        self.exclusion_list = Some(list);
        self
    }

    /// Bounds the whole update, the registry's login included: `.spec.timeout` of an ImageRepository.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The image.
    pub fn image(&self) -> &ImageName {
        &self.image
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// When the digest is recorded too.
    pub fn digest_reflection(&self) -> DigestReflection {
        self.digest_reflection
    }

    /// What was chosen before.
    pub fn status(&self) -> &ImageStatus {
        &self.status
    }

    /// What is to be done for the digest of the tag that was chosen.
    pub(super) fn digest_step(&self, latest: &LatestImage) -> DigestStep {
        match latest.image_ref() {
            Some(chosen) => self.digest_reflection.step(chosen, self.status.latest()),
            None => DigestStep::Omit,
        }
    }

    /// Records the choice. One that there is none leaves the status as it was, as in Flux.
    pub(super) fn finish(&self, latest: LatestImage) -> Result<ImageUpdate, Error> {
        let mut status = self.status.clone();
        let mut is_new = false;
        if let (Some(chosen), Some(tag)) = (latest.image_ref(), latest.tag()) {
            let plain = self.image.clone().with_tag(tag.clone());
            is_new = status.record(match self.digest_step(&latest) {
                DigestStep::Omit => plain,
                DigestStep::Keep(digest) => plain.with_digest(digest),
                DigestStep::Look => match chosen.digest() {
                    Some(digest) => plain.with_digest(digest.clone()),
                    None => return Err(tells_no_digest(&plain)),
                },
            });
        }
        Ok(ImageUpdate { latest, status, is_new, requeue_after: self.digest_reflection.interval() })
    }
}

/// What became of an [`ImageTask`].
#[derive(Debug, Clone)]
#[must_use = "its status is to be kept"]
pub struct ImageUpdate {
    latest: LatestImage,
    status: ImageStatus,
    is_new: bool,
    requeue_after: Option<Duration>,
}

impl ImageUpdate {
    /// What is to be recorded, and handed to the next update with [`ImageTask::with_status`].
    ///
    /// Where no tag satisfies the policy it is what it was before.
    pub fn status(&self) -> &ImageStatus {
        &self.status
    }

    /// The same by itself.
    pub fn into_status(self) -> ImageStatus {
        self.status
    }

    /// Whether name, tag or recorded digest are others than before.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// The image that the policy wants now, with the reasons.
    pub fn latest(&self) -> &LatestImage {
        &self.latest
    }

    /// After what time to look for a new digest of the same tag; `None` if a new scan is the only reason to.
    pub fn requeue_after(&self) -> Option<Duration> {
        self.requeue_after
    }
}

fn tells_no_digest(image: &ImageRef) -> Error {
    let message = format!("the registry gives no digest for {image}");
    Error::new(ErrorKind::NotFound, message)
        .with_hint("The tag may have been deleted meanwhile: try again. A custom TagSource tells digests with its pages or by \
                    TagSource::digest.")
}
