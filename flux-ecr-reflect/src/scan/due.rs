//! Whether it is time to scan, and why.

use std::fmt;
use std::time::{Duration, SystemTime};

use flux_policy::ExclusionList;

use crate::image::ImageName;

/// Whether an image is to be scanned now, by image-reflector-controller's rules and in its order: see [`ScanReason`].
///
/// A pure function: the time and everything that was observed before are the caller's to give. Suspension comes before it
/// and is not part of it.
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use flux_ecr_reflect::scan::{LastScan, ScanReason, ScanSpec, should_scan};
///
/// let spec = ScanSpec::new("ghcr.io/org/app".parse()?, Duration::from_secs(300));
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
/// let due = should_scan(&spec, None, now);
/// assert_eq!(due.reason(), Some(ScanReason::NeverScanned));
///
/// let last = LastScan::new("ghcr.io/org/app".parse()?, now - Duration::from_secs(100), 17);
/// let due = should_scan(&spec, Some(&last), now);
/// assert_eq!((due.reason(), due.next_scan_in()), (None, Duration::from_secs(200)));
/// # Ok::<(), flux_ecr_reflect::Error>(())
/// ```
pub fn should_scan(spec: &ScanSpec, last: Option<&LastScan>, now: SystemTime) -> ScanDue {
    let due_for = |reason| ScanDue { reason: Some(reason), next_scan_in: spec.interval };
    let Some(last) = last else { return due_for(ScanReason::NeverScanned) };
    if spec.reconcile_request.as_ref().is_some_and(|request| *request != last.reconcile_request) {
        return due_for(ScanReason::ReconcileRequested);
    }
    if spec.image != last.image {
        return due_for(ScanReason::NewImageName);
    }
    if !has_patterns(&last.exclusion_list, &spec.exclusion_list) {
        return due_for(ScanReason::UpdatedExclusionList);
    }
    if last.tags == 0 {
        return due_for(ScanReason::EmptyDatabase);
    }
    // A scan that lies in the future, by a clock that was set back, puts the next one off for so much longer.
    let left = match now.duration_since(last.scanned_at) {
        Ok(since) => spec.interval.saturating_sub(since),
        Err(ahead) => spec.interval.saturating_add(ahead.duration()),
    };
    if left < Duration::from_secs(1) {
        return due_for(ScanReason::Interval);
    }
    ScanDue { reason: None, next_scan_in: left }
}

/// What an [ImageRepository][1] asks for, as far as it decides when to scan.
///
/// [1]: https://fluxcd.io/flux/components/image/imagerepositories/
#[derive(Debug, Clone)]
pub struct ScanSpec {
    image: ImageName,
    interval: Duration,
    exclusion_list: ExclusionList,
    reconcile_request: Option<String>,
}

impl ScanSpec {
    /// `.spec.image` and `.spec.interval`, with Flux's default exclusion list.
    pub fn new(image: ImageName, interval: Duration) -> Self {
        Self { image, interval, exclusion_list: ExclusionList::default(), reconcile_request: None }
    }

    /// `.spec.exclusionList`.
    #[must_use]
    pub fn with_exclusion_list(mut self, list: ExclusionList) -> Self {
        self.exclusion_list = list;
        self
    }

    /// The value of the annotation [`reconcile.fluxcd.io/requestedAt`][1]. It may be any text: all that matters is whether it
    /// is another than before.
    ///
    /// [1]: https://fluxcd.io/flux/components/image/imagerepositories/#triggering-a-reconcile
    #[must_use]
    pub fn with_reconcile_request(mut self, request: impl Into<String>) -> Self {
        self.reconcile_request = Some(request.into());
        self
    }
}

/// The last scan that succeeded, and what was observed with it: Flux's `.status` and the tags that it stored.
#[derive(Debug, Clone)]
pub struct LastScan {
    image: ImageName,
    scanned_at: SystemTime,
    tags: usize,
    exclusion_list: Vec<String>,
    reconcile_request: String,
}

impl LastScan {
    /// `.status.canonicalImageName`, `.status.lastScanResult.scanTime`, and how many tags are stored at present, which are none
    /// where they were lost.
    pub fn new(image: ImageName, scanned_at: SystemTime, tags: usize) -> Self {
        let exclusion_list = vec![ExclusionList::DEFAULT_PATTERN.to_owned()];
        Self { image, scanned_at, tags, exclusion_list, reconcile_request: String::new() }
    }

    /// `.status.observedExclusionList`; Flux's default, unless set.
    #[must_use]
    pub fn with_exclusion_list(mut self, patterns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.exclusion_list = patterns.into_iter().map(Into::into).collect();
        self
    }

    /// `.status.lastHandledReconcileAt`: the last value of the annotation that was acted upon.
    #[must_use]
    pub fn with_reconcile_request(mut self, request: impl Into<String>) -> Self {
        self.reconcile_request = request.into();
        self
    }
}

/// What [`should_scan`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct ScanDue {
    reason: Option<ScanReason>,
    next_scan_in: Duration,
}

impl ScanDue {
    /// Why to scan now; `None` if it is not time yet.
    pub fn reason(&self) -> Option<ScanReason> {
        self.reason
    }

    /// How long to wait for the next scan: what is left of the interval, or all of it if there is one now.
    pub fn next_scan_in(&self) -> Duration {
        self.next_scan_in
    }
}

