//! What Flux records of a policy's choices.

use std::fmt::Write as _;

use crate::image::{ImageRef, Tag};

/// The image that was chosen last and the one before it: `.status.latestRef` and `.status.observedPreviousRef` of Flux's
/// [ImagePolicy][1].
///
/// Plain data: kept by whoever decides, and handed back for the next decision.
///
/// ```
/// use flux_ecr_reflect::ImageStatus;
///
/// let mut status = ImageStatus::default();
/// assert!(status.record("ghcr.io/org/app:1.0.0".parse()?));
/// assert!(status.record("ghcr.io/org/app:1.1.0".parse()?));
/// assert!(!status.record("ghcr.io/org/app:1.1.0".parse()?));
/// assert_eq!(
///     status.ready_message().as_deref(),
///     Some("Latest image tag for ghcr.io/org/app resolved to 1.1.0 (previously ghcr.io/org/app:1.0.0)")
/// );
/// # Ok::<(), flux_ecr_reflect::Error>(())
/// ```
///
/// [1]: https://fluxcd.io/flux/components/image/imagepolicies/#latest-ref
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageStatus {
    latest: Option<ImageRef>,
    previous: Option<ImageRef>,
}

impl ImageStatus {
    /// A status as it was kept: the image chosen last, and the one before it.
    pub fn new(latest: Option<ImageRef>, previous: Option<ImageRef>) -> Self {
        Self { latest, previous }
    }

    /// The image that was chosen last.
    pub fn latest(&self) -> Option<&ImageRef> {
        self.latest.as_ref()
    }

    /// The image that was chosen before it, whose tag, digest or name was another.
    pub fn previous(&self) -> Option<&ImageRef> {
        self.previous.as_ref()
    }

    /// Records a choice. What was the latest becomes the previous only if the choice is another one; whether it is, is
    /// returned.
    pub fn record(&mut self, image: ImageRef) -> bool {
        let changed = self.latest.as_ref() != Some(&image);
        if changed {
            self.previous = self.latest.replace(image);
        }
        changed
    }

    /// The message of the ImagePolicy's `Ready` condition, in Flux's words; `None` before the first choice.
    ///
    /// Names are written in full. Flux repeats `.spec.image`, which differs for the short names of Docker Hub alone.
    pub fn ready_message(&self) -> Option<String> {
        let latest = self.latest.as_ref()?;
        let tag = |image: &ImageRef| image.tag().map(Tag::to_string).unwrap_or_default();
        let mut message = format!("Latest image tag for {} resolved to {}", latest.name(), tag(latest));
        // Writing to a String does not fail.
        if let Some(digest) = latest.digest() {
            let _ = write!(message, " with digest {digest}");
        }
        if let Some(previous) = self.previous.as_ref().filter(|&previous| previous != latest) {
            let _ = write!(message, " (previously {previous})");
        }
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(text: &str) -> ImageRef {
        with_digests(text).parse().unwrap()
    }

    /// `#A` and `#B` stand for two digests.
    fn with_digests(text: &str) -> String {
        let digest = |fill: &str| format!("sha256:{}", fill.repeat(64));
        text.replace("#A", &digest("a")).replace("#B", &digest("b"))
    }

    #[track_caller]
    fn says(latest: &str, previous: Option<&str>, expected: &str) {
        let status = ImageStatus::new(Some(image(latest)), previous.map(image));
        assert_eq!(status.ready_message(), Some(with_digests(expected)));
    }

    #[test]
    fn the_ready_message_is_flux_s() {
        const APP: &str = "ghcr.io/foo/bar";
        let of = |tag: &str| format!("{APP}:{tag}");
        says(&of("1.0.0"), None, &format!("Latest image tag for {APP} resolved to 1.0.0"));
        says(
            &of("1.1.0"),
            Some(&of("1.0.0")),
            &format!("Latest image tag for {APP} resolved to 1.1.0 (previously {APP}:1.0.0)"),
        );
        says(&of("1.0.0"), Some(&of("1.0.0")), &format!("Latest image tag for {APP} resolved to 1.0.0"));
        says(
            &of("1.0.0@#A"),
            Some("ghcr.io/baz/qux:1.0.0"),
            &format!(
                "Latest image tag for {APP} resolved to 1.0.0 with digest #A (previously ghcr.io/baz/qux:1.0.0)"
            ),
        );
        says(
            &of("1.0.0@#A"),
            Some(&of("1.0.0@#B")),
            &format!(
                "Latest image tag for {APP} resolved to 1.0.0 with digest #A (previously {APP}:1.0.0@#B)"
            ),
        );
        assert_eq!(ImageStatus::default().ready_message(), None);
    }

    #[test]
    fn the_previous_image_is_the_last_other_one() {
        let mut status = ImageStatus::default();
        for (chosen, changed, previous) in [
            ("ghcr.io/a/b:1", true, None),
            ("ghcr.io/a/b:1", false, None),
            ("ghcr.io/a/b:1@#A", true, Some("ghcr.io/a/b:1")),
            ("ghcr.io/a/b:1@#A", false, Some("ghcr.io/a/b:1")),
            ("ghcr.io/a/b:1@#B", true, Some("ghcr.io/a/b:1@#A")),
            ("ghcr.io/a/c:1@#B", true, Some("ghcr.io/a/b:1@#B")),
        ] {
            assert_eq!(status.record(image(chosen)), changed, "{chosen}");
            assert_eq!(status.latest(), Some(&image(chosen)));
            assert_eq!(status.previous(), previous.map(image).as_ref(), "{chosen}");
        }
    }
}
