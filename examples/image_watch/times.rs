//! Times and durations in text.

use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// `2026-01-05T09:07:00Z`, to the second.
pub(crate) fn rfc3339(at: SystemTime) -> String {
    let at = DateTime::from_secs(DateTime::from(at).secs());
    at.fmt(Format::DateTime).unwrap_or_else(|_| at.secs().to_string())
}

/// What [`rfc3339`] wrote.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    SystemTime::try_from(DateTime::from_str(text, Format::DateTime).ok()?).ok()
}

/// `09:07:00`, in UTC.
pub(crate) fn of_day(at: SystemTime) -> String {
    rfc3339(at).get(11..19).unwrap_or_default().to_owned()
}

/// `1h5m`, `20m30s`, `0s`
pub(crate) fn short(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let told: Vec<_> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    if told.is_empty() { "0s".to_owned() } else { told.concat() }
}