/// Why an image is scanned now, in the order in which Flux looks. `Display` writes [Flux's words][1].
///
/// [1]: https://github.com/fluxcd/image-reflector-controller/blob/main/internal/controller/imagerepository_controller.go
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScanReason {
    /// No scan has succeeded yet.
    NeverScanned,
    /// The annotation has another value than the one that was last acted upon.
    ReconcileRequested,
    /// The image is another than the one that was scanned.
    NewImageName,
    /// The exclusion list is another. Its order does not matter.
    UpdatedExclusionList,
    /// There are no tags: they were lost, or there were none. So a repository without tags is scanned at every occasion.
    EmptyDatabase,
    /// Less than a second is left of the interval.
    Interval,
}

impl fmt::Display for ScanReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NeverScanned => "first scan",
            Self::ReconcileRequested => "reconcile requested",
            Self::NewImageName => "new image name",
            Self::UpdatedExclusionList => "updated exclusion list",
            Self::EmptyDatabase => "no tags in database",
            Self::Interval => "triggered by interval",
        })
    }
}

/// As Flux compares: as many, and each of the list's among the observed ones.
fn has_patterns(observed: &[String], list: &ExclusionList) -> bool {
    list.patterns().count() == observed.len()
        && list.patterns().all(|pattern| observed.iter().any(|observed| observed == pattern))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(second)
    }

    fn spec() -> ScanSpec {
        ScanSpec::new("ghcr.io/org/app".parse().expect("valid"), Duration::from_secs(60))
    }

    fn last() -> LastScan {
        LastScan::new("ghcr.io/org/app".parse().expect("valid"), at(1_000), 3)
    }

    #[track_caller]
    fn assert_due(spec: &ScanSpec, last: Option<&LastScan>, now: SystemTime, reason: &str) {
        let due = should_scan(spec, last, now);
        assert_eq!(due.reason().map(|reason| reason.to_string()).as_deref(), Some(reason));
        assert_eq!(due.next_scan_in(), Duration::from_secs(60));
    }

    #[test]
    fn each_reason_comes_before_those_behind_it() {
        let other = "ghcr.io/org/other".parse().expect("valid");
        // Everything speaks for a scan; then one reason after the other is taken away.
        let spec = ScanSpec { image: other, ..spec() }
            .with_exclusion_list(ExclusionList::new(["^pr-", "^dev-"]).expect("patterns"))
            .with_reconcile_request("now");
        let mut last = LastScan { tags: 0, ..last() };
        let now = at(9_999);
        assert_due(&spec, None, now, "first scan");
        assert_due(&spec, Some(&last), now, "reconcile requested");
        last = last.with_reconcile_request("now");
        assert_due(&spec, Some(&last), now, "new image name");
        last.image = spec.image.clone();
        assert_due(&spec, Some(&last), now, "updated exclusion list");
        last = last.with_exclusion_list(["^dev-", "^pr-"]);
        assert_due(&spec, Some(&last), now, "no tags in database");
        last.tags = 1;
        assert_due(&spec, Some(&last), now, "triggered by interval");
        last.scanned_at = now;
        assert_eq!(should_scan(&spec, Some(&last), now).reason(), None);
    }

    #[test]
    fn the_interval_is_over_when_less_than_a_second_is_left() {
        let left = |now: SystemTime| {
            let due = should_scan(&spec(), Some(&last()), now);
            (due.reason(), due.next_scan_in().as_millis())
        };
        let early = Duration::from_millis(1);
        assert_eq!(left(at(1_000)), (None, 60_000));
        assert_eq!(left(at(1_059)), (None, 1_000));
        assert_eq!(left(at(1_059) + early), (Some(ScanReason::Interval), 60_000));
        assert_eq!(left(at(1_060)), (Some(ScanReason::Interval), 60_000));
        assert_eq!(left(at(990)), (None, 70_000), "a clock that was set back");
    }

    #[test]
    fn an_annotation_counts_if_it_is_there_and_new() {
        let reason = |requested: Option<&str>, handled: Option<&str>| {
            let (mut spec, mut last) = (spec(), last());
            spec.reconcile_request = requested.map(str::to_owned);
            if let Some(handled) = handled {
                last = last.with_reconcile_request(handled);
            }
            should_scan(&spec, Some(&last), at(1_000)).reason()
        };
        assert_eq!(reason(None, None), None);
        assert_eq!(reason(None, Some("before")), None, "an annotation that was taken away");
        assert_eq!(reason(Some("before"), Some("before")), None);
        assert_eq!(reason(Some("now"), Some("before")), Some(ScanReason::ReconcileRequested));
        assert_eq!(reason(Some("now"), None), Some(ScanReason::ReconcileRequested));
        assert_eq!(reason(Some(""), None), None);
    }

    // As isEqualSliceContent of image-reflector-controller has it.
    #[test]
    fn exclusion_lists_are_compared_as_flux_does() {
        let same = |list: &[&str], observed: &[&str]| {
            let last = last().with_exclusion_list(observed.iter().copied());
            let spec = spec().with_exclusion_list(ExclusionList::new(list).expect("patterns"));
            should_scan(&spec, Some(&last), at(1_000)).reason().is_none()
        };
        assert!(same(&["a", "b"], &["b", "a"]) && same(&[], &[]));
        assert!(!same(&["a"], &["a", "b"]) && !same(&["a", "b"], &["a"]) && !same(&["a"], &[]));
        assert!(same(&["a", "a"], &["a", "b"]), "each of the list's is among the observed ones");
        assert!(!same(&["a", "b"], &["a", "a"]));
    }
}
