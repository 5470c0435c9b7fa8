//! How wrong this machine's clock is.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// How far this machine's clock is from that of another, which said in an answer what time it has.
///
/// Measured from the header `Date`, so to the second and the duration of a request. AWS refuses requests that it gets
/// more than [five minutes](Self::TOLERANCE) from the time that they are signed with.
///
/// `Display` is as in `7 min behind` or `90 s ahead`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockSkew {
    amount: Duration,
    ahead: bool,
}

impl ClockSkew {
    /// What AWS tolerates in most cases ([signing requests]).
    ///
    /// [signing requests]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html#why-requests-are-signed
    pub const TOLERANCE: Duration = Duration::from_mins(5);

    /// Our clock says `ours` when an answer comes with `date` in its header; `None` when that is not a date.
    pub(crate) fn measure(ours: SystemTime, date: &str) -> Option<Self> {
        let theirs = SystemTime::try_from(DateTime::from_str(date, Format::HttpDate).ok()?).ok()?;
        Some(match ours.duration_since(theirs) {
            Ok(amount) => Self { amount, ahead: true },
            Err(error) => Self { amount: error.duration(), ahead: false },
        })
    }

    /// By how much.
    pub fn amount(self) -> Duration {
        self.amount
    }

    /// Whether this machine's clock is ahead of the other; else it is behind.
    pub fn is_ahead(self) -> bool {
        self.ahead
    }

    /// Whether AWS tolerates it.
    pub fn is_tolerated(self) -> bool {
        self.amount <= Self::TOLERANCE
    }
}

impl fmt::Display for ClockSkew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = if self.ahead { "ahead" } else { "behind" };
        match self.amount.as_secs() {
            seconds @ ..=119 => write!(f, "{seconds} s {way}"),
            seconds @ ..=7199 => write!(f, "{} min {way}", (seconds + 30) / 60),
            seconds => write!(f, "{} h {way}", (seconds + 1800) / 3600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_measured_both_ways() {
        let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(784_123_200); // 1994-11-06 12:00:00
        for (date, shown, tolerated) in [
            ("Sun, 06 Nov 1994 12:00:00 GMT", "0 s ahead", true),
            ("Sun, 06 Nov 1994 11:58:01 GMT", "119 s ahead", true),
            ("Sun, 06 Nov 1994 12:05:00 GMT", "5 min behind", true),
            ("Sun, 06 Nov 1994 12:05:01 GMT", "5 min behind", false),
            ("Sun, 06 Nov 1994 09:59:59 GMT", "2 h ahead", false),
        ] {
            let skew = ClockSkew::measure(noon, date).unwrap();
            assert_eq!((skew.to_string().as_str(), skew.is_tolerated()), (shown, tolerated), "{date}");
        }
        assert_eq!(ClockSkew::measure(noon, "yesterday"), None);
    }
}
