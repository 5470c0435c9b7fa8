//! What a policy chooses between.

use core::time::Duration;
use std::fmt;
use std::time::SystemTime;

/// One tag as a registry lists it, with what else is known about it.
///
/// Borrowed and `Copy`: a [`Selector`](crate::Selector) looks at it during the call and keeps nothing of it but the
/// few tags that lead. Everything but the tag is optional; a registry that does not tell digests or push times costs
/// nothing unless a policy asks for them.
///
/// ```
/// use flux_policy::{Candidate, Timestamp};
///
/// let candidate = Candidate::new("1.4.2")
///     .with_digest("sha256:4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a")
///     .with_pushed_at(Timestamp::from_unix_seconds(1_767_225_600));
/// assert_eq!(candidate.tag(), "1.4.2");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate<'a> {
    tag: &'a str,
    digest: Option<&'a str>,
    pushed_at: Option<Timestamp>,
}

impl<'a> Candidate<'a> {
    /// A candidate of which only the tag is known.
    pub fn new(tag: &'a str) -> Self {
        Self { tag, digest: None, pushed_at: None }
    }

    /// The digest the tag points to. It never takes part in the choice; it is handed back with the selected tag.
    #[must_use]
    pub fn with_digest(mut self, digest: &'a str) -> Self {
        self.digest = Some(digest);
        self
    }

    /// When the registry received the image.
    #[must_use]
    pub fn with_pushed_at(mut self, pushed_at: Timestamp) -> Self {
        self.pushed_at = Some(pushed_at);
        self
    }

    /// The tag.
    pub fn tag(&self) -> &'a str {
        self.tag
    }

    /// The digest, where known.
    pub fn digest(&self) -> Option<&'a str> {
        self.digest
    }

    /// The push time, where known.
    pub fn pushed_at(&self) -> Option<Timestamp> {
        self.pushed_at
    }
}

impl<'a> From<&'a str> for Candidate<'a> {
    fn from(tag: &'a str) -> Self {
        Self::new(tag)
    }
}

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
///
/// A plain number with a name: the crate reads no clock, so "now" and push times come in as values, from a [`SystemTime`] for
/// one. Its `Display` is RFC 3339 in UTC.
///
/// ```
/// use flux_policy::Timestamp;
///
/// assert_eq!(Timestamp::from_unix_seconds(1_767_225_600).to_string(), "2026-01-01T00:00:00Z");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    unix_millis: i64,
}

impl Timestamp {
    /// From milliseconds since the Unix epoch.
    pub const fn from_unix_millis(unix_millis: i64) -> Self {
        Self { unix_millis }
    }

    /// From whole seconds since the Unix epoch; what does not fit becomes the farthest moment that does.
    pub const fn from_unix_seconds(unix_seconds: i64) -> Self {
        Self { unix_millis: unix_seconds.saturating_mul(1000) }
    }

    /// Milliseconds since the Unix epoch.
    pub const fn unix_millis(self) -> i64 {
        self.unix_millis
    }

    /// How long after `earlier` this is, in milliseconds; negative if it is before.
    pub(crate) fn millis_since(self, earlier: Self) -> i64 {
        self.unix_millis.saturating_sub(earlier.unix_millis)
    }
}

/// The millisecond that it is in; what does not fit becomes the farthest moment that does.
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use flux_policy::Timestamp;
///
/// let at = SystemTime::UNIX_EPOCH + Duration::from_micros(1_500);
/// assert_eq!(Timestamp::from(at), Timestamp::from_unix_millis(1));
/// ```
impl From<SystemTime> for Timestamp {
    fn from(at: SystemTime) -> Self {
        let millis = |length: Duration, rounded: u128| {
            i64::try_from((length.as_nanos() + rounded) / 1_000_000).unwrap_or(i64::MAX)
        };
        Self::from_unix_millis(match at.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => millis(since, 0),
            Err(before) => -millis(before.duration(), 999_999),
        })
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.unix_millis.div_euclid(1000);
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        write!(f, "{year:04}-{month:02}-{day:02}")?;
        write!(f, "T{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)?;
        match self.unix_millis.rem_euclid(1000) {
            0 => f.write_str("Z"),
            millis => write!(f, ".{millis:03}Z"),
        }
    }
}

/// The proleptic Gregorian date of a day counted from 1970-01-01, by 400-year eras that begin on 1 March.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_as_rfc_3339() {
        let at = |millis| Timestamp::from_unix_millis(millis).to_string();
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(at(951_782_400_000), "2000-02-29T00:00:00Z");
        assert_eq!(at(1_735_689_599_250), "2024-12-31T23:59:59.250Z");
        assert_eq!(at(-2_203_977_600_000), "1900-02-28T00:00:00Z");
        assert!(at(i64::MAX).ends_with('Z') && at(i64::MIN).ends_with('Z'));
    }
}
