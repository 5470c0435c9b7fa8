//! Updates from a scan that is there already.

use flux_policy::Candidate;

use super::{ImageTask, ImageUpdate, LatestImage, Reflector, Walk};
use crate::error::{Error, ErrorKind};
use crate::scan::Scan;

impl Reflector {
    /// The same as [`update`](Self::update), from a scan in place of a listing: as Flux, which scans an ImageRepository once for
    /// all the ImagePolicies that refer to it. The scan may be one that was [saved](Scan::load).
    ///
    /// The registry is asked for nothing but a digest that is to be recorded, which a scan does not keep. Left out is what the
    /// scan left out, and what the task's exclusion list has beyond that.
    ///
    /// ```
    /// use flux_ecr_reflect::{Error, ImageTask, Reflector, Scan};
    ///
    /// /// One scan for all policies of an image.
    /// async fn update(reflector: &Reflector, tasks: &[ImageTask], scan: &Scan) -> Result<(), Error> {
    ///     for task in tasks {
    ///         let update = reflector.update_from(task, scan).await?;
    ///         println!("{}: {:?}", task.policy(), update.status().latest());
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`update`](Self::update); [`ErrorKind::Configuration`] when the scan is of another image, and when the policy needs push
    /// times, which a scan does not keep.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the request for the digest. The task is as it was.
    #[tracing::instrument(skip_all, fields(image = %task.image()))]
    pub async fn update_from(&self, task: &ImageTask, scan: &Scan) -> Result<ImageUpdate, Error> {
        self.in_time(task, self.update_from_in_any_time(task, scan)).await
    }

    async fn update_from_in_any_time(&self, task: &ImageTask, scan: &Scan) -> Result<ImageUpdate, Error> {
        if scan.image() != task.image() {
            let message = format!("the scan is of {}, and the task of {}", scan.image(), task.image());
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        if task.policy().needs_push_time() {
            let message = "the policy needs push times, which a scan does not keep";
            let hint = "List the tags anew for it, with Reflector::update.";
            return Err(Error::new(ErrorKind::Configuration, message).with_hint(hint));
        }
        let stopwatch = self.stopwatch();
        let mut selector = stopwatch.selector(task.policy());
        let exclusions = self.exclusions_of(task);
        scan.for_each_tag(|tag| {
            if exclusions.excludes(tag).is_none() {
                selector.push(&Candidate::new(tag));
            }
        });
        let walk = Walk { listing: scan.listing(), access: None };
        let latest = LatestImage::new(task.image(), selector, stopwatch.report(walk))?;
        self.finish(task, latest, &stopwatch).await
    }
}
