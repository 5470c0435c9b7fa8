//! Whether the digest of the chosen tag is recorded beside it.

use std::time::Duration;

use crate::image::{Digest, ImageRef};

/// When the digest of the chosen tag is recorded beside it: Flux's [`.spec.digestReflectionPolicy`][1].
///
/// The interval belongs to `Always` and to nothing else, as Flux's API requires.
///
/// [1]: https://fluxcd.io/flux/components/image/imagepolicies/#digest-reflection
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the three that Flux's API has")]
pub enum DigestReflection {
    /// Never; the default, as in Flux.
    #[default]
    Never,
    /// Once, when the tag is chosen. That it moves later is not noticed.
    IfNotPresent,
    /// Always the digest that the tag has now.
    Always {
        /// How often to look for a new one: Flux's `.spec.interval`. Zero means ten minutes, as in Flux.
        interval: Duration,
    },
}

impl DigestReflection {
    /// After what time to look at the same tag again; `None` if a new scan is the only reason to.
    pub fn interval(self) -> Option<Duration> {
        match self {
            Self::Always { interval } if interval.is_zero() => Some(DEFAULT_INTERVAL),
            Self::Always { interval } => Some(interval),
            Self::Never | Self::IfNotPresent => None,
        }
    }

    /// What is to be recorded of the digest of `chosen`, whose own digest does not matter, after `recorded`.
    ///
    /// ```
    /// use flux_ecr_reflect::{DigestReflection, DigestStep, ImageRef};
    ///
    /// let digest = format!("sha256:{:064}", 7);
    /// let recorded: ImageRef = format!("ghcr.io/org/app:1.0@{digest}").parse()?;
    /// let step = |tag: &str| -> Result<DigestStep, flux_ecr_reflect::Error> {
    ///     let chosen: ImageRef = format!("ghcr.io/org/app:{tag}").parse()?;
    ///     Ok(DigestReflection::IfNotPresent.step(&chosen, Some(&recorded)))
    /// };
    /// assert_eq!(step("1.0")?, DigestStep::Keep(digest.parse()?));
    /// assert_eq!(step("1.1")?, DigestStep::Look);
    /// # Ok::<(), flux_ecr_reflect::Error>(())
    /// ```
    pub fn step(self, chosen: &ImageRef, recorded: Option<&ImageRef>) -> DigestStep {
        match self {
            Self::Never => DigestStep::Omit,
            Self::Always { .. } => DigestStep::Look,
            Self::IfNotPresent => {
                let same = recorded
                    .filter(|recorded| (recorded.name(), recorded.tag()) == (chosen.name(), chosen.tag()));
                same.and_then(ImageRef::digest).cloned().map_or(DigestStep::Look, DigestStep::Keep)
            }
        }
    }
}

/// What is to be recorded of a digest.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is nothing else to do")]
pub enum DigestStep {
    /// None, even if one is known.
    Omit,
    /// The one that was recorded before; the registry is not asked.
    Keep(Digest),
    /// The one that the tag has now.
    Look,
}

/// Flux's, where the interval is zero.
const DEFAULT_INTERVAL: Duration = Duration::from_mins(10);

#[cfg(test)]
mod tests {
    use super::*;

    const ALWAYS: DigestReflection = DigestReflection::Always { interval: Duration::from_mins(1) };

    #[track_caller]
    fn check(reflection: DigestReflection, chosen: &str, recorded: Option<&str>, expected: &DigestStep) {
        let other = format!("sha256:{:064x}", 0xb);
        let parse = |text: &str| -> ImageRef {
            text.replace("#A", digest().as_str()).replace("#B", &other).parse().unwrap()
        };
        let recorded = recorded.map(parse);
        assert_eq!(
            &reflection.step(&parse(chosen), recorded.as_ref()),
            expected,
            "{chosen} after {recorded:?}"
        );
    }

    fn digest() -> Digest {
        format!("sha256:{:064x}", 0xa).parse().unwrap()
    }

    #[test]
    fn digests_are_looked_at_kept_and_left_out_as_flux_does() {
        use DigestReflection::{IfNotPresent, Never};

        for recorded in [None, Some("ghcr.io/a/b:1"), Some("ghcr.io/a/b:1@#A"), Some("ghcr.io/a/b:2@#A")] {
            check(Never, "ghcr.io/a/b:1@#B", recorded, &DigestStep::Omit);
            check(ALWAYS, "ghcr.io/a/b:1@#B", recorded, &DigestStep::Look);
        }
        check(IfNotPresent, "ghcr.io/a/b:1", None, &DigestStep::Look);
        check(IfNotPresent, "ghcr.io/a/b:1", Some("ghcr.io/a/b:1"), &DigestStep::Look);
        check(IfNotPresent, "ghcr.io/a/b:1@#B", Some("ghcr.io/a/b:1@#A"), &DigestStep::Keep(digest()));
        check(IfNotPresent, "ghcr.io/a/b:2", Some("ghcr.io/a/b:1@#A"), &DigestStep::Look);
        check(IfNotPresent, "ghcr.io/a/c:1", Some("ghcr.io/a/b:1@#A"), &DigestStep::Look);
    }

    #[test]
    fn only_always_looks_again_and_zero_means_ten_minutes() {
        assert_eq!(DigestReflection::default().interval(), None);
        assert_eq!(DigestReflection::IfNotPresent.interval(), None);
        assert_eq!(ALWAYS.interval(), Some(Duration::from_mins(1)));
        let zero = DigestReflection::Always { interval: Duration::ZERO };
        assert_eq!(zero.interval(), Some(Duration::from_mins(10)));
    }
}
