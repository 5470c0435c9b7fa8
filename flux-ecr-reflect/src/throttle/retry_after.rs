//! How long a registry asks to wait.

use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// Reads [`Retry-After`][1]: seconds, or a date. A date is held against the answer's own `date` where it has one, so that
/// clocks which differ make no difference. `None` for what is neither.
///
/// [1]: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
pub(crate) fn retry_after(value: &str, date: Option<&str>, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number has are a long time, too.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::from(u32::MAX))));
    }
    let then = read(value)?;
    let now = date.and_then(read).unwrap_or(now);
    Some(then.duration_since(now).unwrap_or_default())
}

fn read(date: &str) -> Option<SystemTime> {
    DateTime::from_str(date.trim(), Format::HttpDate).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date_by_the_answer_s_own_clock() {
        let date = "Wed, 21 Oct 2026 07:28:00 GMT";
        let now = read("Wed, 21 Oct 2026 07:27:50 GMT").unwrap();
        for (value, date, seconds) in [
            ("0", None, Some(0)),
            (" 120 ", None, Some(120)),
            ("99999999999999999999999", None, Some(u64::from(u32::MAX))),
            (date, None, Some(10)),
            (date, Some("Wed, 21 Oct 2026 07:27:00 GMT"), Some(60)),
            (date, Some("garbage"), Some(10)),
            ("Wed, 21 Oct 2015 07:28:00 GMT", None, Some(0)),
            ("", None, None),
            ("-1", None, None),
            ("1.5", None, None),
            ("soon", None, None),
        ] {
            assert_eq!(
                retry_after(value, date, now).map(|wait| wait.as_secs()),
                seconds,
                "{value:?} {date:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_header_breaks_it(value in "\\PC{0,40}", date in "\\PC{0,40}") {
            let _ = retry_after(&value, Some(&date), SystemTime::UNIX_EPOCH);
        }
    }
}
