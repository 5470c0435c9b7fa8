//! Everybody's clock, which is tokio's paused one, and this machine's, which may be wrong.

use std::time::{Duration, SystemTime};

use aws_smithy_async::time::TimeSource;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

#[derive(Clone, Debug)]
pub(crate) struct Clock {
    started: tokio::time::Instant,
    /// In seconds.
    error: i64,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "tokio's paused clock is the virtual time of these tests")]
    pub(crate) fn started() -> Self {
        Self { started: tokio::time::Instant::now(), error: 0 }
    }

    /// The same, ahead by so many seconds.
    pub(crate) fn ahead_by(&self, error: i64) -> Self {
        Self { error, ..self.clone() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// As AWS and Kubernetes write the time so many seconds from now.
    pub(crate) fn rfc3339_in(&self, seconds: i64) -> String {
        self.date_time(seconds).fmt(Format::DateTime).unwrap()
    }

    /// As the header `Date` has it.
    pub(crate) fn http_date(&self) -> String {
        self.date_time(0).fmt(Format::HttpDate).unwrap()
    }

    /// As a signature has it: `20270115T080000Z`.
    pub(crate) fn amz_date(&self) -> String {
        self.rfc3339_in(0).chars().filter(|c| !matches!(c, '-' | ':')).collect()
    }

    fn date_time(&self, seconds: i64) -> DateTime {
        let now = DateTime::from(self.now());
        DateTime::from_secs(now.secs() + seconds)
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        let right = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000) + self.elapsed();
        let error = Duration::from_secs(self.error.unsigned_abs());
        if self.error < 0 { right - error } else { right + error }
    }
}
