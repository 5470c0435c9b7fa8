//! The values of which a scenario file is made.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A text, or something with fields.
#[derive(Debug)]
pub(crate) enum TextOr<T> {
    Text(String),
    Fields(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrVisitor(PhantomData))
    }
}

/// By hand, for a better message than an untagged enum's.
struct TextOrVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for TextOrVisitor<T> {
    type Value = TextOr<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a map")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(TextOr::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(TextOr::Fields)
    }
}

/// A length of time, such as `1h30m`, `15s` or `-200ms`, to the millisecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span(i64);

impl Span {
    pub(crate) const fn hours(hours: i64) -> Self {
        Self(hours * 3_600_000)
    }

    pub(crate) fn milliseconds(self) -> i64 {
        self.0
    }

    /// The span, none if it is negative.
    pub(crate) fn duration(self) -> Duration {
        Duration::from_millis(u64::try_from(self.0).unwrap_or_default())
    }

    fn parse(text: &str) -> Option<Self> {
        let (sign, mut rest) = match text.trim().strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.trim()),
        };
        let mut sum = 0;
        while !rest.is_empty() {
            let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
            let (unit, after) =
                after.split_at(after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len()));
            let milliseconds = match unit {
                "ms" => 1,
                "s" => 1_000,
                "m" => 60_000,
                "h" => 3_600_000,
                _ => return None,
            };
            sum += number.parse::<i64>().ok()? * milliseconds;
            rest = after;
        }
        Some(Self(sign * sum))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| de::Error::custom(format!("{text}: not a time such as 1h30m or 200ms")))
    }
}

/// Bounds of a span, both included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) least: Span,
    pub(crate) most: Span,
}

impl<'de> Deserialize<'de> for Bounds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (least, most) = text.split_once("..").unwrap_or(("0s", &text));
        match (Span::parse(least), Span::parse(most)) {
            (Some(least), Some(most)) => Ok(Self { least, most }),
            _ => Err(de::Error::custom(format!("{text}: neither a time nor two with .. between"))),
        }
    }
}
