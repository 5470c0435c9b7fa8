//! Durations in Go's syntax, as Flux's API takes them.

use core::time::Duration;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::scalar;

/// A duration such as `10m`, `1h30m` or `1.5s`, kept as it was written.
///
/// Flux's API admits numbers with an optional fraction, each followed by `ms`, `s`, `m` or `h`; Go's
/// [`time.ParseDuration`](https://pkg.go.dev/time#ParseDuration) would also take signs and smaller units.
///
/// ```
/// use core::time::Duration;
/// use flux_policy::manifest::GoDuration;
///
/// let interval: GoDuration = "1h30m".parse().unwrap();
/// assert_eq!(interval.duration(), Duration::from_secs(5400));
/// assert!("90".parse::<GoDuration>().is_err());
/// ```
#[derive(Clone, Debug)]
pub struct GoDuration {
    text: String,
    duration: Duration,
}

impl GoDuration {
    /// The length of time.
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// The duration as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Equal if the length of time is, however it is written.
impl PartialEq for GoDuration {
    fn eq(&self, other: &Self) -> bool {
        self.duration == other.duration
    }
}

impl Eq for GoDuration {}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a duration such as 10m, 1h30m or 1.5s")]
pub struct NotADuration {
    text: String,
}

impl FromStr for GoDuration {
    type Err = NotADuration;

    fn from_str(text: &str) -> Result<Self, NotADuration> {
        let duration = parse(text).ok_or_else(|| NotADuration { text: text.to_owned() })?;
        Ok(Self { text: text.to_owned(), duration })
    }
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        scalar::parsed(deserializer, |text| text.parse().map_err(|error: NotADuration| error.to_string()))
    }
}

/// Go counts nanoseconds in a signed 64-bit number; longer durations are refused there and here.
fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut nanos = 0_u128;
    while !rest.is_empty() {
        let (whole, behind) = split_digits(rest);
        if whole.is_empty() {
            return None;
        }
        let (fraction, behind) = match behind.strip_prefix('.') {
            Some(behind) => split_digits(behind),
            None => ("0", behind),
        };
        if fraction.is_empty() {
            return None;
        }
        let (unit, behind) = split_unit(behind)?;
        nanos = nanos.checked_add(whole.parse::<u128>().ok()?.checked_mul(unit)?)?;
        // Digits of the fraction beyond the 18th are below a nanosecond whatever the unit.
        let digits = &fraction[..fraction.len().min(18)];
        let scale = 10_u128.pow(u32::try_from(digits.len()).ok()?);
        nanos = nanos.checked_add(digits.parse::<u128>().ok()? * unit / scale)?;
        rest = behind;
    }
    let nanos = i64::try_from(nanos).ok().filter(|_| !text.is_empty())?;
    Some(Duration::from_nanos(nanos.unsigned_abs()))
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len()))
}

fn split_unit(text: &str) -> Option<(u128, &str)> {
    // `ms` before `m`.
    let units = [("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000)];
    units.into_iter().find_map(|(name, nanos)| Some((nanos, text.strip_prefix(name)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_api_admits_and_nothing_else() {
        let millis =
            |text: &str| text.parse::<GoDuration>().ok().map(|duration| duration.duration().as_millis());
        assert_eq!(millis("10m"), Some(600_000));
        assert_eq!(millis("1h2m3s4ms"), Some(3_723_004));
        assert_eq!(millis("1.5h0.25s"), Some(5_400_250));
        assert_eq!(millis("0s"), Some(0));
        for text in ["", "10", "m", "1.h", ".5s", "-1s", "1us", "1d", "1 s", "9999999h", "1ms2"] {
            assert_eq!(millis(text), None, "{text}");
        }
    }
}
